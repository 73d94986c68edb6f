"""What the blobs of a network hold over many inputs: largest values and histograms, one input at a time.

Memory does not grow with the number of inputs: a first pass finds the largest absolute value of each blob, a second
one counts the values in bins below it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pytest_quant.errors import QuantError
from pytest_quant.quantize.kl import BINS

Array = NDArray[np.float32]
Inputs = Callable[[], Iterable[Array]]
"""Gives the calibration inputs, float32 (channels, height, width), preprocessed; the same ones on every call."""
Extract = Callable[[Array, Sequence[str]], Iterable[tuple[str, Array]]]
"""Runs one input and gives the named blobs one after the other."""
Progress = Callable[[str, int], None]
"""Is told the name of the pass and the number of inputs done; may be called from several threads, never at once."""


@dataclass
class BlobStats:
    """Statistics of one blob.

    Attributes:
        absmax: largest absolute value.
        last_input: number of the last input seen, from 0.
        last_count: number of values in that input.
        zeros: number of values that are exactly zero (second pass).
        histogram: counts of the other values in 2048 equal bins from 0 to ``absmax`` (second pass).

    """

    absmax: float = 0.0
    last_input: int = -1
    last_count: int = 0
    zeros: int = 0
    histogram: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(BINS, np.uint64))


def collect(
    inputs: Inputs,
    extracts: Sequence[Extract],
    blobs: Sequence[str],
    *,
    histograms: bool,
    progress: Progress | None = None,
) -> dict[str, BlobStats]:
    """Run every input and return the statistics of ``blobs``.

    Args:
        inputs: gives the inputs, once per pass.
        extracts: one per thread; each is called from one thread alone.
        blobs: names of the blobs.
        histograms: make the second pass; without it zeros and histograms stay empty.
        progress: told after every input.

    Raises:
        QuantError: there is no input, an input or a blob is not finite, or the second pass gets other inputs.

    """
    stats = {blob: BlobStats() for blob in blobs}
    count = _pass("absmax", inputs, extracts, blobs, lambda: _Ranges(stats), progress)
    if count == 0:
        raise QuantError("there is no calibration input; expected at least one preprocessed image")
    if histograms:
        again = _pass("histogram", inputs, extracts, blobs, lambda: _Histograms(stats), progress)
        if again != count:
            raise QuantError(
                f"the calibration inputs changed between two passes: {count}, then {again}; "
                "`inputs` must give the same arrays on every call"
            )
    return stats


class _Ranges:
    """First pass, one thread's share."""

    def __init__(self, stats: dict[str, BlobStats]) -> None:
        self._stats = stats
        self._own = {blob: BlobStats() for blob in stats}

    def add(self, number: int, blob: str, values: Array) -> None:
        own = self._own[blob]
        peak = float(np.abs(values).max(initial=0.0))
        if not np.isfinite(peak):
            raise QuantError(f"calibration input {number} makes blob {blob!r} hold values that are not finite")
        own.absmax = max(own.absmax, peak)
        if number > own.last_input:
            own.last_input, own.last_count = number, values.size

    def merge(self) -> None:
        for blob, own in self._own.items():
            total = self._stats[blob]
            total.absmax = max(total.absmax, own.absmax)
            if own.last_input > total.last_input:
                total.last_input, total.last_count = own.last_input, own.last_count


class _Histograms:
    """Second pass, one thread's share."""

    def __init__(self, stats: dict[str, BlobStats]) -> None:
        self._stats = stats
        self._own = {blob: BlobStats() for blob in stats}

    def add(self, number: int, blob: str, values: Array) -> None:
        own = self._own[blob]
        absmax = np.float32(self._stats[blob].absmax)
        nonzero = np.abs(values[values != 0])
        own.zeros += values.size - nonzero.size
        indexes = np.minimum((nonzero / absmax * np.float32(BINS)).astype(np.int32), BINS - 1)
        own.histogram += np.bincount(indexes, minlength=BINS).astype(np.uint64)

    def merge(self) -> None:
        for blob, own in self._own.items():
            self._stats[blob].zeros += own.zeros
            self._stats[blob].histogram += own.histogram


def _pass(
    name: str,
    inputs: Inputs,
    extracts: Sequence[Extract],
    blobs: Sequence[str],
    share: Callable[[], _Ranges | _Histograms],
    progress: Progress | None,
) -> int:
    """Run all inputs through the threads; return their number."""
    source = _Source(name, inputs(), progress)
    shares = [share() for _ in extracts]

    def work(extract: Extract, own: _Ranges | _Histograms) -> None:
        for number, array in source:
            for blob, values in extract(array, blobs):
                own.add(number, blob, values)
            source.done()

    with ThreadPoolExecutor(len(extracts)) as pool:
        futures = [pool.submit(work, extract, own) for extract, own in zip(extracts, shares, strict=True)]
        try:
            for future in futures:
                future.result()
        finally:
            source.stop()
    for own in shares:
        own.merge()
    return source.taken


class _Source:
    """The inputs, handed out to several threads, each once."""

    def __init__(self, name: str, inputs: Iterable[Array], progress: Progress | None) -> None:
        self.taken = 0
        self._done = 0
        self._name = name
        self._inputs = iter(inputs)
        self._progress = progress
        self._lock = threading.Lock()
        self._stopped = False

    def __iter__(self) -> Iterator[tuple[int, Array]]:
        while (item := self._take()) is not None:
            yield item

    def _take(self) -> tuple[int, Array] | None:
        with self._lock:
            if self._stopped:
                return None
            array = next(self._inputs, None)
            if array is None:
                return None
            self.taken += 1
            return self.taken - 1, array

    def done(self) -> None:
        with self._lock:
            self._done += 1
            if self._progress is not None:
                self._progress(self._name, self._done)

    def stop(self) -> None:
        self._stopped = True
