"""Label images of segmentation: one class per pixel, as an index or as a colour."""

from __future__ import annotations

import hashlib
import io
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import UnidentifiedImageError

from pytest_quant.datasets.image_bytes import image_bytes
from pytest_quant.datasets.pixel_limit import check_pixels
from pytest_quant.spec.errors import DatasetError
from pytest_quant.spec.lfs import why_absent
from pytest_quant.spec.text import first_few, shown

VOID = -1
"""In place of a class: the pixel does not count."""

Labels: TypeAlias = NDArray[np.int32]
"""Shape (height, width): the class of each pixel, or `VOID`."""

Color: TypeAlias = tuple[int, int, int]

_INDEX_MODES = frozenset({"1", "L", "P", "I", "I;16", "I;16B", "I;16L"})
"""Pillow's modes of images with one number per pixel; of ``P`` it is the index, not the colour."""
_LOSSY = frozenset({"JPEG", "WEBP"})


@dataclass(frozen=True)
class Coding:
    """How a label image says which class a pixel is."""

    ignore_index: int = 255
    """The value of pixels that do not count."""
    reduce_zero_label: bool = False
    """0 does not count either, and 1 is the first class (ADE20K)."""
    palette: tuple[Color, ...] | None = None
    """The colour of each class, red first; None: the pixels are indexes."""
    ignore_colors: tuple[Color, ...] = ()
    """The colours of pixels that do not count."""


@dataclass(frozen=True)
class MaskFile:
    """The ground truth of one image: its label image."""

    path: Path = field(repr=False)
    sha256: str
    """Of the file."""
    coding: Coding


def read_labels(mask: MaskFile, class_count: int, name: str) -> Labels:
    """The classes in a label image.

    Args:
        mask: The file and how it is to be read.
        class_count: How many classes there are; a value that is neither a class nor void is an error.
        name: Which sample this is, for messages.

    Raises:
        DatasetError: The file is not an image, or a lossy one, a colour image without a palette or the reverse, or it
            holds values or colours that are not classes.

    """
    image = _opened(mask.path, mask.sha256, f"{name}: the label image {shown(mask.path)}")
    where = f"{name}: the label image {shown(mask.path)}"
    if mask.coding.palette is not None:
        return _of_colors(image, mask.coding.palette, mask.coding.ignore_colors, where)
    if image.mode not in _INDEX_MODES:
        raise DatasetError(
            f"{where} is a colour image ({image.mode}); expected one number per pixel, the class: give the dataset a "
            "`palette` with the colour of each class, or name the folder of the index images"
        )
    return _of_indexes(np.asarray(image).astype(np.int32), mask.coding, class_count, where)


def _opened(path: Path, sha256: str, where: str) -> PillowImage.Image:
    try:
        data = image_bytes(path, where)
        if hashlib.sha256(data).hexdigest() != sha256:
            raise DatasetError(f"{where} was replaced while the run was on; run again")
        absent = why_absent(data)
        if absent is not None:
            raise DatasetError(f"{where} {absent}")
        check_pixels(data, where)
        image = PillowImage.open(io.BytesIO(data))
        image.load()
    except (PillowImage.DecompressionBombError, PillowImage.DecompressionBombWarning) as error:
        raise DatasetError(f"{where} has more pixels than Pillow reads: {error}") from None
    except UnidentifiedImageError:
        raise DatasetError(f"{where} is not an image that Pillow reads") from None
    except OSError as error:
        raise DatasetError(f"{where} cannot be read: {error.strerror or error}") from error
    except (SyntaxError, ValueError, TypeError, EOFError, struct.error) as error:  # what Pillow raises for parts
        raise DatasetError(f"{where} is damaged: {error}") from None
    if image.format in _LOSSY:
        raise DatasetError(f"{where} is a {image.format} file, which changes values; expected a lossless one, as PNG")
    return image


def _of_indexes(raw: Labels, coding: Coding, class_count: int, where: str) -> Labels:
    labels = reduced(raw) if coding.reduce_zero_label else raw
    labels = np.where(labels == coding.ignore_index, VOID, labels)
    wrong = (labels != VOID) & ((labels < 0) | (labels >= class_count))
    if wrong.any():
        values = np.unique(raw[wrong]).tolist()
        raise DatasetError(
            f"{where} holds {first_few(list(map(str, values)))} in {100 * wrong.mean():.2g} % of its pixels, which "
            f"{'is not a class' if len(values) == 1 else 'are not classes'}: there are {class_count}, "
            f"0 to {class_count - 1}"
            f"{' after reduce_zero_label' if coding.reduce_zero_label else ''}, and ignore_index is "
            f"{coding.ignore_index}; is `ignore_index: {values[0]}` meant, `reduce_zero_label`, or another list of "
            "`classes`?"
        )
    return labels


def reduced(raw: Labels) -> Labels:
    """What ``reduce_zero_label`` makes of labels: 0 becomes 255 and every other one less, but 255 stays.

    >>> reduced(np.array([[0, 1, 150, 255]], np.int32)).tolist()
    [[255, 0, 149, 255]]
    """
    less = np.where(raw == 0, 255, raw) - 1
    return np.where(less == 254, 255, less)


def _of_colors(
    image: PillowImage.Image, palette: Sequence[Color], ignore_colors: Sequence[Color], where: str
) -> Labels:
    if image.mode not in ("P", "RGB", "RGBA"):
        raise DatasetError(
            f"{where} is not a colour image ({image.mode}), but the dataset has a `palette`; remove it if the pixels "
            "are indexes"
        )
    pixels = np.asarray(image.convert("RGB")).astype(np.int32)
    codes = _packed(pixels)
    known = np.array([*palette, *ignore_colors], np.int32)
    order = np.argsort(_packed(known), kind="stable")
    ordered = _packed(known)[order]
    places = np.searchsorted(ordered, codes).clip(max=len(ordered) - 1)
    wrong = ordered[places] != codes
    if wrong.any():
        colors = [str(color) for color in np.unique(pixels[wrong], axis=0)[:5].tolist()]
        raise DatasetError(
            f"{where} has the colours {first_few(colors)} in {100 * wrong.mean():.2g} % of its pixels, which "
            "`palette` does not name; colours of pixels that do not count go into `ignore_colors`"
        )
    classes = np.array([*range(len(palette)), *[VOID] * len(ignore_colors)], np.int32)
    found: Labels = classes[order][places]
    return found


def _packed(colors: Labels) -> Labels:
    """Colours, the last axis, as one number each."""
    packed: Labels = (colors[..., 0] << 16) | (colors[..., 1] << 8) | colors[..., 2]
    return packed
