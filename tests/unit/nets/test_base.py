from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pytest_quant.nets.base import check_input, check_outputs
from pytest_quant.spec.errors import RunnerError


def check(array: object, channels: int | None = 3, size: tuple[int, int] | None = (6, 4)) -> Any:
    return check_input("a.param", array, channels=channels, size=size)


def test_a_good_input_is_handed_on_as_it_is() -> None:
    array = np.zeros((3, 4, 6), np.float32)
    assert check(array) is array


def test_an_input_with_gaps_in_memory_is_made_contiguous() -> None:
    array = np.arange(3 * 4 * 6, dtype=np.float32).reshape(4, 6, 3).transpose(2, 0, 1)
    found = check(array)
    assert found.flags.c_contiguous
    assert np.array_equal(found, array)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        ([[1.0]], "found an input of type list, expected a numpy array"),
        (None, "found an input of type NoneType"),
        (np.zeros((3, 4, 6)), r"found an input of dtype float64, expected float32 .*astype\(numpy.float32\)"),
        (np.zeros((3, 4, 6), np.uint8), "found an input of dtype uint8, expected float32"),
        (np.zeros((3, 4, 6), np.float16), "found an input of dtype float16, expected float32"),
        (np.zeros((3, 4, 6), ">f4"), "found an input of dtype >f4, expected float32"),
        (np.zeros((1, 3, 4, 6), np.float32), r"shape \(1, 3, 4, 6\), expected .* with 3 channels and no batch dim"),
        (np.zeros((4, 6, 3), np.float32), r"shape \(4, 6, 3\), expected \(channels, height, width\) with 3 channels"),
        (np.zeros((4, 6), np.float32), r"shape \(4, 6\)"),
        (np.zeros((3, 6, 4), np.float32), r"shape \(3, 6, 4\), expected width 6 and height 4 as `input.size` says"),
        (np.zeros((3, 0, 6), np.float32), r"shape \(3, 0, 6\), expected \(channels, height, width\)"),
        (np.float32(1.0), "type float32, expected a numpy array"),
        (np.array(1.0, np.float32), r"shape \(\)"),
    ],
)
def test_anything_else_is_refused_with_what_was_found(array: object, message: str) -> None:
    with pytest.raises(RunnerError, match=rf"^a\.param: .*{message}"):
        check(array)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_counted(value: float) -> None:
    array = np.zeros((3, 4, 6), np.float32)
    array[0, 1, :2] = value
    with pytest.raises(RunnerError, match="the input holds 2 values that are not finite"):
        check(array)


def test_what_is_not_known_of_the_net_is_not_checked() -> None:
    flat = np.zeros(7, np.float32)
    assert check(flat, channels=None, size=None) is flat
    with pytest.raises(RunnerError, match="expected width 6 and height 4"):
        check(flat, channels=None)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_outputs_that_are_not_finite_are_refused_by_name(value: float) -> None:
    bad = np.array([1, value, 2], np.float32)
    with pytest.raises(RunnerError, match=r"a\.param: the output blob 'prob' holds 1 of 3 values that are not finite"):
        check_outputs("a.param", {"first": np.ones(2, np.float32), "prob": bad})
    check_outputs("a.param", {"first": np.ones(2, np.float32)})
