"""What a zoo entry can say about a pose net beyond its input: ``preprocess``, ``postprocess`` and ``metric``.

Defaults are those of mmpose 1.x, with flip_test off, as in the published table.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeGuard

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from pytest_quant.tasks.keypoints.heatmap import Profile, Refine
from pytest_quant.tasks.keypoints.rescoring import ScoreMode


def _two_numbers(value: object) -> object:
    if not isinstance(value, list | tuple) or len(value) != 2 or not all(map(_is_positive, value)):
        raise ValueError("[x, y], both numbers above 0")
    return tuple(value)


def _two_pixels(value: object) -> object:
    if not isinstance(value, list | tuple) or len(value) != 2 or not all(map(_is_whole, value)):
        raise ValueError("[width, height], both whole numbers above 0")
    return tuple(value)


def _is_positive(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and _is_positive(value)


def _odd(value: object) -> object:
    if not _is_whole(value) or value % 2 == 0:
        raise ValueError("an odd whole number")
    return value


Size = Annotated[tuple[int, int], BeforeValidator(_two_pixels)]
"""Width and height."""
Pair = Annotated[tuple[float, float], BeforeValidator(_two_numbers)]
"""For x and for y."""
Share = Annotated[float, Field(strict=True, ge=0, le=1)]
Positive = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]


class _Keys(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PreprocessOptions(_Keys):
    """``preprocess``: the padded box, made as wide or as high as the net's input asks, warped to ``input.size``."""

    padding: Positive = 1.25
    """How much larger than the person's box the region is."""
    udp: Annotated[bool, Field(strict=True)] = False
    """Warp as in Unbiased Data Processing, from pixel centre to pixel centre."""


_OF_SIMCC = ("split_ratio", "sigma")
_OF_HEATMAP = ("profile", "heatmap_size", "flip_shift")


class PostprocessOptions(_Keys):
    """``postprocess``: how a net's outputs become keypoints."""

    decoder: Literal["heatmap", "simcc"] = "heatmap"
    """``heatmap``: one output of shape (17, height, width). ``simcc``: two of shape (17, bins), x first, then y."""
    profile: Profile = "mmpose-1.x"
    """Whose border rules hold in heatmaps; see `decode_heatmaps`."""
    refine: Refine | None = None
    """Below a pixel: shift, dark, udp or none for heatmaps (default shift), dark or none for SimCC (default none)."""
    blur_kernel: Annotated[int, BeforeValidator(_odd)] = 11
    """Of dark and udp on heatmaps: ``blur_kernel_size`` of an mmpose codec, ``modulate_kernel`` in mmpose 0.x."""
    heatmap_size: Size | None = None
    """What the training config says, to be held against the net's output; None: any size in the ratio of the input."""
    flip_test: Annotated[bool, Field(strict=True)] = False
    """Average with the outputs for the mirrored input: a second forward pass."""
    flip_shift: Annotated[bool, Field(strict=True)] = True
    """Move the mirrored heatmaps one pixel to the right before averaging."""
    split_ratio: Positive = 2.0
    """SimCC bins per pixel of the input."""
    sigma: Pair | None = None
    """Of the SimCC labels for x and y, in bins; dark takes its blur from it."""

    @model_validator(mode="after")
    def _keys_of_the_decoder(self) -> PostprocessOptions:
        others = _OF_SIMCC if self.decoder == "heatmap" else _OF_HEATMAP
        strange = sorted(self.model_fields_set.intersection(others))
        if strange:
            raise ValueError(f"no `{strange[0]}` with `decoder: {self.decoder}`, where it would do nothing")
        if self.decoder == "simcc" and self.refine not in (None, "none", "dark"):
            raise ValueError("`refine: dark` or `refine: none` with `decoder: simcc`")
        if self.decoder == "simcc" and (self.refine == "dark") != (self.sigma is not None):
            raise ValueError("`refine: dark` and `sigma` together: the blur follows from sigma")
        if "blur_kernel" in self.model_fields_set and (self.decoder == "simcc" or self.refine not in ("dark", "udp")):
            raise ValueError("`blur_kernel` with `refine: dark` or `refine: udp` on heatmaps only")
        if "flip_shift" in self.model_fields_set and not self.flip_test:
            raise ValueError("`flip_shift` with `flip_test: true` only")
        return self

    @property
    def refinement(self) -> Refine:
        """What ``refine`` comes to for the decoder."""
        return self.refine or ("shift" if self.decoder == "heatmap" else "none")


class APOptions(_Keys):
    """``metric.AP``: scoring and suppression of poses before COCO's matching; for AR and all others, too."""

    score: ScoreMode = "bbox_keypoint"
    """Score of a pose, by mmpose's names; see `pose_scores`."""
    keypoint_threshold: Share = 0.2
    """Keypoints must score above it to count in ``bbox_keypoint``."""
    nms: Literal["oks", "soft", "none"] = "oks"
    nms_threshold: Annotated[float, Field(strict=True, gt=0, le=1)] = 0.9
    """The OKS above which two poses are of one person; of soft NMS the width."""
    bbox_in_results: Annotated[bool, Field(strict=True)] = True
    """Whether the results hold the box, as mmpose 1.x writes them: then an unmatched pose has the box's area, else that
    of its keypoints' extent, which changes APM and APL."""


class NoOptions(_Keys):
    """The other metrics have no keys of their own: they share those of ``AP``."""
