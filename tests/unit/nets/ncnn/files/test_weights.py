from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_quant.nets.ncnn.files.param import read_param
from pytest_quant.nets.ncnn.files.weights import walk
from pytest_quant.spec.errors import ModelFileError

from .nets import FLOAT_PARAM, INT8_PARAM, float_bin, floats, int8_bin, ramp, shared_model, tagged, write_net


def _message(folder: Path, param: str, data: bytes) -> str:
    param_path, bin_path = write_net(folder, param, data)
    with pytest.raises(ModelFileError) as caught:
        walk(read_param(param_path), bin_path)
    assert str(bin_path) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        f"{name}{suffix}"
        for name in (
            *("resnet20-cifar10/resnet20", "simplepose-coco/simplepose"),
            *("squeezenet_v1.1-imagenet/squeezenet", "ppocr_det-icdar/ppocr_det"),
        )
        for suffix in ("", "-int8")
    ],
)
def test_real_files_are_used_up_exactly(name: str) -> None:
    path = shared_model(f"{name}.bin")
    weights = walk(read_param(path.with_suffix(".param")), path)
    assert weights.unknown == ()
    assert weights.arrays[-1].end == weights.size_bytes == path.stat().st_size


@pytest.mark.parametrize("net", ["resnet20-cifar10/resnet20", "simplepose-coco/simplepose"])
def test_a_real_param_with_the_other_bin(net: str) -> None:
    fp32, int8 = shared_model(f"{net}.param"), shared_model(f"{net}-int8.param")
    with pytest.raises(ModelFileError, match=r"\.bin is of the int8 model and the \.param of the fp32 one"):
        walk(read_param(fp32), int8.with_suffix(".bin"))
    with pytest.raises(ModelFileError, match=r"is the float model's \.bin"):
        walk(read_param(int8), fp32.with_suffix(".bin"))


def test_arrays_of_a_float_net(tmp_path: Path) -> None:
    param_path, bin_path = write_net(tmp_path)
    param = read_param(param_path)
    weights = walk(param, bin_path)
    assert [(a.layer.name, a.role, a.count, a.storage) for a in weights.arrays] == [
        ("conv", "weight", 108, "fp32"),
        ("conv", "bias", 4, "bare"),
        ("dw", "weight", 36, "fp32"),
        ("fc", "weight", 640, "fp32"),
        ("fc", "bias", 10, "bare"),
    ]
    conv = weights.of(param.producer["c1"])
    np.testing.assert_array_equal(weights.read(conv["weight"]), np.linspace(-1, 1, 108, dtype=np.float32))
    assert weights.of(param.producer["in0"]) == {}


def test_arrays_of_an_int8_net(tmp_path: Path) -> None:
    param_path, bin_path = write_net(tmp_path, INT8_PARAM, int8_bin())
    weights = walk(read_param(param_path), bin_path)
    values = {(a.layer.name, a.role): weights.read(a) for a in weights.arrays}
    assert values["conv", "weight"].dtype == np.int8
    assert values["conv", "weight_scales"].tolist() == [10, 20, 30, 40]
    assert values["conv", "bottom_scale"].tolist() == [50]
    assert values["conv", "top_scale"].tolist() == values["dw", "bottom_scale"].tolist() == [60]
    assert values["dw", "weight_scales"].tolist() == [1, 2, 3, 4]
    assert values["fc", "weight_scales"].tolist() == list(range(1, 11))


@pytest.mark.parametrize(
    ("tag", "data", "expected"),
    [
        (0, ramp(3), np.linspace(-1, 1, 3)),
        (0x0002C056, ramp(3), np.linspace(-1, 1, 3)),
        (0x01306B47, np.array([0.5, -2.0, 3.0], "<f2").tobytes(), [0.5, -2.0, 3.0]),
        (0x01020304, ramp(256) + bytes([0, 255, 1]), [-1.0, 1.0, -1 + 2 / 255]),
    ],
)
def test_storage_tags(tmp_path: Path, tag: int, data: bytes, expected: list[float]) -> None:
    param = "7767517\n2 2\nInput in 0 1 in0\nConvolution conv 1 1 in0 out0 0=1 1=1 6=3\n"
    param_path, bin_path = write_net(tmp_path, param, tagged(tag, data))
    weights = walk(read_param(param_path), bin_path)
    np.testing.assert_allclose(weights.read(weights.arrays[0]), expected, rtol=1e-6)


