"""From outputs to label maps, against torch as mmseg calls it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pytest_quant.spec.errors import RunnerError
from pytest_quant.tasks.semantic_segmentation.decoder import corner_aligned, largest
from pytest_quant.tasks.semantic_segmentation.decoder import decode as decoded
from pytest_quant.tasks.semantic_segmentation.options import PostprocessOptions
from pytest_quant.tasks.semantic_segmentation.preprocess import Geometry

INPUTS = np.load(Path(__file__).parents[1] / "golden" / "segmentation_inputs.npz")


def decode(output: NDArray[np.float32], blob: str, place: Geometry, keys: PostprocessOptions) -> tuple[Any, int | None]:
    found = decoded(output, blob, place, keys)
    return found.answers, found.class_count


def options(**keys: object) -> PostprocessOptions:
    return PostprocessOptions.model_validate(keys)


def geometry(width: int, height: int) -> Geometry:
    return Geometry((width, height), (width, height), (width, height))


@pytest.mark.parametrize("align_corners", [False, True])
def test_resized_logits_are_those_of_mmseg(align_corners: bool) -> None:
    name = "50x67_ac1" if align_corners else "52x68_ac0"
    expected = INPUTS[f"argmax_{name}"]
    place = geometry(expected.shape[1], expected.shape[0])
    found, classes = decode(INPUTS["logits"], "out0", place, options(align_corners=align_corners))
    assert classes == 6
    assert np.array_equal(found, expected)


def test_corner_aligned_values_are_those_of_torch() -> None:
    expected = INPUTS["resized_50x67_ac1"]
    found = np.stack([corner_aligned(plane, (67, 50)) for plane in INPUTS["logits"]])
    np.testing.assert_allclose(found, expected, atol=1e-5)  # torch has the places in float32


def test_resized_labels_are_those_of_mmdeploy() -> None:
    labels = INPUTS["label_map"].astype(np.float32)[np.newaxis]
    found, classes = decode(labels, "out0", geometry(68, 52), options(output="labels"))
    assert classes is None
    assert np.array_equal(found, INPUTS["label_nearest_52x68"])


def test_labels_of_logits_are_resized_where_that_is_asked_for() -> None:
    logits = np.array([[[1.0, 0.0]], [[0.0, 4.0]]], np.float32)
    nearest, _ = decode(logits, "out0", geometry(4, 1), options(resize="labels"))
    linear, _ = decode(logits, "out0", geometry(4, 1), options())
    assert nearest.tolist() == [[0, 0, 1, 1]]
    assert linear.tolist() == [[0, 1, 1, 1]]  # at a quarter of the way 0.75 against 1


def test_padding_is_cut_before_the_image_is_enlarged() -> None:
    """The image fills the left half of the input; the right half, padding, says class 1."""
    logits = np.stack([np.array([[1, 1, 0, 0]], np.float32), np.array([[0, 0, 9, 9]], np.float32)])
    found, _ = decode(logits, "out0", Geometry((6, 1), (2, 1), (4, 1)), options())
    assert found.tolist() == [[0] * 6]


def test_the_first_of_equal_logits_wins() -> None:
    planes = np.array([[[1.0]], [[2.0]], [[2.0]]], np.float32)
    assert largest(iter(planes)).tolist() == [[1]]


def test_one_map_is_held_against_the_threshold() -> None:
    output = np.array([[-1.0, -0.8, 3.0]], np.float32)  # sigmoid 0.27, 0.31, 0.95
    found, classes = decode(output, "out0", geometry(3, 1), options())
    assert (found.tolist(), classes) == ([[0, 1, 1]], 2)
    assert decode(output, "out0", geometry(3, 1), options(threshold=0.5))[0].tolist() == [[0, 0, 1]]


@pytest.mark.parametrize(
    ("output", "keys", "message"),
    [
        (np.zeros((4,), np.float32), {}, "one map for each class"),
        (np.full((2, 1, 1), np.nan, np.float32), {}, "holds 2 NaN among 2 values"),
        (np.zeros((2, 3, 4), np.float32), {"output": "labels"}, "one map of class indexes"),
        (np.full((1, 3, 4), 0.5, np.float32), {"output": "labels"}, "from 0.5 to 0.5; is it a map of logits"),
        (np.full((1, 3, 4), np.nan, np.float32), {"output": "labels"}, "not class indexes"),
        (np.zeros((2, 3, 4), np.float32), {"resize": "none"}, r"the size \[4, 3\] \(width, height\) and the image"),
    ],
)
def test_other_outputs_are_refused(output: NDArray[Any], keys: dict[str, str], message: str) -> None:
    with pytest.raises(RunnerError, match=message):
        decode(output, "out0", geometry(8, 6), options(**keys))


def test_none_takes_an_output_of_the_padded_size() -> None:
    logits = np.stack([np.zeros((2, 4), np.float32), np.ones((2, 4), np.float32)])
    found, _ = decode(logits, "out0", Geometry((3, 2), (3, 2), (4, 2)), options(resize="none"))
    assert found.tolist() == [[1, 1, 1], [1, 1, 1]]


@pytest.mark.parametrize(
    "keys", [{"output": "labels", "resize": "logits"}, {"resize": "labels", "align_corners": True}]
)
def test_contradictions_are_refused(keys: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"labels or none|resize: logits"):
        options(**keys)


@pytest.mark.parametrize("resize", ["logits", "labels"])
def test_how_likely_the_answers_are(resize: str) -> None:
    """The likeliest class at each point of the lattice is the answer there."""
    logits = INPUTS["logits"]
    found = decoded(logits, "out0", geometry(34, 26), options(resize=resize))
    assert found.likely is not None
    assert np.array_equal(found.likely.classes[:, 0], found.answers.reshape(-1))
    assert (np.diff(found.likely.shares, axis=1) <= 0).all()
    assert found.likely.shares.sum(axis=1).max() <= 1 + 1e-6
