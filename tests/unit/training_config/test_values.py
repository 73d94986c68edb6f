from __future__ import annotations

from typing import Any

import pytest

from pytest_quant.training_config.values import REST, Unread, UnreadError, lookup, merge, spoil, unread_in

WHY = Unread("a.py, line 1: not executed")


@pytest.mark.parametrize(
    ("child", "base", "merged"),
    [
        ({"a": 1}, {"a": 2, "b": 3}, {"a": 1, "b": 3}),
        ({"a": {"x": 1}}, {"a": {"x": 0, "y": {"z": 2}}}, {"a": {"x": 1, "y": {"z": 2}}}),
        ({"a": {"_delete_": True, "x": 1}}, {"a": {"y": 2}}, {"a": {"x": 1}}),
        ({"a": [1]}, {"a": [2, 3]}, {"a": [1]}),
        ({"a": {"x": 1}}, {"a": 5}, {"a": {"x": 1}}),
        ({"a": {"x": 1}}, {REST: WHY}, {"a": {"x": 1, REST: WHY}, REST: WHY}),
        ({"a": {"x": 1}}, {"a": WHY}, {"a": {"x": 1, REST: WHY}}),
        ({"a": {"x": 1, "_delete_": True}}, {REST: WHY}, {"a": {"x": 1}, REST: WHY}),
        ({"a": {"x": 1, REST: WHY}}, {"a": {"x": 0, "y": 2}}, {"a": {"x": 1, REST: WHY}}),
    ],
)
def test_merge(child: dict[Any, Any], base: dict[Any, Any], merged: dict[Any, Any]) -> None:
    before = repr((child, base))
    assert merge(child, base) == merged
    assert repr((child, base)) == before


def test_lookup_tells_absent_from_unread() -> None:
    value = {"a": {"x": 1, "l": [1, WHY]}, "b": {REST: WHY}, "c": WHY, "d": 3}
    assert lookup(value, ("a", "x")) == 1
    for keys in (("a", "y"), ("z",), ("d", "x")):
        with pytest.raises(KeyError):
            lookup(value, keys)
    for keys in (("a", "l"), ("b", "x"), ("c", "x"), ("c",), ("b",)):
        with pytest.raises(UnreadError, match="line 1"):
            lookup(value, keys)


def test_spoiling_reaches_what_is_shared() -> None:
    inner: dict[Any, Any] = {"flip_test": True}
    steps: list[Any] = [inner, 2]
    outer: dict[Any, Any] = {"model": {"test_cfg": inner}, "steps": steps}
    spoil(outer, WHY)
    assert (outer, inner, steps) == ({REST: WHY}, {REST: WHY}, [WHY])
    assert unread_in([1, {"a": (2, WHY)}]) is WHY
    assert unread_in([1, {"a": (2, 3)}]) is None
