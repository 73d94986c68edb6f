"""``bit-depth``: images of 16 bits whose values fill a small part of them, and so are nearly black in 8 bits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from pytest_quant.judging.sanity.finding import Finding
from pytest_quant.judging.sanity.images import Header
from pytest_quant.judging.sanity.look import Look

_DECODED = 20
_FULL = 65535
_SMALL = 1 / 8
"""Of the range; 12 bits are a sixteenth of it."""


def find_dark(look: Look) -> Iterator[Finding]:
    """A warning where the largest value of the first such images is far below the range of 16 bits."""
    deep = [header for header in look.headers if header.is_16_bit][:_DECODED]
    largest = max((_known_largest(look, header) for header in deep), default=_FULL)
    if largest < _SMALL * _FULL:
        yield Finding(
            "bit-depth",
            "warning",
            f"images are stored in 16 bits, and the largest value of {len(deep)} of them is {largest}: as the 8 bits "
            f"that nets are given here they reach {largest // 256} of 255",
            "scale the values (12 bits: times 16) or store 8 bits",
        )


def _known_largest(look: Look, header: Header) -> int:
    return look.probe("largest value", header.sample.id, lambda: _largest(header))


def _largest(header: Header) -> int:
    if not isinstance(header.sample.source, Path):
        raise TypeError(f"{header.sample.id} is no file")
    pixels = cv2.imdecode(np.frombuffer(header.sample.source.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    return _FULL if pixels is None or pixels.dtype != np.uint16 else int(pixels.max())
