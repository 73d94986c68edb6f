"""Small networks as bytes, and the folder of real ones."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

SHARED_MODELS = Path(__file__).parents[5].parent / "shared" / "models"

FLOAT_PARAM = """7767517
6 7
Input            in       0 1 in0
Convolution      conv     1 1 in0 c1 0=4 1=3 4=1 5=1 6=108 9=1
Split            split    1 2 c1 c1a c1b
ConvolutionDepthWise dw   1 1 c1a d1 0=4 1=3 4=1 5=0 6=36 7=4
BinaryOp         add      2 1 d1 c1b s1 0=0
InnerProduct     fc       1 1 s1 out0 0=10 1=1 2=640
"""

INT8_PARAM = (
    FLOAT_PARAM.replace("6=108 9=1", "6=108 8=102 9=1")
    .replace("6=36 7=4", "6=36 7=4 8=1")
    .replace("2=640", "2=640 8=2")
)
"""For walks of its files: run, its BinaryOp would take the codes of `conv` for floats."""
RUNNING_INT8_PARAM = INT8_PARAM.replace("8=102", "8=2")
"""Its weights are those without a top scale."""


def shared_model(name: str) -> Path:
    """A file of the shared models' folder, or a skip."""
    path = SHARED_MODELS / name
    if not path.exists():
        pytest.skip(f"the shared real models are not on this machine: {path}")
    return path


def floats(*values: float) -> bytes:
    return struct.pack(f"<{len(values)}f", *values)


def tagged(tag: int, data: bytes) -> bytes:
    return struct.pack("<I", tag) + data + b"\0" * (-len(data) % 4)


def ramp(count: int, start: float = -1.0) -> bytes:
    return np.linspace(start, 1.0, count, dtype="<f4").tobytes()


def float_bin() -> bytes:
    """Weights of `FLOAT_PARAM`, fp32."""
    conv = tagged(0, ramp(108)) + ramp(4)
    depthwise = tagged(0, ramp(36))
    return conv + depthwise + tagged(0, ramp(640)) + ramp(10)


def int8_bin(*, top_scale: bool = True) -> bytes:
    """Weights of `INT8_PARAM`, int8 with the scales behind each layer; without ``top_scale`` ``8=2`` in ``conv``."""
    tag = 0x000D4B38
    conv = tagged(tag, bytes(range(108))) + ramp(4) + floats(10, 20, 30, 40) + floats(50)
    conv += floats(60) if top_scale else b""
    depthwise = tagged(tag, bytes(range(36))) + floats(1, 2, 3, 4) + floats(60)
    dense = tagged(tag, bytes(i % 100 for i in range(640))) + ramp(10) + floats(*range(1, 11)) + floats(2)
    return conv + depthwise + dense


def write_net(
    folder: Path, param: str = FLOAT_PARAM, data: bytes | None = None, stem: str = "net"
) -> tuple[Path, Path]:
    param_path, bin_path = folder / f"{stem}.param", folder / f"{stem}.bin"
    param_path.write_text(param)
    bin_path.write_bytes(float_bin() if data is None else data)
    return param_path, bin_path
