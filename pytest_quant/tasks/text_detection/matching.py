"""One-to-one matching of ground truth and predictions that overlap enough."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pytest_quant.tasks.text_detection.profiles import Match


def matched_regions(overlaps: ArrayLike, match: Match = "greedy") -> NDArray[np.bool_]:
    """Which regions of the ground truth get a prediction of their own; shape (regions,).

    Args:
        overlaps: bool, shape (regions, predictions): which pairs overlap enough.
        match: How pairs are chosen; see `Match`.

    >>> overlaps = np.array([[True, True], [True, False]])
    >>> matched_regions(overlaps), matched_regions(overlaps, "maximum")
    (array([ True, False]), array([ True,  True]))

    """
    candidates = np.asarray(overlaps, np.bool_)
    found = np.zeros(len(candidates), np.bool_)
    if not candidates.any():
        return found
    if match == "maximum":
        from scipy.sparse import csr_array
        from scipy.sparse.csgraph import maximum_bipartite_matching

        found[:] = maximum_bipartite_matching(csr_array(candidates), perm_type="column") >= 0
        return found
    taken: set[int] = set()
    for region, prediction in np.argwhere(candidates).tolist():
        if not found[region] and prediction not in taken:
            found[region] = True
            taken.add(prediction)
    return found
