"""Greedy matching of answers with truths, as ``evaluateImg`` of COCOeval does it, for all images at once.

Answers choose by falling score: each takes the most similar truth that is still free, a truth that counts before one
that is ignored, and of equally similar ones the last. The n-th answers of all images choose in one step, at every
threshold and in every area range together, since a choice depends on better answers of the same image only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pytest_quant.tasks.coco.matches import SIMILARITY_THRESHOLDS, Bools, Floats, Ints

_THRESHOLDS = np.minimum(SIMILARITY_THRESHOLDS, 1 - 1e-10)


@dataclass(frozen=True)
class Candidates:
    """Pairs of an answer and a truth that may match: same image and category, similarity at the lowest threshold."""

    answer: Ints
    """Shape (pairs,): index of the answer; answers are numbered by image and category, then by falling score."""
    truth: Ints
    """Shape (pairs,): index of the truth, in the order of the annotations."""
    similarity: Floats
    """Shape (pairs,)."""
    group: Ints
    """Shape (pairs,): what the answer competes within, an image and category; any numbers."""


@dataclass(frozen=True)
class Matched:
    """Who found whom, in A area ranges and at T thresholds."""

    right: Bools
    """Shape (A, T, answers): the answer found a truth that counts."""
    overlooked: Bools
    """Shape (A, T, answers): the answer found an ignored truth, so it is neither right nor wrong."""
    found: Bools
    """Shape (A, T, truths)."""


def match(candidates: Candidates, answers: int, ignored: Bools, crowd: Bools) -> Matched:
    """Match by the rules above.

    Args:
        candidates: In any order.
        answers: How many there are.
        ignored: Shape (A, truths): truths that are not to be found in an area range; crowds are among them.
        crowd: Shape (truths,): truths that any number of answers may match.

    >>> pairs = Candidates(np.array([0, 1]), np.array([0, 0]), np.array([0.6, 0.9]), np.zeros(2, np.int64))
    >>> match(pairs, 2, np.zeros((1, 1), bool), np.zeros(1, bool)).right[0, 0]
    array([ True, False])

    """
    areas, truths = ignored.shape
    shape = (areas, len(_THRESHOLDS))
    right, overlooked = np.zeros((*shape, answers), np.bool_), np.zeros((*shape, answers), np.bool_)
    found = np.zeros((*shape, truths), np.bool_)
    # The last free pair of an answer in this order is the one it takes.
    order = np.lexsort((candidates.truth, candidates.similarity, candidates.answer))
    answer, truth, similarity = candidates.answer[order], candidates.truth[order], candidates.similarity[order]
    near = similarity >= _THRESHOLDS[:, np.newaxis]
    for step in _steps(answer, candidates.group[order]):
        of_step, among = truth[step], near[:, step]
        free = among & (~found[:, :, of_step] | crowd[of_step])
        counts = ~ignored[:, np.newaxis, of_step]
        starts = np.flatnonzero(np.diff(answer[step], prepend=-1))
        place = np.where(free, np.arange(1, len(step) + 1) + counts * len(step), 0)
        best = np.maximum.reduceat(place, starts, axis=2)
        took = best > 0
        is_real = best > len(step)
        chosen = of_step[np.where(is_real, best - len(step), best) - 1]
        who = answer[step][starts]
        right[:, :, who] = took & is_real
        overlooked[:, :, who] = took & ~is_real
        area, level, column = np.nonzero(took)
        found[area, level, chosen[area, level, column]] = True
    return Matched(right, overlooked, found)


def _steps(answer: Ints, group: Ints) -> list[Ints]:
    """Pairs in the order given, cut so that each step has at most one answer of a group, better answers first."""
    if not len(answer):
        return []
    starts = np.flatnonzero(np.diff(answer, prepend=-1))
    groups = group[starts]
    by_group = np.argsort(groups, kind="stable")
    first = np.flatnonzero(np.diff(groups[by_group], prepend=groups[by_group][0] - 1))
    rank = np.empty(len(starts), np.int64)
    rank[by_group] = np.arange(len(starts)) - np.repeat(first, np.diff(first, append=len(starts)))
    of_pair = np.repeat(rank, np.diff(starts, append=len(answer)))
    by_rank = np.argsort(of_pair, kind="stable")
    return np.split(by_rank, np.flatnonzero(np.diff(of_pair[by_rank])) + 1)
