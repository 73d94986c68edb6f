"""A small float network with random weights, and the folder of real ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pytest_quant.nets.ncnn.files.writer import pack_bare, pack_fp32

SHARED = Path(__file__).parents[3].parent / "shared"

PARAM = """7767517
7 8
Input                    in       0 1 in0
Convolution              conv1    1 1 in0 c1 0=8 1=3 4=1 5=1 6=216 9=1
Split                    split    1 2 c1 c1a c1b
ConvolutionDepthWise     dw       1 1 c1a d1 0=8 1=3 4=1 5=1 6=72 7=8 9=1
Convolution              conv2    1 1 c1b c2 0=8 1=1 5=1 6=64 9=1
Concat                   concat   2 1 d1 c2 cat
InnerProduct             fc       1 1 cat out0 0=5 1=1 2=5120
"""


@dataclass(frozen=True)
class Net:
    param: Path
    bin: Path

    @property
    def paths(self) -> tuple[Path, Path]:
        return self.param, self.bin


def shared(name: str) -> Path:
    """A path in the folder of real models and data, or a skip."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"the shared real models and data are not on this machine: {path}")
    return path


def write_net(folder: Path, seed: int = 0) -> Net:
    """Write the network: 3x8x8 in, 5 values out."""
    rng = np.random.default_rng(seed)
    folder.mkdir(exist_ok=True)
    (folder / "net.param").write_text(PARAM)
    data = b""
    for weights, biases in ((216, 8), (72, 8), (64, 8), (5120, 5)):
        # as float16 has them: an int8 file keeps the layers that stay float in float16
        data += pack_fp32(rng.normal(0, 0.3, weights).astype(np.float16).astype(np.float32))
        data += pack_bare(rng.normal(0, 0.1, biases).astype(np.float32))
    (folder / "net.bin").write_bytes(data)
    return Net(folder / "net.param", folder / "net.bin")


def images(count: int, seed: int = 0) -> list[NDArray[np.float32]]:
    rng = np.random.default_rng(seed)
    return [rng.normal(0, 1, (3, 8, 8)).astype(np.float32) for _ in range(count)]
