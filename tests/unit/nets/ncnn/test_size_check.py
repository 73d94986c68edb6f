from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pytest_quant.nets.ncnn.files.writer import pack_fp32
from pytest_quant.nets.ncnn.size_check import check_size
from pytest_quant.spec.errors import ModelFileError

CONVOLUTION = "Convolution c 1 1 in0 b 0=4 1=3 4=1 6=108"


def net(folder: Path, *layers: str, weights: int) -> tuple[Path, Path]:
    lines = ["7767517", f"{len(layers) + 2} {len(layers) + 2}", "Input in 0 1 in0 0=8 1=8 2=3", CONVOLUTION, *layers]
    (folder / "net.param").write_text("\n".join([*lines, ""]))
    generator = np.random.default_rng(0)
    sizes = (108, weights) if weights else (108,)
    (folder / "net.bin").write_bytes(b"".join(pack_fp32(generator.standard_normal(size)) for size in sizes))
    return folder / "net.param", folder / "net.bin"


def test_a_fully_connected_layer_takes_one_size(tmp_path: Path) -> None:
    files = net(tmp_path, "InnerProduct fc 1 1 b out0 0=10 1=0 2=2560", weights=2560)
    check_size(*files, (3, 8, 8))
    for side, given in ((6, 144), (10, 400)):
        with pytest.raises(
            ModelFileError, match=rf"'fc' .* has weights for 256 values, an input of {side}x{side} .* {given}:"
        ):
            check_size(*files, (3, side, side))


def test_pooling_over_everything_takes_any_size(tmp_path: Path) -> None:
    layers = ("Pooling p 1 1 b pooled 0=1 4=1", "InnerProduct fc 1 1 pooled out0 0=10 1=0 2=40")
    for side in (8, 6, 10):
        check_size(*net(tmp_path, *layers, weights=40), (3, side, side))


def test_convolutions_take_any_size(tmp_path: Path) -> None:
    check_size(*net(tmp_path, "ReLU r 1 1 b out0", weights=0), (3, 5, 7))
