"""What a `.tflite` file says without being run."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_quant.nets.litert.facts import inspect_tflite
from pytest_quant.nets.litert.layers import quantized_layers
from pytest_quant.nets.litert.tables import read_tables
from pytest_quant.nets.ports import Port, Scaling
from pytest_quant.spec.errors import ModelFileError
from tests import tiny_litert

pytest.importorskip("ai_edge_litert", reason='the extra writes the files: pip install "pytest-quant[litert]"')


def refused(path: Path) -> str:
    with pytest.raises(ModelFileError) as caught:
        inspect_tflite(path)
    assert path.name in str(caught.value)
    return str(caught.value)


def test_ports(tmp_path: Path) -> None:
    facts = inspect_tflite(tmp_path / tiny_litert.write_tflite(tmp_path))
    assert facts.inputs == (Port("image", "float32", (1, 8, 8, 3)),)
    assert facts.outputs == (Port("probabilities", "float32", (1, 4)),)
    assert facts.files == (tmp_path / "tiny.tflite",)
    assert facts.custom == ()


def test_scales_open_sizes_and_the_names_of_a_signature(tmp_path: Path) -> None:
    name = tiny_litert.write_tflite(tmp_path, form="int8", scale=0.25, zero=-7, open_size=True, signature=True)
    facts = inspect_tflite(tmp_path / name)
    assert facts.inputs == (Port("image", "int8", (1, None, None, 3), ("args_0",), Scaling(0.25, -7)),)
    assert facts.outputs == (Port("probabilities", "int8", (1, 4), ("output_0",), Scaling(1 / 256, -128)),)


@pytest.mark.parametrize(
    ("form", "said"),
    [("float", ""), ("int8", "full integer"), ("int16x8", "int16x8"), ("dynamic", "dynamic")],
)
def test_what_is_quantized(tmp_path: Path, form: Any, said: str) -> None:
    layers = inspect_tflite(tmp_path / tiny_litert.write_tflite(tmp_path, form=form)).layers
    assert (layers.form, layers.quantizable) == (said, {"CONV_2D": 1})
    assert layers.quantized == ({"CONV_2D": 1} if said else {})
    assert layers.kept_float == (() if said else ("maps",))


def test_custom_operators(tmp_path: Path) -> None:
    facts = inspect_tflite(tmp_path / tiny_litert.write_tflite(tmp_path, custom="MyOp"))
    with pytest.raises(ModelFileError, match="has custom operators, and LiteRT has no kernel for them: MyOp"):
        facts.check_runs()
    facts = inspect_tflite(tmp_path / tiny_litert.write_tflite(tmp_path, custom="FlexErf"))
    with pytest.raises(ModelFileError, match=r"operators of TensorFlow that LiteRT does not run \(FlexErf\)"):
        facts.check_runs()
    inspect_tflite(tmp_path / tiny_litert.write_tflite(tmp_path, custom="TFLite_Detection_PostProcess")).check_runs()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is not a .tflite file (0 bytes, without the mark TFL3)"),
        (b"\x08\x00\x00\x00ONNX" + b"\0" * 40, "without the mark TFL3"),
        (b"\x08\x00\x00\x00TFL3" + b"\xff" * 40, "is not a whole .tflite file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer in place of the file"),
    ],
)
def test_other_files(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    assert words in refused(path)
    path.unlink()
    assert "cannot be read: No such file" in refused(path)


def test_a_file_that_was_cut_off(tmp_path: Path) -> None:
    path = tmp_path / tiny_litert.write_tflite(tmp_path)
    path.write_bytes(path.read_bytes()[:-100])
    assert "it was cut off or damaged" in refused(path)


@given(place=st.integers(8, 10_000), value=st.integers(0, 255))
def test_any_damage_gives_tables_or_an_error(place: int, value: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Never another exception, and never for long: nothing outside the file is read."""
    data = bytearray(_content(tmp_path_factory))
    data[place % (len(data) - 8) + 8] = value
    with suppress(ModelFileError):
        quantized_layers(read_tables(Path("m.tflite"), bytes(data)))


_kept: list[bytes] = []


def _content(folders: pytest.TempPathFactory) -> bytes:
    if not _kept:
        folder = folders.mktemp("net")
        _kept.append((folder / tiny_litert.write_tflite(folder, form="int8", signature=True)).read_bytes())
    return _kept[0]
