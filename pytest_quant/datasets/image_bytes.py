"""The bytes of an image file, as far as they can be those of an image: what is large is asked first what it is."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from pytest_quant.datasets.image_headers import BEGINNINGS
from pytest_quant.datasets.pixel_limit import check_size_in_pixels, image_size, most_image_bytes
from pytest_quant.spec.whole_file import check_size, open_descriptor, rest_of

_SMALL_BYTES = 64 << 20
"""Read without a question."""
_BYTES_OF_A_PIXEL = 16
"""Four floats: no format takes more, but for what stands beside the pixels, for which there are `_SMALL_BYTES`."""


def image_bytes(path: Path, name: object) -> bytes:
    """The content of an image file; ``name`` names it in messages.

    Raises `OSError` for one that cannot be read, or is larger than its pixels can take, and `DatasetError` for one of
    more pixels than the limit, both before it is read.
    """
    number, size = open_descriptor(path)
    try:
        check_size(path, size, most_image_bytes())
        if size > _SMALL_BYTES:
            _check_large(path, number, size, name)
        return rest_of(number, size)
    finally:
        os.close(number)


def _check_large(path: Path, number: int, size: int, name: object) -> None:
    head = os.read(number, 4096)
    os.lseek(number, 0, os.SEEK_SET)
    found = image_size(head, path)
    if found is not None:
        check_size_in_pixels(found, name)
        check_size(path, size, _SMALL_BYTES + _BYTES_OF_A_PIXEL * found[0] * found[1])
    elif not head.startswith(BEGINNINGS):
        raise OSError(errno.EFBIG, f"it has {size} bytes, and does not begin as an image does", str(path))
