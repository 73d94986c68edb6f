"""A classifier's preprocessing: which sizes follow from the options, and the work on one image."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_quant.datasets.base import Image, Sample
from pytest_quant.spec.errors import ConfigError, DatasetError
from pytest_quant.spec.net import InputSpec
from pytest_quant.tasks.base import Tensor
from pytest_quant.tasks.classification.options import PreprocessOptions, Resize
from pytest_quant.tasks.images import Normalizer, center_crop, resize, short_side_size


class Preprocess:
    """Resize, crop, colour and normalization of one model, checked for contradictions; shared between threads."""

    def __init__(self, options: PreprocessOptions, net_input: InputSpec) -> None:
        """Raise `ConfigError` when ``resize``, ``crop`` and ``input.size`` do not fit together."""
        _check_sizes(options, net_input.size)
        self.resize = options.resize
        if options.resize is None and options.crop is None and net_input.size is not None:
            self.resize = Resize(size=net_input.size)
        self.crop = options.crop
        self.backend = options.backend
        self._normalize = Normalizer(net_input)

    def __call__(self, image: Image, sample: Sample) -> Tensor:
        """RGB pixels to the net's input; raises `DatasetError` for an image that is smaller than the crop."""
        if self.resize is not None:
            image = resize(image, _resized_size(image, self.resize), self.backend)
        if self.crop is not None:
            try:
                image = center_crop(image, self.crop)
            except ValueError as error:
                raise DatasetError(
                    f"sample {sample.id!r}: {error}; give preprocess a `resize` that makes every image large enough"
                ) from error
        return self._normalize(image)

    def resize_json(self) -> dict[str, list[int] | int | str] | None:
        """The resize as a zoo file would spell it out, the one that ``input.size`` implies included."""
        if self.resize is None:
            return None
        if self.resize.size is not None:
            return {"size": list(self.resize.size)}
        return self.resize.model_dump(include={"short_side", "rounding"})

    def crop_json(self) -> list[int] | None:
        """Width and height of the crop."""
        return None if self.crop is None else list(self.crop)


def _resized_size(image: Image, how: Resize) -> tuple[int, int]:
    if how.short_side is not None:
        return short_side_size((image.shape[1], image.shape[0]), how.short_side, how.rounding)
    if how.size is None:
        raise TypeError(f"{how!r} has neither a size nor a short side")
    return how.size


@dataclass(frozen=True)
class _Stage:
    key: str
    size: tuple[int, int]


def _check_sizes(options: PreprocessOptions, input_size: tuple[int, int] | None) -> None:
    how, crop = options.resize, options.crop
    if crop is not None and how is not None:
        _check_crop_fits(crop, how)
    if crop is not None:
        last = _Stage("crop", crop)
    elif how is not None and how.size is not None:
        last = _Stage("resize.size", how.size)
    elif how is not None and input_size is not None:
        raise ConfigError(
            f"preprocess: resize.short_side {how.short_side} without `crop` gives images of different sizes, but "
            f"input.size is {list(input_size)}; add `crop: {list(input_size)}`, or leave out input.size"
        )
    else:
        return
    if input_size is not None and last.size != input_size:
        raise ConfigError(
            f"preprocess: {last.key} gives images of {list(last.size)} (width, height), but input.size is "
            f"{list(input_size)}; make them equal, or leave out one"
        )


def _check_crop_fits(crop: tuple[int, int], how: Resize) -> None:
    too_large = (
        min(crop) > how.short_side
        if how.short_side is not None
        else how.size is not None and (crop[0] > how.size[0] or crop[1] > how.size[1])
    )
    if too_large:
        after = f"short_side {how.short_side}" if how.size is None else f"size {list(how.size)}"
        raise ConfigError(f"preprocess: crop {list(crop)} is larger than the image after resize to {after}")
