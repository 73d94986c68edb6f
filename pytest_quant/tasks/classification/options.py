"""What a zoo entry can say about a classifier beyond its input: ``preprocess``, ``postprocess`` and ``metric``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from pytest_quant.tasks.images import Backend, Rounding

Pixels = Annotated[int, Field(strict=True, gt=0)]


def _pair(value: object) -> object:
    if not isinstance(value, list | tuple) or len(value) != 2 or not all(map(_is_pixels, value)):
        raise ValueError("[width, height], both whole numbers above 0")
    return value


def _pair_or_square(value: object) -> object:
    return (value, value) if _is_pixels(value) else _pair(value)


def _is_pixels(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


_MAX_PIXELS = 1 << 26
"""Of an image that a net is to see: more would take gigabytes for each thread."""


def _bounded(size: tuple[int, int]) -> tuple[int, int]:
    if size[0] * size[1] > _MAX_PIXELS:
        raise ValueError(f"width and height in pixels, at most {_MAX_PIXELS} in all")
    return size


Size = Annotated[tuple[int, int], BeforeValidator(_pair), AfterValidator(_bounded)]
"""Width and height."""
Square = Annotated[tuple[int, int], BeforeValidator(_pair_or_square)]
"""Width and height, or one number for both."""


class _Keys(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Resize(_Keys):
    """``preprocess.resize``: exactly one of ``size`` and ``short_side``."""

    size: Size | None = None
    """Both sides, whatever the ratio was."""
    short_side: Pixels | None = None
    """The shorter side; the ratio is kept."""
    rounding: Rounding = "truncate"
    """What becomes of a fraction of a pixel on the longer side."""

    @model_validator(mode="after")
    def _one_way(self) -> Resize:
        if (self.size is None) == (self.short_side is None):
            raise ValueError("exactly one of `size: [width, height]` and `short_side`")
        if self.size is not None and "rounding" in self.model_fields_set:
            raise ValueError("`rounding` with `short_side` only: `size` leaves nothing to round")
        return self


class PreprocessOptions(_Keys):
    """``preprocess``: decode, ``resize``, ``crop``, then colour and normalization as ``input`` says."""

    resize: Resize | None = None
    """Without it and without ``crop`` an image is resized to ``input.size``."""
    backend: Backend = "pillow"
    crop: Square | None = None
    """The middle that is kept."""


class PostprocessOptions(_Keys):
    """``postprocess``: a classifier's scores are taken as they are, so there are no keys."""


class AccuracyOptions(_Keys):
    """``metric.top1`` and ``metric.top5``."""

    profile: Literal["rank", "mmpretrain"] = "rank"
    """``rank``: the label is among the k highest scores, ties to the lower class index.
    ``mmpretrain``: and its score is above 0, as that project's ``thrs=0.`` asks; on logits this loses right answers."""

    @property
    def threshold(self) -> float | None:
        """The score that a hit must exceed, if any."""
        return 0.0 if self.profile == "mmpretrain" else None
