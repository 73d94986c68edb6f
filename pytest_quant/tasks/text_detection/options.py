"""What a zoo entry can say about a text detector beyond its input: ``preprocess``, ``postprocess`` and ``metric``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pytest_quant.spec.text import listed
from pytest_quant.tasks.classification.options import Pixels, Size
from pytest_quant.tasks.images import Backend, Rounding
from pytest_quant.tasks.text_detection.parameters import (
    DB_ORIGINAL_POLY_UNCLIP,
    DB_PROFILES,
    PAN_PROFILES,
    TEXTSNAKE_PROFILES,
    DbParameters,
    PanParameters,
    TextSnakeParameters,
)
from pytest_quant.tasks.text_detection.profiles import Match

Share = Annotated[float, Field(strict=True, ge=0, le=1)]
"""A probability."""
Positive = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(strict=True, gt=0)]
Parameters: TypeAlias = PanParameters | TextSnakeParameters | DbParameters


class _Keys(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Resize(_Keys):
    """``preprocess.resize``: exactly one of ``size``, ``short_side``, ``long_side`` and ``keep_ratio``."""

    size: Size | None = None
    """Both sides, whatever the ratio was."""
    short_side: Pixels | None = None
    """The shorter side; the ratio is kept, the longer side has no bound. MMOCR 1.x for PANet: 736."""
    rounding: Rounding = "round"
    """What becomes of a fraction of a pixel with ``short_side``; ``round`` takes halves to the even number."""
    long_side: Pixels | None = None
    """The longer side; the ratio is kept."""
    keep_ratio: Size | None = None
    """The larger number bounds the longer side, the smaller the shorter; the ratio is kept. MMOCR 0.x for PANet and
    TextSnake: [1333, 736]."""

    @model_validator(mode="after")
    def _one_way(self) -> Resize:
        ways = ("size", "short_side", "long_side", "keep_ratio")
        if sum(getattr(self, way) is not None for way in ways) != 1:
            raise ValueError(f"exactly one of {listed(ways)}")
        if self.short_side is None and "rounding" in self.model_fields_set:
            raise ValueError("`rounding` with `short_side` only: the other ways have a rule of their own")
        return self


class PreprocessOptions(_Keys):
    """``preprocess``: decode without EXIF orientation, ``resize``, colour and normalization, then padding."""

    resize: Resize | None = None
    """Without it an image is resized to ``input.size``, or keeps its own."""
    backend: Backend = "opencv"
    pad_divisor: Pixels = 32
    """Zeros are added right and below, after normalization, until both sides are multiples of this."""


_PAN_KEYS = (
    "text_repr_type", "min_text_confidence", "min_kernel_confidence", "score_threshold", "distance_threshold",
    "min_text_avg_confidence", "min_text_area", "downsample_ratio",
)  # fmt: skip
_TEXTSNAKE_KEYS = (
    "text_repr_type", "min_text_region_confidence", "min_center_region_confidence", "min_center_area",
    "disk_overlap_thr", "radius_shrink_ratio", "step_ratio",
)  # fmt: skip
_DB_KEYS = ("mask_threshold", "box_threshold", "unclip_ratio", "max_candidates", "min_size", "box")

_DECODERS: Mapping[str, tuple[Mapping[str, Parameters], tuple[str, ...]]] = {
    "pan": (PAN_PROFILES, _PAN_KEYS),
    "textsnake": (TEXTSNAKE_PROFILES, _TEXTSNAKE_KEYS),
    "db": (DB_PROFILES, _DB_KEYS),
}
"""Profiles, the first being the default, and keys of each decoder."""


class PostprocessOptions(_Keys):
    """``postprocess``: the decoder, the published set of parameters it starts from, and changes to it.

    >>> PostprocessOptions(decoder="pan", profile="mmocr-1.x").parameters.score_threshold
    0.3
    """

    decoder: Literal["pan", "textsnake", "db"]
    profile: str | None = None
    """``mmocr-0.x`` (default) or ``mmocr-1.x`` of pan and textsnake; ``mmocr`` (default), ``original`` or ``paddle`` of
    db. See `pytest_quant.tasks.text_detection.parameters` for all values."""

    text_repr_type: Literal["quad", "poly"] | None = None
    min_text_confidence: Share | None = None
    min_kernel_confidence: Share | None = None
    score_threshold: Share | None = None
    distance_threshold: Positive | None = None
    min_text_avg_confidence: Share | None = None
    """The name in MMOCR 0.x for what are ``score_threshold`` and ``distance_threshold`` since."""
    min_text_area: Count | None = None
    downsample_ratio: Annotated[float, Field(strict=True, gt=0, le=1)] | None = None

    min_text_region_confidence: Share | None = None
    """Taken, and without effect, as in the published decoder."""
    min_center_region_confidence: Annotated[float, Field(strict=True, gt=0, lt=1)] | None = None
    min_center_area: NotNegative | None = None
    disk_overlap_thr: NotNegative | None = None
    radius_shrink_ratio: Positive | None = None
    step_ratio: Positive | None = None

    mask_threshold: Share | None = None
    box_threshold: Share | None = None
    unclip_ratio: Positive | None = None
    max_candidates: Count | None = None
    min_size: NotNegative | None = None
    box: Literal["quad", "poly"] | None = None

    @model_validator(mode="after")
    def _fit_together(self) -> PostprocessOptions:
        profiles, keys = _DECODERS[self.decoder]
        foreign = sorted(self.model_fields_set - {"decoder", "profile", *keys})
        if foreign:
            raise ValueError(f"keys of the decoder {self.decoder} ({listed(keys)}), which {foreign[0]} is not")
        if self.profile is not None and self.profile not in profiles:
            raise ValueError(f"a profile of {self.decoder}: {listed(profiles)}")
        if self.decoder == "textsnake" and self.text_repr_type == "quad":
            raise ValueError("text_repr_type poly: textsnake has no other output")
        self._check_average_confidence()
        return self

    def _check_average_confidence(self) -> None:
        if self.min_text_avg_confidence is None:
            return
        if self.profile_name != "mmocr-0.x":
            raise ValueError("score_threshold and distance_threshold: min_text_avg_confidence is a name of mmocr-0.x")
        if self.score_threshold is not None or self.distance_threshold is not None:
            raise ValueError("min_text_avg_confidence alone: it sets score_threshold and distance_threshold")

    @property
    def profile_name(self) -> str:
        """The profile, spelled out."""
        return self.profile or next(iter(_DECODERS[self.decoder][0]))

    @property
    def parameters(self) -> Parameters:
        """The parameters of the decoder: those of the profile with the changes made."""
        base = _DECODERS[self.decoder][0][self.profile_name]
        changes = self.model_dump(exclude={"decoder", "profile", "min_text_region_confidence"}, exclude_none=True)
        if self.min_text_avg_confidence is not None:
            average = changes.pop("min_text_avg_confidence")
            changes |= {"score_threshold": average, "distance_threshold": average}
        if self.decoder == "textsnake":
            changes.pop("text_repr_type", None)
        if self.decoder == "db" and self.profile_name == "original" and self.box == "poly":
            changes.setdefault("unclip_ratio", DB_ORIGINAL_POLY_UNCLIP)
        return replace(base, **changes)


class HmeanOptions(_Keys):
    """``metric.hmean``; ``precision`` and ``recall`` are counted with the same settings."""

    profile: Literal["mmocr-0.x", "mmocr-1.x", "icdar"] = "mmocr-0.x"
    """See `pytest_quant.tasks.text_detection.profiles`."""
    score_threshold: Share | None = None
    """The score that an instance must have, on both sides. Without it the MMOCR profiles take the threshold at which
    fp32 is best, for both sides, and ``icdar`` takes every instance."""
    match: Match = "greedy"
    """``greedy``: ground truth in its order, each takes the first instance that is free and overlaps enough.
    ``maximum``: as many pairs as possible."""


class SharedOptions(_Keys):
    """``metric.precision`` and ``metric.recall``: no keys of their own, ``metric.hmean`` holds them."""

    @model_validator(mode="before")
    @classmethod
    def _no_keys(cls, value: object) -> object:
        if value:
            raise ValueError("no keys: precision and recall are counted as `metric.hmean` says")
        return value
