"""From an ONNX file to ncnn files, by the program in the pnnx package."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from pytest_quant.errors import ConfigError, ModelFileError
from pytest_quant.ncnn_files.param import read_param
from pytest_quant.onnx_files.facts import OnnxFacts, inspect_onnx
from pytest_quant.spec import NetFiles
from pytest_quant.text import listed, shown

_OPTIONS = ("fp16=0",)
"""Weights stay fp32: pnnx would store half precision."""
_TIMEOUT_S = 1800.0
_LINES_SHOWN = 6
_FILE_SUFFIXES = ("param", "bin")


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


def onnx_to_ncnn(onnx: Path, folder: Path) -> NetFiles:
    """Write ``folder/NAME.param`` and ``folder/NAME.bin``, NAME as in ``NAME.onnx``, with fp32 weights.

    pnnx names the inputs ``in0``, ``in1``, ... and the outputs ``out0``, ``out1``, ... in their order, and drops the
    batch dimension.

    Raises:
        ConfigError: pnnx is not installed.
        ModelFileError: The ONNX file is not usable, or pnnx cannot convert it; with pnnx's own words.

    """
    program = pnnx_program()
    facts = inspect_onnx(onnx)
    with TemporaryDirectory(prefix="pnnx-") as name:  # pnnx writes nine files beside its input
        work = Path(name)
        copy = _copied(facts, work)
        said = _convert(program, copy, onnx)
        written = NetFiles(*(copy.with_suffix(f".ncnn.{suffix}") for suffix in _FILE_SUFFIXES))
        absent = [path.name for path in (written.param, written.bin) if not path.is_file()]
        if absent:
            raise ModelFileError(f"{shown(onnx)}: pnnx wrote no {listed(absent)}. {_last_words(said)}")
        _check_layers(onnx, written.param)
        files = converted_files(onnx, folder)
        shutil.copyfile(written.param, files.param)
        shutil.copyfile(written.bin, files.bin)
    return files


def converted_files(onnx: Path, folder: Path) -> NetFiles:
    """Where `onnx_to_ncnn` writes."""
    return NetFiles(*(folder / f"{onnx.stem}.{suffix}" for suffix in _FILE_SUFFIXES))


def _copied(facts: OnnxFacts, work: Path) -> Path:
    """The model in ``work`` under a plain name, with the files that hold its weights beside it."""
    for path in facts.external:
        target = work / path.relative_to(facts.path.parent)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    return Path(shutil.copyfile(facts.path, work / "model.onnx"))


def _convert(program: Path, copy: Path, onnx: Path) -> str:
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
        raise ModelFileError(f"{shown(onnx)}: pnnx did not end within {_TIMEOUT_S:g} seconds") from None
    except OSError as error:
        raise ModelFileError(f"{shown(onnx)}: pnnx cannot be started: {error.strerror}: {program}") from None
    said = f"{done.stdout}\n{done.stderr}"
    if done.returncode != 0:
        raise ModelFileError(f"{shown(onnx)}: pnnx cannot convert it (status {done.returncode}). {_last_words(said)}")
    return said


def _last_words(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return f"It printed: {' / '.join(lines[-_LINES_SHOWN:]) or 'nothing'}"


def _check_layers(onnx: Path, param: Path) -> None:
    """Raise `ModelFileError` when pnnx left operators in the net that ncnn does not have; it says so by their names."""
    left = dict.fromkeys(_foreign_types(param))
    if left:
        raise ModelFileError(
            f"{shown(onnx)}: pnnx {version('pnnx')} has no ncnn layer for {listed(left)}: change the model so that it "
            "does without, or cut it off in the export"
        )


def _foreign_types(param: Path) -> Iterator[str]:
    """Types such as ``nn.Foo``, ``F.foo``, ``Tensor.foo`` and ``aten::foo``: those of ncnn are one word."""
    for layer in read_param(param).layers:
        if not layer.type.isidentifier():
            yield layer.type
