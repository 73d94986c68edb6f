"""Writing ncnn's files: the canonical ``.param`` text and the arrays of a ``.bin``."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pytest_quant.nets.ncnn.files.canonical import format_param
from pytest_quant.nets.ncnn.files.param import Layer
from pytest_quant.nets.ncnn.files.weights import TAG_FP16, TAG_INT8

_SMALLEST_FP32 = 1e-30  # ncnn's tools write 0 for anything smaller
_SMALLEST_NORMAL_FP16 = 2.0**-14


def write_param(layers: Iterable[Layer], path: Path | str) -> None:
    """Write the layers as canonical ``.param`` text, see `pytest_quant.nets.ncnn.files.canonical`."""
    replace_file(path, [format_param(layers).encode()])


def replace_file(path: Path | str, parts: Iterable[bytes]) -> None:
    """Write ``parts`` one after the other; the file appears whole or not at all."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as file:
            file.writelines(parts)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def pack_bare(values: NDArray[np.generic]) -> bytes:
    """Return a bare float32 array (bias, scales)."""
    return _without_denormals(values).tobytes()


def pack_fp32(values: NDArray[np.generic]) -> bytes:
    """Return a tagged float32 array."""
    return b"\0\0\0\0" + pack_bare(values)


def pack_fp16(values: NDArray[np.float32]) -> bytes:
    """Return a tagged float16 array of float32 values.

    The last 1 to 3 values of a size that is not a multiple of 4 are rounded towards zero, as ncnn's tools do on x86.

    Raises:
        OverflowError: a finite value is beyond the range of float16.

    """
    flat = np.ascontiguousarray(values, np.float32).ravel()
    with np.errstate(over="ignore", under="ignore"):
        half = flat.astype("<f2")
    if not np.isfinite(half[np.isfinite(flat)]).all():
        raise OverflowError(f"value {np.abs(flat).max():g} is beyond the range of float16 (65504)")
    tail = flat.size // 4 * 4
    half[tail:] = _truncated_fp16(flat[tail:])
    return _tagged(TAG_FP16, half.tobytes())


def pack_int8(values: NDArray[np.int8]) -> bytes:
    """Return a tagged int8 array."""
    return _tagged(TAG_INT8, np.ascontiguousarray(values, np.int8).tobytes())


def _truncated_fp16(values: NDArray[np.float32]) -> NDArray[np.float16]:
    cut = (values.view(np.uint32) & np.uint32(0xFFFFE000)).view(np.float32)
    cut = np.where(np.abs(values) < _SMALLEST_NORMAL_FP16, np.copysign(np.float32(0), values), cut)
    half: NDArray[np.float16] = cut.astype("<f2")
    return half


def _tagged(tag: int, data: bytes) -> bytes:
    return tag.to_bytes(4, "little") + data + b"\0" * (-len(data) % 4)


def _without_denormals(values: NDArray[np.generic]) -> NDArray[np.float32]:
    flat = np.asarray(values, "<f4").ravel()
    return np.where((np.abs(flat) < _SMALLEST_FP32) & (flat != 0), np.float32(0), flat).astype("<f4")
