"""Image files to pixels."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np

from pytest_quant.datasets.base import Image
from pytest_quant.datasets.pixel_limit import check_pixels
from pytest_quant.spec.errors import DatasetError
from pytest_quant.spec.lfs import why_absent


def decode_image(data: bytes, *, orient: bool, name: object) -> Image:
    """Decode an image file the way mmcv does: OpenCV, three channels of 8 bits, here in RGB order.

    Args:
        data: The file's bytes, in any format that OpenCV reads. Gray images get three equal channels, an alpha channel
            is dropped and 16 bits become 8.
        orient: Whether an EXIF orientation is applied.
        name: Which sample this is; `str` of it is asked for by a message alone.

    Returns:
        uint8, shape (height, width, 3), RGB.

    Raises:
        DatasetError: The bytes are not a complete image, or one of more pixels than the limit.

    """
    flags = cv2.IMREAD_COLOR if orient else cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    absent = why_absent(data)
    if absent is not None:
        raise DatasetError(f"{name} {absent}")
    if not data:
        raise DatasetError(f"{name} is empty (0 bytes); expected an image")
    check_pixels(data, name)
    try:
        bgr = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise DatasetError(f"{name} does not decode: {error.err}") from error
    if bgr is None:
        raise DatasetError(
            f"{name} does not decode: its {len(data)} bytes are not a complete image that OpenCV "
            f"{cv2.__version__} reads"
        )
    return cast(Image, cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB))
