from __future__ import annotations

import math
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from pytest_quant.nets.ncnn.files import read_param, read_table, walk
from pytest_quant.nets.ncnn.files.writer import pack_fp32
from pytest_quant.quantize.weight_scales import weight_scales

from .nets import shared, write_net


@pytest.mark.parametrize(
    ("folder", "net", "table", "method"),
    [
        ("resnet20-cifar10", "resnet20", "resnet20", "absmax"),
        ("simplepose-coco", "simplepose", "simplepose", "absmax"),
        ("squeezenet_v1.1-imagenet", "squeezenet", "squeezenet", "absmax"),
        ("squeezenet_v1.1-imagenet", "squeezenet", "squeezenet.aciq", "aciq"),
        ("ppocr_det-icdar", "ppocr_det", "ppocr_det", "absmax"),
    ],
)
def test_real_tables_to_the_last_digit(folder: str, net: str, table: str, method: Literal["absmax", "aciq"]) -> None:
    param = read_param(shared(f"models/{folder}/{net}.param"))
    weights = walk(param, param.path.with_suffix(".bin"))
    found = weight_scales(param, weights, method=method, zero_scale=math.inf)
    expected = read_table(shared(f"models/{folder}/{table}.table")).weights
    assert {f"{name}_param_0" for name in found} == set(expected)
    for name, scales in found.items():
        assert [f"{s:f}" for s in scales] == [f"{s:f}" for s in expected[f"{name}_param_0"]]


def test_six_bits_for_winograd_convolutions_only(tmp_path: Path) -> None:
    net = write_net(tmp_path)
    param = read_param(net.param)
    weights = walk(param, net.bin)
    six, eight = (weight_scales(param, weights, eight_bit=flag) for flag in (False, True))
    ratios = {name: eight[name][0] / six[name][0] for name in six}
    assert ratios == {"conv1": pytest.approx(127 / 31), "dw": 1.0, "conv2": 1.0, "fc": 1.0}


@pytest.mark.parametrize(
    ("parameters", "bits"),
    [("1=3", 6), ("1=3 11=1", 8), ("1=3 3=2", 8), ("1=3 13=2", 8), ("1=3 2=2", 8), ("1=3 12=2", 8), ("1=5", 8)],
)
def test_which_convolutions_run_winograd(tmp_path: Path, parameters: str, bits: int) -> None:
    taps = 3 if "11=1" in parameters else 25 if "1=5" in parameters else 9
    (tmp_path / "net.param").write_text(
        f"7767517\n2 2\nInput in 0 1 in0\nConvolution conv 1 1 in0 out0 0=1 {parameters} 6={taps}\n"
    )
    (tmp_path / "net.bin").write_bytes(pack_fp32(np.ones(taps, np.float32)))
    param = read_param(tmp_path / "net.param")
    assert weight_scales(param, walk(param, tmp_path / "net.bin")) == {"conv": (31.0 if bits == 6 else 127.0,)}


def test_zero_channels(tmp_path: Path) -> None:
    (tmp_path / "net.param").write_text("7767517\n2 2\nInput in 0 1 in0\nConvolution conv 1 1 in0 out0 0=2 1=1 6=4\n")
    (tmp_path / "net.bin").write_bytes(pack_fp32(np.array([0, 0, 2, -4], np.float32)))
    param = read_param(tmp_path / "net.param")
    weights = walk(param, tmp_path / "net.bin")
    assert weight_scales(param, weights) == {"conv": (1.0, 31.75)}
    assert weight_scales(param, weights, zero_scale=math.inf) == {"conv": (math.inf, 31.75)}
