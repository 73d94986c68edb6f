"""The samples on which the two sides differ most, for metrics that are not means of right and wrong samples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pytest_quant.datasets.base import Sample
from pytest_quant.tasks.base import Moved

MOST = 10


def moved_most(
    samples: Sequence[Sample], fp32: NDArray[np.float64], int8: NDArray[np.float64], most: int = MOST
) -> tuple[Moved, ...]:
    """The samples with the largest difference, those that lost before those that gained as much, then by id.

    Args:
        samples: In the order of the values.
        fp32: What each sample adds on that side, shape (samples,).
        int8: The same of the other side.
        most: How many to give; samples without a difference are left out.

    >>> samples = [Sample("a", None, 0), Sample("b", None, 1), Sample("c", None, 2)]
    >>> [one.sample for one in moved_most(samples, np.array([3.0, 2.0, 1.0]), np.array([3.0, 0.0, 2.0]))]
    ['b', 'c']

    """
    found = [
        Moved(sample.id, float(one), float(other))
        for sample, one, other in zip(samples, fp32, int8, strict=True)
        if one != other
    ]
    return tuple(sorted(found, key=lambda moved: (-abs(moved.fp32 - moved.int8), moved.int8, moved.sample))[:most])
