"""A detector's preprocessing: to which size images are resized, the letterbox, and padding after normalization."""

from __future__ import annotations

import numpy as np

from pytest_quant.datasets.base import Image
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.net import InputSpec
from pytest_quant.tasks.base import Tensor
from pytest_quant.tasks.images import Normalizer, pad_to_size, padded_size, resize
from pytest_quant.tasks.object_detection.geometry import Geometry
from pytest_quant.tasks.object_detection.options import PreprocessOptions, Resize, Rounding

Size = tuple[int, int]
"""Width and height in pixels."""

_KEEP_RATIO_DIVISOR = 32


class Preprocess:
    """Resize, letterbox, colour, normalization and padding of one model; shared between threads."""

    def __init__(self, options: PreprocessOptions, net_input: InputSpec) -> None:
        """Raise `ConfigError` when ``resize``, ``pad_divisor`` and ``input.size`` do not fit together."""
        if options.resize is None and net_input.size is None:
            raise ConfigError(
                "input.size is missing, and with it the size that images are resized to; write it, [width, height], or "
                "`preprocess: {resize: ...}`"
            )
        self.resize = options.resize or Resize(size=net_input.size)
        self.backend = options.backend
        usual = 1 if self.resize.keep_ratio is None else _KEEP_RATIO_DIVISOR
        self.pad_divisor = options.pad_divisor or usual
        _check_size(self.resize, self.pad_divisor, net_input.size)
        self._normalize = Normalizer(net_input)

    def __call__(self, image: Image) -> tuple[Tensor, Geometry]:
        """RGB pixels to the net's input, and the way back."""
        size = (image.shape[1], image.shape[0])
        geometry = self.geometry(size)
        resized = resize(image, geometry.seen_size, self.backend)
        if self.resize.letterbox is not None:
            resized = _boxed(resized, geometry, self.resize.pad_value)
        return pad_to_size(self._normalize(resized), geometry.input_size), geometry

    def geometry(self, size: Size) -> Geometry:
        """Where an image of that size lies in the input."""
        how = self.resize
        if how.size is not None:
            seen = how.size
            return Geometry(size, padded_size(seen, self.pad_divisor), seen, (seen[0] / size[0], seen[1] / size[1]))
        bounds = how.letterbox or how.keep_ratio
        assert bounds is not None, "the options name one way"  # noqa: S101
        if how.keep_ratio is None:
            ratio = min(bounds[0] / size[0], bounds[1] / size[1])
        else:
            ratio = min(max(bounds) / max(size), min(bounds) / min(size))
        seen = _scaled(size, ratio, how.rounds)
        scale = (ratio, ratio)
        if how.rounds == "nearest" and how.place == "top-left":
            scale = (seen[0] / size[0], seen[1] / size[1])
        if how.letterbox is None:
            return Geometry(size, padded_size(seen, self.pad_divisor), seen, scale)
        return Geometry(size, how.letterbox, seen, scale, _offset(how, seen))

    def resize_json(self) -> dict[str, object]:
        """The resize as a zoo file would spell it out, the one that ``input.size`` implies included."""
        found = self.resize.model_dump(mode="json", exclude_none=True)
        if self.resize.letterbox is None:
            found = {key: value for key, value in found.items() if key not in ("place", "pad_value")}
        return found if self.resize.size is not None else {**found, "rounding": self.resize.rounds}


def _scaled(size: Size, ratio: float, rounding: Rounding) -> Size:
    """A size times a ratio, at least 1.

    >>> _scaled((640, 427), 0.65, "truncate"), _scaled((640, 427), 0.65, "nearest")
    ((416, 277), (416, 278))
    """
    half = 0.5 if rounding == "nearest" else 0.0
    return max(1, int(size[0] * ratio + half)), max(1, int(size[1] * ratio + half))


def _offset(how: Resize, seen: Size) -> Size:
    """Left and top padding; an odd pixel goes to the right and below, as Ultralytics has it."""
    if how.place == "top-left" or how.letterbox is None:
        return 0, 0
    return (how.letterbox[0] - seen[0]) // 2, (how.letterbox[1] - seen[1]) // 2


def _boxed(image: Image, geometry: Geometry, value: int) -> Image:
    (left, top), (width, height) = geometry.offset, geometry.seen_size
    box = np.full((geometry.input_size[1], geometry.input_size[0], 3), value, np.uint8)
    box[top : top + height, left : left + width] = image
    return box


def _check_size(how: Resize, divisor: int, input_size: Size | None) -> None:
    if input_size is None:
        return
    if how.keep_ratio is not None:
        raise ConfigError(
            f"preprocess: resize.keep_ratio gives inputs of different sizes, but input.size is {list(input_size)}; "
            "leave out input.size, or resize to that `size` or `letterbox`"
        )
    given = how.letterbox or padded_size(how.size or input_size, divisor)
    if given != input_size:
        way = "letterbox" if how.letterbox else "size"
        raise ConfigError(
            f"preprocess: resize.{way} {list(how.letterbox or how.size or ())} with pad_divisor {divisor} gives inputs "
            f"of {list(given)} (width, height), but input.size is {list(input_size)}; make them equal, or leave out one"
        )
