from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_quant.datasets.sampling import seeded_order

IDS = [
    "test/00000",
    "test/00001",
    "test/00002",
    "n01440764/ILSVRC2012_val_00000293.JPEG",
    "a b.png",
    "ü.png",
    "z/y/x.jpg",
]


@pytest.mark.parametrize(
    ("seed", "order"), [(0, [3, 0, 6, 2, 4, 5, 1]), (1, [5, 1, 0, 2, 4, 3, 6]), (-7, [6, 3, 4, 5, 0, 2, 1])]
)
def test_the_order_never_changes(seed: int, order: list[int]) -> None:
    # Reports and caches of all versions rely on it.
    assert seeded_order(IDS, seed) == order


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), unique=True), st.integers())
def test_the_order_is_a_permutation_that_depends_on_ids_only(ids: list[str], seed: int) -> None:
    order = seeded_order(ids, seed)
    assert sorted(order) == list(range(len(ids)))
    shuffled = random.Random(1).sample(ids, len(ids))  # noqa: S311
    assert [shuffled[index] for index in seeded_order(shuffled, seed)] == [ids[index] for index in order]


def test_removing_a_sample_keeps_the_order_of_the_others() -> None:
    whole = [IDS[index] for index in seeded_order(IDS, 0)]
    fewer = [id_ for id_ in IDS if id_ != "a b.png"]
    assert [fewer[index] for index in seeded_order(fewer, 0)] == [id_ for id_ in whole if id_ != "a b.png"]


def test_prefixes_are_spread_evenly() -> None:
    # 200 of 2000, of which the first half is class 0: a fair draw takes 100 of it, give or take 7 (one sigma).
    order = seeded_order([f"test/{index:05d}" for index in range(2000)], 0)
    assert abs(sum(index < 1000 for index in order[:200]) - 100) < 25


def test_an_id_that_occurs_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="unique"):
        seeded_order(["a", "b", "a"], 0)
