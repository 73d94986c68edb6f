"""Answers of users' functions come back from the store as they were, or are refused by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pytest_quant.extending.answers import NotStorableError, check_storable, pack_answers, unpack_answers

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | arrays.arrays(st.sampled_from([np.uint8, np.float32, np.int64, np.bool_]), arrays.array_shapes(min_dims=0))
)
ANSWERS = st.recursive(
    LEAVES,
    lambda parts: (
        st.lists(parts, max_size=3)
        | st.lists(parts, max_size=3).map(tuple)
        | st.dictionaries(st.text(), parts, max_size=3)
    ),
)


def same(one: Any, other: Any) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        return bool(one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes())
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    return bool(one == other)


@given(st.lists(ANSWERS, max_size=4))
def test_what_is_kept_comes_back(answers: list[Any]) -> None:
    packed = pack_answers(answers)
    assert all(array.dtype != object for array in packed.values())
    back = unpack_answers(packed)
    assert len(back) == len(answers)
    assert all(same(one, other) for one, other in zip(answers, back, strict=True))


def test_numbers_of_numpy_keep_their_type() -> None:
    (back,) = unpack_answers(pack_answers([(np.float32(0.1), np.int16(3), float("inf"))]))
    assert (type(back[0]), type(back[1])) == (np.float32, np.int16)
    assert back == (np.float32(0.1), 3, float("inf"))


@dataclass
class Box:
    left: int = 0


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Box(), r"the answer is of type .*Box; what can be kept"),
        ({"boxes": [1, Box()]}, r"the answer\['boxes'\]\[1\] is of type .*Box"),
        ({1: 2}, "the answer has the key 1 of type int, expected text"),
        (np.array([None]), "an array of dtype object"),
        ({1, 2}, "the answer is of type builtins.set"),
    ],
)
def test_what_cannot_be_kept_is_named(answer: Any, message: str) -> None:
    with pytest.raises(NotStorableError, match=message):
        check_storable(answer)
