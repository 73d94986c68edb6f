"""What the blobs of a network hold over many inputs: largest values and histograms, one input at a time.

Memory does not grow with the number of inputs: a first pass finds the largest absolute value of each blob, a second
one counts the values in bins below it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pytest_quant.quantize.histogram import Binner
from pytest_quant.quantize.inputs import Array, Inputs, Item, Progress, Source
from pytest_quant.quantize.kl import BINS
from pytest_quant.spec.errors import QuantError, RunnerError

Extract = Callable[[Array, Sequence[str]], Iterable[tuple[str, Array]]]
"""Runs one input and gives the named blobs one after the other."""
HoldCore = Callable[[], AbstractContextManager[None]]
"""Waits for a core that may be used and holds it."""

_HELD_INPUTS = 8
"""How many inputs a thread runs before it lets others have its core."""


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


class NotFiniteError(QuantError):
    """An input makes a blob hold NaN or infinity."""

    def __init__(self, what: str, blob: str) -> None:
        super().__init__(f"{what} makes blob {blob!r} hold values that are not finite (NaN or infinity)")
        self.what = what
        self.blob = blob


def collect(
    inputs: Inputs,
    extracts: Sequence[Extract],
    blobs: Sequence[str],
    *,
    histograms: bool,
    progress: Progress | None = None,
    hold_core: HoldCore = nullcontext,
) -> dict[str, BlobStats]:
    """Run every input and return the statistics of ``blobs``.

    Args:
        inputs: gives the inputs, once per pass.
        extracts: one per thread; each is called from one thread alone.
        blobs: names of the blobs.
        histograms: make the second pass; without it zeros and histograms stay empty.
        progress: told after every input.
        hold_core: held by a thread while it computes.

    Raises:
        NotFiniteError: an input gives values that are not finite.
        QuantError: there is no input, an input cannot be used, or the second pass gets other inputs.

    """
    stats = {blob: BlobStats() for blob in blobs}
    run = _Pass(inputs, extracts, blobs, progress, hold_core)
    count = run("absmax", lambda: _Ranges(stats))
    if count == 0:
        raise QuantError("there is no calibration input; expected at least one preprocessed image")
    if histograms:
        again = run("histogram", lambda: _Histograms(stats))
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

    def add(self, number: int, what: str, blob: str, values: Array) -> None:
        own = self._own[blob]
        low, high = float(values.min(initial=0.0)), float(values.max(initial=0.0))
        if not (np.isfinite(low) and np.isfinite(high)):
            raise NotFiniteError(what, blob)
        own.absmax = max(own.absmax, -low, high)
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
        self._own = {blob: Binner(total.absmax) for blob, total in stats.items()}

    def add(self, _number: int, _what: str, blob: str, values: Array) -> None:
        self._own[blob].add(values)

    def merge(self) -> None:
        for blob, own in self._own.items():
            self._stats[blob].zeros += own.zeros
            self._stats[blob].histogram += own.histogram


@dataclass(frozen=True)
class _Pass:
    """All inputs through all threads; called once per pass, returns the number of inputs."""

    inputs: Inputs
    extracts: Sequence[Extract]
    blobs: Sequence[str]
    progress: Progress | None
    hold_core: HoldCore

    def __call__(self, name: str, share: Callable[[], _Ranges | _Histograms]) -> int:
        source = Source(name, self.inputs(), self.progress)
        shares = [share() for _ in self.extracts]
        with ThreadPoolExecutor(len(self.extracts)) as pool:
            work = zip(self.extracts, shares, strict=True)
            futures = [pool.submit(self._work, source, extract, own) for extract, own in work]
            try:
                wait(futures, return_when=FIRST_EXCEPTION)
            finally:
                source.stop()
        for future in futures:
            future.result()
        for own in shares:
            own.merge()
        return source.taken

    def _work(self, source: Source, extract: Extract, own: _Ranges | _Histograms) -> None:
        while not source.is_empty:
            with self.hold_core():
                for item in source.take(_HELD_INPUTS):
                    try:
                        self._run(item, extract, own)
                    except RunnerError as error:
                        raise RunnerError(f"{item.what}: {error}") from error
                    source.done()

    def _run(self, item: Item, extract: Extract, own: _Ranges | _Histograms) -> None:
        for array in item.arrays():
            for blob, values in extract(array, self.blobs):
                own.add(item.number, item.what, blob, values)
