"""What a zoo entry can say about a detector beyond its input: ``preprocess``, ``postprocess`` and ``metric``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pytest_quant.spec.text import listed
from pytest_quant.tasks.classification.options import Pixels, Size
from pytest_quant.tasks.images import Backend
from pytest_quant.tasks.object_detection.nms import Nms
from pytest_quant.tasks.object_detection.parameters import (
    PROFILES,
    Activation,
    AnchorParameters,
    Background,
    ClassesPerBox,
    Parameters,
)

Share = Annotated[float, Field(strict=True, ge=0, le=1)]
Positive = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(strict=True, gt=0)]
Flag = Annotated[bool, Field(strict=True)]
Rounding = Literal["truncate", "nearest"]
Place = Literal["top-left", "center"]
Decoder = Literal["yolox", "anchor", "points", "dfl", "detection-output"]


class _Keys(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Resize(_Keys):
    """``preprocess.resize``: exactly one of ``size``, ``letterbox`` and ``keep_ratio``."""

    size: Size | None = None
    """Both sides, whatever the ratio was: stretched."""
    letterbox: Size | None = None
    """The ratio is kept, and the rest of this size is filled with ``pad_value``."""
    place: Place = "top-left"
    """Where the image lies in its letterbox."""
    pad_value: Annotated[int, Field(strict=True, ge=0, le=255)] = 114
    """Grey value of the rest, before normalization."""
    keep_ratio: Size | None = None
    """The larger number bounds the longer side, the smaller the shorter; the ratio is kept. RetinaNet: [1333, 800]."""
    rounding: Rounding | None = None
    """What becomes of a fraction of a pixel. ``truncate`` as YOLOX's own code, which then divides boxes by the one
    ratio; ``nearest`` as mmcv, which divides by the ratio that each side really got. By default truncate with
    ``letterbox`` and nearest with ``keep_ratio``."""

    @model_validator(mode="after")
    def _one_way(self) -> Resize:
        ways = ("size", "letterbox", "keep_ratio")
        if sum(getattr(self, way) is not None for way in ways) != 1:
            raise ValueError(f"exactly one of {listed(ways)}")
        if self.letterbox is None and self.model_fields_set & {"place", "pad_value"}:
            raise ValueError("`place` and `pad_value` with `letterbox` only: nothing else is filled")
        if self.size is not None and "rounding" in self.model_fields_set:
            raise ValueError("`rounding` with `letterbox` or `keep_ratio`: `size` leaves nothing to round")
        return self

    @property
    def rounds(self) -> Rounding:
        """What ``rounding`` comes to."""
        return self.rounding or ("nearest" if self.letterbox is None else "truncate")


class PreprocessOptions(_Keys):
    """``preprocess``: decode, ``resize`` with its letterbox, colour and normalization, then padding with zeros."""

    resize: Resize | None = None
    """Without it an image is stretched to ``input.size``."""
    backend: Backend = "opencv"
    pad_divisor: Pixels | None = None
    """Zeros are added right and below, after normalization, until both sides are multiples of this; by default 32 with
    ``keep_ratio``, else 1."""

    @model_validator(mode="after")
    def _letterbox_is_full(self) -> PreprocessOptions:
        if self.pad_divisor is not None and self.resize is not None and self.resize.letterbox is not None:
            raise ValueError("no `pad_divisor` with `letterbox`, which fills the input already")
        return self


_COMMON = ("strides", "score_threshold", "iou_threshold", "nms", "classes_per_box", "max_detections")
_OWN: Mapping[str, tuple[str, ...]] = {
    "yolox": (*_COMMON, "activation", "clip"),
    "anchor": (
        *(
            *_COMMON,
            "activation",
            "clip",
            "nms_pre",
            "min_bbox_size",
            "ratios",
            "min_sizes",
            "max_sizes",
            "basesize_ratio_range",
        ),
        *("octave_base_scale", "scales_per_octave", "base_sizes", "target_stds", "background", "conf_thr"),
    ),
    "points": (*_COMMON, "activation", "clip", "nms_pre", "min_bbox_size", "offset", "norm_on_bbox"),
    "dfl": (*_COMMON, "activation", "clip", "nms_pre", "bins", "offset", "order"),
    "detection-output": ("score_threshold", "max_detections", "clip"),
}
"""Keys of each decoder."""

_OF_ANCHORS: Mapping[str, tuple[str, ...]] = {
    "ssd": ("min_sizes", "max_sizes", "basesize_ratio_range", "ratios", "background"),
    "octave": ("octave_base_scale", "scales_per_octave", "ratios", "background"),
    "fixed": ("base_sizes", "conf_thr"),
}
"""Keys that only make sense with one kind of anchors."""


class PostprocessOptions(_Keys):
    """``postprocess``: the decoder, the published set of parameters it starts from, and changes to it.

    >>> PostprocessOptions(decoder="dfl", profile="yolov8", score_threshold=0.25).parameters.score_threshold
    0.25
    """

    decoder: Decoder
    profile: str | None = None
    """``nanodet-plus`` (default) or ``yolov8`` of dfl; of anchor, without default, ``ssd300``, ``ssdlite320``,
    ``retinanet`` or ``yolov3``. See `pytest_quant.tasks.object_detection.parameters` for all values."""

    strides: Annotated[tuple[Count, ...], Field(min_length=1)] | None = None
    score_threshold: Share | None = None
    iou_threshold: Share | None = None
    nms: Nms | None = None
    classes_per_box: ClassesPerBox | None = None
    max_detections: Count | None = None
    activation: Activation | None = None
    clip: Flag | None = None
    nms_pre: Count | None = None

    ratios: tuple[tuple[Positive, ...], ...] | None = None
    min_sizes: tuple[Positive, ...] | None = None
    max_sizes: tuple[Positive, ...] | None = None
    basesize_ratio_range: tuple[Share, Share] | None = None
    octave_base_scale: Positive | None = None
    scales_per_octave: Count | None = None
    base_sizes: tuple[tuple[tuple[Positive, Positive], ...], ...] | None = None
    target_stds: tuple[Positive, Positive, Positive, Positive] | None = None
    background: Background | None = None
    conf_thr: Share | None = None
    min_bbox_size: Annotated[float, Field(strict=True, ge=-1, allow_inf_nan=False)] | None = None

    offset: Share | None = None
    norm_on_bbox: Flag | None = None
    bins: Annotated[int, Field(strict=True, ge=0, le=64)] | None = None
    order: Literal["classes-first", "boxes-first"] | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_list_of_ratios(cls, value: object) -> object:
        """RetinaNet's ratios are one list for all levels."""
        if isinstance(value, Mapping) and isinstance(value.get("ratios"), list | tuple):
            ratios = value["ratios"]
            if ratios and not any(isinstance(ratio, list | tuple) for ratio in ratios):
                return {**value, "ratios": [ratios]}
        return value

    @model_validator(mode="after")
    def _fit_together(self) -> PostprocessOptions:
        profiles, keys = PROFILES[self.decoder], _OWN[self.decoder]
        foreign = sorted(self.model_fields_set - {"decoder", "profile", *keys})
        if foreign:
            raise ValueError(f"keys of the decoder {self.decoder} ({listed(keys)}), which {foreign[0]} is not")
        if self.profile is None and self.decoder == "anchor":
            raise ValueError(f"`profile` with `decoder: anchor`, one of {listed(profiles)}: what the anchors are")
        if self.profile is not None and self.profile not in profiles:
            raise ValueError(f"a profile of {self.decoder}: {listed(profiles)}")
        parameters = self.parameters
        if isinstance(parameters, AnchorParameters):
            _check_anchors(parameters, self.model_fields_set)
        return self

    @property
    def profile_name(self) -> str:
        """The profile, spelled out."""
        return self.profile or next(iter(PROFILES[self.decoder]))

    @property
    def parameters(self) -> Parameters:
        """The parameters of the decoder: those of the profile with the changes made."""
        changes = self.model_dump(exclude={"decoder", "profile"}, exclude_none=True)
        if changes.keys() & {"min_sizes", "max_sizes"}:
            changes.setdefault("basesize_ratio_range", None)
        if "basesize_ratio_range" in changes and changes["basesize_ratio_range"] is not None:
            changes |= {"min_sizes": (), "max_sizes": ()}
        return replace(PROFILES[self.decoder][self.profile_name], **changes)


def _check_anchors(parameters: AnchorParameters, written: set[str]) -> None:
    own = _OF_ANCHORS[parameters.anchors]
    strange = sorted(written.intersection(key for keys in _OF_ANCHORS.values() for key in keys).difference(own))
    if strange:
        raise ValueError(f"no `{strange[0]}` with this profile, whose anchors follow from {listed(own)}")
    if "basesize_ratio_range" in written and written & {"min_sizes", "max_sizes"}:
        raise ValueError("either `basesize_ratio_range`, or `min_sizes` and `max_sizes`")
    levels = len(parameters.strides)
    for name in ("min_sizes", "max_sizes", "base_sizes", "ratios"):
        found = len(getattr(parameters, name))
        if found not in (0, levels) and not (name == "ratios" and found == 1):
            raise ValueError(f"as many `{name}` as `strides`: found {found} and {levels}")
    if len(parameters.min_sizes) != len(parameters.max_sizes):
        raise ValueError("`min_sizes` and `max_sizes` together")


class NoOptions(_Keys):
    """The metrics of a detector have no keys: COCO's rules have no switches."""
