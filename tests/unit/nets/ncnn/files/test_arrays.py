"""The list of arrays per layer type, checked against ncnn itself: it loads what the list says and nothing less."""

from __future__ import annotations

from pathlib import Path

import ncnn
import numpy as np
import pytest

from pytest_quant.nets.ncnn.files.arrays import _FINDERS, WEIGHTLESS, array_specs
from pytest_quant.nets.ncnn.files.param import read_param
from pytest_quant.nets.ncnn.files.weights import walk
from pytest_quant.spec.errors import ModelFileError

NOT_BUILT = {"ArgMax", "SPP"}
"""Types that ncnn has, and leaves out of its default build."""

LINES = [
    "BatchNorm bn 1 1 in0 out0 0=3",
    "Scale scale 1 1 in0 out0 0=3 1=1",
    "Bias bias 1 1 in0 out0 0=3",
    "PReLU prelu 1 1 in0 out0 0=3",
    "Normalize norm 1 1 in0 out0 3=1",
    "LayerNorm ln 1 1 in0 out0 0=5",
    "RMSNorm rms 1 1 in0 out0 0=5",
    "GroupNorm gn 1 1 in0 out0 0=1 1=4",
    "InstanceNorm norm 1 1 in0 out0 0=4",
    "Quantize q 1 1 in0 out0",
    "Dequantize dq 1 1 in0 out0 0=1 1=4",
    "Requantize rq 1 1 in0 out0 0=4 1=1 2=4",
    "MemoryData data 0 1 out0 0=2 1=3 2=4",
    "MemoryData data 0 1 out0 0=2 1=3 2=4 21=0",
    "LSTM lstm 1 1 in0 out0 0=3 1=96 3=4 2=2",
    "LSTM lstm 1 1 in0 out0 0=4 1=96",
    "GRU gru 1 1 in0 out0 0=2 1=30",
    "RNN rnn 1 1 in0 out0 0=2 1=12 2=2",
    "Embed embed 1 1 in0 out0 0=4 1=5 2=1 3=20",
    "Gemm gemm 1 1 in0 out0 3=1 5=1 6=1 7=2 8=4 9=3 10=4",
    "Gemm gemm 1 1 in0 out0 3=1 4=1 6=1 7=2 8=4 9=3 10=1",
    "Gemm gemm 1 1 in0 out0 3=1 5=1 6=1 7=2 8=4 9=3 10=3",
    "MultiHeadAttention mha 1 1 in0 out0 0=8 1=2 2=64",
    "MultiHeadAttention mha 3 1 in0 a b out0 0=8 1=2 2=48 3=4 4=5",
    "Deconvolution deconv 1 1 in0 out0 0=2 1=2 5=1 6=24",
    "DeconvolutionDepthWise deconv 1 1 in0 out0 0=4 1=2 5=1 6=16 7=4",
    "DeformableConv2D deform 2 1 in0 a out0 0=2 1=2 5=1 6=24",
    "Convolution1D conv 1 1 in0 out0 0=2 1=3 5=1 6=18",
    "ConvolutionDepthWise1D conv 1 1 in0 out0 0=2 1=3 5=1 6=6 7=2",
    "Deconvolution1D conv 1 1 in0 out0 0=2 1=3 5=1 6=18",
    "DeconvolutionDepthWise1D conv 1 1 in0 out0 0=2 1=3 5=1 6=6 7=2",
    "Convolution3D conv 1 1 in0 out0 0=2 1=2 5=1 6=48",
    "Deconvolution3D conv 1 1 in0 out0 0=2 1=2 5=1 6=48",
    "ConvolutionDepthWise3D conv 1 1 in0 out0 0=2 1=2 5=1 6=16 7=2",
    "DeconvolutionDepthWise3D conv 1 1 in0 out0 0=2 1=2 5=1 6=16 7=2",
    "Convolution conv 1 1 in0 out0 0=2 1=3 5=1 6=54",
    "ConvolutionDepthWise conv 1 1 in0 out0 0=2 1=3 5=1 6=18 7=2",
    "InnerProduct fc 1 1 in0 out0 0=2 1=1 2=54",
]


def _write_param(folder: Path, line: str) -> Path:
    inputs = ["in0", *(blob for blob in ("a", "b") if f" {blob} " in line)]
    text = "".join(f"Input {blob}_ 0 1 {blob}\n" for blob in inputs)
    path = folder / "net.param"
    path.write_text(f"7767517\n{len(inputs) + 1} {len(inputs) + 1}\n{text}{line}\n")
    return path


def _load(param: Path, data: bytes) -> int:
    path = param.with_suffix(".bin")
    path.write_bytes(data)
    net = ncnn.Net()
    assert net.load_param(str(param)) == 0
    code = net.load_model(str(path))
    assert isinstance(code, int)
    return code


@pytest.mark.parametrize("line", LINES)
def test_ncnn_loads_exactly_these_arrays(tmp_path: Path, line: str) -> None:
    path = _write_param(tmp_path, line)
    param = read_param(path)
    specs = array_specs(param, param.layers[-1])
    assert specs
    data = b"".join(b"\0" * 4 * spec.tagged + np.full(spec.count, 0.5, "<f4").tobytes() for spec in specs)
    assert _load(path, data[:-4]) != 0
    with pytest.raises(ModelFileError, match="ends inside layer"):
        walk(param, path.with_suffix(".bin"))
    assert _load(path, data) == 0
    assert walk(param, path.with_suffix(".bin")).size_bytes == len(data)


def test_every_layer_type_of_ncnn_is_listed() -> None:
    known = {name: ncnn.layer_to_index(name) for name in WEIGHTLESS | _FINDERS.keys()}
    assert [name for name, index in known.items() if index < 0] == []
    assert {name for name in known if ncnn.create_layer(name) is None} == NOT_BUILT
    there = {index for index in range(max(known.values()) + 50) if ncnn.create_layer(index) is not None}
    assert there - set(known.values()) == set(), "this ncnn has layer types that arrays.py does not list"


def test_every_weighted_type_is_tried_above() -> None:
    untried = _FINDERS.keys() - {line.split()[0] for line in LINES}
    assert untried == {"Padding"}  # ncnn loads it even where its values are cut off


def test_an_unknown_type_has_no_list(tmp_path: Path) -> None:
    param = read_param(_write_param(tmp_path, "MyLayer mine 1 1 in0 out0"))
    assert array_specs(param, param.layers[-1]) is None
