"""Every decoder against plain loops: inputs that are not square, sides no stride divides, one class, equal scores."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pytest_quant.tasks.object_detection.decoders import make_decoder
from pytest_quant.tasks.object_detection.geometry import Geometry
from pytest_quant.tasks.object_detection.options import PostprocessOptions

from .loops import Box, Found, Level, Rules, View, around, detections, moved, places, sigmoid, softmax

Array = NDArray[np.float32]
STRIDES = (8, 16, 32)
VIEW = View(input_size=(101, 67), seen_size=(90, 60), offset=(5, 3), scale=(0.71, 0.83))
"""Centred in an input whose sides are no multiples of anything."""
GEOMETRY = Geometry((127, 72), VIEW.input_size, VIEW.seen_size, VIEW.scale, VIEW.offset)
CELLS = [13 * 9, 7 * 5, 4 * 3]
STDS = {"ssd300": (0.1, 0.1, 0.2, 0.2), "retinanet": (1.0, 1.0, 1.0, 1.0)}

RULES: list[dict[str, Any]] = [
    {"score_threshold": 0.3, "iou_threshold": 0.45},
    {"score_threshold": 0.3, "iou_threshold": 0.45, "nms": "agnostic"},
    {"score_threshold": 0.5, "iou_threshold": 0.3, "classes_per_box": "best", "max_detections": 7},
    {"score_threshold": 0.2, "iou_threshold": 0.6, "max_detections": 5, "nms": "none"},
    {"score_threshold": 0.4, "iou_threshold": 0.5, "clip": False},
    {"score_threshold": 1.0, "iou_threshold": 0.5},
]
"""The last: nothing is above the threshold."""
OF_LEVELS: list[dict[str, Any]] = [
    *RULES,
    {"score_threshold": 0.3, "iou_threshold": 0.5, "nms_pre": 4},
    {"score_threshold": 0.3, "iou_threshold": 0.5, "nms_pre": 3, "nms": "agnostic"},
]
NAMES = ["class", "agnostic", "best", "none", "free", "nothing", "few of a level", "fewer"]


def check(outputs: Mapping[str, Array], levels: Sequence[Level], classes: int, **options: Any) -> None:
    """The decoder gives what the loops give; ``inclusive`` is the loops' own."""
    inclusive = options.pop("inclusive", False)
    parsed = PostprocessOptions.model_validate(options)
    found = make_decoder(parsed, tuple(outputs))(outputs, GEOMETRY, classes)
    values = parsed.parameters
    names = ("score_threshold", "iou_threshold", "nms", "classes_per_box", "max_detections", "clip", "nms_pre")
    rules = Rules(
        **{name: getattr(values, name) for name in names}, min_bbox_size=values.min_bbox_size, inclusive=inclusive
    )
    expected: list[Found] = detections(levels, rules, VIEW)
    assert bool(expected) == (values.score_threshold < 1)
    assert found.labels.tolist() == [one.label for one in expected]
    np.testing.assert_allclose(found.scores, [one.score for one in expected], rtol=2e-6)
    boxes = np.array([one.box for one in expected]).reshape(-1, 4)
    np.testing.assert_allclose(found.boxes, boxes, rtol=1e-5, atol=2e-4)


def logits_of(rng: np.random.Generator, rows: int, columns: int) -> Array:
    """Few different values, so that many scores are equal."""
    return (rng.integers(-12, 9, (rows, columns)) / 4).astype(np.float32)


def cell_levels(
    offset: float, row: Callable[[int, tuple[float, float], int], tuple[list[float], float, Callable[[], Box]]]
) -> list[Level]:
    """A level for each stride; ``row`` gets the cell's number among all, its point and stride."""
    number, levels = iter(range(sum(CELLS))), []
    for stride in STRIDES:
        levels.append(Level([row(next(number), at, stride) for at in places(VIEW.input_size, stride, offset)]))
    assert [len(level.rows) for level in levels] == CELLS
    return levels


