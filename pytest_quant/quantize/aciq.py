"""Clipping thresholds after ACIQ (Banner et al., "Post training 4-bit quantization", 2019), as in ncnn2table.

The values are taken to be Gaussian; their standard deviation is estimated from the largest of them and their number.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

_ALPHA_BY_BITS = {
    2: 1.71063519,
    3: 2.15159277,
    4: 2.55913646,
    5: 2.93620062,
    6: 3.28691474,
    7: 3.6151146,
    8: 3.92403714,
}
_GAUSSIAN = 0.5 * 0.35 * (1 + math.sqrt(math.pi * math.log(4)))


def aciq_threshold(absmax: NDArray[np.generic] | float, count: int, bits: int = 8) -> NDArray[np.float32]:
    """Return the value above which ``count`` values, the largest of which is ``absmax``, are clipped.

    >>> round(float(aciq_threshold(2.0, 1000)), 4)
    2.2812
    """
    peak = np.asarray(absmax, np.float32)
    deviation = (peak * np.float32(2)).astype(np.float64) * _GAUSSIAN / math.sqrt(2 * math.log(count))
    return np.asarray(np.float64(np.float32(_ALPHA_BY_BITS[bits])) * deviation, np.float32)
