from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pytest_quant.tasks.text_detection import centering, textsnake
from pytest_quant.tasks.text_detection import disks as disks_module
from pytest_quant.tasks.text_detection.centering import STEPS_MAX, PixelRegion, center_points
from pytest_quant.tasks.text_detection.disks import draw_disks, merge_disks
from pytest_quant.tasks.text_detection.parameters import TEXTSNAKE_PROFILES, TextSnakeParameters
from pytest_quant.tasks.text_detection.textsnake import decode_textsnake

from .golden import decoder_cases, geometry_of

DEFAULTS = TEXTSNAKE_PROFILES["mmocr-1.x"]


@pytest.mark.parametrize("kind", ["rescaled", "map_coordinates"])
def test_golden_polygons_of_mmocr(kind: str) -> None:
    cases = decoder_cases("textsnake_expected_mmocr_1x.json", "textsnake_inputs.npz", kind)
    assert len(cases) == 2
    for case in cases:
        found = decode_textsnake(case.maps, case.geometry, DEFAULTS)
        case.check(found)
        assert found.capped_points == 0


def test_the_generations_differ_by_the_rounding_of_the_scale() -> None:
    case = decoder_cases("textsnake_expected_mmocr_1x.json", "textsnake_inputs.npz")[0]
    older = decode_textsnake(case.maps, case.geometry, TEXTSNAKE_PROFILES["mmocr-0.x"])
    newer = decode_textsnake(case.maps, case.geometry, DEFAULTS)
    differences = [np.abs(a - b).max() for a, b in zip(older.polygons, newer.polygons, strict=True)]
    assert 0 < max(differences) < 1e-4


def example_of_mmocr(radius: float = 10) -> NDArray[np.float32]:
    """A band of text, and a blob that is too small to be one."""
    maps = np.zeros((5, 224, 224), np.float32)
    maps[:2] = -10
    maps[0, 60:100, 50:170] = 10
    maps[1, 75:85, 60:160] = 10
    maps[3, 75:85, 60:160] = 1
    maps[4, 75:85, 60:160] = radius
    maps[:2, 150:152, 5:7] = 10
    return maps


def test_the_example_of_mmocr() -> None:
    maps = example_of_mmocr()
    found = decode_textsnake(maps, geometry_of(maps), DEFAULTS)
    (polygon,) = found.polygons
    assert polygon.shape == (38, 2)
    assert polygon.min(axis=0).tolist() == [53, 70]
    assert polygon.max(axis=0).tolist() == [165, 90]
    assert found.scores == pytest.approx([0.999955], abs=1e-6)
    assert found.capped_points == 0


def test_a_small_radius_gives_no_polygon() -> None:
    maps = np.zeros((5, 64, 64), np.float32)
    maps[:2] = -10
    maps[:2, 10:30, 10:30] = 10
    maps[3, 10:30, 10:30] = 1
    maps[4, 10:30, 10:30] = 0.5
    assert not decode_textsnake(maps, geometry_of(maps), DEFAULTS).polygons


@pytest.mark.parametrize("radius", [0.0, -0.0, 1e-30, 1e-7])
def test_a_radius_of_zero_ends_and_is_reported(radius: float) -> None:
    maps = example_of_mmocr(radius)
    maps[4, 75:85, 100:] = 10
    found = decode_textsnake(maps, geometry_of(maps), DEFAULTS)
    assert 20 < found.capped_points < 60
    assert len(found.polygons) == 1


@pytest.mark.parametrize("value", [3.4e38, -3.4e38])
def test_numbers_without_measure_do_not_overflow(value: float) -> None:
    maps = example_of_mmocr(value)
    maps[2] = -value
    # A disk over the whole map has four corners, one less than a polygon needs.
    assert not decode_textsnake(maps, geometry_of(maps), DEFAULTS).polygons


