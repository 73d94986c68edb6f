"""The order in which samples are evaluated; a subset is a prefix of it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256


def seeded_order(ids: Sequence[str], seed: int) -> list[int]:
    r"""Indices into ``ids``, sorted by SHA-256 of ``f"{seed}\n{id}"`` in UTF-8.

    The place of a sample depends on the seed and its own id only, so the first n indices are a uniform random subset
    that is the same on every machine, and a smaller subset lies inside a larger one.

    Args:
        ids: Sample ids, each of them once; their order in the sequence has no influence.
        seed: Any integer.

    Raises:
        ValueError: An id occurs twice.

    >>> seeded_order(["cat.png", "dog.png", "owl.png"], seed=0)
    [1, 2, 0]

    """
    return list(_seeded_order(tuple(ids), seed))


@lru_cache(maxsize=32)
def _seeded_order(ids: tuple[str, ...], seed: int) -> list[int]:
    """The same; each case of a model asks for it."""
    if len(set(ids)) != len(ids):
        raise ValueError("sample ids must be unique to have one order")
    keys = [(sha256(f"{seed}\n{id_}".encode()).digest(), id_) for id_ in ids]
    return sorted(range(len(ids)), key=keys.__getitem__)
