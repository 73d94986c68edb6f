from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_quant.nets.ncnn.files.param import read_param, without_names
from pytest_quant.spec.errors import ModelFileError

from .nets import FLOAT_PARAM, float_bin, shared_model


def _read(tmp_path: Path, text: str) -> str:
    """The message that reading ``text`` gives."""
    path = tmp_path / "net.param"
    path.write_text(text)
    with pytest.raises(ModelFileError) as caught:
        read_param(path)
    message = str(caught.value)
    assert str(path) in message
    return message


def test_layers_blobs_and_links(tmp_path: Path) -> None:
    (tmp_path / "net.param").write_text(FLOAT_PARAM)
    param = read_param(tmp_path / "net.param")
    assert (param.inputs, param.outputs) == (("in0",), ("out0",))
    assert param.blobs == ("in0", "c1", "c1a", "c1b", "d1", "s1", "out0")
    conv = param.producer["c1"]
    assert (conv.type, conv.name, conv.line, conv.bottoms, conv.tops) == ("Convolution", "conv", 4, ("in0",), ("c1",))
    assert conv.params == {0: 4, 1: 3, 4: 1, 5: 1, 6: 108, 9: 1}
    assert [layer.name for layer in param.consumers["c1"]] == ["split"]


def test_values_of_every_kind(tmp_path: Path) -> None:
    values = '0=5 1=-2.5e-01 -23303=2,1.0,6 4=1,2,3 5="0w, 1h" 6=abc -23330=5,3,8,8,1,3'
    (tmp_path / "net.param").write_text(f"7767517\n1 1\nInput in 0 1 in0 {values}\n")
    numbers = {0: 5, 1: -0.25, 3: (1.0, 6.0), 4: (1, 2, 3), 30: (3, 8, 8, 1, 3)}
    assert read_param(tmp_path / "net.param").layers[0].params == numbers | {5: "0w, 1h", 6: "abc"}


def test_a_line_of_any_length_is_read_alike(tmp_path: Path) -> None:
    """Lines that are long, or odd, are read by themselves; most others once for all that are alike."""
    end = "0=4 -23303=2,1,6 9=0.5"
    for name, lines in (("short", [f"Input in 0 1 in0 {end}", f"Input two 0 1 in0 {end}"]), ("long", [])):
        for line in lines or [f"Input in 0 1 in0 {end}{' ' * 500}", f"Input two 0 1 {' ' * 500}in0 {end}"]:
            path = tmp_path / f"{name}.param"
            path.write_text(f"7767517\n1 1\n{line}\n")
            layer = read_param(path).layers[0]
            assert (layer.bottoms, layer.tops, layer.params) == ((), ("in0",), {0: 4, 3: (1, 6), 9: 0.5})
    assert layer.name == "two"


def test_what_is_wrong_with_a_line_names_each_file_that_has_it(tmp_path: Path) -> None:
    for name in ("one", "other"):
        path = tmp_path / f"{name}.param"
        path.write_text(f"7767517\n1 1\nInput {name} 0 1 in0 0=4 40=1\n")
        with pytest.raises(ModelFileError, match=f"{name}.param:3: layer '{name}' .Input.: parameter id 40"):
            read_param(path)


def test_names_alone_are_left_out_of_the_digest() -> None:
    def digest(old: str = "", new: str = "") -> str:
        return without_names(Path("net.param"), FLOAT_PARAM.replace(old, new, 1) if old else FLOAT_PARAM)

    assert digest("     conv ", "     other ") == digest()
    changes = {
        "\n6 7\n": "\n6 8\n",
        "Split ": "Noop ",
        "0=10": "0=11",
        " 9=1": "",
        "d1 c1b s1": "c1b d1 s1",
        "s1 out0": "s1 out1",
    }
    assert len({digest(), *(digest(*change) for change in changes.items())}) == 1 + len(changes)
    with pytest.raises(ModelFileError, match=r"net\.param:2"):
        digest("\n6 7\n", "\n6 6\n")


def test_crlf_reads_the_same(tmp_path: Path) -> None:
    (tmp_path / "net.param").write_bytes(FLOAT_PARAM.replace("\n", "\r\n").encode())
    (tmp_path / "lf.param").write_text(FLOAT_PARAM)
    assert read_param(tmp_path / "net.param").layers == read_param(tmp_path / "lf.param").layers