@pytest.mark.parametrize("classes", [1, 3])
@pytest.mark.parametrize("rules", RULES, ids=NAMES[: len(RULES)])
def test_yolox(rules: dict[str, Any], classes: int) -> None:
    rng = np.random.default_rng(classes)
    rows = rng.normal(0, 0.7, (sum(CELLS), 5 + classes)).astype(np.float32)
    rows[:, 4:] = rng.integers(0, 10, (len(rows), 1 + classes)) / 10

    def row(number: int, at: tuple[float, float], stride: int) -> tuple[list[float], float, Callable[[], Box]]:
        x, y, w, h, sure, *of_classes = rows[number].tolist()
        size = np.exp([w, h]) * stride
        scores = [float(np.float32(sure) * np.float32(score)) for score in of_classes]
        return scores, 1.0, lambda: around(at[0] + x * stride, at[1] + y * stride, *size.tolist())

    check({"out": rows}, cell_levels(0.0, row), classes, decoder="yolox", **{"clip": False, **rules}, inclusive=True)


@pytest.mark.parametrize("classes", [1, 4])
@pytest.mark.parametrize("profile", ["nanodet-plus", "yolov8"])
@pytest.mark.parametrize("rules", OF_LEVELS, ids=NAMES)
def test_dfl(rules: dict[str, Any], profile: str, classes: int) -> None:
    rng = np.random.default_rng(classes)
    bins, offset = {"nanodet-plus": (8, 0.0), "yolov8": (16, 0.5)}[profile]
    logits, sides = logits_of(rng, sum(CELLS), classes), rng.normal(0, 2, (sum(CELLS), 4 * bins)).astype(np.float32)

    def row(number: int, at: tuple[float, float], stride: int) -> tuple[list[float], float, Callable[[], Box]]:
        def box() -> Box:
            shares = [softmax(part) for part in sides[number].reshape(4, bins).tolist()]
            left, top, right, bottom = (sum(i * share for i, share in enumerate(each)) * stride for each in shares)
            return at[0] - left, at[1] - top, at[0] + right, at[1] + bottom

        return [sigmoid(value) for value in logits[number].tolist()], 1.0, box

    order = (logits, sides) if profile == "nanodet-plus" else (sides, logits)
    blob = np.concatenate(order, axis=1)
    levels = cell_levels(offset, row)
    check({"out": blob}, levels, classes, decoder="dfl", profile=profile, strides=list(STRIDES), **rules)
    check({"out": blob.T.copy()}, levels, classes, decoder="dfl", profile=profile, strides=list(STRIDES), **rules)


@pytest.mark.parametrize("classes", [1, 3])
@pytest.mark.parametrize("rules", OF_LEVELS, ids=NAMES)
def test_points(rules: dict[str, Any], classes: int) -> None:
    rng = np.random.default_rng(classes)
    logits, centerness = logits_of(rng, sum(CELLS), classes), rng.normal(2, 1, (sum(CELLS), 1)).astype(np.float32)
    reach = rng.uniform(-2, 25, (sum(CELLS), 4)).astype(np.float32)  # some boxes have no size

    def row(number: int, at: tuple[float, float], stride: int) -> tuple[list[float], float, Callable[[], Box]]:
        left, top, right, bottom = reach[number].tolist()
        box = at[0] - left, at[1] - top, at[0] + right, at[1] + bottom
        return [sigmoid(value) for value in logits[number].tolist()], sigmoid(float(centerness[number, 0])), lambda: box

    options = {"decoder": "points", "strides": list(STRIDES), **rules}
    check({"c": logits, "d": reach, "e": centerness}, cell_levels(0.5, row), classes, **options)


def shapes_of(profile: str, stride: int) -> list[tuple[float, float]]:
    """Width and height of the anchors of a cell: of SSD between two sizes, of RetinaNet by octaves."""
    if profile == "retinanet":
        return [
            (4 * 2 ** (step / 3) * stride / ratio**0.5, 4 * 2 ** (step / 3) * stride * ratio**0.5)
            for ratio in (0.5, 1, 2)
            for step in range(3)
        ]
    small, large = 1.5 * stride, 2.5 * stride
    middle = (small * large) ** 0.5
    flat = [(small * ratio**0.5, small / ratio**0.5) for ratio in (2, 0.5, 3, 1 / 3)]
    return [(small, small), (middle, middle), *flat]