def test_float_weights_with_scales_are_legal(tmp_path: Path) -> None:
    # ncnn quantizes them while it loads
    param = "7767517\n2 2\nInput in 0 1 in0\nConvolution conv 1 1 in0 out0 0=1 1=1 6=3 8=2\n"
    param_path, bin_path = write_net(tmp_path, param, tagged(0, ramp(3)) + floats(127.0) + floats(3.0))
    assert len(walk(read_param(param_path), bin_path).arrays) == 3


def test_missing_folder_empty(tmp_path: Path) -> None:
    param = read_param(write_net(tmp_path)[0])
    with pytest.raises(ModelFileError, match=r"absent\.bin: no such"):
        walk(param, tmp_path / "absent.bin")
    with pytest.raises(ModelFileError, match="is a folder"):
        walk(param, tmp_path)
    assert "ends inside layer 'conv'" in _message(tmp_path, FLOAT_PARAM, b"")


@given(st.data())
def test_every_truncation_names_the_layer(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    param, whole = data.draw(st.sampled_from([(FLOAT_PARAM, float_bin()), (INT8_PARAM, int8_bin())]))
    length = data.draw(st.integers(0, len(whole) - 1))
    message = _message(tmp_path_factory.mktemp("cut"), param, whole[:length])
    assert "ends inside layer" in message
    assert "at least" in message


def test_last_scale_missing(tmp_path: Path) -> None:
    # ncnn crashes on this one
    assert "bottom_scale (1 values)" in _message(tmp_path, INT8_PARAM, int8_bin()[:-4])


@given(st.binary(min_size=1, max_size=64))
def test_left_over_bytes(tmp_path_factory: pytest.TempPathFactory, tail: bytes) -> None:
    message = _message(tmp_path_factory.mktemp("long"), FLOAT_PARAM, float_bin() + tail)
    assert f"{len(tail)} bytes are left over" in message


def test_float_and_int8_files_mixed_up(tmp_path: Path) -> None:
    assert "the .bin is of the int8 model" in _message(tmp_path, FLOAT_PARAM, int8_bin())
    assert "is the float model's .bin" in _message(tmp_path, INT8_PARAM, float_bin())


def test_right_size_but_no_weights(tmp_path: Path) -> None:
    assert "every weight is 0" in _message(tmp_path, FLOAT_PARAM, bytes(len(float_bin())))
    noise = np.random.default_rng(0).bytes(len(float_bin()))
    assert "net.bin" in _message(tmp_path, FLOAT_PARAM, noise)
    nan = bytearray(float_bin())
    nan[-4:] = struct.pack("<f", float("nan"))
    assert "the bias of layer 'fc' (InnerProduct) holds nan" in _message(tmp_path, FLOAT_PARAM, bytes(nan))


def test_a_negative_scale_is_damage_an_infinite_one_is_not(tmp_path: Path) -> None:
    data = int8_bin()
    assert "the bottom_scale of layer 'fc'" in _message(tmp_path, INT8_PARAM, data[:-4] + floats(-2))
    param_path, bin_path = write_net(tmp_path, INT8_PARAM, data[:-4] + floats(float("inf")))
    assert walk(read_param(param_path), bin_path).unknown == ()


def test_unknown_layer_ends_the_walk(tmp_path: Path) -> None:
    param = FLOAT_PARAM.replace("BinaryOp ", "MyLayer ")
    param_path, bin_path = write_net(tmp_path, param)
    weights = walk(read_param(param_path), bin_path)
    assert [layer.type for layer in weights.unknown] == ["MyLayer"]
    assert [a.layer.name for a in weights.arrays] == ["conv", "conv", "dw"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("0=4 1=3", "0=0 1=3", "number of outputs (parameter 0) is 0"),
        ("0=4 1=3", "0=4 1=0", "kernel size (parameters 1, 11) is 0"),
        ("0=4 1=3", "0=4 1=3 3=0", "stride (parameter 3) is 0"),
        ("6=108", "6=109", "weight size 109 is not a multiple of 36"),
        ("6=108", "6=-108", "weight size (parameter 6) is -108"),
        ("6=108", "6=0", "weight size (parameter 6) is 0"),
        ("6=108", "6=1.5", "parameter 6 is 1.5, an integer is expected"),
        ("6=36 7=4", "6=36 7=3", "number of outputs 4 is not a multiple of 3"),
        ("6=108", "6=108 8=7", "quantization term (parameter 8) is 7"),
        ("2=640", "2=641", "weight size 641 is not a multiple of 10"),
        (" 2=640", "", "weight size (parameter 2) is 0"),
    ],
)
def test_impossible_layers(tmp_path: Path, old: str, new: str, message: str) -> None:
    param_path, bin_path = write_net(tmp_path, FLOAT_PARAM.replace(old, new))
    with pytest.raises(ModelFileError) as caught:
        walk(read_param(param_path), bin_path)
    assert message in str(caught.value)
    assert "net.param:" in str(caught.value)


