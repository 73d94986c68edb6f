"""Which nets run without packed layouts, and that this is what aarch64 computes."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_quant.nets.ncnn.files.other_on_arm import approximated_layers, saturating_layers
from pytest_quant.nets.ncnn.files.param import Param, read_param
from pytest_quant.nets.ncnn.options import PACKING, net_options

DEPTHWISE = "ConvolutionDepthWise dw 1 1 in out 0={0} 1=3 4=1 5=1 6={1} 7={2} 8={3}"


def net(folder: Path, *layers: str) -> Path:
    path = folder / "net.param"
    lines = ["Input in 0 1 in", *layers]
    path.write_text("\n".join(["7767517", f"{len(lines)} {len(lines)}", *lines]) + "\n")
    return path


def read(folder: Path, *layers: str) -> Param:
    return read_param(net(folder, *layers))


@pytest.mark.parametrize(
    ("outputs", "weights", "groups", "term", "found"),
    [
        (16, 144, 16, 1, True),
        (16, 144, 16, 101, True),
        (16, 144, 16, 0, False),  # float
        (20, 180, 20, 1, False),  # 8 channels are never packed
        (16, 576, 4, 1, False),  # grouped
        (16, 288, 16, 1, False),  # two inputs a group
    ],
)
def test_depthwise_layers_whose_channels_x86_packs(
    tmp_path: Path, outputs: int, weights: int, groups: int, term: int, found: bool
) -> None:
    param = read(tmp_path, DEPTHWISE.format(outputs, weights, groups, term))
    assert approximated_layers(param) == (("dw",) if found else ())


@pytest.mark.parametrize(
    ("term", "activation", "found"), [(101, 2, True), (102, 2, True), (2, 2, False), (102, 1, False)]
)
def test_a_fused_leaky_relu_saturates_otherwise(tmp_path: Path, term: int, activation: int, found: bool) -> None:
    layer = f"Convolution conv 1 1 in out 0=8 1=1 5=1 6=24 8={term} 9={activation} -23310=1,0.1"
    assert saturating_layers(read(tmp_path, layer)) == (("conv",) if found else ())


@pytest.mark.parametrize(
    ("layer", "machine", "runtime", "packed"),
    [
        (DEPTHWISE.format(16, 144, 16, 1), "x86_64", "reference", False),
        (DEPTHWISE.format(16, 144, 16, 1), "AMD64", "reference", False),
        (DEPTHWISE.format(16, 144, 16, 1), "aarch64", "reference", True),
        (DEPTHWISE.format(16, 144, 16, 1), "x86_64", "deploy", True),
        (DEPTHWISE.format(16, 144, 16, 0), "x86_64", "reference", True),
        (DEPTHWISE.format(64, 4608, 8, 1), "x86_64", "reference", False),  # grouped, with a float output
        (DEPTHWISE.format(64, 4608, 8, 101), "x86_64", "reference", False),
    ],
)
def test_only_what_needs_it_runs_without_packed_layouts(
    tmp_path: Path, layer: str, machine: str, runtime: str, packed: bool
) -> None:
    options = net_options(net(tmp_path, layer), "reference" if runtime == "reference" else "deploy", machine)
    assert options.get(PACKING, True) is packed