@pytest.mark.parametrize(
    "name",
    [
        *("resnet20-cifar10/resnet20", "simplepose-coco/simplepose", "squeezenet_v1.1-imagenet/squeezenet"),
        *("ppocr_det-icdar/ppocr_det", "mmdeploy-resnet18/end2end"),
    ],
)
def test_real_nets_keep_their_blobs_when_quantized(name: str) -> None:
    infix = "_int8" if "mmdeploy" in name else "-int8"
    fp32, int8 = (read_param(shared_model(f"{name}{suffix}.param")) for suffix in ("", infix))
    assert fp32.blobs == int8.blobs
    assert len(fp32.inputs) == len(fp32.outputs) == 1


def test_missing_folder_empty(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"absent\.param: no such"):
        read_param(tmp_path / "absent.param")
    with pytest.raises(ModelFileError, match="is a folder"):
        read_param(tmp_path)
    assert "empty" in _read(tmp_path, "")
    assert "empty" in _read(tmp_path, "\n \n")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (float_bin(), r"is it the \.bin"),
        (struct.pack("<3i", 7767517, 6, 7), r"binary \.param\.bin"),
        (b"\xff\xfe\xfd" * 50, r"is it a \.bin"),
    ],
)
def test_binary_files(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "net.param").write_bytes(data)
    with pytest.raises(ModelFileError, match=message):
        read_param(tmp_path / "net.param")


def _edited(old: str, new: str) -> str:
    assert old in FLOAT_PARAM
    return FLOAT_PARAM.replace(old, new)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (_edited("7767517\n", "7767518\n"), 1, "expected the magic number 7767517"),
        (_edited("7767517\n", ""), 1, "expected the magic number"),
        ("7767517\n", 0, "expected the layer and blob counts"),
        (_edited("6 7\n", "6\n"), 2, "expected two counts"),
        (_edited("6 7\n", "-6 7\n"), 2, "expected two counts"),
        (_edited("6 7\n", "5 7\n"), 2, "announces 5 layers, the file holds 6: ncnn would load a shortened net"),
        (_edited("6 7\n", "2000000000 7\n"), 2, "holds 6: the file is truncated"),
        (_edited("6 7\n", "6 6\n"), 2, "announces 6 blobs, the layers write 7"),
        (_edited("conv     1 1", "conv     one 1"), 4, "expected 'type name bottoms tops"),
        (_edited("c1a c1b\n", "c1a\n"), 5, "fewer blob names follow"),
        (_edited("4=1 5=1", "4=1 5"), 4, "found '5', expected key=value"),
        (_edited("4=1 5=1", "4=1 5="), 4, "found '5=', expected key=value"),
        (_edited("0=4 1=3 4=1 5=1", "0=4 1=3 4=x1.5,2 5=1=2"), 4, "'1=2' in '5=1=2' is not a number"),
        (
            _edited("4=1 5=1", "4=1 18=2.f"),
            4,
            "'2.f' in '18=2.f' is not a number: ncnn takes no suffix any more, write 2.0",
        ),
        (_edited("4=1 5=1", "4=1 32=1"), 4, "parameter id 32"),
        (_edited("4=1 5=1", "4=1 -5=1"), 4, "parameter id -5"),
        (_edited("4=1 5=1", "4=1 -23310=3,1,2"), 4, "announces 3 array values, 2 follow"),
        (_edited("4=1 5=1", "4=1 10=1.000000000000000001"), 4, "15 characters"),
        (_edited("1 1 in0 c1", "1 1 in1 c1"), 4, "reads blob 'in1', which no layer writes; did you mean 'in0'?"),
        (_edited("1 1 s1 out0", "1 1 pool out0"), 8, "reads blob 'pool', which no layer writes"),
        (_edited("1 1 in0 c1", "1 1 s1 c1"), 4, "which only line 7 ('add') writes"),
        (_edited("1 1 s1 out0", "1 1 s1 c1"), 8, "writes blob 'c1', which line 4 ('conv') writes already"),
    ],
)
def test_damaged_text(tmp_path: Path, text: str, line: int, message: str) -> None:
    found = _read(tmp_path, text)
    assert line == 0 or f"net.param:{line}" in found
    assert message in found


@given(st.integers(min_value=0, max_value=len(FLOAT_PARAM) - len(" 2=640\n") - 1))
def test_every_truncation_is_noticed(tmp_path_factory: pytest.TempPathFactory, length: int) -> None:
    path = tmp_path_factory.mktemp("cut") / "net.param"
    path.write_text(FLOAT_PARAM[:length])
    if "s1 o" in FLOAT_PARAM[:length]:
        return  # a shorter name or fewer parameters in the last line: the weights' walk notices that
    with pytest.raises(ModelFileError):
        read_param(path)


@given(st.binary(max_size=300))
def test_random_bytes_are_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("random") / "net.param"
    path.write_bytes(data)
    with pytest.raises(ModelFileError):
        read_param(path)
