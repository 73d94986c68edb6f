from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_quant.tasks.text_detection.overlap import (
    inside_share,
    intersection_areas,
    intersection_over_union,
    polygon_set,
)
from pytest_quant.tasks.text_detection.profiles import PROFILES

OLD, NEW, ICDAR = PROFILES["mmocr-0.x"], PROFILES["mmocr-1.x"], PROFILES["icdar"]
UNIT = [0, 0, 0, 1, 1, 1, 1, 0]
BOW_TIE = [0, 0, 0, 1, 1, 0, 1, 1]
POINT = [0] * 8
STAR = [10, 0, 16, 19, 0, 7, 20, 7, 4, 19]
BOX = [-5, -5, 30, -5, 30, 30, -5, 30]


def common(one: Any, other: Any, profile: Any = NEW) -> float:
    return float(intersection_areas(polygon_set([one], profile), polygon_set([other], profile))[0, 0])


def iou(one: Any, other: Any, profile: Any = NEW) -> float:
    return float(intersection_over_union(polygon_set([one], profile), polygon_set([other], profile))[0, 0])


@pytest.mark.parametrize("profile", [OLD, NEW])
def test_the_examples_of_mmocr(profile: Any) -> None:
    shifted = np.array(UNIT) + [0.5, 0] * 4
    assert common(UNIT, shifted, profile) == pytest.approx(0.5)
    assert iou(UNIT, shifted, profile) == pytest.approx(1 / 3)
    assert common(BOW_TIE, BOW_TIE, profile) == pytest.approx(0.25)
    assert iou(BOW_TIE, BOW_TIE, profile) == 1.0
    assert common(UNIT, POINT, profile) == 0.0
    assert iou(POINT, POINT, profile) == 0.0
    assert polygon_set([BOW_TIE, POINT], profile).areas.tolist() == [0.25, 0.0]
    assert polygon_set([BOW_TIE, POINT], profile).given_areas.tolist() == [0.0, 0.0]


def test_a_polygon_that_falls_apart_becomes_its_hull_or_its_pieces() -> None:
    # Two triangles that meet in a point of the chain between them.
    hourglass = [0, 0, 4, 0, 2, 2, 4, 4, 0, 4, 2, 2]
    assert polygon_set([hourglass], NEW).areas == pytest.approx([16.0])
    assert polygon_set([hourglass], OLD).areas == pytest.approx([8.0])


def test_the_official_script_counts_by_odd_and_even() -> None:
    """Areas as the Polygon library gives them: the middle of the star is outside, yet counts twice as area."""
    assert polygon_set([STAR], ICDAR).areas == pytest.approx([162.0])
    assert common(STAR, BOX, ICDAR) == pytest.approx(85.58566629)
    assert common([0, 0, 10, 10, 10, 0, 0, 10], BOX, ICDAR) == pytest.approx(50.0)
    assert polygon_set([[0, 0, 10, 10, 10, 0, 0, 10]], ICDAR).areas == pytest.approx([0.0])


def test_the_official_script_cuts_coordinates_towards_zero() -> None:
    assert polygon_set([[-0.9, 0.9, 4.9, 0.1, 4.2, 4.7, 0, 4.9]], ICDAR).areas == pytest.approx([16.0])


def test_the_share_inside_a_dont_care_region() -> None:
    half = [0.5, 0, 2, 0, 2, 2, 0.5, 2]
    shares = {
        profile.name: float(inside_share(polygon_set([UNIT], profile), polygon_set([half], profile), profile)[0])
        for profile in (OLD, NEW)
    }
    assert shares == {"mmocr-0.x": pytest.approx(0.5), "mmocr-1.x": pytest.approx(0.499995)}
    assert shares["mmocr-0.x"] <= 0.5


def test_a_bow_tie_prediction_has_no_area_to_share() -> None:
    around = polygon_set([BOX], NEW)
    assert inside_share(polygon_set([BOW_TIE], NEW), around, NEW)[0] > 0.5
    assert inside_share(polygon_set([BOW_TIE], OLD), polygon_set([BOX], OLD), OLD)[0] == 0.0


def test_nothing_to_compare() -> None:
    nothing, one = polygon_set([], NEW), polygon_set([UNIT], NEW)
    assert intersection_over_union(nothing, one).shape == (0, 1)
    assert intersection_over_union(one, nothing).shape == (1, 0)
    assert inside_share(one, nothing, NEW).tolist() == [0.0]
    assert inside_share(nothing, one, NEW).shape == (0,)


@pytest.mark.parametrize("polygon", [[], [1, 2], [1, 2, 3, 4]])
def test_two_points_are_no_polygon(polygon: list[int]) -> None:
    with pytest.raises(ValueError, match="points; expected three or more"):
        polygon_set([polygon], NEW)


@pytest.mark.parametrize("profile", list(PROFILES.values()))
def test_three_points_are_a_polygon(profile: Any) -> None:
    assert polygon_set([[0, 0, 4, 0, 4, 2]], profile).areas == pytest.approx([4.0])
    assert polygon_set([[0, 0, 4, 0, 0, 0]], profile).areas == pytest.approx([0.0])


coordinates = st.lists(st.integers(-20, 20), min_size=3, max_size=9).flatmap(
    lambda xs: st.lists(st.integers(-20, 20), min_size=len(xs), max_size=len(xs)).map(
        lambda ys: np.stack([xs, ys], axis=1)
    )
)


@pytest.mark.parametrize("profile", [OLD, NEW])
@given(one=coordinates, other=coordinates)
def test_overlap_is_symmetric_and_in_range(profile: Any, one: Any, other: Any) -> None:
    value = iou(one, other, profile)
    assert 0 <= value <= 1 + 1e-9
    assert iou(other, one, profile) == pytest.approx(value, abs=1e-9)
    assert iou(one, one, profile) in (pytest.approx(0.0), pytest.approx(1.0))


@given(one=coordinates, other=coordinates)
def test_the_official_overlap_of_any_polygons_is_a_number(one: Any, other: Any) -> None:
    assert np.isfinite(iou(one, other, ICDAR))
