"""A recognizer's preprocessing: the width of each image, normalization, and padding on the right."""

from __future__ import annotations

import math
from typing import cast

import cv2
import numpy as np
from PIL import Image as PillowImage

from pytest_quant.datasets.base import Image
from pytest_quant.spec.errors import ConfigError, DatasetError
from pytest_quant.spec.net import InputSpec
from pytest_quant.tasks.base import Facts, Tensor
from pytest_quant.tasks.images import Normalizer
from pytest_quant.tasks.text_recognition.options import PreprocessOptions, Resize

Size = tuple[int, int]
"""Width and height in pixels."""


class Preprocess:
    """Resize, colour, normalization and padding of one model, checked for contradictions; shared between threads."""

    def __init__(self, options: PreprocessOptions, net_input: InputSpec) -> None:
        """Raise `ConfigError` when ``resize``, ``pad`` and ``input.size`` do not fit together."""
        if options.resize is None and net_input.size is None:
            raise ConfigError(
                "preprocess.resize is missing, and input.size as well; a recognizer takes images of one height: "
                "`resize: {height: 32, ...}`, or input.size to stretch images to"
            )
        self.options = options
        self.resize = options.resize or Resize(size=net_input.size)
        self._normalize = Normalizer(net_input)
        self._gray = net_input.color == "gray"
        self._check_size(net_input.size)

    def __call__(self, image: Image, name: str) -> tuple[Tensor, float]:
        """RGB pixels to the net's input, and which share of its width is not padding.

        Raises `DatasetError` for an image that is wider than the padded input.
        """
        size = resized_size((image.shape[1], image.shape[0]), self.resize)
        tensor = self._normalize(self._resized(image, size))
        pad = self.options.pad
        if pad is None or size[0] == pad.to:
            return tensor, 1.0
        if size[0] > pad.to:
            raise DatasetError(
                f"{name}: the image of {image.shape[1]} by {image.shape[0]} pixels becomes {size[0]} wide, more than "
                f"`preprocess.pad.to` {pad.to}; give `resize` a `max_width`"
            )
        padded = np.empty((*tensor.shape[:2], pad.to), np.float32)
        padded[:, :, : size[0]] = tensor
        padded[:, :, size[0] :] = tensor[:, :, -1:] if pad.value == "edge" else pad.value
        return padded, size[0] / pad.to

    def conditions(self) -> Facts:
        """The options spelled out, the resize that ``input.size`` implies included."""
        ways = self.resize.model_dump(mode="json", exclude_none=True)
        if self.resize.size is not None:
            ways = {key: value for key, value in ways.items() if key in ("size", "interpolation")}
        pad = self.options.pad
        return {
            "resize_backend": self.options.backend,
            "resize": ways,
            "pad": None if pad is None else pad.model_dump(mode="json"),
        }

    def _resized(self, image: Image, size: Size) -> Image:
        """A gray net's image is gray before it is resized, as its publishers read it."""
        if self._gray:
            gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
            image = np.repeat(self._scaled(cast(Image, gray), size)[:, :, np.newaxis], 3, axis=2)
            return np.ascontiguousarray(image)
        return self._scaled(image, size)

    def _scaled(self, image: Image, size: Size) -> Image:
        if (image.shape[1], image.shape[0]) == size:
            return image
        cubic = self.resize.interpolation == "cubic"
        if self.options.backend == "opencv":
            how = cv2.INTER_CUBIC if cubic else cv2.INTER_LINEAR
            return cast(Image, cv2.resize(image, size, interpolation=how))
        resampling = PillowImage.Resampling.BICUBIC if cubic else PillowImage.Resampling.BILINEAR
        return np.asarray(PillowImage.fromarray(image).resize(size, resampling))

    def _check_size(self, input_size: Size | None) -> None:
        how, pad = self.resize, self.options.pad
        height = how.height if how.size is None else how.size[1]
        widest = how.max_width if how.size is None else how.size[0]
        if pad is not None and widest is not None and widest > pad.to:
            raise ConfigError(
                f"preprocess: images get up to {widest} wide, more than pad.to {pad.to}; make max_width smaller"
            )
        if input_size is None:
            return
        width = pad.to if pad is not None else (None if how.size is None else how.size[0])
        if width is None:
            raise ConfigError(
                f"preprocess: resize.height without `pad` gives inputs of different widths, but input.size is "
                f"{list(input_size)}; add `pad: {{to: {input_size[0]}}}`, or leave out input.size"
            )
        if (width, height) != input_size:
            raise ConfigError(
                f"preprocess: inputs are {[width, height]} (width, height), but input.size is {list(input_size)}; make "
                "them equal, or leave out one"
            )


def resized_size(size: Size, how: Resize) -> Size:
    """Width and height after resizing.

    >>> resized_size((100, 40), Resize(height=32)), resized_size((999, 40), Resize(height=32, max_width=320))
    ((80, 32), (320, 32))
    >>> resized_size((90, 32), Resize(height=32, min_width=32, width_divisor=16))  # mmocr's CRNN
    (96, 32)
    """
    if how.size is not None:
        return how.size
    if how.height is None:
        raise TypeError(f"{how!r} names no way")
    exact = how.height * size[0] / size[1]
    width = math.ceil(exact) if how.rounding == "ceil" else int(exact) if how.rounding == "truncate" else round(exact)
    width = max(how.min_width, width if how.max_width is None else min(how.max_width, width))
    if width % how.width_divisor:
        width = round(width / how.width_divisor) * how.width_divisor
    return max(1, width), how.height
