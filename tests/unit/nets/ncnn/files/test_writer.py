from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pytest_quant.nets.ncnn.files.canonical import format_layer, format_param
from pytest_quant.nets.ncnn.files.param import Layer, read_param
from pytest_quant.nets.ncnn.files.writer import pack_bare, pack_fp16, pack_fp32, pack_int8, replace_file, write_param

from .nets import FLOAT_PARAM, shared_model


def _line(tmp_path: Path, line: str) -> str:
    """The canonical form of one layer's parameters."""
    path = tmp_path / "net.param"
    path.write_text(f"7767517\n2 2\nInput in 0 1 in0\n{line}\n")
    return format_layer(read_param(path).layers[1]).split("out0", 1)[1].strip()


@pytest.mark.parametrize(
    "name",
    [
        *("resnet20-cifar10/resnet20-int8", "simplepose-coco/simplepose-int8", "simplepose-coco/simplepose"),
        *("squeezenet_v1.1-imagenet/squeezenet-int8", "squeezenet_v1.1-imagenet/squeezenet"),
        *("ppocr_det-icdar/ppocr_det-int8", "ppocr_det-icdar/ppocr_det", "mmdeploy-resnet18/end2end_int8"),
    ],
)
def test_the_tools_own_text_comes_back(name: str) -> None:
    path = shared_model(f"{name}.param")
    assert format_param(read_param(path).layers) == path.read_text()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "Convolution c 1 1 in0 out0 0=8 1=3 11=3 2=1 12=1 3=1 13=1 4=1 14=1 15=1 16=1 5=0 6=216 9=0",
            "0=8 1=3 4=1 6=216",
        ),
        ("Convolution c 1 1 in0 out0 6=216 0=8 1=3 11=1 4=1 14=0 16=2", "0=8 1=3 11=1 4=1 14=0 16=2 6=216"),
        (
            "Convolution c 1 1 in0 out0 0=8 1=3 6=216 9=2 -23310=1,0.1 8=2",
            "0=8 1=3 6=216 8=2 9=2 -23310=1,1.000000e-01",
        ),
        ("Convolution c 1 1 in0 out0 0=8 1=3 6=216 18=0.0", "0=8 1=3 6=216"),
        ("BinaryOp b 1 1 in0 out0 0=0 1=1 2=1.5", "1=1 2=1.500000e+00"),
        ("HardSwish h 1 1 in0 out0 0=0.2 1=0.5", ""),
        ("Softmax s 1 1 in0 out0 0=0 1=1", ""),
        ("Softmax s 1 1 in0 out0 0=1 1=1", "0=1 1=1"),
        ("Pooling p 1 1 in0 out0 0=1 1=2 11=2 2=2 12=2 3=0 13=0 14=0 15=0 5=1", "0=1 1=2 2=2 5=1"),
        ('Reshape r 1 1 in0 out0 0=-233 1=3 6="0w,1h"', '1=3 6="0w,1h"'),
        ("Clip c 1 1 in0 out0 0=-3.402823e+38 1=6.0", "0=-3.402823e+38 1=6.000000e+00"),
        ("ReLU r 1 1 in0 out0 0=0.0 31=1", "31=1"),
        ("MyLayer m 1 1 in0 out0 7=0 3=1.0 -23305=2,1,2", "3=1.000000e+00 -23305=2,1,2 7=0"),
        ("Slice s 1 1 in0 out0 1=0 -23302=1,4", "-23302=1,4"),
        ("ReLU r 1 1 in0 out0 0=0.1 -23330=4,3,8,6,2", "-23330=5,3,8,6,1,2 0=1.000000e-01"),
    ],
)
def test_order_defaults_and_form(tmp_path: Path, line: str, expected: str) -> None:
    assert _line(tmp_path, line) == expected


def test_written_files_read_back(tmp_path: Path) -> None:
    source = tmp_path / "net.param"
    source.write_text(FLOAT_PARAM)
    param = read_param(source)
    write_param(param.layers, tmp_path / "out.param")
    once = (tmp_path / "out.param").read_text()
    again = read_param(tmp_path / "out.param")
    assert format_param(again.layers) == once
    assert again.blobs == param.blobs


def test_columns() -> None:
    layer = Layer("ConvolutionDepthWise", "a_name_of_more_than_24_letters", ("a",), ("b",), {}, 1)
    assert format_layer(layer) == "ConvolutionDepthWise     a_name_of_more_than_24_letters 1 1 a b"


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "net.bin"
    path.write_bytes(b"old")

    def parts() -> list[bytes]:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        replace_file(path, (part for _ in range(1) for part in parts()))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_tags_and_padding() -> None:
    assert pack_int8(np.array([1, -1, 127], np.int8)) == struct.pack("<I3bx", 0x000D4B38, 1, -1, 127)
    assert pack_fp32(np.array([1.5], np.float32)) == struct.pack("<If", 0, 1.5)
    assert pack_fp16(np.array([1.5], np.float32)) == struct.pack("<IHxx", 0x01306B47, 0x3E00)


def test_tiny_values_become_zero() -> None:
    assert pack_bare(np.array([1e-31, -1e-31, 1e-29], np.float32)) == struct.pack("<3f", 0, 0, np.float32(1e-29))


def test_the_last_values_of_fp16_are_truncated() -> None:
    value = np.float32(1 + 1.5 * 2**-10)  # between two float16 numbers; rounds to the even one above
    half = np.frombuffer(pack_fp16(np.full(6, value)), "<f2")[2:]
    assert half.tolist() == [*[1 + 2 * 2**-10] * 4, *[1 + 2**-10] * 2]


def test_fp16_overflow_is_refused() -> None:
    with pytest.raises(OverflowError, match="70000"):
        pack_fp16(np.array([1, -70000], np.float32))


@given(arrays(np.float32, st.integers(1, 40), elements=st.floats(-60000, 60000, width=32)))
def test_fp16_error_is_within_one_step(values: np.ndarray[tuple[int], np.dtype[np.float32]]) -> None:
    half = np.frombuffer(pack_fp16(values), "<f2")[2 : 2 + values.size].astype(np.float64)
    assert np.all(np.abs(half - values) <= np.maximum(np.abs(values) * 2**-10, 2**-14))
