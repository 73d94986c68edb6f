from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_quant.judging.limits.floor import Floor
from pytest_quant.judging.limits.published import Published
from pytest_quant.judging.limits.tolerance import Tolerance
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.number import PrintedFloat
from tests.unit.metrics import METRICS

TOP1, HMEAN = METRICS["top1"], METRICS["hmean"]


@pytest.mark.parametrize(
    ("name", "raw", "expected"),
    [
        ("top1", 1.0, Tolerance(METRICS["top1"], 1.0)),
        ("top1", 0, Tolerance(METRICS["top1"], 0.0)),
        ("top1", 9.99, Tolerance(METRICS["top1"], 9.99)),
        ("hmean", 0.01, Tolerance(METRICS["hmean"], 0.01)),
        ("AP", 0.0999, Tolerance(METRICS["AP"], 0.0999)),
        ("top1", "1%", Tolerance(METRICS["top1"], 0.01, relative=True)),
        ("hmean", " 0.5 % ", Tolerance(METRICS["hmean"], 0.005, relative=True)),
        ("hmean", "0%", Tolerance(METRICS["hmean"], 0.0, relative=True)),
    ],
)
def test_tolerances(name: str, raw: Any, expected: Tolerance) -> None:
    assert Tolerance.parse(METRICS[name], raw) == expected


@pytest.mark.parametrize(
    ("name", "raw", "share"),
    [("top1", 10, "10"), ("top1", 100.0, "100"), ("hmean", 0.1, "10"), ("AP", 1.0, "100"), ("top1", "10%", "10")],
)
def test_a_tolerance_of_a_tenth_of_the_range_is_a_unit_mistake(name: str, raw: Any, share: str) -> None:
    with pytest.raises(ConfigError, match="probably a unit mistake") as caught:
        Tolerance.parse(METRICS[name], raw)
    message = str(caught.value)
    assert message.startswith(f"found {raw!r}, which is {share} % of ")
    assert (
        f"A tolerance of {name} is given {'in percentage points' if name == 'top1' else 'as a fraction'} (" in message
    )
    assert "quant_max_tolerance" in message


def test_the_share_that_is_a_unit_mistake_can_be_set() -> None:
    assert Tolerance.parse(TOP1, 59.9, max_tolerance_pct=60) == Tolerance(METRICS["top1"], 59.9)
    with pytest.raises(ConfigError, match=r"must stay below 0\.5 % of the range"):
        Tolerance.parse(HMEAN, 0.005, max_tolerance_pct=0.5)


@pytest.mark.parametrize("raw", [-0.1, -1, "-1%"])
def test_a_tolerance_is_not_negative(raw: Any) -> None:
    with pytest.raises(ConfigError, match="expected 0 or more: a tolerance is the largest allowed drop fp32 - int8"):
        Tolerance.parse(TOP1, raw)


@pytest.mark.parametrize(
    "raw", [True, None, [1.0], {"top1": 1}, float("nan"), float("inf"), "1", "one%", "nan%", "inf%", "%", "", "1%%"]
)
def test_what_is_no_tolerance(raw: Any) -> None:
    with pytest.raises(ConfigError, match=r"^found .*expected"):
        Tolerance.parse(TOP1, raw)


@given(st.floats(0, 10, exclude_max=True))
def test_a_number_below_a_tenth_of_the_range_is_taken_as_it_is(amount: float) -> None:
    assert Tolerance.parse(TOP1, amount) == Tolerance(METRICS["top1"], amount)
    assert Tolerance.parse(TOP1, PrintedFloat(amount, "x")) == Tolerance(METRICS["top1"], amount)


@pytest.mark.parametrize(
    ("name", "raw", "expected"),
    [
        ("top1", 94, 94.0),
        ("top1", 0, 0.0),
        ("top1", 100, 100.0),
        ("top1", 1.01, 1.01),
        ("hmean", 1, 1.0),
        ("AP", 0.4, 0.4),
    ],
)
def test_floors(name: str, raw: Any, expected: float) -> None:
    assert Floor.parse(METRICS[name], raw) == Floor(METRICS[name], expected)


