"""What a zoo entry can say about a recognizer beyond its input: ``preprocess``, ``postprocess`` and ``metric``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pytest_quant.tasks.classification.options import Pixels, Size
from pytest_quant.tasks.images import Backend
from pytest_quant.tasks.text_recognition.keys import Blank

WidthRounding = Literal["ceil", "truncate", "round"]
Interpolation = Literal["linear", "cubic"]


class _Keys(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Resize(_Keys):
    """``preprocess.resize``: exactly one of ``height`` and ``size``."""

    height: Pixels | None = None
    """All images get this height; the ratio is kept within the bounds of the width."""
    size: Size | None = None
    """Both sides, whatever the ratio was."""
    min_width: Pixels = 1
    max_width: Pixels | None = None
    """A wider image is squeezed to it."""
    rounding: WidthRounding = "ceil"
    """What becomes of a fraction of a pixel of the width."""
    width_divisor: Pixels = 1
    """The width becomes the nearest multiple, half to even, as mmocr's RescaleToHeight does."""
    interpolation: Interpolation = "linear"

    @model_validator(mode="after")
    def _one_way(self) -> Resize:
        if (self.height is None) == (self.size is None):
            raise ValueError("exactly one of `height` and `size: [width, height]`")
        of_height = {"min_width", "max_width", "rounding", "width_divisor"} & self.model_fields_set
        if self.size is not None and of_height:
            raise ValueError(f"{min(of_height)} with `height` only: `size` leaves no width to choose")
        if self.max_width is not None and self.max_width < self.min_width:
            raise ValueError("max_width of at least min_width")
        return self


class Pad(_Keys):
    """``preprocess.pad``: what stands to the right of an image that is narrower than the input, after normalization."""

    to: Pixels
    """The width of the input."""
    value: Literal["edge"] | Annotated[float, Field(allow_inf_nan=False)] = 0.0
    """A number, after normalization: with mean and std of 127.5, 0 is mid grey and -1 black. ``edge``: the last
    column."""


class PreprocessOptions(_Keys):
    """``preprocess``: decode without EXIF orientation, ``resize``, colour and normalization, then ``pad``."""

    resize: Resize | None = None
    """Without it an image is stretched to ``input.size``."""
    backend: Backend = "opencv"
    pad: Pad | None = None


class PostprocessOptions(_Keys):
    """``postprocess``: how the outputs become a text."""

    decoder: Literal["ctc"] = "ctc"
    keys: Path
    """One key per line, in the order of the outputs, without the blank of CTC."""
    blank: Blank = "first"
    """Which output is the blank of CTC: ``first`` (PaddleOCR, EasyOCR, keras) or ``last`` (mmocr)."""
    add_blank_character: Annotated[bool, Field(strict=True)] = False
    """Whether the blank between words is a key behind those of the file (PaddleOCR's ``use_space_char``)."""
    valid_ratio: Annotated[bool, Field(strict=True)] = False
    """Whether steps over padding are left out, as mmocr does."""


class NoOptions(_Keys):
    """The metrics of text have no keys."""

    @model_validator(mode="before")
    @classmethod
    def _no_keys(cls, value: object) -> object:
        if value:
            raise ValueError("no keys: the metrics of text recognition have none")
        return value
