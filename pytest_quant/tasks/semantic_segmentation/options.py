"""What a zoo entry can say about a segmenter beyond its input: ``preprocess``, ``postprocess`` and ``metric``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pytest_quant.tasks.classification.options import Pixels
from pytest_quant.tasks.images import Backend
from pytest_quant.tasks.text_detection.options import Resize

Output = Literal["logits", "labels"]
ResizeWhat = Literal["logits", "labels", "none"]
Void = Literal["ignored", "false-positive"]


class _Keys(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PreprocessOptions(_Keys):
    """``preprocess``: decode, ``resize``, colour and normalization, then padding."""

    resize: Resize | None = None
    """Without it an image is stretched to ``input.size``, or keeps its own. With a ratio that is kept and an
    ``input.size`` the rest of that size is padded."""
    backend: Backend = "opencv"
    pad_divisor: Pixels = 1
    """Padding is added right and below, after normalization, until both sides are multiples of this."""
    pad_value: Annotated[float, Field(allow_inf_nan=False)] = 0.0
    """What is padded with, after normalization."""


class PostprocessOptions(_Keys):
    """``postprocess``: what the output is, and what is brought to the size of the label image."""

    output: Output = "logits"
    """``logits``: one map for each class, probabilities or not. ``labels``: one map of class indexes, as mmdeploy
    exports it."""
    resize: ResizeWhat | None = None
    """``logits``: bilinear, then the largest (mmseg; default of logits). ``labels``: the largest, then nearest
    (mmdeploy; default of labels). ``none``: the output must have the size already."""
    align_corners: Annotated[bool, Field(strict=True)] = False
    """How logits are resized: as torch's ``interpolate`` of that name; the ``align_corners`` of mmseg's head."""
    threshold: Annotated[float, Field(ge=0, le=1)] = 0.3
    """Of a net with a single map of logits: the sigmoid above which a pixel is of class 1, else 0."""

    @model_validator(mode="after")
    def _fit_together(self) -> PostprocessOptions:
        if self.output == "labels" and self.resize == "logits":
            raise ValueError("resize labels or none: an output of labels has no logits")
        if self.resized != "logits" and self.align_corners:
            raise ValueError("align_corners with `resize: logits` only")
        return self

    @property
    def resized(self) -> ResizeWhat:
        """What is resized, spelled out."""
        return self.resize or self.output


class IouOptions(_Keys):
    """``metric.mIoU``."""

    void: Void = "ignored"
    """Pixels without a class in the ground truth: ``ignored`` (mmseg), or what is predicted there counts as a false
    positive of its class (papers of SegNet's and ENet's time)."""


class SharedOptions(_Keys):
    """``metric.mAcc`` and ``metric.aAcc``: no keys of their own."""

    @model_validator(mode="before")
    @classmethod
    def _no_keys(cls, value: object) -> object:
        if value:
            raise ValueError("no keys: only `metric.mIoU` has any")
        return value
