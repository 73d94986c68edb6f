"""Counting activations in bins, as ncnn2table does, at the speed of memory."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pytest_quant.quantize.kl import BINS

_CHUNK = 1 << 16
"""Values worked on at a time, so that they stay in the processor's cache."""


class Binner:
    """Counts of one blob's absolute values in ``BINS`` equal bins from 0 to ``absmax``; zeros are counted apart.

    Not shared between threads. The bin is computed in float32 in ncnn2table's own order, ``|x| / absmax * BINS``.

    >>> counted = Binner(4.0)
    >>> counted.add(np.array([0, -4, 1, 3.999], np.float32))
    >>> counted.zeros, counted.histogram[[512, 2047]].tolist()
    (1, [1, 2])
    """

    def __init__(self, absmax: float) -> None:
        self.zeros = 0
        self._absmax = np.float32(absmax)
        self._counts = np.zeros(BINS, np.int64)
        self._scaled = np.empty(_CHUNK, np.float32)
        self._bins = np.empty(_CHUNK, np.uint16)

    def add(self, values: NDArray[np.float32]) -> None:
        """Count the values of one array."""
        flat = values.reshape(-1)
        if self._absmax == 0:
            self.zeros += flat.size
            return
        for start in range(0, flat.size, _CHUNK):
            chunk = flat[start : start + _CHUNK]
            scaled, bins = self._scaled[: chunk.size], self._bins[: chunk.size]
            np.abs(chunk, out=scaled)
            np.divide(scaled, self._absmax, out=scaled)
            np.multiply(scaled, np.float32(BINS), out=scaled)
            np.minimum(scaled, np.float32(BINS - 1), out=scaled)
            np.copyto(bins, scaled, casting="unsafe")
            # OpenCV counts faster than numpy and lets other threads run meanwhile; float32 counts of a chunk are exact.
            counts = cv2.calcHist([bins.reshape(1, -1)], [0], None, [BINS], [0, BINS])
            self._counts += counts.reshape(-1).astype(np.int64)
            self.zeros += chunk.size - cv2.countNonZero(chunk.reshape(1, -1))

    @property
    def histogram(self) -> NDArray[np.uint64]:
        """The counts; the largest value itself belongs to the last bin."""
        counts = self._counts.astype(np.uint64)
        counts[0] -= np.uint64(self.zeros if self._absmax else 0)
        return counts
