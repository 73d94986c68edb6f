"""What an OpenVINO IR says without being run; none of these tests needs OpenVINO."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_quant.extending.known import get_format
from pytest_quant.nets.openvino.facts import inspect_ir
from pytest_quant.nets.ports import Port
from pytest_quant.spec.errors import ModelFileError
from tests import tiny_onnx, tiny_openvino
from tests.unit.nets.nets import net_of


def refused(path: Path) -> str:
    with pytest.raises(ModelFileError) as caught:
        inspect_ir(path)
    assert path.stem in str(caught.value)
    return str(caught.value)


def changed(folder: Path, old: str, new: str) -> Path:
    """A net with another text in its XML."""
    path = folder / tiny_openvino.write_ir(folder)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return path


def test_ports_and_files(tmp_path: Path) -> None:
    path = tmp_path / tiny_openvino.write_ir(tmp_path)
    facts = inspect_ir(path)
    assert facts.inputs == (Port("image", "float32", (1, 3, 8, 8)),)
    assert facts.outputs == (Port("probabilities", "float32", (1, 4), ("prob",)),)
    assert get_format("openvino").files(net_of("openvino", path)) == {"": path, ".bin": tmp_path / "tiny.bin"}


def test_open_sizes_and_a_layout_that_the_file_tells(tmp_path: Path) -> None:
    told = '<rt_info><attribute name="layout" version="0" layout="[N,H,W,C]" /></rt_info>'
    path = changed(tmp_path, 'names="image"><dim>1</dim><dim>3</dim>', f'names="image">{told}<dim>-1</dim><dim>3</dim>')
    (port,) = inspect_ir(path).inputs
    assert (port.shape, port.layout) == ((None, 3, 8, 8), "nhwc")


@pytest.mark.parametrize(
    ("changes", "quantized", "form"),
    [
        ({}, {}, ""),
        ({"int8": True}, {"Convolution": 1}, "FakeQuantize"),
        ({"int8": True, "weights_only": True}, {"Convolution": 1}, "weights only"),
    ],
)
def test_what_is_quantized(tmp_path: Path, changes: dict[str, Any], quantized: dict[str, int], form: str) -> None:
    layers = inspect_ir(tmp_path / tiny_openvino.write_ir(tmp_path, **changes)).layers
    assert (layers.quantized, layers.quantizable, layers.form) == (quantized, {"Convolution": 1}, form)
    assert layers.kept_float == (() if quantized else ("conv",))


def test_an_ir_without_its_weights(tmp_path: Path) -> None:
    path = tmp_path / tiny_openvino.write_ir(tmp_path)
    (tmp_path / "tiny.bin").unlink()
    assert "its weights stand in" in refused(path)
    assert "tiny.bin, which does not exist: an IR is two files of one name" in refused(path)


def test_weights_that_were_cut_off(tmp_path: Path) -> None:
    path = tmp_path / tiny_openvino.write_ir(tmp_path)
    data = (tmp_path / "tiny.bin").read_bytes()
    (tmp_path / "tiny.bin").write_bytes(data[:-1])
    assert f"which has {len(data) - 1} bytes, expected {len(data)} or more: it was cut off" in refused(path)
    (tmp_path / "tiny.bin").write_bytes(b"version https://git-lfs.github.com/spec/v1\n" + b" " * 300)
    assert "is a Git LFS pointer in place of the file" in refused(path)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("<net", "<graph", "is not an OpenVINO IR"),
        ("</net>", "", "it is not XML"),
        ("<net ", "<!DOCTYPE net><net ", "found a DOCTYPE"),
        ('version="11"', 'version="7"', "has IR version 7, expected 10 or 11"),
        ('type="Parameter"', 'type="Constant"', "has 0 inputs and 1 outputs"),
        ('from-layer="0"', 'from-layer="77"', "is not a whole OpenVINO IR: KeyError '77'"),
        ('offset="0"', 'offset="x"', "is not a whole OpenVINO IR: ValueError"),
    ],
)
def test_damaged_files(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert words in refused(changed(tmp_path, old, new))


def test_other_files(tmp_path: Path) -> None:
    path = tmp_path / tiny_onnx.write_onnx(tmp_path, "tiny.pb")
    with pytest.raises(ModelFileError, match=r"expected an OpenVINO IR \(.xml, with its .bin beside it\) or an ONNX"):
        get_format("openvino").inspect(net_of("openvino", path))
    assert "cannot be read" in refused_without(tmp_path)


def refused_without(folder: Path) -> str:
    (folder / "gone.bin").touch()
    return refused(folder / "gone.xml")
