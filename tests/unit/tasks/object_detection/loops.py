"""Decoders written again as plain loops over cells in Python's own numbers: what the fast ones are held against."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

Box = tuple[float, float, float, float]
Row = Sequence[float]


@dataclass(frozen=True)
class Found:
    """One detection."""

    score: float
    label: int
    box: Box


@dataclass(frozen=True)
class View:
    """Where the image lies in the input; sizes are (width, height)."""

    input_size: tuple[int, int]
    seen_size: tuple[int, int]
    offset: tuple[int, int]
    scale: tuple[float, float]

    def clipped(self, box: Box) -> Box:
        (left, top), (width, height) = self.offset, self.seen_size
        xs, ys = (
            [min(max(box[i], low), low + long) for i in (side, side + 2)]
            for side, low, long in ((0, left, width), (1, top, height))
        )
        return xs[0], ys[0], xs[1], ys[1]

    def in_image(self, box: Box) -> Box:
        left, top, right, bottom = ((value - self.offset[i % 2]) / self.scale[i % 2] for i, value in enumerate(box))
        return left, top, right, bottom


@dataclass(frozen=True)
class Rules:
    """What happens to boxes, whatever they are made of; named as in a zoo file."""

    score_threshold: float
    iou_threshold: float
    nms: str = "class"
    classes_per_box: str = "all"
    max_detections: int = 100
    clip: bool = True
    nms_pre: int | None = None
    min_bbox_size: float = -1.0
    inclusive: bool = False


@dataclass
class Level:
    """The cells of one stride, in the order in which a net gives them."""

    rows: list[tuple[list[float], float, Callable[[], Box]]] = field(default_factory=list)
    """Of each anchor the scores of its classes, what they are multiplied with at last, and its box."""


def sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value > -700 else 0.0


def softmax(values: Row) -> list[float]:
    highest = max(values)
    raised = [math.exp(value - highest) for value in values]
    return [value / sum(raised) for value in raised]


def places(size: tuple[int, int], stride: int, offset: float) -> Iterator[tuple[float, float]]:
    """Points of a level, row by row."""
    for y in range(math.ceil(size[1] / stride)):
        for x in range(math.ceil(size[0] / stride)):
            yield (x + offset) * stride, (y + offset) * stride


def around(x: float, y: float, width: float, height: float) -> Box:
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def moved(anchor: Box, deltas: Row, stds: Row) -> Box:
    """SSD's and RetinaNet's way."""
    width, height = anchor[2] - anchor[0], anchor[3] - anchor[1]
    dx, dy, dw, dh = (delta * std for delta, std in zip(deltas, stds, strict=True))
    most = math.log(1000 / 16)
    wide, high = (side * math.exp(min(max(d, -most), most)) for side, d in ((width, dw), (height, dh)))
    return around(anchor[0] + width / 2 + dx * width, anchor[1] + height / 2 + dy * height, wide, high)


def overlap(one: Box, other: Box) -> float:
    wide, high = (min(one[i + 2], other[i + 2]) - max(one[i], other[i]) for i in (0, 1))
    shared = max(wide, 0) * max(high, 0)
    union = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)) - shared
    return shared / union if union else 0.0


def detections(levels: Sequence[Level], rules: Rules, view: View) -> list[Found]:
    """Threshold, the best of each level, borders, small boxes, suppression, the best of the image."""
    found = [one for level in levels for one in _of_level(level, rules)]
    if rules.clip:
        found = [Found(one.score, one.label, view.clipped(one.box)) for one in found]
    found = [Found(one.score, one.label, view.in_image(one.box)) for one in found]
    if rules.min_bbox_size >= 0:
        found = [one for one in found if min(one.box[2] - one.box[0], one.box[3] - one.box[1]) > rules.min_bbox_size]
    kept: list[Found] = []
    for one in sorted(found, key=lambda one: -one.score):  # stable: equal scores keep their order
        rivals = [k for k in kept if rules.nms == "agnostic" or k.label == one.label] if rules.nms != "none" else []
        if all(overlap(one.box, rival.box) <= rules.iou_threshold for rival in rivals):
            kept.append(one)
    return kept[: rules.max_detections]


def _of_level(level: Level, rules: Rules) -> list[Found]:
    candidates = []
    for scores, factor, box in level.rows:
        labels = range(len(scores)) if rules.classes_per_box == "all" else [scores.index(max(scores))]
        for label in labels:
            enough = (
                scores[label] >= rules.score_threshold if rules.inclusive else scores[label] > rules.score_threshold
            )
            if enough:
                candidates.append((scores[label], label, factor, box))
    if rules.nms_pre is not None:
        best = sorted(range(len(candidates)), key=lambda i: -candidates[i][0])[: rules.nms_pre]
        candidates = [candidates[i] for i in sorted(best)]
    return [Found(score * factor, label, box()) for score, label, factor, box in candidates]
