"""Which grouped convolutions ncnn computes wrongly, and that it does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.grouped_int8 import measure
from pytest_quant.nets.ncnn.files.grouped import garbled_layers, with_garbled
from pytest_quant.nets.ncnn.files.param import Param, read_param


def net(folder: Path, outputs: int, groups: int, after: str) -> Param:
    weights = outputs // groups * 9 * outputs
    lines = [
        "Input in 0 1 in",
        f"ConvolutionDepthWise grouped 1 1 in mid 0={outputs} 1=3 4=1 5=1 6={weights} 7={groups}",
        after,
    ]
    path = folder / "net.param"
    path.write_text("\n".join(["7767517", f"{len(lines)} {len(lines)}", *lines]) + "\n")
    return read_param(path)


CONVOLUTION = "Convolution last 1 1 mid out 0=8 1=1 6=512"
ACTIVATION = "HardSwish last 1 1 mid out"


@pytest.mark.parametrize(
    ("outputs", "groups", "after", "garbled"),
    [
        (64, 8, ACTIVATION, True),
        (64, 8, CONVOLUTION, False),
        (64, 64, ACTIVATION, False),
        (16, 4, ACTIVATION, False),
        (24, 2, ACTIVATION, False),
    ],
)
def test_it_depends_on_the_outputs_per_group_and_on_what_reads_them(
    tmp_path: Path, outputs: int, groups: int, after: str, garbled: bool
) -> None:
    param = net(tmp_path, outputs, groups, after)
    assert garbled_layers(param, ["grouped", "last"]) == (("grouped",) if garbled else ())


def test_a_reader_that_stays_float_takes_it_along(tmp_path: Path) -> None:
    param = net(tmp_path, 64, 8, CONVOLUTION)
    assert with_garbled(param, ["grouped", "last"], ["last"]) == {"grouped", "last"}
    assert with_garbled(param, ["grouped", "last"], []) == frozenset()


@pytest.mark.parametrize("groups", [8, 16])
def test_what_is_not_named_is_right(tmp_path: Path, groups: int) -> None:
    """64 channels in 8 groups of 8 are named, in 16 groups of 4 not; before an int8 convolution neither is."""
    alone, followed = (measure(tmp_path, 64, groups, followed=way)[0] for way in (False, True))
    assert followed > 20
    assert np.isnan(alone) or groups == 8 or alone > 20
