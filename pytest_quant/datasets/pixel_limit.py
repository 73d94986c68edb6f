"""How many pixels an image may have: read from its header, before anything is decoded."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path

from pytest_quant.datasets.image_headers import other_size
from pytest_quant.spec.errors import DatasetError
from pytest_quant.spec.whole_file import MOST_BYTES

DEFAULT_MAX_PIXELS = 178_956_970
"""As Pillow has it: half a gigabyte of decoded pixels. A square of 13377."""

_MOST_BYTES_OF_A_PIXEL = 16
"""Four floats."""

_max_pixels = DEFAULT_MAX_PIXELS

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8"
_SIZES_OF_JPEG = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of the segments that hold height and width."""
_ALONE = frozenset({0x01, *range(0xD0, 0xDA)})
"""Markers without a segment behind them."""


def limit_pixels(count: int) -> Callable[[], None]:
    """Set the limit of this process; gives what sets the one of before again."""
    global _max_pixels  # as decoders have it: else every reader of an image, however deep, would pass it on
    before, _max_pixels = _max_pixels, count

    def restore() -> None:
        limit_pixels(before)

    return restore


def max_pixels() -> int:
    """The limit of this process."""
    return _max_pixels


def most_image_bytes() -> int:
    """Of an image file, read before it is decoded: no format takes more for a pixel, but what stands beside them."""
    return max(MOST_BYTES, _MOST_BYTES_OF_A_PIXEL * _max_pixels)


def check_pixels(data: bytes, name: object) -> None:
    """Raise `DatasetError` for an image file whose header tells of more pixels than the limit; ``name`` names it.

    A file that is no image, or in a format whose header nobody knows, passes: its decoder has a word to say.
    """
    size = image_size(data)
    if size is not None:
        check_size_in_pixels(size, name)


def check_size_in_pixels(size: tuple[int, int], name: object) -> None:
    """Likewise for width and height."""
    if size[0] * size[1] > _max_pixels:
        raise DatasetError(
            f"{name} has {size[0]} x {size[1]} pixels, more than the {_max_pixels} that an image may have; if it is "
            "meant, set the ini option `quant_max_pixels`"
        )


def image_size(data: bytes, path: Path | None = None) -> tuple[int, int] | None:
    """Width and height as the header of an image file has them; None where that is not known.

    ``path``: where to look for more, when ``data`` is the beginning only.

    >>> image_size(b"P6 2 3 255 " + bytes(18))
    (2, 3)
    """
    if data.startswith(_PNG) and len(data) >= 24:
        width, height = struct.unpack(">II", data[16:24])
        return width, height
    size = _jpeg_size(data) if data.startswith(_JPEG) else other_size(data)
    return size or _pillow_size(io.BytesIO(data) if path is None else path)


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker in _SIZES_OF_JPEG:
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        if marker == 0xFF:
            at += 1
        else:
            at += 2 if marker in _ALONE else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None


def _pillow_size(source: io.BytesIO | Path) -> tuple[int, int] | None:
    from PIL import Image, UnidentifiedImageError  # for what is rare

    try:
        with Image.open(source) as image:
            width, height = image.size
            return width, height
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return _of_bomb()
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, TypeError, EOFError, struct.error, UserWarning):
        return None  # the last one where the user makes errors of Pillow's warnings


def _of_bomb() -> tuple[int, int] | None:
    """Pillow does not say how large it is; more than its own limit, which ours may be above."""
    return (DEFAULT_MAX_PIXELS + 1, 1) if _max_pixels <= DEFAULT_MAX_PIXELS else None
