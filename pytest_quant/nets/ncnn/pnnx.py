"""From an ONNX file to ncnn files, by the program in the pnnx package."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import onnx
from google.protobuf.message import EncodeError

from pytest_quant.nets.ncnn.files.param import read_param
from pytest_quant.nets.ncnn.net_files import NcnnFiles
from pytest_quant.nets.onnxruntime.facts import OnnxFacts, inspect_onnx
from pytest_quant.spec.errors import ConfigError, ModelFileError
from pytest_quant.spec.text import listed, shown

_OPTIONS = ("fp16=0",)
"""Weights stay fp32: pnnx would store half precision."""
_TIMEOUT_S = 1800.0
_LINES_SHOWN = 6
_TODO = re.compile(r"^todo (\S+)", re.MULTILINE)


def pnnx_program() -> Path:
    """The program inside the pnnx package, which runs without torch; the package itself cannot be imported without it.

    Raises `ConfigError` when the package is not installed.
    """
    spec = find_spec("pnnx")
    folders = [] if spec is None else [Path(folder) for folder in spec.submodule_search_locations or ()]
    name = "pnnx.exe" if sys.platform == "win32" else "pnnx"
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    raise ConfigError(
        "converting an ONNX file takes pnnx, which is not installed: pip install 'pytest-quant[pnnx]' (or, without "
        "torch, pip install --no-deps pnnx: only its program is used); or convert the file yourself and name `param` "
        "and `bin`"
    )


def pnnx_version() -> str:
    """The version of pnnx and how it is called: both can change what it writes. Raises as `pnnx_program` does."""
    pnnx_program()
    return f"{version('pnnx')} {' '.join(_OPTIONS)}"


def onnx_to_ncnn(path: Path, folder: Path) -> NcnnFiles:
    """Write ``folder/NAME.param`` and ``folder/NAME.bin``, NAME as in ``NAME.onnx``, with fp32 weights.

    pnnx names the inputs ``in0``, ``in1``, ... and the outputs ``out0``, ``out1``, ... in their order, and drops the
    batch dimension.

    Raises:
        ConfigError: pnnx is not installed.
        ModelFileError: The ONNX file is not usable, or pnnx cannot convert it; with pnnx's own words.

    """
    program = pnnx_program()
    facts = inspect_onnx(path)
    with TemporaryDirectory(prefix="pnnx-", dir=folder) as name:  # pnnx writes nine files beside its input
        work = Path(name)
        copy = _copied(facts, work)
        said = _convert(program, copy, path)
        written = NcnnFiles(param=copy.with_suffix(".ncnn.param"), bin=copy.with_suffix(".ncnn.bin"))
        absent = [path.name for path in (written.param, written.bin) if not path.is_file()]
        if absent:
            raise ModelFileError(f"{shown(path)}: pnnx wrote no {listed(absent)}. {_last_words(said)}")
        _check_layers(path, written.param, said)
        files = converted_files(path, folder)
        shutil.copyfile(written.param, files.param)
        shutil.copyfile(written.bin, files.bin)
    return files


def converted_files(path: Path, folder: Path) -> NcnnFiles:
    """Where `onnx_to_ncnn` writes."""
    return NcnnFiles(param=folder / f"{path.stem}.param", bin=folder / f"{path.stem}.bin")


def _copied(facts: OnnxFacts, work: Path) -> Path:
    """The model in ``work`` as one file: of weights that stand beside it pnnx would make zeros, without a word."""
    target = work / "model.onnx"
    if not facts.external:
        return Path(shutil.copyfile(facts.path, target))
    try:
        onnx.save(onnx.load(facts.path), target)
    except (EncodeError, ValueError):
        raise ModelFileError(
            f"{shown(facts.path)}: is larger than 2 GB with its weights, more than one ONNX file can hold: convert it "
            "yourself, and name `param` and `bin`"
        ) from None
    return target


def _convert(program: Path, copy: Path, path: Path) -> str:
    """Run pnnx; gives what it printed."""
    try:
        done = subprocess.run(
            [program, copy.name, *_OPTIONS],
            cwd=copy.parent,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ModelFileError(f"{shown(path)}: pnnx did not end within {_TIMEOUT_S:g} seconds") from None
    except OSError as error:
        raise ModelFileError(f"{shown(path)}: pnnx cannot be started: {error.strerror}: {program}") from None
    said = f"{done.stdout}\n{done.stderr}"
    if done.returncode != 0:
        raise ModelFileError(f"{shown(path)}: pnnx cannot convert it (status {done.returncode}). {_last_words(said)}")
    return said


def _last_words(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return f"It printed: {' / '.join(lines[-_LINES_SHOWN:]) or 'nothing'}"


def _check_layers(path: Path, param: Path, said: str) -> None:
    """Raise `ModelFileError` when pnnx left operators in the net that it could not make layers of.

    Some keep torch's names (``nn.Foo``, ``aten::foo``, ``pnnx.Foo``: layers of ncnn are one word), the others pnnx
    announces in a line ``todo Foo`` and writes without their parameters.
    """
    todo = set(_TODO.findall(said))
    types = dict.fromkeys(layer.type for layer in read_param(param).layers)
    left = [name for name in types if name in todo or not name.isidentifier()]
    if left:
        raise ModelFileError(
            f"{shown(path)}: pnnx {version('pnnx')} has no ncnn layer for {listed(left)}: change the model so that it "
            "does without, or cut it off in the export"
        )
