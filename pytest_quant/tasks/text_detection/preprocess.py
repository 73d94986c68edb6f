"""A text detector's preprocessing: the size that each image is resized to, and the padding after normalization."""

from __future__ import annotations

from pytest_quant.datasets.base import Image
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.net import InputSpec
from pytest_quant.tasks.base import Tensor
from pytest_quant.tasks.images import Normalizer, pad_to_size, padded_size, resize, short_side_size
from pytest_quant.tasks.text_detection.geometry import Geometry
from pytest_quant.tasks.text_detection.options import PreprocessOptions, Resize

Size = tuple[int, int]
"""Width and height in pixels."""


class Preprocess:
    """Resize, colour, normalization and padding of one model, checked for contradictions; shared between threads."""

    def __init__(self, options: PreprocessOptions, net_input: InputSpec) -> None:
        """Raise `ConfigError` when ``resize``, ``pad_divisor`` and ``input.size`` do not fit together."""
        self.resize = options.resize
        if options.resize is None and net_input.size is not None:
            self.resize = Resize(size=net_input.size)
        self.backend = options.backend
        self.pad_divisor = options.pad_divisor
        _check_size(self.resize, options.pad_divisor, net_input.size)
        self._normalize = Normalizer(net_input)

    def __call__(self, image: Image) -> tuple[Tensor, Geometry]:
        """RGB pixels to the net's input, and the way back."""
        size = (image.shape[1], image.shape[0])
        target = size if self.resize is None else resized_size(size, self.resize)
        normalized = self._normalize(resize(image, target, self.backend))
        padded = padded_size(target, self.pad_divisor)
        scale = (target[0] / size[0], target[1] / size[1])
        return pad_to_size(normalized, padded), Geometry(scale, size, padded)

    def resize_json(self) -> dict[str, object] | None:
        """The resize as a zoo file would spell it out, the one that ``input.size`` implies included."""
        if self.resize is None:
            return None
        ways = self.resize.model_dump(mode="json", exclude_none=True)
        return ways if "short_side" in ways else {key: value for key, value in ways.items() if key != "rounding"}


def resized_size(size: Size, how: Resize) -> Size:
    """Width and height after resizing, at least 1.

    >>> resized_size((1280, 720), Resize(keep_ratio=(1333, 736))), resized_size((1920, 600), Resize(short_side=736))
    ((1308, 736), (2355, 736))
    """
    if how.size is not None:
        return how.size
    if how.short_side is not None:
        if how.rounding == "truncate":
            return short_side_size(size, how.short_side, "truncate")
        scale = how.short_side / min(size)
        return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
    if how.keep_ratio is not None:
        scale = min(max(how.keep_ratio) / max(size), min(how.keep_ratio) / min(size))
    elif how.long_side is not None:
        scale = how.long_side / max(size)
    else:
        raise TypeError(f"{how!r} names no way")
    return max(1, int(size[0] * scale + 0.5)), max(1, int(size[1] * scale + 0.5))


def _check_size(how: Resize | None, divisor: int, input_size: Size | None) -> None:
    if input_size is None or how is None:
        return
    if how.size is None:
        way = next(key for key in ("short_side", "long_side", "keep_ratio") if getattr(how, key) is not None)
        raise ConfigError(
            f"preprocess: resize.{way} gives inputs of different sizes, but input.size is {list(input_size)}; leave "
            "out input.size, or resize to that `size`"
        )
    given = padded_size(how.size, divisor)
    if given != input_size:
        raise ConfigError(
            f"preprocess: resize.size {list(how.size)} with pad_divisor {divisor} gives inputs of {list(given)} "
            f"(width, height), but input.size is {list(input_size)}; make them equal, or leave out one"
        )
