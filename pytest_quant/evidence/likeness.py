"""How much of a signal is left after quantization: SQNR and cosine, over any number of arrays.

SQNR, the signal-to-quantization-noise ratio, is ``10 log10(sum of reference^2 / sum of (other - reference)^2)`` in dB:
20 dB is an error of a tenth of the signal, 40 dB of a hundredth. Both sums run over all values of all arrays.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_CHUNK = 1 << 15
"""Values at a time: what is made of them stays in the processor's cache."""


@dataclass(frozen=True)
class Likeness:
    """Sums over the values that were compared; likenesses add up.

    >>> one = likeness(np.float32([3, 4]), np.float32([3, 4.5]))
    >>> round(one.sqnr_db, 2), round(one.cosine, 4)
    (20.0, 0.9985)
    >>> (one + one).sqnr_db == one.sqnr_db
    True
    """

    signal: float = 0.0
    """Sum of the squares of the reference."""
    noise: float = 0.0
    """Sum of the squares of what the other differs by."""
    other: float = 0.0
    """Sum of the squares of the other."""
    product: float = 0.0
    """Sum of the products of the two."""

    def __add__(self, more: Likeness) -> Likeness:
        return Likeness(
            self.signal + more.signal,
            self.noise + more.noise,
            self.other + more.other,
            self.product + more.product,
        )

    @property
    def sqnr_db(self) -> float:
        """In dB; inf where both are the same, -inf for noise without a signal, NaN where values are not finite."""
        if not math.isfinite(self.signal + self.noise):
            return math.nan
        if self.noise == 0:
            return math.inf
        return 10 * math.log10(self.signal / self.noise) if self.signal > 0 else -math.inf

    @property
    def cosine(self) -> float:
        """From -1 to 1; 1 where both are zero, 0 where one of them is, NaN where values are not finite."""
        norm = math.sqrt(self.signal) * math.sqrt(self.other)
        if not math.isfinite(norm + self.product):
            return math.nan
        if norm == 0:
            return 1.0 if self.signal == self.other else 0.0
        return max(-1.0, min(1.0, self.product / norm))


NOTHING = Likeness()
"""Of no values: where sums begin."""


def likeness(reference: NDArray[np.float32], other: NDArray[np.float32]) -> Likeness:
    """Compare two arrays of the same shape.

    Raises:
        ValueError: the shapes differ.

    """
    if reference.shape != other.shape:
        raise ValueError(f"the shapes {reference.shape} and {other.shape} differ")
    found = NOTHING
    flat = reference.ravel(), other.ravel()
    with np.errstate(invalid="ignore", over="ignore"):  # values that are not finite show in the sums
        for start in range(0, flat[0].size, _CHUNK):
            a, b = (values[start : start + _CHUNK].astype(np.float64) for values in flat)
            # Summed by NumPy, not by BLAS, whose threads would change the last digits from machine to machine.
            found += Likeness(
                signal=float(np.square(a).sum()),
                noise=float(np.square(b - a).sum()),
                other=float(np.square(b).sum()),
                product=float((a * b).sum()),
            )
    return found


_NOTES = {math.inf: "identical", -math.inf: "noise without a signal"}
_NOT_FINITE = "values that are not finite"


def sqnr_note(sqnr_db: float | None) -> str | None:
    """What an SQNR that is not a number means, in words; None for a number.

    >>> sqnr_note(math.inf)
    'identical'
    """
    if sqnr_db is None:
        return "not measured"
    return _NOT_FINITE if math.isnan(sqnr_db) else _NOTES.get(sqnr_db)
