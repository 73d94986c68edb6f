"""A segmenter's preprocessing: the size that each image is resized to, normalization, padding, and the way back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pytest_quant.datasets.base import Image
from pytest_quant.spec.errors import ConfigError, DatasetError
from pytest_quant.spec.net import InputSpec
from pytest_quant.tasks.base import Facts, Tensor
from pytest_quant.tasks.images import Normalizer, padded_size, resize
from pytest_quant.tasks.semantic_segmentation.options import PreprocessOptions
from pytest_quant.tasks.text_detection.options import Resize
from pytest_quant.tasks.text_detection.preprocess import resized_size

Size = tuple[int, int]
"""Width and height in pixels."""


@dataclass(frozen=True)
class Geometry:
    """The sizes that an image had on its way into the net."""

    image: Size
    resized: Size
    padded: Size
    """The net's input; the padding is right and below."""


class Preprocess:
    """Resize, colour, normalization and padding of one model, checked for contradictions; shared between threads."""

    def __init__(self, options: PreprocessOptions, net_input: InputSpec) -> None:
        """Raise `ConfigError` when ``resize``, ``pad_divisor`` and ``input.size`` do not fit together."""
        self.resize = options.resize
        if options.resize is None and net_input.size is not None:
            self.resize = Resize(size=net_input.size)
        self.backend = options.backend
        self.pad_divisor = options.pad_divisor
        self.pad_value = options.pad_value
        self.input_size = net_input.size
        self._normalize = Normalizer(net_input)
        self._check_size()

    def __call__(self, image: Image, name: str) -> tuple[Tensor, Geometry]:
        """RGB pixels to the net's input; raises `DatasetError` for an image that is larger than ``input.size``."""
        size = (image.shape[1], image.shape[0])
        target = size if self.resize is None else resized_size(size, self.resize)
        padded = padded_size(target, self.pad_divisor) if self.input_size is None else self.input_size
        if target[0] > padded[0] or target[1] > padded[1]:
            raise DatasetError(
                f"{name}: the image of {list(size)} (width, height) becomes {list(target)}, which is larger than "
                f"input.size {list(padded)}; give `preprocess.resize` a size that fits, or leave out input.size"
            )
        return self._pad(self._normalize(resize(image, target, self.backend)), padded), Geometry(size, target, padded)

    def conditions(self) -> Facts:
        """The options spelled out, the resize that ``input.size`` implies included."""
        ways = None if self.resize is None else self.resize.model_dump(mode="json", exclude_none=True)
        if ways is not None and "short_side" not in ways:
            ways.pop("rounding")
        return {
            "resize_backend": self.backend,
            "resize": ways,
            "pad_divisor": self.pad_divisor,
            "pad_value": self.pad_value,
        }

    def _pad(self, tensor: Tensor, size: Size) -> Tensor:
        channels, height, width = tensor.shape
        if (width, height) == size:
            return tensor
        padded = np.full((channels, size[1], size[0]), self.pad_value, np.float32)
        padded[:, :height, :width] = tensor
        return padded

    def _check_size(self) -> None:
        how, size = self.resize, self.input_size
        if size is None or how is None:
            return
        if padded_size(size, self.pad_divisor) != size:
            raise ConfigError(
                f"preprocess: pad_divisor {self.pad_divisor} does not divide input.size {list(size)}; make it fit, or "
                "leave out one"
            )
        if how.size is not None and padded_size(how.size, self.pad_divisor) != size:
            raise ConfigError(
                f"preprocess: resize.size {list(how.size)} with pad_divisor {self.pad_divisor} gives inputs of "
                f"{list(padded_size(how.size, self.pad_divisor))} (width, height), but input.size is {list(size)}; "
                "make them equal, or leave out one"
            )
