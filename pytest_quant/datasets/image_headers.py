"""Width and height out of the headers of formats that OpenCV reads and Pillow may not."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable

Size = tuple[int, int]

_WITHIN = 1 << 16
"""Bytes in which every header has said its size."""
_HDR = re.compile(rb"^[-+]Y +([0-9]{1,10}) +[-+]X +([0-9]{1,10})\s*$", re.MULTILINE)
_PFM = re.compile(rb"P[Ff]\s+([0-9]{1,10})\s+([0-9]{1,10})\s")
_PAM = (re.compile(rb"^WIDTH\s+([0-9]{1,10})\s", re.MULTILINE), re.compile(rb"^HEIGHT\s+([0-9]{1,10})\s", re.MULTILINE))
_EXR = b"dataWindow\0box2i\0\x10\0\0\0"
_AVIF = b"ispe\0\0\0\0"


def other_size(data: bytes) -> Size | None:
    r"""Width and height as the header has them; None for other formats, and where the header does not say.

    >>> other_size(b"#?RADIANCE\n\n-Y 3 +X 2\n"), other_size(b"PF 2 3 -1.0 ")
    ((2, 3), (2, 3))
    """
    if data[4:12] in (b"ftypavif", b"ftypavis"):
        return _behind(data, _AVIF, ">II")
    size_of = next((function for magic, function in _SIZES.items() if data.startswith(magic)), None)
    return None if size_of is None else size_of(data[:_WITHIN])


def _hdr(data: bytes) -> Size | None:
    found = _HDR.search(data)
    return None if found is None else (int(found[2]), int(found[1]))


def _pfm(data: bytes) -> Size | None:
    found = _PFM.match(data)
    return None if found is None else (int(found[1]), int(found[2]))


def _pam(data: bytes) -> Size | None:
    width, height = (pattern.search(data) for pattern in _PAM)
    return None if width is None or height is None else (int(width[1]), int(height[1]))


def _sun(data: bytes) -> Size | None:
    return struct.unpack(">II", data[4:12]) if len(data) >= 12 else None


def _exr(data: bytes) -> Size | None:
    at = data.find(_EXR) + len(_EXR)
    if at < len(_EXR) or len(data) < at + 16:
        return None
    left, top, right, bottom = struct.unpack("<4i", data[at : at + 16])
    return max(right - left + 1, 0), max(bottom - top + 1, 0)


def _behind(data: bytes, mark: bytes, form: str) -> Size | None:
    """The largest of several: an image of tiles has one for each and one for all."""
    at = [found.end() for found in re.finditer(re.escape(mark), data[:_WITHIN])]
    sizes = [struct.unpack(form, data[place : place + 8]) for place in at if len(data) >= place + 8]
    return max(sizes, key=lambda size: size[0] * size[1], default=None)


_SIZES: dict[bytes, Callable[[bytes], Size | None]] = {
    b"#?RADIANCE": _hdr,
    b"#?RGBE": _hdr,
    b"PF": _pfm,
    b"Pf": _pfm,
    b"P7": _pam,
    b"\x59\xa6\x6a\x95": _sun,
    b"\x76\x2f\x31\x01": _exr,
}
"""By what a file begins with."""
BEGINNINGS = tuple(_SIZES)