def test_huge_weight_size_costs_nothing(tmp_path: Path) -> None:
    assert "ends inside layer 'fc'" in _message(tmp_path, FLOAT_PARAM.replace("2=640", "2=2147483640"), float_bin())


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("BatchNorm bn 1 1 in0 out0 0=3", 12),
        ("Scale scale 1 1 in0 out0 0=3 1=1", 6),
        ("Bias bias 1 1 in0 out0 0=3", 3),
        ("PReLU prelu 1 1 in0 out0 0=3", 3),
        ("Normalize norm 1 1 in0 out0 3=1", 1),
        ("LayerNorm ln 1 1 in0 out0 0=5", 10),
        ("LayerNorm ln 1 1 in0 out0 0=5 2=0", 0),
        ("RMSNorm rms 1 1 in0 out0 0=5", 5),
        ("GroupNorm gn 1 1 in0 out0 0=1 1=4", 8),
        ("InstanceNorm norm 1 1 in0 out0 0=4", 8),
        ("Padding pad 1 1 in0 out0 0=1 6=3", 3),
        ("Quantize q 1 1 in0 out0", 1),
        ("Dequantize dq 1 1 in0 out0 0=1 1=4", 5),
        ("Requantize rq 1 1 in0 out0 0=4 1=1 2=4", 9),
        ("MemoryData data 0 1 out0 0=2 1=3 2=4", 24),
        ("Convolution conv 2 1 in0 in0 out0 0=4 1=3 19=1", 0),
    ],
)
def test_other_layers_hold_bare_arrays(tmp_path: Path, line: str, count: int) -> None:
    param = f"7767517\n2 2\nInput in 0 1 in0\n{line}\n"
    param_path, bin_path = write_net(tmp_path, param, ramp(count, 0.5))
    assert sum(a.count for a in walk(read_param(param_path), bin_path).arrays) == count


@pytest.mark.parametrize(
    ("line", "tagged_counts", "bare_counts"),
    [
        ("LSTM lstm 1 1 in0 out0 0=3 1=96 3=4 2=2", [96, 32, 96, 24], []),
        ("GRU gru 1 1 in0 out0 0=2 1=30", [30, 8, 12], []),
        ("RNN rnn 1 1 in0 out0 0=2 1=10 8=2", [10, 2, 4], [2, 2]),
        ("Embed embed 1 1 in0 out0 0=4 1=5 2=1 3=20 18=2", [20], [4, 1]),
        ("Gemm gemm 1 1 in0 out0 3=1 5=1 6=1 8=4 9=3 10=4", [12, 4], []),
        ("Deconvolution deconv 1 1 in0 out0 0=2 1=2 5=1 6=24", [24], [2]),
        ("DeformableConv2D deform 2 1 in0 in0 out0 0=2 1=2 5=1 6=24", [24], [2]),
        ("Convolution1D conv 1 1 in0 out0 0=2 1=3 5=1 6=18", [18], [2]),
        ("Convolution3D conv 1 1 in0 out0 0=2 1=2 5=1 6=48", [48], [2]),
    ],
)
def test_other_weighted_layers(tmp_path: Path, line: str, tagged_counts: list[int], bare_counts: list[int]) -> None:
    param = f"7767517\n2 2\nInput in 0 1 in0\n{line}\n"
    param_path, bin_path = write_net(tmp_path, param)
    data = b"".join(tagged(0, ramp(n)) for n in tagged_counts) + b"".join(ramp(n, 0.5) for n in bare_counts)
    bin_path.write_bytes(data)
    weights = walk(read_param(param_path), bin_path)
    assert [a.count for a in weights.arrays if a.storage == "fp32"] == tagged_counts
    assert [a.count for a in weights.arrays if a.storage == "bare"] == bare_counts
