"""The parameters of each decoder, and the sets of them that were published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pytest_quant.tasks.object_detection.nms import Nms

Activation = Literal["none", "sigmoid", "softmax"]
"""What turns a net's class outputs into scores; ``none``: they are scores already."""
ClassesPerBox = Literal["best", "all"]
"""Whether a box is of its best class only, or of every class that is above the threshold."""
Background = Literal["none", "first", "last"]
"""Whether there is a column of no object beside the classes, and where."""
Anchors = Literal["ssd", "octave", "fixed"]
"""``ssd``: from ``min_sizes`` and ``max_sizes`` or ``basesize_ratio_range``; ``octave``: from ``octave_base_scale``;
``fixed``: ``base_sizes``, for YOLOv3's way to decode."""


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """What every decoder has."""

    strides: tuple[int, ...]
    """Pixels of the input from one cell to the next, for each level in the order of the net's outputs."""
    score_threshold: float
    iou_threshold: float
    """A box goes when it overlaps a better one by more than this."""
    nms: Nms = "class"
    classes_per_box: ClassesPerBox = "all"
    max_detections: int = 100
    """Of an image, the best by score."""
    activation: Activation = "sigmoid"
    clip: bool = True
    """Whether boxes end at the border of the image, before they suppress each other."""
    nms_pre: int | None = None
    """Only so many of each level are looked at, the best by score (with YOLOv3's anchors of all levels together, as in
    mmdet); None: all."""
    min_bbox_size: float = -1.0
    """Pixels of the image that width and height must exceed, after ``clip``; below 0: any."""


@dataclass(frozen=True, kw_only=True)
class YoloxParameters(Parameters):
    """Of YOLOX; a cell predicts the offset of a centre and the logarithm of a size, both in strides."""

    strides: tuple[int, ...] = (8, 16, 32)
    score_threshold: float = 0.01
    """The least product of objectness and class score."""
    iou_threshold: float = 0.65
    classes_per_box: ClassesPerBox = "best"
    activation: Activation = "none"
    clip: bool = False


@dataclass(frozen=True, kw_only=True)
class AnchorParameters(Parameters):
    """Of nets with anchors: SSD, SSDLite, RetinaNet, YOLOv3; names and defaults are mmdet's."""

    anchors: Anchors
    min_sizes: tuple[float, ...] = ()
    max_sizes: tuple[float, ...] = ()
    basesize_ratio_range: tuple[float, float] | None = None
    ratios: tuple[tuple[float, ...], ...] = ()
    """Of height to width; of each level, or one list for all."""
    octave_base_scale: float = 4.0
    scales_per_octave: int = 3
    base_sizes: tuple[tuple[tuple[float, float], ...], ...] = ()
    """Width and height of each anchor of each level."""
    target_stds: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)
    background: Background = "none"
    conf_thr: float = 0.005
    """Least objectness of YOLOv3."""


@dataclass(frozen=True, kw_only=True)
class PointsParameters(Parameters):
    """Of FCOS: a cell predicts distances to the four sides, and how central it is in its object."""

    strides: tuple[int, ...] = (8, 16, 32, 64, 128)
    score_threshold: float = 0.05
    iou_threshold: float = 0.5
    nms_pre: int | None = 1000
    min_bbox_size: float = 0.0
    offset: float = 0.5
    """Of a cell's point from its corner, in strides."""
    norm_on_bbox: bool = False
    """Whether distances are still in strides; mmdet's head multiplies them before they leave the net."""


@dataclass(frozen=True, kw_only=True)
class DflParameters(Parameters):
    """Of NanoDet-Plus and YOLOv8: a distance is the mean of a distribution over so many bins."""

    bins: int
    """For each side: NanoDet's ``reg_max`` + 1, Ultralytics' ``reg_max``. 0: the net has done that itself and gives the
    centre, width and height in pixels, as Ultralytics' own export does."""
    offset: float
    """As in `PointsParameters`."""
    order: Literal["classes-first", "boxes-first"]


@dataclass(frozen=True, kw_only=True)
class RowsParameters(Parameters):
    """Of nets that decode and suppress themselves: there is nothing to do but to scale the boxes."""

    strides: tuple[int, ...] = ()
    score_threshold: float = 0.0
    iou_threshold: float = 1.0
    nms: Nms = "none"
    activation: Activation = "none"
    clip: bool = False


_SSD = AnchorParameters(
    anchors="ssd", strides=(8, 16, 32, 64, 100, 300), ratios=((2,), (2, 3), (2, 3), (2, 3), (2,), (2,)),
    basesize_ratio_range=(0.15, 0.9), target_stds=(0.1, 0.1, 0.2, 0.2), background="last", activation="softmax",
    score_threshold=0.02, iou_threshold=0.45, nms_pre=1000, min_bbox_size=0.0, max_detections=200,
)  # fmt: skip
_SSDLITE = AnchorParameters(
    anchors="ssd", strides=(16, 32, 64, 107, 160, 320), ratios=((2, 3),) * 6,
    min_sizes=(48, 100, 150, 202, 253, 304), max_sizes=(100, 150, 202, 253, 304, 320),
    target_stds=(0.1, 0.1, 0.2, 0.2), background="last", activation="softmax",
    score_threshold=0.02, iou_threshold=0.45, nms_pre=1000, min_bbox_size=0.0, max_detections=200,
)  # fmt: skip
_RETINANET = AnchorParameters(
    anchors="octave", strides=(8, 16, 32, 64, 128), ratios=((0.5, 1, 2),),
    score_threshold=0.05, iou_threshold=0.5, nms_pre=1000, min_bbox_size=0.0,
)  # fmt: skip
_YOLOV3 = AnchorParameters(
    anchors="fixed", strides=(32, 16, 8),
    base_sizes=(((116, 90), (156, 198), (373, 326)), ((30, 61), (62, 45), (59, 119)), ((10, 13), (16, 30), (33, 23))),
    score_threshold=0.05, iou_threshold=0.45, nms_pre=1000, clip=False, min_bbox_size=0.0,
)  # fmt: skip

PROFILES: Mapping[str, Mapping[str, Parameters]] = {
    "yolox": {"yolox": YoloxParameters()},
    "anchor": {"ssd300": _SSD, "ssdlite320": _SSDLITE, "retinanet": _RETINANET, "yolov3": _YOLOV3},
    "points": {"fcos": PointsParameters()},
    "dfl": {
        "nanodet-plus": DflParameters(
            strides=(8, 16, 32, 64), score_threshold=0.05, iou_threshold=0.6, bins=8, offset=0.0, order="classes-first",
        ),
        "yolov8": DflParameters(
            strides=(8, 16, 32), score_threshold=0.001, iou_threshold=0.7, max_detections=300, bins=16, offset=0.5,
            order="boxes-first",
        ),
    },
    "detection-output": {"ncnn": RowsParameters()},
}  # fmt: skip
"""Decoder to its profiles, the first being the default where there is one. ``ssd300``, ``ssdlite320``, ``retinanet``,
``yolov3`` and ``fcos``: mmdet 3.3 on COCO. ``yolov8``: Ultralytics' validation."""
