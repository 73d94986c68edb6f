from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pytest_quant.spec.errors import ConfigError, RunnerError
from pytest_quant.tasks.base import Run, Tensor
from pytest_quant.tasks.keypoints.coco import FLIP_INDICES
from pytest_quant.tasks.keypoints.decoder import Decode, decoder, flip_back, mirror
from pytest_quant.tasks.keypoints.heatmap import decode_heatmaps
from pytest_quant.tasks.keypoints.options import PostprocessOptions

from .scenes import pose_net
from .test_heatmap import EXPECTED, INPUTS

Array = NDArray[np.float32]
TENSOR = np.random.default_rng(0).random((3, 256, 192), np.float32)


def decode_with(outputs: tuple[str, ...] = ("heatmaps",), **options: Any) -> Decode:
    model = pose_net((192, 256), outputs=outputs)
    return decoder(model, PostprocessOptions.model_validate(options), (192, 256))


def net_of(function: Callable[[Tensor], dict[str, Array]], seen: list[Tensor] | None = None) -> Run:
    def run(tensor: Tensor) -> dict[str, Array]:
        if seen is not None:
            seen.append(tensor)
        return function(tensor)

    return run


def by_side(plain: dict[str, Array], mirrored: dict[str, Array]) -> Run:
    """A net that has learnt two inputs by heart."""
    return net_of(lambda tensor: plain if np.array_equal(tensor, TENSOR) else mirrored)


@pytest.mark.parametrize("shift", [True, False])
def test_golden_flip_average_of_mmpose(shift: bool) -> None:
    expected = EXPECTED[f"flip_average_shift{shift}|msra_shift"]["cases"][0]
    run = by_side({"heatmaps": INPUTS["flip_a"][0]}, {"heatmaps": INPUTS["flip_b"][0]})
    points, scores = decode_with(flip_test=True, flip_shift=shift)(run, TENSOR)
    assert points.tolist() == expected["keypoints"]
    assert scores.tolist() == expected["scores"]


def test_flip_test_runs_the_mirrored_input_as_well() -> None:
    seen: list[Tensor] = []
    run = net_of(lambda _: {"heatmaps": INPUTS["flip_a"][0]}, seen)
    decode_with(flip_test=True)(run, TENSOR)
    assert len(seen) == 2
    np.testing.assert_array_equal(seen[0], TENSOR)
    np.testing.assert_array_equal(seen[1], TENSOR[:, :, ::-1])
    assert seen[1].flags.c_contiguous
    seen.clear()
    decode_with()(run, TENSOR)
    assert len(seen) == 1


def test_a_net_that_treats_both_sides_alike_gains_nothing() -> None:
    heatmaps = INPUTS["hm_64x48"][0]
    run = by_side({"heatmaps": heatmaps}, {"heatmaps": flip_back(heatmaps, shift=False)})
    points, scores = decode_with(flip_test=True, flip_shift=False)(run, TENSOR)
    expected = decode_heatmaps(heatmaps, (192, 256))
    np.testing.assert_array_equal(points, expected[0])
    np.testing.assert_array_equal(scores, expected[1])


def test_mirroring_twice_changes_nothing() -> None:
    np.testing.assert_array_equal(mirror(mirror(TENSOR)), TENSOR)
    np.testing.assert_array_equal(FLIP_INDICES[FLIP_INDICES], np.arange(17))
    heatmaps = INPUTS["hm_64x48"][0]
    np.testing.assert_array_equal(flip_back(flip_back(heatmaps, shift=False), shift=False), heatmaps)


def test_the_shift_moves_all_but_the_first_column() -> None:
    moved = flip_back(INPUTS["flip_b"][0], shift=True)
    still = flip_back(INPUTS["flip_b"][0], shift=False)
    np.testing.assert_array_equal(moved[:, :, 1:], still[:, :, :-1])
    np.testing.assert_array_equal(moved[:, :, 0], still[:, :, 0])


def test_simcc_with_flip_test() -> None:
    x, y = INPUTS["simcc_x"][0], INPUTS["simcc_y"][0]
    plain, mirrored = {"x": x, "y": y}, {"x": x[FLIP_INDICES][:, ::-1], "y": y[FLIP_INDICES]}
    decode = decode_with(("x", "y"), decoder="simcc", flip_test=True)
    points, scores = decode(by_side(plain, mirrored), TENSOR)
    assert points.tolist() == EXPECTED["simcc_rtm"]["cases"][0]["keypoints"]
    assert scores.tolist() == EXPECTED["simcc_rtm"]["cases"][0]["scores"]


def test_simcc_with_dark() -> None:
    decode = decode_with(("x", "y"), decoder="simcc", refine="dark", sigma=[4.9, 5.66])
    points, _ = decode(net_of(lambda _: {"x": INPUTS["simcc_x"][0], "y": INPUTS["simcc_y"][0]}), TENSOR)
    np.testing.assert_allclose(points, EXPECTED["simcc_rtm_dark"]["cases"][0]["keypoints"], atol=1e-5)


def zeros(*shape: int) -> Array:
    return np.zeros(shape, np.float32)


@pytest.mark.parametrize(
    ("heatmaps", "message"),
    [
        (zeros(16, 64, 48), r"'heatmaps' has shape \(16, 64, 48\); expected \(17, height, width\)"),
        (zeros(51, 64, 48), "UDP's combined target"),
        (zeros(17, 3072), r"shape \(17, 3072\)"),
        (zeros(17, 48, 64), r"heatmaps of \[64, 48\] .* ratio of input.size \[192, 256\]"),
        (np.full((17, 64, 48), np.nan, np.float32), "52224 NaN or infinite values"),
    ],
)
def test_outputs_that_are_no_heatmaps(heatmaps: Array, message: str) -> None:
    with pytest.raises(RunnerError, match=message):
        decode_with()(net_of(lambda _: {"heatmaps": heatmaps}), TENSOR)


def test_heatmaps_of_another_size_than_the_config_says() -> None:
    run = net_of(lambda _: {"heatmaps": zeros(17, 32, 24)})
    decode_with()(run, TENSOR)
    with pytest.raises(RunnerError, match=r"heatmaps of \[24, 32\] .* postprocess.heatmap_size says \[48, 64\]"):
        decode_with(heatmap_size=[48, 64])(run, TENSOR)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (zeros(17, 512), zeros(17, 384), r"'x' has shape \(17, 512\); expected \(17, 384\), input width 192 times"),
        (zeros(17, 384), zeros(17, 256), r"'y' has shape \(17, 256\); expected \(17, 512\), input height 256 times"),
        (zeros(133, 384), zeros(133, 512), "for each keypoint of COCO"),
    ],
)
def test_outputs_that_are_no_vectors(x: Array, y: Array, message: str) -> None:
    with pytest.raises(RunnerError, match=message):
        decode_with(("x", "y"), decoder="simcc")(net_of(lambda _: {"x": x, "y": y}), TENSOR)


def test_an_output_that_is_not_there() -> None:
    with pytest.raises(RunnerError, match=r"gave the output blobs \{'other': \(1,\)\}; expected 'heatmaps'"):
        decode_with()(net_of(lambda _: {"other": zeros(1)}), TENSOR)


def test_the_number_of_outputs_follows_from_the_decoder() -> None:
    with pytest.raises(ConfigError, match=r"found \['a', 'b'\]; `decoder: heatmap` takes one blob"):
        decode_with(("a", "b"))
    with pytest.raises(ConfigError, match=r"found \['a'\]; `decoder: simcc` takes two blobs, x first, then y"):
        decode_with(("a",), decoder="simcc")
