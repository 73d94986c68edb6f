"""What an ONNX file says, and what is said of one that is not usable."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from onnx import TensorProto

from pytest_quant.nets.onnxruntime.facts import inspect_onnx
from pytest_quant.nets.ports import Port
from pytest_quant.spec.errors import ModelFileError
from tests import tiny_onnx

_NO_SIZES = ("-1", "x", "9" * 5000, "1e3")
_OUTSIDE = ("../../../etc/passwd", "/etc/passwd", "", "a/../../b")


def refused(path: Path) -> str:
    with pytest.raises(ModelFileError) as caught:
        inspect_onnx(path)
    assert path.name in str(caught.value)
    return str(caught.value)


def test_ports_versions_and_files(tmp_path: Path) -> None:
    path = tmp_path / tiny_onnx.write_onnx(tmp_path, shape=("n", 3, "h", "w"), more_outputs=True)
    facts = inspect_onnx(path)
    assert facts.inputs == (Port("image", "float32", (None, 3, None, None)),)
    assert facts.outputs == (Port("label", "int64", (None,)), Port("probabilities", "float32", (None, 4)))
    assert str(facts.inputs[0]) == "image (float32 ? x 3 x ? x ?)"
    assert facts.opset == tiny_onnx.OPSET
    assert facts.quantized == {}
    assert facts.files == (path,)


def test_weights_that_older_files_list_as_inputs_are_none(tmp_path: Path) -> None:
    path = tmp_path / tiny_onnx.write_onnx(tmp_path)
    model = onnx.load(path)
    for tensor in model.graph.initializer:
        model.graph.input.append(onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    onnx.save(model, path)
    assert [port.name for port in inspect_onnx(path).inputs] == ["image"]


def test_quantized_operators_are_counted(tmp_path: Path) -> None:
    assert inspect_onnx(tmp_path / tiny_onnx.write_qdq(tmp_path)).quantized == {
        "DequantizeLinear": 2,
        "QuantizeLinear": 1,
    }
    assert inspect_onnx(tmp_path / tiny_onnx.write_qlinear(tmp_path)).quantized["QLinearConv"] == 1


def test_half_precision(tmp_path: Path) -> None:
    path = tmp_path / tiny_onnx.write_onnx(tmp_path, dtype=TensorProto.FLOAT16)
    assert inspect_onnx(path).inputs[0].dtype == "float16"


def test_weights_in_a_file_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / tiny_onnx.write_onnx(tmp_path)
    weights = tiny_onnx.put_weights_beside(path)
    assert inspect_onnx(path).files == (path, weights)
    kept = weights.read_bytes()
    weights.unlink()
    path.write_bytes(path.read_bytes())  # another time of change: what was found before does not count
    assert "its weights stand in" in refused(path)
    assert "tiny.weights, which does not exist" in refused(path)
    weights.write_bytes(kept[:-4])
    path.write_bytes(path.read_bytes())
    assert "expected 64 or more: it was cut off" in refused(path)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        *(("location", place, "expected the name of a file in its folder or below") for place in _OUTSIDE),
        *(("offset", size, "or more: it was cut off or is of another model") for size in _NO_SIZES),
    ],
)
def test_weights_in_no_file_beside_it(tmp_path: Path, key: str, value: str, words: str) -> None:
    path = tmp_path / tiny_onnx.write_onnx(tmp_path)
    tiny_onnx.put_weights_beside(path)
    model = onnx.load(path, load_external_data=False)
    for entry in model.graph.initializer[0].external_data:
        entry.value = value if entry.key == key else entry.value
    path.write_bytes(model.SerializeToString())
    assert words in refused(path)


def test_text_that_is_not_utf_8(tmp_path: Path) -> None:
    for number, text in enumerate((b"Conv", b"kernel_shape", b"image")):
        path = tmp_path / tiny_onnx.write_onnx(tmp_path, f"{number}.onnx")
        path.write_bytes(path.read_bytes().replace(text, b"\xab" + text[1:], 1))
        assert "that is not UTF-8" in refused(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is not an ONNX model: found 0 nodes"),
        (b"7767517\n4 4\n", "is not an ONNX file (12 bytes)"),
        (b"version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer in place of the file"),
    ],
)
def test_other_files(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    assert words in refused(path)


def test_an_absent_file(tmp_path: Path) -> None:
    assert "cannot be read: No such file" in refused(tmp_path / "model.onnx")


def test_a_truncated_file(tmp_path: Path) -> None:
    path = tmp_path / tiny_onnx.write_onnx(tmp_path)
    path.write_bytes(path.read_bytes()[:-40])
    assert "model.onnx: is not an ONNX" in refused(path.rename(tmp_path / "model.onnx"))


def test_versions_that_are_too_new(tmp_path: Path) -> None:
    path = tmp_path / tiny_onnx.write_onnx(tmp_path, opset=99)
    assert f"has opset 99, the installed onnx {onnx.__version__} knows up to" in refused(path)
    path = tmp_path / tiny_onnx.write_onnx(tmp_path, "ir.onnx", ir=99)
    assert "has IR version 99" in refused(path)


def test_a_graph_against_the_rules(tmp_path: Path) -> None:
    path = tmp_path / tiny_onnx.write_onnx(tmp_path)
    model = onnx.load(path)
    model.graph.node[0].input[0] = "imagine"
    onnx.save(model, path)
    assert "onnx's checker refuses it" in refused(path)


def test_pnnx_s_picture_of_a_graph(tmp_path: Path) -> None:
    node = onnx.helper.make_node("pnnx.Input", [], ["0"])
    path = tmp_path / "net.pnnx.onnx"
    onnx.save(onnx.ModelProto(graph=onnx.GraphProto(node=[node])), path)
    assert "is pnnx's picture of a graph" in refused(path)
