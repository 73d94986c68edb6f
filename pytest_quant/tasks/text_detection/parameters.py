"""The parameters of each decoder, and the sets of them that were published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

Shape = Literal["quad", "poly"]
"""``quad``: four corners of the smallest rectangle around an instance; ``poly``: its outline."""


@dataclass(frozen=True)
class PanParameters:
    """Of PAN; the defaults are the profile ``mmocr-0.x`` with the output of its ICDAR2015 configuration."""

    min_text_confidence: float = 0.5
    """Probability above which a pixel is text."""
    min_kernel_confidence: float = 0.5
    """Probability above which a text pixel belongs to a kernel."""
    score_threshold: float = 0.85
    """An instance must have a mean text probability above it."""
    distance_threshold: float = 0.85
    """A pixel joins a kernel when its embedding is nearer than this to the kernel's mean."""
    min_text_area: int = 16
    """Pixels of the map that an instance must have."""
    text_repr_type: Shape = "quad"
    downsample_ratio: float = 0.25
    """Size of the maps over the size of the net's input."""
    float32_scale: bool = True
    """Whether the scale back to the image is rounded to float32 first, as MMOCR 0.x does; moves points by 1e-4 px."""


@dataclass(frozen=True)
class TextSnakeParameters:
    """Of TextSnake; the same numbers in both generations."""

    min_center_region_confidence: float = 0.2
    """Probability (text times centre) above which a pixel belongs to a centre region."""
    min_center_area: float = 30.0
    """Area that the contour of a centre region must enclose."""
    disk_overlap_thr: float = 0.03
    """Disks whose centres are no farther apart than this share of the sum of their radii become one."""
    radius_shrink_ratio: float = 1.03
    """Multiplies the radii of the disks."""
    step_ratio: float = 0.03
    """Step of the search for the middle of a region, as a share of the radius."""
    float32_scale: bool = True
    """As in `PanParameters`."""


@dataclass(frozen=True)
class DbParameters:
    """Of differentiable binarization; the defaults are the profile ``mmocr``."""

    mask_threshold: float = 0.3
    """Probability above which a pixel is text."""
    box_threshold: float = 0.3
    """Mean probability that an instance must have."""
    unclip_ratio: float = 1.5
    """Area over perimeter times this is the distance by which an instance is grown."""
    max_candidates: int = 3000
    """How many contours are looked at."""
    min_size: float = 5.0
    """mmocr: the shorter side that a quad must have. original, paddle: that of an instance before it is grown; after
    it, 2 more."""
    box: Shape = "quad"
    epsilon_ratio: float = 0.01
    """Share of a contour's length by which its polygon may differ from it."""
    style: Literal["mmocr", "original"] = "mmocr"
    """Whose order of steps; PaddleOCR's is that of the original."""


PAN_PROFILES: Mapping[str, PanParameters] = {
    "mmocr-0.x": PanParameters(),
    "mmocr-1.x": PanParameters(score_threshold=0.3, distance_threshold=3.0, float32_scale=False),
}

TEXTSNAKE_PROFILES: Mapping[str, TextSnakeParameters] = {
    "mmocr-0.x": TextSnakeParameters(),
    "mmocr-1.x": TextSnakeParameters(float32_scale=False),
}

_DB_ORIGINAL = DbParameters(
    box_threshold=0.7, max_candidates=100, min_size=3.0, epsilon_ratio=0.002, style="original"
)  # fmt: skip

DB_PROFILES: Mapping[str, DbParameters] = {
    "mmocr": DbParameters(),
    "original": _DB_ORIGINAL,
    "paddle": replace(_DB_ORIGINAL, max_candidates=1000, unclip_ratio=2.0),
}
"""``mmocr``: DBPostprocessor. ``original``: MhLiao/DB. ``paddle``: the class defaults of PaddleOCR's DBPostProcess;
most PP-OCR configurations set ``box_threshold: 0.6`` and ``unclip_ratio: 1.5``."""

DB_ORIGINAL_POLY_UNCLIP = 2.0
"""The original grows polygons by this ratio, and rectangles by 1.5."""
