"""Anchors, points, boxes and suppression against mmdet 3.3 and torchvision, and ncnn's DetectionOutput."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pytest_quant.tasks.object_detection.boxes import from_deltas, from_offsets
from pytest_quant.tasks.object_detection.nms import suppress
from pytest_quant.tasks.object_detection.parameters import PROFILES, AnchorParameters, RowsParameters
from pytest_quant.tasks.object_detection.prediction import Detections
from pytest_quant.tasks.object_detection.priors import anchors, base_anchors, cells_of, points, ssd_sizes
from pytest_quant.tasks.object_detection.selection import class_scores, select

GOLDEN = Path(__file__).parents[1] / "golden"
ARRAYS = np.load(GOLDEN / "detection_decoders_mmdet.npz")
ROWS = json.loads((GOLDEN / "detection_output_ncnn.json").read_text())


def parameters_of(profile: str) -> AnchorParameters:
    found = PROFILES["anchor"][profile]
    assert isinstance(found, AnchorParameters)
    return found


def all_anchors(profile: str, size: tuple[int, int]) -> NDArray[Any]:
    found = parameters_of(profile)
    levels = enumerate(found.strides)
    return np.concatenate([anchors(found, level, cells_of(size, stride), size) for level, stride in levels])


@pytest.mark.parametrize(
    ("profile", "size", "golden"),
    [
        ("ssdlite320", (320, 320), "ssdlite320_anchors"),
        ("ssd300", (300, 300), "ssd300_anchors"),
        ("yolov3", (96, 64), "yolov3_anchors"),
    ],
)
def test_anchors_are_those_of_mmdet(profile: str, size: tuple[int, int], golden: str) -> None:
    np.testing.assert_allclose(all_anchors(profile, size), ARRAYS[golden], rtol=0, atol=6e-5)


@pytest.mark.parametrize(
    ("size", "shares", "sizes"),
    [
        (300, (0.15, 0.9), (21, 45, 99, 153, 207, 261, 315)),
        (300, (0.2, 0.9), (30, 60, 111, 162, 213, 264, 315)),
        (512, (0.1, 0.9), (20, 51, 133, 215, 296, 378, 460, 542)),
        (512, (0.15, 0.9), (35, 76, 153, 230, 307, 384, 460, 537)),
    ],
    ids=["COCO 300", "VOC 300", "COCO 512", "VOC 512"],
)
def test_sizes_of_ssd_anchors(size: int, shares: tuple[float, float], sizes: tuple[int, ...]) -> None:
    strides = (8, 16, 32, 64, 128, 256, 512)[: len(sizes) - 1]
    parameters = replace(parameters_of("ssd300"), basesize_ratio_range=shares, strides=strides)
    assert ssd_sizes(parameters, (size, size)) == list(pairwise(sizes))


def test_retinanet_anchors() -> None:
    found = parameters_of("retinanet")
    base = np.stack([base_anchors(found, level, (640, 480)) for level in range(5)])
    np.testing.assert_allclose(base, ARRAYS["retina_base_anchors"], rtol=1e-6)


def test_all_anchors_of_retinanet() -> None:
    np.testing.assert_allclose(all_anchors("retinanet", (40, 32)), ARRAYS["retina_anchors"], rtol=0, atol=6e-5)


def test_points() -> None:
    corners = [points(cells_of((104, 72), stride), stride, 0.0) for stride in (8, 16, 32)]
    np.testing.assert_array_equal(np.concatenate(corners), ARRAYS["yolox_priors_104x72"][:, :2])
    middles = [points(cells_of((32, 24), stride), stride, 0.5) for stride in (8, 16, 32)]
    np.testing.assert_array_equal(np.concatenate(middles), ARRAYS["fcos_priors_offset_half"])


def test_yolox_boxes() -> None:
    priors = ARRAYS["yolox_priors_104x72"]
    boxes = from_offsets(ARRAYS["yolox_pred"], priors[:, :2], priors[:, 2])
    np.testing.assert_allclose(boxes, ARRAYS["yolox_boxes"], rtol=2e-6, atol=2e-5)


def test_deltas() -> None:
    first = ARRAYS["ssdlite320_anchors"][:200]
    clipped = from_deltas(ARRAYS["delta_in"], first, (0.1, 0.1, 0.2, 0.2)).clip(0, 320)
    np.testing.assert_allclose(clipped, ARRAYS["delta_decoded_std_ssd_clip_320"], rtol=2e-6, atol=2e-4)
    free = from_deltas(ARRAYS["delta_in"], first, (1, 1, 1, 1))
    np.testing.assert_allclose(free, ARRAYS["delta_decoded_std_one_noclip"], rtol=2e-6, atol=2e-3)


@pytest.mark.parametrize("threshold", [0.45, 0.5, 0.65])
def test_nms(threshold: float) -> None:
    labels = ARRAYS["nms_labels"].astype(np.int32)
    found = Detections(ARRAYS["nms_boxes"], ARRAYS["nms_scores"], labels)
    for nms, name in (("class", "class_aware"), ("agnostic", "agnostic")):
        kept = suppress(found, nms, threshold)  # type: ignore[arg-type]
        assert kept.tolist() == ARRAYS[f"nms_{name}_{threshold:g}"].tolist()
        assert suppress(found, nms, threshold, 20).tolist() == kept[:20].tolist()  # type: ignore[arg-type]


@pytest.mark.parametrize("threshold", ["0.05", "0.5", "0.999"])
def test_ncnns_own_detection_output(threshold: str) -> None:
    """Decoded here from what goes into the layer: background first, priors as shares of the input, 50 of a class."""
    priors = np.array(ROWS["prior"], np.float32)
    boxes = from_deltas(np.array(ROWS["loc"], np.float32), priors, tuple(ROWS["variance"]))
    scores = class_scores(np.array(ROWS["conf"], np.float32), "none", "first")
    chosen = select(scores, RowsParameters(score_threshold=float(threshold)), [0, len(scores)])
    found = Detections(boxes[chosen.rows], chosen.scores, chosen.labels)
    kept = found[suppress(found, "class", 0.45, 20)]
    expected = np.array(ROWS["out"][threshold], np.float32).reshape(-1, 6)
    assert (kept.labels + 1).tolist() == expected[:, 0].tolist()
    np.testing.assert_allclose(kept.scores, expected[:, 1], rtol=1e-6)
    np.testing.assert_allclose(kept.boxes, expected[:, 2:], rtol=0, atol=1e-6)
