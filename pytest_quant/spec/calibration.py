"""How an int8 net is made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

CalibrationMethod = Literal["kl", "aciq", "minmax", "percentile", "mse"]


@dataclass(frozen=True)
class CalibrationSpec:
    """How the int8 net is made from the fp32 one: ``int8: {calibrate: ...}``."""

    images: Path | None
    """A folder of images, or a text file with one path per line, relative to the file; None where ``missing``. Of a
    model that is fed arrays: likewise of `.npy` or `.npz` files."""
    method: CalibrationMethod = "kl"
    percentile: float = 99.99
    """Percent of the absolute values that the method of that name keeps."""
    samples: int | None = None
    """Size of the seeded choice of images; None: all of them."""
    eight_bit: bool = False
    """8-bit weights also where ncnn2table uses 6 bits (3x3 convolutions of stride 1)."""
    keep_float: tuple[str, ...] = ()
    """Layers that stay float."""
    missing: str | None = None
    """Why the images cannot be on this machine at all: an environment variable is not set."""
