"""Outputs of known objects through each decoder, in every form they come in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from pytest_quant.spec.errors import ConfigError, RunnerError
from pytest_quant.tasks.object_detection.decoders import make_decoder
from pytest_quant.tasks.object_detection.geometry import Geometry
from pytest_quant.tasks.object_detection.options import PostprocessOptions
from pytest_quant.tasks.object_detection.prediction import Detections

GEOMETRY = Geometry((128, 64), (64, 32), (64, 32), (0.5, 0.5))
"""An image of 128 by 64 that was halved."""
CELLS = 8 * 4 + 4 * 2
"""Of strides 8 and 16."""

Array = NDArray[np.float32]


def decode(
    outputs: Mapping[str, Array], classes: int | None = 3, geometry: Geometry = GEOMETRY, **options: Any
) -> Detections:
    parsed = PostprocessOptions.model_validate({"strides": [8, 16], **options})
    return make_decoder(parsed, tuple(outputs))(outputs, geometry, classes)


def yolox_rows() -> Array:
    """One object in the cell (2, 1) of stride 8: centre 20, 12, 16 wide and 8 high, of class 1."""
    rows = np.zeros((CELLS, 8), np.float32)
    rows[10] = [0.5, 0.5, np.log(2), 0, 0.5, 0.1, 0.9, 0.8]
    return rows


def test_yolox() -> None:
    for blob in (yolox_rows(), yolox_rows().T.copy(), yolox_rows()[np.newaxis]):
        found = decode({"out0": blob}, decoder="yolox")
        np.testing.assert_allclose(found.boxes, [[24, 16, 56, 32]], rtol=1e-6)
        assert found.scores.tolist() == [np.float32(0.5) * np.float32(0.9)]
        assert found.labels.tolist() == [1]


def test_all_classes_of_a_box_and_what_is_suppressed() -> None:
    rows = yolox_rows()
    rows[11] = rows[10] + [-1, 0, 0, 0, -0.1, 0, 0, 0]  # the same box, a little less sure
    every = decode({"out0": rows}, decoder="yolox", classes_per_box="all")
    assert every.labels.tolist() == [1, 2, 0]
    assert decode({"out0": rows}, decoder="yolox", classes_per_box="all", nms="agnostic").labels.tolist() == [1]
    assert len(decode({"out0": rows}, decoder="yolox", classes_per_box="all", nms="none")) == 6
    assert decode({"out0": rows}, decoder="yolox", nms="none", max_detections=1).scores[0] == np.float32(0.45)
    assert len(decode({"out0": rows}, decoder="yolox", score_threshold=0.46)) == 0
    rows[10, 4:] = [0.5, 0.1, 0.5, 0.1]
    assert len(decode({"out0": rows}, decoder="yolox", score_threshold=0.25)) == 1  # the threshold itself is enough


def test_sigmoid_that_the_net_lacks() -> None:
    rows = np.full((CELLS, 8), -20, np.float32)
    rows[10] = [0.5, 0.5, np.log(2), 0, 0, -20, 20, -20]
    found = decode({"out0": rows}, decoder="yolox", activation="sigmoid")
    np.testing.assert_allclose(found.scores, [0.5], rtol=1e-6)


def test_sizes_that_no_image_has() -> None:
    """As a broken int8 net may give them: nothing overflows, and what is right is still found."""
    rows = yolox_rows()
    rows[:2] = [0, 0, 300, 88, 1, 0, 1, 0]
    assert np.isfinite(decode({"out0": rows}, decoder="yolox").boxes).all()
    assert np.isclose(decode({"out0": rows}, decoder="yolox").boxes, [24, 16, 56, 32]).all(axis=1).any()
    maps = {"fine": np.full((24, 4, 8), 300, np.float32)}
    sizes: dict[str, Any] = {"strides": [8], "base_sizes": [[[8, 8], [16, 8], [4, 4]]]}
    assert np.isfinite(decode(maps, decoder="anchor", profile="yolov3", **sizes).boxes).all()
    far = {"c": np.full((32, 3), 5, np.float32), "d": np.full((32, 4), 1e20, np.float32)}
    assert len(decode(far, decoder="points", strides=[8], clip=False)) > 0


def dfl_rows(bins: int, offset: float) -> tuple[Array, Array]:
    """Class logits and distributions of one object: the point of (2, 1) reaches 1 bin left and up, 2 right and down."""
    classes, sides = np.full((CELLS, 3), -20, np.float32), np.zeros((CELLS, 4, bins), np.float32)
    classes[10] = [-20, 20, -20]
    sides[10, [0, 1], 1] = sides[10, [2, 3], 2] = 50
    return classes, sides.reshape(CELLS, 4 * bins)


def test_nanodet_plus() -> None:
    found = decode({"out0": np.concatenate(dfl_rows(8, 0), axis=1)}, decoder="dfl")
    np.testing.assert_allclose(found.boxes, [[16, 0, 64, 48]], atol=1e-4)  # from 16, 8 in the input
    assert found.labels.tolist() == [1]


def test_yolov8_raw_and_as_ultralytics_exports_it() -> None:
    classes, sides = dfl_rows(16, 0.5)
    raw = np.concatenate([sides, classes], axis=1)
    found = decode({"out0": raw.T.copy()}, decoder="dfl", profile="yolov8")
    np.testing.assert_allclose(found.boxes, [[24, 8, 72, 56]], atol=1e-4)
    exported = np.zeros((CELLS, 7), np.float32)
    exported[10] = [24, 16, 24, 24, 0, 0.9, 0]
    decoded = decode({"out0": exported.T.copy()}, decoder="dfl", profile="yolov8", bins=0, activation="none")
    np.testing.assert_allclose(decoded.boxes, found.boxes, atol=1e-4)


def test_boxes_end_at_the_border_of_the_image_where_they_are_clipped() -> None:
    classes, sides = dfl_rows(8, 0)
    outputs = {"out0": np.concatenate([np.roll(classes, -10, axis=0), np.roll(sides, -10, axis=0)], axis=1)}
    assert decode(outputs, decoder="dfl").boxes.min() == 0
    assert decode(outputs, decoder="dfl", clip=False).boxes.min() == pytest.approx(-16, abs=1e-3)


def fcos_maps() -> dict[str, Array]:
    maps: dict[str, Array] = {}
    for kind, channels in (("cls", 3), ("box", 4), ("ctr", 1)):
        for level, (height, width) in enumerate(((4, 8), (2, 4))):
            maps[f"{kind}{level}"] = np.full((channels, height, width), -20, np.float32)
    maps["cls0"][1, 1, 2] = 20
    maps["box0"][:, 1, 2] = [4, 4, 12, 12]
    maps["ctr0"][0, 1, 2] = 0
    return maps


def test_fcos_level_by_level_and_joined() -> None:
    maps = fcos_maps()
    found = decode(maps, decoder="points")
    np.testing.assert_allclose(found.boxes, [[32, 16, 64, 48]], rtol=1e-6)  # from the middle of the cell, 20, 12
    np.testing.assert_allclose(found.scores, [0.5], rtol=1e-6)
    joined = {
        kind: np.concatenate([maps[f"{kind}{level}"].reshape(-1, 8 * 4 // 4**level).T for level in range(2)])
        for kind in ("cls", "box", "ctr")
    }
    again = decode(joined, decoder="points")
    assert (again.boxes.tolist(), again.scores.tolist()) == (found.boxes.tolist(), found.scores.tolist())
    del joined["ctr"]
    assert decode(joined, decoder="points").scores.tolist() == [1.0]
    assert decode(joined, decoder="points", norm_on_bbox=True).boxes[0, 2:].tolist() == [128, 64]  # 12 strides, clipped


def test_retinanet_and_ssd() -> None:
    anchors, counts = CELLS * 9, 9
    scores, deltas = np.full((anchors, 3), -20, np.float32), np.zeros((anchors, 4), np.float32)
    scores[10 * counts + 3] = [-20, -20, 20]  # ratio 1, scale 4: 32 by 32 around the corner of the cell, 16, 8
    options: dict[str, Any] = {"decoder": "anchor", "profile": "retinanet", "clip": False}
    found = decode({"scores": scores, "deltas": deltas}, **options)
    np.testing.assert_allclose(found.boxes, [[0, -16, 64, 48]], atol=1e-5)
    assert found.labels.tolist() == [2]
    by_level = {}
    for kind, rows in (("scores", scores), ("deltas", deltas)):
        for level, (part, shape) in enumerate(zip(np.split(rows, [288]), ((4, 8), (2, 4)), strict=True)):
            by_level[f"{kind}{level}"] = part.reshape(*shape, -1).transpose(2, 0, 1).copy()
    assert decode(by_level, **options).boxes.tolist() == found.boxes.tolist()


@pytest.mark.parametrize("classes", [1, 3])
def test_a_single_level_joined_and_as_a_map(classes: int) -> None:
    """As YOLOF has it: the shape alone tells the two forms."""
    rng = np.random.default_rng(0)
    forms: list[tuple[dict[str, Any], int]] = [
        ({"decoder": "anchor", "profile": "retinanet", "strides": [8]}, 9),
        ({"decoder": "points", "strides": [8]}, 1),
    ]
    for options, each in forms:
        joined = {"s": rng.normal(0, 2, (32 * each, classes)), "d": rng.uniform(1, 9, (32 * each, 4))}
        outputs = {name: rows.astype(np.float32) for name, rows in joined.items()}
        maps = {name: rows.reshape(4, 8, -1).transpose(2, 0, 1).copy() for name, rows in outputs.items()}
        found, again = (decode(form, classes, **options) for form in (outputs, maps))
        assert len(found) > 5
        assert (found.boxes.tolist(), found.labels.tolist()) == (again.boxes.tolist(), again.labels.tolist())
        turned = {name: np.ascontiguousarray(rows.T) for name, rows in outputs.items()}
        assert decode(turned, classes, **options).boxes.tolist() == found.boxes.tolist()


def test_ssd_has_a_background() -> None:
    options: dict[str, Any] = {"decoder": "anchor", "profile": "ssdlite320", "ratios": [[2, 3], [2, 3]]}
    options |= {"min_sizes": [8, 16], "max_sizes": [16, 32]}
    scores, deltas = np.zeros((CELLS * 6, 4), np.float32), np.zeros((CELLS * 6, 4), np.float32)
    scores[:, 3] = 30
    scores[10 * 6] = [0, 30, 0, 0]
    found = decode({"scores": scores, "deltas": deltas}, **options)
    assert found.labels.tolist() == [1]
    np.testing.assert_allclose(found.boxes, [[32, 16, 48, 32]], atol=1e-5)  # 8 by 8 around 20, 12
    first = decode({"scores": scores, "deltas": deltas}, background="first", **options)
    assert 0 in first.labels.tolist()


def test_yolov3() -> None:
    maps = {"coarse": np.full((24, 2, 4), -20, np.float32), "fine": np.full((24, 4, 8), -20, np.float32)}
    row = [0, 0, 0, 0, 0, 20, -20, -20]  # the middle of the cell, the size of the anchor, objectness 0.5, class 0
    maps["fine"][8:16, 1, 2] = row
    options: dict[str, Any] = {
        "decoder": "anchor", "profile": "yolov3", "strides": [16, 8],
        "base_sizes": [[[32, 32], [48, 48], [64, 64]], [[8, 8], [16, 8], [4, 4]]],
    }  # fmt: skip
    found = decode(maps, **options)
    np.testing.assert_allclose(found.boxes, [[24, 16, 56, 32]], atol=1e-5)
    np.testing.assert_allclose(found.scores, [0.5], rtol=1e-6)
    assert len(decode(maps, conf_thr=0.6, **options)) == 0


def rows(*found: list[float]) -> dict[str, Array]:
    return {"out0": np.array(found, np.float32).reshape(-1, 6)}


def test_rows_of_a_net_that_decodes_itself() -> None:
    def output(outputs: Mapping[str, Array], **options: Any) -> Detections:
        parsed = PostprocessOptions.model_validate({"decoder": "detection-output", **options})
        return make_decoder(parsed, ("out0",))(outputs, GEOMETRY, 3)

    found = output(rows([3, 0.5, -0.5, 0, 0.5, 1.5], [1, 0.9, 0, 0, 1, 1]))
    assert found.labels.tolist() == [0, 2]
    assert found.boxes.tolist() == [[0, 0, 128, 64], [-64, 0, 64, 96]]  # beyond the image, as ncnn gives it
    assert len(output(rows())) == 0
    assert output(rows([1, 0.5, 0, 0, 1, 1]), score_threshold=0.6).scores.tolist() == []
    with pytest.raises(RunnerError, match="holds the label 4; expected 1 to 3, as the dataset lists them"):
        output(rows([4, 0.5, 0, 0, 1, 1]))
    with pytest.raises(RunnerError, match="holds the label 0"):
        output(rows([0, 0.5, 0, 0, 1, 1]))
    with pytest.raises(RunnerError, match="labels that are not whole numbers"):
        output(rows([0.5, 1, 0, 0, 1, 1]))
    with pytest.raises(RunnerError, match=r"has shape \(2, 5\); expected \(detections, 6\)"):
        output({"out0": np.zeros((2, 5), np.float32)})


def test_only_the_best_of_each_level_are_looked_at() -> None:
    maps = fcos_maps()
    maps["cls0"][0] = 1  # every cell
    maps["cls1"][0] = 1
    maps["box0"][:], maps["box1"][:] = 4, 4
    found = decode(maps, decoder="points", nms="none", nms_pre=2)
    assert len(found) == 4
    assert 1 in found.labels.tolist()


@pytest.mark.parametrize(
    ("outputs", "options", "message"),
    [
        ({"out0": np.zeros((41, 8))}, {"decoder": "yolox"}, r"shape \(41, 8\); expected \(40, columns\) or"),
        ({"out0": np.zeros((40, 9))}, {"decoder": "yolox"}, "scores of 4 classes beside .* the dataset lists 3"),
        ({"out0": np.zeros((40, 5))}, {"decoder": "yolox"}, "has 5 columns; expected 5 and the classes"),
        ({"out0": np.zeros((40, 34))}, {"decoder": "dfl"}, "scores of 2 classes beside 32 columns"),
        ({"out0": np.zeros((40, 30))}, {"decoder": "dfl"}, "expected the classes and 32 of the box"),
        ({"out0": np.full((40, 8), np.nan)}, {"decoder": "yolox"}, "320 values that are not finite"),
        (
            {"a": np.zeros((3, 4, 8)), "b": np.zeros((3, 4, 8)), "c": np.zeros((4, 4, 8)), "d": np.zeros((4, 2, 4))},
            {"decoder": "points"},
            r"'b' has shape \(3, 4, 8\); expected \(channels, 2, 4\)",
        ),
        (
            {"s": np.zeros((360, 5)), "d": np.zeros((360, 4))},
            {"decoder": "anchor", "profile": "retinanet", "background": "last"},
            "scores of 4 classes, the background being last, but the dataset lists 3",
        ),
    ],
)
def test_outputs_of_another_net(outputs: dict[str, Any], options: dict[str, Any], message: str) -> None:
    with pytest.raises(RunnerError, match=message):
        decode({name: array.astype(np.float32) for name, array in outputs.items()}, **options)


def test_a_blob_that_the_net_did_not_give() -> None:
    decoder = make_decoder(PostprocessOptions(decoder="yolox"), ("output",))
    with pytest.raises(RunnerError, match=r"the net gave the output blobs \{'out0': \(40, 8\)\}; expected 'output'"):
        decoder({"out0": yolox_rows()}, GEOMETRY, 3)


@pytest.mark.parametrize(
    ("options", "blobs", "message"),
    [
        ({"decoder": "yolox"}, ("a", "b"), r"found \['a', 'b'\]; this decoder takes one blob of a row for each cell"),
        ({"decoder": "points"}, ("a",), "takes two blobs, scores and distances, .* or three, those and centerness"),
        ({"decoder": "anchor", "profile": "yolov3"}, ("a",), "takes 3, the map of each level"),
        ({"decoder": "detection-output"}, ("a", "b"), "takes one blob of a row for each detection"),
    ],
)
def test_other_numbers_of_outputs(options: dict[str, Any], blobs: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_decoder(PostprocessOptions.model_validate(options), blobs)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"decoder": "anchor"}, "`profile` with `decoder: anchor`, one of ssd300, ssdlite320, retinanet, yolov3"),
        ({"decoder": "dfl", "profile": "yolov9"}, "a profile of dfl: nanodet-plus, yolov8"),
        ({"decoder": "yolox", "bins": 8}, "keys of the decoder yolox .* which bins is not"),
        ({"decoder": "detection-output", "iou_threshold": 0.5}, "which iou_threshold is not"),
        ({"decoder": "anchor", "profile": "retinanet", "min_sizes": [1]}, "no `min_sizes` with this profile"),
        ({"decoder": "anchor", "profile": "ssdlite320", "strides": [8, 16]}, "as many `min_sizes` as `strides`"),
        (
            {"decoder": "anchor", "profile": "ssd300", "min_sizes": [1] * 6, "basesize_ratio_range": [0.2, 0.9]},
            "either `basesize_ratio_range`, or `min_sizes` and `max_sizes`",
        ),
        ({"decoder": "anchor", "profile": "ssd300", "min_sizes": [1] * 6}, "`min_sizes` and `max_sizes` together"),
        ({"decoder": "yolox", "score_threshold": 50}, "less than or equal to 1"),
        ({"decoder": "yolox", "strides": []}, "at least 1 item"),
    ],
)
def test_options_that_cannot_be_meant(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        PostprocessOptions.model_validate(options)
