"""What the blobs of a network hold over many inputs: largest values and histograms, one input at a time.

Memory does not grow with the number of inputs: a first pass finds the largest absolute value of each blob, a second
one counts the values in bins below it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pytest_quant.evaluation.engine.engine import Engine
from pytest_quant.evaluation.engine.work import Collected, Job, Note, WorkerPool
from pytest_quant.nets.given import Given
from pytest_quant.quantize.histogram import Binner
from pytest_quant.quantize.inputs import Array, GiveInputs, InputShard, Item, shards_of_inputs
from pytest_quant.quantize.kl import BINS
from pytest_quant.spec.errors import QuantError, RunnerError


class Extract(Protocol):
    """Runs one input and gives the named blobs one after the other; for one thread at a time."""

    def __call__(self, given: Given, blobs: Sequence[str], /) -> Iterable[tuple[str, Array]]:
        """Run one input."""
        ...


OpenExtract = Callable[[], Extract]
"""Opens the network where it is to run; one that is to travel pickles."""


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

    def add(self, more: BlobStats) -> None:
        """Take in the statistics of other inputs."""
        self.absmax = max(self.absmax, more.absmax)
        if more.last_input > self.last_input:
            self.last_input, self.last_count = more.last_input, more.last_count
        self.zeros += more.zeros
        self.histogram += more.histogram


class NotFiniteError(QuantError):
    """An input makes a blob hold NaN or infinity."""

    def __init__(self, what: str, blob: str) -> None:
        super().__init__(f"{what} makes blob {blob!r} hold values that are not finite (NaN or infinity)")
        self.what = what
        self.blob = blob

    def __reduce__(self) -> tuple[object, ...]:
        return NotFiniteError, (self.what, self.blob)


@dataclass(frozen=True)
class Source:
    """The inputs of a calibration, and how progress names what is done with them."""

    inputs: GiveInputs
    count: int | None = None
    """How many there are; None: not known before."""
    model: str = ""


def collect(
    source: Source, open_extract: OpenExtract, blobs: Sequence[str], *, histograms: bool, engine: Engine
) -> dict[str, BlobStats]:
    """Run every input and return the statistics of ``blobs``.

    Args:
        source: the inputs; they are taken anew for each pass.
        open_extract: opens the network, once for each thread.
        blobs: names of the blobs.
        histograms: make the second pass; without it zeros and histograms stay empty.
        engine: runs the inputs.

    Raises:
        NotFiniteError: an input gives values that are not finite.
        QuantError: there is no input, an input cannot be used, or the second pass gets other inputs.

    """
    work = BlobWork(open_extract, tuple(blobs))
    total = _Totals(blobs)
    with closing(WorkerPool(work)) as opened:
        engine.run(_job(source, "absmax", work, shards_of_inputs(source.inputs()), total), opened)
        count = total.inputs
        if count == 0:
            raise QuantError("there is no calibration input; expected at least one preprocessed image")
        if histograms:
            total.inputs = 0
            absmax = {blob: found.absmax for blob, found in total.stats.items()}
            shards = (replace(shard, absmax=absmax) for shard in shards_of_inputs(source.inputs()))
            engine.run(_job(source, "histogram", work, shards, total), opened)
            if total.inputs != count:
                raise QuantError(
                    f"the calibration inputs changed between two passes: {count}, then {total.inputs}; "
                    "`inputs` must give the same arrays on every call"
                )
    return total.stats


def _job(
    source: Source, name: str, work: BlobWork, shards: Iterable[InputShard], total: _Totals
) -> Job[InputShard, dict[str, BlobStats]]:
    return Job(source.model, f"calibration, {name}", work, shards, total, samples=source.count)


class _Totals(Collected[InputShard, dict[str, BlobStats]]):
    """Adds the statistics of shards up, whichever is done first."""

    def __init__(self, blobs: Sequence[str]) -> None:
        super().__init__()
        self.stats = {blob: BlobStats() for blob in blobs}
        self.inputs = 0

    def put(self, shard: InputShard, result: dict[str, BlobStats]) -> None:
        self.inputs += shard.sample_count
        for blob, found in result.items():
            self.stats[blob].add(found)


@dataclass(frozen=True)
class BlobWork:
    """Inputs of shards to the statistics of blobs."""

    open_extract: OpenExtract
    blobs: tuple[str, ...]

    def open(self) -> BlobWorker:
        """Load the network."""
        return BlobWorker(self.open_extract(), self.blobs)


class BlobWorker:
    """One loaded network."""

    def __init__(self, extract: Extract, blobs: Sequence[str]) -> None:
        self._extract = extract
        self._blobs = blobs

    def run(self, shard: InputShard, note: Note) -> dict[str, BlobStats]:
        """The ranges of all blobs over the inputs of a shard; their histograms where it says how large they get."""
        found = _Ranges(self._blobs) if shard.absmax is None else _Histograms(shard.absmax)
        for item in shard.items:
            note(item.what)
            try:
                self._add(item, found)
            except RunnerError as error:
                raise RunnerError(f"{item.what}: {error}") from error
        return found.stats()

    def _add(self, item: Item, found: _Ranges | _Histograms) -> None:
        for given in item.arrays():
            for blob, values in self._extract(given, self._blobs):
                found.add(item, blob, values)

    def close(self) -> None:
        """The network is freed when nothing holds it any more."""


class _Ranges:
    """First pass, one shard."""

    def __init__(self, blobs: Sequence[str]) -> None:
        self._found = {blob: BlobStats() for blob in blobs}

    def add(self, item: Item, blob: str, values: Array) -> None:
        own = self._found[blob]
        low, high = float(values.min(initial=0.0)), float(values.max(initial=0.0))
        if not (np.isfinite(low) and np.isfinite(high)):
            raise NotFiniteError(item.what, blob)
        own.absmax = max(own.absmax, -low, high)
        own.last_input, own.last_count = item.number, values.size

    def stats(self) -> dict[str, BlobStats]:
        return self._found


class _Histograms:
    """Second pass, one shard."""

    def __init__(self, absmax: Mapping[str, float]) -> None:
        self._absmax = absmax
        self._found = {blob: Binner(limit) for blob, limit in absmax.items()}

    def add(self, _item: Item, blob: str, values: Array) -> None:
        self._found[blob].add(values)

    def stats(self) -> dict[str, BlobStats]:
        return {
            blob: BlobStats(absmax=self._absmax[blob], zeros=own.zeros, histogram=own.histogram)
            for blob, own in self._found.items()
        }
