"""How many pictures a page has room for: it is to be mailed, and opened at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pytest_quant.report.model.illustration import PictureEntry

PAGE_KB = 15_000
"""Of all pictures together; 200 models with their plots take 5 MB besides."""


def within_budget(
    pictures: Mapping[str, Sequence[PictureEntry]], urgent: Sequence[str], budget_kb: float = PAGE_KB
) -> dict[str, tuple[PictureEntry, ...]]:
    """The first pictures of each model, as many as fit; those of ``urgent`` models first, all others alike.

    >>> within_budget({}, [])
    {}
    """
    first = {name: pictures[name] for name in urgent if name in pictures}
    shown = _shared(first, budget_kb)
    left_kb = budget_kb - sum(one.kilobytes for found in shown.values() for one in found)
    return shown | _shared({name: found for name, found in pictures.items() if name not in first}, left_kb)


def _shared(pictures: Mapping[str, Sequence[PictureEntry]], budget_kb: float) -> dict[str, tuple[PictureEntry, ...]]:
    """One picture of each model, then a second one of each, and so on until there is no room for a whole round."""
    count = 0
    for place in range(max(map(len, pictures.values()), default=0)):
        budget_kb -= sum(found[place].kilobytes for found in pictures.values() if place < len(found))
        if budget_kb < 0:
            break
        count = place + 1
    return {name: tuple(found[:count]) for name, found in pictures.items()}
