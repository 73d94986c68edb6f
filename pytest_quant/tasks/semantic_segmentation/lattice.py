"""Some pixels of an image, evenly spread, that stand for all of them where keeping all is too much."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

LATTICE_PIXELS = 1 << 14
"""At most so many answers of an image are kept: whole label maps of a dataset would take gigabytes."""


def lattice(height: int, width: int, most: int = LATTICE_PIXELS) -> NDArray[np.int64]:
    """Places of an image, evenly spread and the same for all nets, as indexes into its pixels row by row.

    An image with at most ``most`` pixels has all of them.

    >>> lattice(4, 6, most=6).tolist()
    [7, 9, 11, 19, 21, 23]
    """
    step = max(1.0, math.sqrt(height * width / most))
    rows, columns = (
        ((np.arange(count) + 0.5) * length / count).astype(np.int64)
        for count, length in ((max(1, min(most, int(side / step))), side) for side in (height, width))
    )
    return (rows[:, np.newaxis] * width + columns).reshape(-1)