@pytest.mark.parametrize(
    ("name", "raw", "message"),
    [
        ("top1", 0.94, "found 0.94, expected percent from 0 to 100: probably a unit mistake (write 94 for 94 %)"),
        ("top5", 1, "found 1, expected percent from 0 to 100: probably a unit mistake (write 100 for 100 %)"),
        ("top1", 100.5, "found 100.5, expected top1 from 0 to 100"),
        ("top1", -1, "found -1, expected top1 from 0 to 100"),
        ("hmean", 79.5, "found 79.5, expected hmean from 0 to 1 (write 0.795 for 79.5 %)"),
        ("hmean", -0.1, "found -0.1, expected hmean from 0 to 1"),
        ("AP", "0.7", "found '0.7' (str), expected a number"),
        ("AP", None, "found nothing, expected a number"),
        ("AP", False, "found False (bool), expected a number"),
        ("AP", float("nan"), "found nan, expected a finite number"),
    ],
)
def test_what_is_no_score(name: str, raw: Any, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Floor.parse(METRICS[name], raw)
    assert str(caught.value) == message
    with pytest.raises(ConfigError) as caught:
        Published.parse(METRICS[name], "int8", raw)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("name", "raw", "within"),
    [
        ("top1", PrintedFloat(78.2, "78.20"), 0.1 + 0.005),
        ("top1", PrintedFloat(78.2, "78.2"), 0.1 + 0.05),
        ("top1", 78.2, 0.1 + 0.05),
        ("top1", 78, 0.1 + 0.5),
        ("top1", PrintedFloat(78.2, "7.82e1"), 0.1 + 0.05),
        ("top1", PrintedFloat(78.2, "7.820E+1"), 0.1 + 0.005),
        ("hmean", PrintedFloat(0.79, "0.790"), 0.001 + 0.0005),
        ("hmean", PrintedFloat(0.5, ".5"), 0.001 + 0.05),
        ("top1", {"value": PrintedFloat(78.2, "78.20"), "within": 0.5}, 0.505),
        ("top1", {"value": PrintedFloat(78.2, "78.20"), "within": 0}, 0.005),
    ],
)
def test_a_published_value_allows_half_of_its_last_digit(name: str, raw: Any, within: float) -> None:
    assert Published.parse(METRICS[name], "fp32", raw).within == pytest.approx(within)


def test_a_published_entry() -> None:
    entry = Published.parse(TOP1, "int8", {"value": PrintedFloat(78.2, "78.20"), "samples": 4000})
    assert entry == Published(TOP1, "int8", 78.2, entry.within, 4000)
    assert type(entry.value) is float


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({}, "found {}, expected the key `value`"),
        ({"value": 78.2, "sample": 1, "about": 2}, "unknown key about, sample; known keys: value, samples, within"),
        ({"value": 78.2, "samples": 0}, "samples: found 0, expected a whole number of 1 or more"),
        ({"value": 78.2, "samples": True}, "samples: found True, expected a whole number of 1 or more"),
        ({"value": 78.2, "samples": 4e3}, "samples: found 4000.0, expected a whole number of 1 or more"),
        ({"value": 78.2, "within": -0.001}, "within: found -0.001, expected 0 or more"),
        ({"value": 78.2, "within": "0.1"}, "found '0.1' (str), expected a number"),
    ],
)
def test_what_is_no_published_entry(raw: Any, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Published.parse(TOP1, "fp32", raw)
    assert str(caught.value) == message


def test_a_printed_float_is_a_float_that_survives_copies() -> None:
    number = PrintedFloat(78.2, "78.20")
    assert number == 78.2
    for twin in (copy.deepcopy(number), pickle.loads(pickle.dumps(number))):  # noqa: S301 - our own bytes
        assert (twin, twin.text) == (78.2, "78.20")
