"""From pixels to a net's input: resize, crop, colour and normalization, as the published protocols do them."""

from __future__ import annotations

from typing import Literal, cast

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from pytest_quant.datasets.base import Image
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.net import InputSpec
from pytest_quant.tasks.base import Tensor

Backend = Literal["pillow", "opencv"]
"""What resizes: both are bilinear, but Pillow widens its filter when it shrinks an image and OpenCV does not."""

Rounding = Literal["truncate", "round"]


def resize(image: Image, size: tuple[int, int], backend: Backend) -> Image:
    """Bilinear resize to ``size`` (width, height), uint8 in and out; an image that has the size already is returned.

    >>> resize(np.zeros((4, 6, 3), np.uint8), (3, 2), "pillow").shape
    (2, 3, 3)
    """
    height, width = image.shape[:2]
    if (width, height) == size:
        return image
    if backend == "opencv":
        return cast(Image, cv2.resize(image, size, interpolation=cv2.INTER_LINEAR))
    return np.asarray(PillowImage.fromarray(image).resize(size, PillowImage.Resampling.BILINEAR))


def short_side_size(size: tuple[int, int], short_side: int, rounding: Rounding) -> tuple[int, int]:
    """Width and height after the shorter side of ``size`` was brought to ``short_side``, the ratio kept.

    ``truncate`` is mmpretrain's ResizeEdge and torchvision's Resize; ``round`` rounds halves to the even number.

    >>> short_side_size((500, 375), 256, "truncate"), short_side_size((375, 501), 256, "round")
    ((341, 256), (256, 342))
    """
    shorter, longer = sorted(size)
    scaled = short_side * longer // shorter if rounding == "truncate" else round(short_side * longer / shorter)
    return (short_side, scaled) if size[0] < size[1] else (scaled, short_side)


def center_crop(image: Image, size: tuple[int, int]) -> Image:
    """The middle of an image, ``size`` being (width, height), as mmcv's CenterCrop: the offset is rounded half to even.

    Raises:
        ValueError: The image is smaller than ``size``; nothing is padded.

    >>> center_crop(np.zeros((256, 341, 3), np.uint8), (224, 224)).shape
    (224, 224, 3)

    """
    height, width = image.shape[:2]
    if width < size[0] or height < size[1]:
        raise ValueError(f"an image of {width} by {height} pixels is smaller than the crop of {size[0]} by {size[1]}")
    left, top = round((width - size[0]) / 2), round((height - size[1]) / 2)
    return image[top : top + size[1], left : left + size[0]]


def padded_size(size: tuple[int, int], divisor: int) -> tuple[int, int]:
    """Width and height as the next multiples of ``divisor``.

    >>> padded_size((1308, 736), 32)
    (1312, 736)
    """
    return -(-size[0] // divisor) * divisor, -(-size[1] // divisor) * divisor


def pad_to_size(tensor: Tensor, size: tuple[int, int]) -> Tensor:
    """Zeros right and below, to ``size`` (width, height)."""
    channels, height, width = tensor.shape
    if (width, height) == size:
        return tensor
    padded = np.zeros((channels, size[1], size[0]), np.float32)
    padded[:, :height, :width] = tensor
    return padded


class Normalizer:
    """``x = (pixel * scale - mean) / std`` per channel, in float32, with the channels in the net's order.

    There are only 256 pixel values, so each channel's results are computed once and looked up: bit for bit what the
    arithmetic on whole images gives, in an eighth of the time.

    >>> normalize = Normalizer(InputSpec("in0", None, "bgr", mean=(0, 0, 128), std=(1, 1, 2)))
    >>> normalize(np.array([[[255, 0, 7]]], np.uint8)).ravel()
    array([ 7. ,  0. , 63.5], dtype=float32)
    """

    def __init__(self, net_input: InputSpec) -> None:
        channels = net_input.channels
        mean, std = np.array(net_input.mean, np.float32), np.array(net_input.std, np.float32)
        if mean.shape != (channels,) or std.shape != (channels,) or not std.all():
            raise ConfigError(
                f"input: found mean {list(net_input.mean)} and std {list(net_input.std)}; expected {channels} values "
                f"each for color {net_input.color}, none of std 0"
            )
        values = np.arange(256, dtype=np.float32) * np.float32(net_input.scale)
        self._tables: NDArray[np.float32] = (values - mean[:, np.newaxis]) / std[:, np.newaxis]
        self._color = net_input.color

    def __call__(self, image: Image) -> Tensor:
        """Make an RGB image of shape (height, width, 3) a float32 array of shape (channels, height, width)."""
        planes = self._planes(image)
        tensor = np.empty((len(planes), *image.shape[:2]), np.float32)
        for table, plane, channel in zip(self._tables, planes, tensor, strict=True):
            cv2.LUT(plane, table, dst=channel)
        return tensor

    def _planes(self, image: Image) -> list[NDArray[np.uint8]]:
        if self._color == "gray":
            return [cast(Image, cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))]
        planes = cast(list[Image], list(cv2.split(image)))
        return planes if self._color == "rgb" else planes[::-1]