def walk(start: NDArray[Any], step: NDArray[Any], mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The published walk: one addition for each step."""
    position = start.astype(np.float64)
    while True:
        y, x = (position + step).astype(np.int32)
        if not (0 <= y < mask.shape[0] and 0 < x < mask.shape[1] and mask[y, x]):
            return position
        position = position + step


STEPS = st.floats(-1.5, 1.5, width=32).filter(lambda step: step == 0 or abs(step) > 2.0**-14)
"""Smaller ones are lost in the rounding of adding them to a place one by one; a net gives 0.03 radii."""


@settings(max_examples=60)
@given(
    st.integers(1, 25),
    st.integers(1, 25),
    STEPS,
    STEPS,
    st.integers(0, 10_000),
)
def test_centres_are_those_of_the_walk_step_by_step(height: int, width: int, dy: float, dx: float, seed: int) -> None:
    if max(abs(dy), abs(dx)) < 1e-2:
        dy = 0.01
    rng = np.random.default_rng(seed)
    mask = rng.random((height, width)) < 0.9
    points = np.argwhere(mask)[:20]
    steps = (rng.uniform(0.5, 1.5, (len(points), 1)) * [dy, dx]).astype(np.float32)
    middles = [
        0.5 * (walk(point, step, mask) + walk(point, -step, mask)) for point, step in zip(points, steps, strict=True)
    ]
    expected = np.array(middles).reshape(-1, 2).astype(np.int32)
    found = center_points(points, steps, PixelRegion(mask))
    assert np.array_equal(found.points, expected)
    assert found.capped_points == 0


@pytest.mark.parametrize("length", [0.03, 0.01, 2.0**-8])
def test_long_walks_of_short_steps_are_those_of_the_walk_step_by_step(length: float) -> None:
    rng = np.random.default_rng(3)
    mask = rng.random((30, 40)) < 0.999
    points = np.argwhere(mask)[::23]
    angles = rng.uniform(0, 2 * np.pi, (len(points), 1))
    steps = (length * np.hstack([np.sin(angles), np.cos(angles)])).astype(np.float32)
    steps[::5], steps[1::5] = (0, length), (-length, 1e-7 * length)
    expected = np.array(
        [0.5 * (walk(point, step, mask) + walk(point, -step, mask)) for point, step in zip(points, steps, strict=True)]
    ).astype(np.int32)
    found = center_points(points, steps, PixelRegion(mask))
    assert np.array_equal(found.points, expected)
    assert found.capped_points == 0


@pytest.mark.parametrize("length", [1e-3, 1e-5, 1e-7, 1e-30])
def test_a_walk_of_tiny_steps_is_not_looked_at_step_by_step(length: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """An int8 net can give a radius of nearly zero everywhere; on a map of full size that took an hour."""
    looked_at = 0
    cells = centering._Surroundings.cells

    def counted(self: centering._Surroundings, y: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.intp]:
        nonlocal looked_at
        looked_at += y.size
        return cells(self, y, x)

    monkeypatch.setattr(centering._Surroundings, "cells", counted)
    points = np.argwhere(np.ones((30, 40), np.bool_))
    steps = np.full((len(points), 2), (length, -length), np.float32)
    found = center_points(points, steps, PixelRegion(np.ones((30, 40), np.bool_)))
    assert found.capped_points > 0
    assert looked_at < 2 * len(points) * STEPS_MAX / 20


@pytest.mark.parametrize("dx", [0.4, 0.01, 1e-3])
def test_a_cutout_gives_the_centres_of_the_map(dx: float) -> None:
    whole = np.zeros((30, 40), np.bool_)
    whole[5:20, 0:9] = True
    points = np.argwhere(whole)[::7]
    steps = np.full((len(points), 2), (0.1, dx), np.float32)
    cutout = PixelRegion(whole[5:20, 0:9], (0, 5))
    assert np.array_equal(
        center_points(points, steps, cutout).points, center_points(points, steps, PixelRegion(whole)).points
    )


def test_the_first_column_is_not_entered_but_the_first_row_is() -> None:
    mask = np.ones((9, 9), np.bool_)
    left = center_points(np.array([[4, 4]]), np.array([[0, 1]], np.float32), PixelRegion(mask)).points
    up = center_points(np.array([[4, 4]]), np.array([[0.5, 0]], np.float32), PixelRegion(mask)).points
    assert left.tolist() == [[4, 4]]  # from x = 1 to x = 8
    assert up.tolist() == [[4, 4]]  # from y = -0.5, which is cut to 0, to y = 8.5


def test_a_capped_walk_stays_where_it_is() -> None:
    mask = np.ones((3, 9), np.bool_)
    found = center_points(np.array([[1, 4], [1, 4]]), np.array([[0, 0], [0, 1]], np.float32), PixelRegion(mask))
    assert found.points.tolist() == [[1, 4], [1, 4]]
    assert found.capped_points == 1
    far = np.ones((3, 2 * STEPS_MAX), np.bool_)
    capped = center_points(np.array([[1, STEPS_MAX]]), np.array([[0, 0.5]], np.float32), PixelRegion(far))
    assert capped.capped_points == 1


def merge_one_by_one(disks: NDArray[np.float64], threshold: float) -> NDArray[np.float64]:
    """The published loop."""
    rest = disks[np.argsort(disks[:, 3], kind="stable")[::-1]]
    kept = []
    while len(rest):
        first, others = rest[0], rest[1:]
        distances = np.sqrt(((others[:, :2] - first[:2]) ** 2).sum(axis=1))
        near = distances <= threshold * (others[:, 2] + first[2])
        kept.append(np.concatenate([rest[:1], others[near]]).mean(axis=0))
        rest = others[~near]
    return np.array(kept).reshape(-1, 4)


@given(st.integers(0, 300), st.sampled_from([0.03, 0.3, 3.0]), st.integers(0, 10_000))
def test_merged_disks_are_those_of_the_loop(count: int, threshold: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    disks = np.column_stack(
        [rng.integers(0, 30, (count, 2)), rng.normal(8, 4, count), rng.integers(0, 5, count) / 4]
    ).astype(np.float64)
    np.testing.assert_allclose(merge_disks(disks, threshold), merge_one_by_one(disks, threshold), rtol=0, atol=1e-9)


@settings(max_examples=40)
@given(st.integers(1, 300), st.sampled_from([0.03, 0.3, 3.0]), st.floats(0, 12), st.integers(0, 10_000))
def test_pairs_from_the_tree_are_those_of_all_distances(count: int, threshold: float, radius: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    parts = [rng.integers(0, 40, (count, 2)), rng.normal(radius, 4, count), np.zeros(count)]
    disks = np.column_stack(parts).astype(np.float64)
    disks[rng.random(count) < 0.1, 2] = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(disks_module, "_PAIRS_PER_DISK", count + 1)
        found = disks_module._pairs_by_tree(disks, threshold)
    assert found is not None
    every = np.nonzero(disks_module._near_later_ones(disks, slice(0, count), threshold))
    assert np.array_equal(found, every)


def test_many_disks_of_huge_radii_are_merged_without_listing_their_pairs() -> None:
    rng = np.random.default_rng(0)
    disks = np.column_stack([rng.integers(0, 200, (2000, 2)), np.full(2000, 1e9), rng.random(2000)]).astype(np.float64)
    assert disks_module._pairs_by_tree(disks, 0.03) is None
    assert len(merge_disks(disks, 0.03)) == 1
    small = disks * [1, 1, 6e-9, 1]
    np.testing.assert_allclose(merge_disks(small, 0.03), merge_one_by_one(small, 0.03), rtol=0, atol=1e-9)


@given(st.integers(1, 12), st.integers(0, 10_000))
def test_disks_drawn_on_a_cutout_are_those_of_the_map(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    disks = np.column_stack([rng.uniform(-30, 90, (count, 2)), rng.uniform(-3, 20, count), rng.random(count)])
    whole = np.zeros((40, 60), np.uint8)
    for x, y, radius, _ in disks.tolist():
        if radius > 1:
            cv2.circle(whole, (int(x), int(y)), int(radius), 1, -1)
    drawing = draw_disks(disks, (60, 40))
    pasted = np.zeros_like(whole)
    if drawing is not None:
        pasted[drawing.window] = drawing.mask
    assert np.array_equal(pasted, whole)


def filled_centres_of_mmocr(mask: NDArray[np.uint8]) -> list[NDArray[Any]]:
    """Holes filled from outside of a border, then every contour of the result, drawn filled."""
    padded = np.pad(mask, 1)
    outside = padded.copy()
    cv2.floodFill(outside, np.zeros((outside.shape[0] + 2, outside.shape[1] + 2), np.uint8), (0, 0), 1)
    whole = (padded | (1 - outside))[1:-1, 1:-1].copy()
    contours, _ = cv2.findContours(whole, cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)
    drawn = []
    for contour in contours:
        if cv2.contourArea(contour) >= 3:
            drawn.append(cv2.drawContours(np.zeros_like(mask), [contour], -1, 1, thickness=-1))
    return drawn


@given(st.integers(3, 25), st.integers(3, 25), st.floats(0.3, 0.9), st.integers(0, 10_000))
def test_outer_contours_fill_holes_as_the_published_steps_do(height: int, width: int, share: float, seed: int) -> None:
    mask = (np.random.default_rng(seed).random((height, width)) < share).astype(np.uint8)
    maps = np.full((5, height, width), 20, np.float32)
    maps[1] = np.where(mask, 20, -20)
    contours = textsnake._center_contours(maps, TextSnakeParameters(min_center_area=3))
    found = []
    for contour in contours:
        region, whole = textsnake._filled(contour), np.zeros_like(mask)
        left, top = region.left_top
        whole[top : top + region.mask.shape[0], left : left + region.mask.shape[1]] = region.mask
        found.append(whole)
    expected = filled_centres_of_mmocr(mask)
    assert len(found) == len(expected)
    assert all(map(np.array_equal, found, expected))


@settings(max_examples=40)
@given(st.integers(1, 40), st.integers(1, 40), st.floats(0, 30), st.integers(0, 10_000))
def test_any_map_decodes(height: int, width: int, radius: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    maps = rng.normal(0, 3, (5, height, width)).astype(np.float32)
    maps[:2] = cv2.GaussianBlur(maps[:2].transpose(1, 2, 0), (9, 9), 0).reshape(height, width, 2).transpose(2, 0, 1) * 9
    maps[4] *= radius
    found = decode_textsnake(maps, geometry_of(maps), DEFAULTS)
    assert len(found.polygons) == len(found.scores)
    assert all(len(polygon) >= 5 for polygon in found.polygons)
    assert ((found.scores >= 0) & (found.scores <= 1)).all()