def by_level(rows: Array, each: int) -> Iterator[Array]:
    """Rows of anchors as maps of channels first."""
    for stride, part in zip(STRIDES, np.split(rows, np.cumsum([count * each for count in CELLS])[:-1]), strict=True):
        shape = -(-VIEW.input_size[1] // stride), -(-VIEW.input_size[0] // stride), -1
        yield part.reshape(shape).transpose(2, 0, 1).copy()


@pytest.mark.parametrize(("background", "classes"), [("first", 3), ("last", 1), ("none", 3)])
@pytest.mark.parametrize("profile", ["ssd300", "retinanet"])
@pytest.mark.parametrize("rules", OF_LEVELS, ids=NAMES)
def test_anchors(rules: dict[str, Any], profile: str, background: str, classes: int) -> None:
    rng = np.random.default_rng(classes)
    each, activation = len(shapes_of(profile, 8)), "sigmoid" if profile == "retinanet" else "softmax"
    rows = sum(CELLS) * each
    logits = logits_of(rng, rows, classes + (background != "none"))
    if activation == "softmax":  # whose last digit depends on the order of its sum
        logits += rng.normal(0, 0.1, logits.shape).astype(np.float32)
    deltas = rng.normal(0, 1 if profile == "ssd300" else 0.2, (rows, 4)).astype(np.float32)
    deltas[::97, 2:] = 30  # longer than the bound
    numbers = {"first": slice(1, None), "last": slice(None, -1), "none": slice(None)}[background]
    levels, number = [], iter(range(rows))
    for stride in STRIDES:
        level = Level()
        for x, y in places(VIEW.input_size, stride, 0.0 if profile == "retinanet" else 0.5):
            for shape in shapes_of(profile, stride):
                index = next(number)
                raw = logits[index].tolist()
                scores = [sigmoid(value) for value in raw] if activation == "sigmoid" else softmax(raw)
                anchor, delta = around(x, y, *shape), deltas[index].tolist()
                level.rows.append((scores[numbers], 1.0, lambda a=anchor, d=delta: moved(a, d, STDS[profile])))  # type: ignore[misc]
        levels.append(level)
    options = {"decoder": "anchor", "profile": profile, "background": background, "strides": list(STRIDES), **rules}
    if profile == "ssd300":
        options |= {"min_sizes": [12, 24, 48], "max_sizes": [20, 40, 80], "ratios": [[2, 3]] * 3}
    check({"scores": logits, "deltas": deltas}, levels, classes, **options)
    maps = {f"s{i}": part for i, part in enumerate(by_level(logits, each))}
    maps |= {f"d{i}": part for i, part in enumerate(by_level(deltas, each))}
    check(maps, levels, classes, **options)


@pytest.mark.parametrize("classes", [1, 3])
@pytest.mark.parametrize("rules", OF_LEVELS, ids=NAMES)
def test_yolov3(rules: dict[str, Any], classes: int) -> None:
    """The best ``nms_pre`` are those of all levels together, unlike with other anchors."""
    rng = np.random.default_rng(classes)
    sizes = [[[10, 13], [16, 30]], [[30, 61], [62, 45]], [[59, 119], [90, 40]]]
    raw = rng.normal(0, 1, (sum(CELLS) * 2, 5 + classes)).astype(np.float32)
    raw[:, 5:] = logits_of(rng, len(raw), classes)
    every, number = Level(), iter(range(len(raw)))
    for stride, shapes in zip(STRIDES, sizes, strict=True):
        for x, y in places(VIEW.input_size, stride, 0.5):
            for width, height in shapes:
                dx, dy, dw, dh, sure, *of_classes = raw[next(number)].tolist()
                if sigmoid(sure) < 0.2:
                    continue
                size = (np.exp([dw, dh]) * [width, height]).tolist()
                box = around(x + (sigmoid(dx) - 0.5) * stride, y + (sigmoid(dy) - 0.5) * stride, *size)
                every.rows.append(([sigmoid(value) for value in of_classes], sigmoid(sure), lambda b=box: b))  # type: ignore[misc]
    maps = {f"m{i}": part for i, part in enumerate(by_level(raw, 2))}
    options = {"decoder": "anchor", "profile": "yolov3", "base_sizes": sizes, "conf_thr": 0.2, "clip": False}
    check(maps, [every], classes, **{**options, "strides": list(STRIDES), **rules})
