"""Which samples of a model are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pytest_quant.datasets.base import Sample
from pytest_quant.report.model.illustration import Change
from pytest_quant.tasks.base import Comparison, RightWrong, SampleScores

_LEAST = 4
"""So many are shown of a model on which nothing moved, so that one sees what it looks at."""
_GAINED_SHARE = 0.25
"""Of the pictures that samples which int8 alone has right may take from those that it lost."""


@dataclass(frozen=True)
class Chosen:
    """One sample that is shown."""

    index: int
    """Its place among the evaluated samples."""
    change: Change


def choose(samples: Sequence[Sample], comparison: Comparison, most: int) -> list[Chosen]:
    """Flips first, or the samples that moved most, of the task's first metric; at most ``most``.

    Of the flips it takes the first in the seeded order, which are a random choice among them. Where nothing is left to
    show, some samples that did not change.
    """
    lost, gained = _changed(samples, comparison)
    for_gained = min(len(gained), max(int(most * _GAINED_SHARE), most - len(lost)))
    found = [Chosen(index, "lost") for index in lost[: most - for_gained]]
    found += [Chosen(index, "gained") for index in gained[:for_gained]]
    taken = {one.index for one in found}
    rest = (index for index in range(len(samples)) if index not in taken)
    found += [Chosen(index, "same") for index, _ in zip(rest, range(min(_LEAST, most) - len(found)), strict=False)]
    return found


def _changed(samples: Sequence[Sample], comparison: Comparison) -> tuple[list[int], list[int]]:
    """Places of the samples that int8 answers worse, and better."""
    pair = next(iter(comparison.metrics.values()))
    evidence = pair.evidence
    if isinstance(evidence, RightWrong):
        return _places(evidence.fp32 & ~evidence.int8), _places(evidence.int8 & ~evidence.fp32)
    if isinstance(evidence, SampleScores):
        worse = (evidence.fp32 - evidence.int8) * (1 if pair.metric.higher_is_better else -1)
        order = np.argsort(-np.abs(worse), kind="stable")
        return [int(i) for i in order if worse[i] > 0], [int(i) for i in order if worse[i] < 0]
    places = {sample.id: index for index, sample in enumerate(samples)}
    lost = [places[one.sample] for one in comparison.moved if one.fp32 > one.int8]
    return lost, [places[one.sample] for one in comparison.moved if one.int8 > one.fp32]


def _places(which: NDArray[np.bool_]) -> list[int]:
    return [int(index) for index in np.flatnonzero(which)]
