"""Samples of a shard to predictions of nets.

A net of this process takes small inputs one after the other, so that the processor keeps its weights and its code at
hand: two nets in turns take a quarter more time at 32x32. Nets elsewhere get the inputs of later samples beforehand.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_quant.datasets.base import Sample
from pytest_quant.evaluation.first_input import first_input
from pytest_quant.evaluation.read_ahead import OF_THIS_PROCESS
from pytest_quant.evaluation.store import StoredShard
from pytest_quant.nets.base import Array, LooksAhead, Runner
from pytest_quant.nets.given import Given, nbytes_of
from pytest_quant.nets.remote.connection import TargetError
from pytest_quant.spec.errors import ConfigError, ModelFileError, QuantError
from pytest_quant.spec.net import Net
from pytest_quant.spec.text import visible
from pytest_quant.tasks.base import Pipeline, Prediction, Prepared

if TYPE_CHECKING:
    from pytest_quant.evaluation.engine.work import Note
    from pytest_quant.evaluation.evaluate import PredictionWork, Shard


TryInput = Callable[[Net, Given], None]

TOGETHER_BYTES = 1 << 20
"""Samples whose inputs are smaller than this together are read before the first net takes them."""


@dataclass(frozen=True)
class _Read:
    """A sample that was read: prepared for each net, or why it could not be."""

    sample: Sample
    prepared: Mapping[Net, Prepared]
    error: QuantError | None = None
    nbytes: int = 0
    """Of all inputs."""


@dataclass(frozen=True)
class _Failed:
    """The place of a sample, and what is wrong with it or with what a net makes of it."""

    at: int
    error: QuantError


class Predictor:
    """The nets of one worker."""

    def __init__(self, work: PredictionWork) -> None:
        self._work = work
        self._runners: dict[Net, Runner] = {}

    def run(self, shard: Shard, note: Note) -> dict[Net, StoredShard]:
        """The predictions of each net that the shard has a key for; raises a `QuantError` that names the sample."""
        pipelines = {net: self._work.pipelines.get(net, self._work.pipeline) for net in shard.keys}
        note(f"sample {visible(shard.samples[0].id)}")
        OF_THIS_PROCESS.soon(self._work.dataset, shard.samples)
        first = self._read(shard.samples[0], pipelines)
        nets = {net: self._runner(net, pipelines[net], first, note) for net in shard.keys}
        found = _Found(nets, pipelines, self._work.try_input if shard.is_deadly else None)
        elsewhere = [runner for runner in nets.values() if isinstance(runner, LooksAhead)]
        try:
            if elsewhere:
                self._ahead(shard, first, found, elsewhere, note)
            else:
                self._together(shard, first, found, note)
        finally:
            for runner in elsewhere:
                runner.forget()
        pack = self._work.pipeline.pack
        return {net: StoredShard(pack(found.predictions[net]), found.elapsed_s[net]) for net in nets}

    def _together(self, shard: Shard, first: _Read, found: _Found, note: Note) -> None:
        waiting: list[_Read] = []
        held_bytes = 0
        for sample in shard.samples:
            note(f"sample {visible(sample.id)}")
            waiting.append(first if sample is first.sample else self._read(sample, found.pipelines))
            held_bytes += waiting[-1].nbytes
            if held_bytes >= TOGETHER_BYTES or waiting[-1].error is not None:
                found.add(waiting, note)
                waiting, held_bytes = [], 0
        found.add(waiting, note)

    def _ahead(self, shard: Shard, first: _Read, found: _Found, elsewhere: Sequence[LooksAhead], note: Note) -> None:
        waiting: deque[_Read] = deque()
        for sample in shard.samples:
            note(f"sample {visible(sample.id)}")
            waiting.append(first if sample is first.sample else self._read(sample, found.pipelines))
            self._announce(waiting[-1], found.nets)
            while waiting and not all(runner.has_room for runner in elsewhere):
                found.add(_next(waiting, len(waiting) // 4), note)
        for runner in elsewhere:
            runner.no_more()
        while waiting:
            found.add(_next(waiting, len(waiting)), note)

    def _read(self, sample: Sample, pipelines: Mapping[Net, Pipeline]) -> _Read:
        """What is wrong with a sample is told when its turn comes: those before it are not done yet."""
        prepared: dict[int, Prepared] = {}
        try:
            since = OF_THIS_PROCESS.before()
            image = self._work.dataset.read(sample, orient=self._work.orient)
            OF_THIS_PROCESS.behind(since)
            for pipeline in pipelines.values():
                if id(pipeline) not in prepared:
                    prepared[id(pipeline)] = pipeline.prepare(image, sample)
        except QuantError as error:
            return _Read(sample, {}, error)
        nbytes = sum(nbytes_of(one.tensor) for one in prepared.values())
        return _Read(sample, {net: prepared[id(pipeline)] for net, pipeline in pipelines.items()}, nbytes=nbytes)

    @staticmethod
    def _announce(read: _Read, nets: Mapping[Net, Runner]) -> None:
        for net, prepared in read.prepared.items():
            runner = nets[net]
            if isinstance(runner, LooksAhead):
                for array in prepared.inputs:
                    runner.ahead(array)

    def _runner(self, net: Net, pipeline: Pipeline, first: _Read, note: Note) -> Runner:
        """A net, loaded now that what it is to take first is known."""
        if net not in self._runners:
            note(f"{net}: loading the net")
            self._runners[net] = self._work.open_runner(net, _first(pipeline, first, net))
            self._work.check_loaded()
        return self._runners[net]

    def close(self) -> None:
        """Free the nets."""
        for runner in self._runners.values():
            runner.close()


class _Found:
    """The predictions of a shard so far."""

    def __init__(
        self, nets: Mapping[Net, Runner], pipelines: Mapping[Net, Pipeline], try_input: TryInput | None
    ) -> None:
        self.nets = nets
        self.pipelines = pipelines
        self._try_input = try_input
        self.predictions: dict[Net, list[Prediction]] = {net: [] for net in nets}
        self.elapsed_s = dict.fromkeys(nets, 0.0)

    def add(self, reads: Sequence[_Read], note: Note) -> None:
        """Predict the next samples, all of them with one net before the next one has its turn.

        Raises the error of the first sample that has one, as if every sample had gone through all nets by itself.
        """
        failed = next((_Failed(at, read.error) for at, read in enumerate(reads) if read.error is not None), None)
        for net in self.nets:
            failed = self._predict(net, reads if failed is None else reads[: failed.at], note) or failed
        if failed is not None:
            raise _naming(failed.error, reads[failed.at].sample) from failed.error

    def _predict(self, net: Net, reads: Sequence[_Read], note: Note) -> _Failed | None:
        """One net on samples that were read; where it stopped, if it did."""
        runner, pipeline, predictions = self.nets[net], self.pipelines[net], self.predictions[net]
        before = runner.forward_s if isinstance(runner, LooksAhead) else 0.0
        start = time.perf_counter()
        for at, read in enumerate(reads):
            note(f"sample {visible(read.sample.id)}, {net}")
            try:
                predictions.append(pipeline.predict(self._run(net, read.sample), read.prepared[net]))
            except TargetError as error:  # the next net's first answer would be waited for in vain, too
                raise _naming(error, read.sample) from error
            except QuantError as error:
                return _Failed(at, error)
        elapsed_s = time.perf_counter() - start
        self.elapsed_s[net] += runner.forward_s - before if isinstance(runner, LooksAhead) else elapsed_s
        return None

    def _run(self, net: Net, sample: Sample) -> Callable[[Given], dict[str, Array]]:
        """The net, or the net behind a child process that runs each input first."""
        run, try_input = self.nets[net].run, self._try_input
        if try_input is None:
            return run

        def tried(given: Given) -> dict[str, Array]:
            try:
                try_input(net, given)
            except ModelFileError as error:
                raise ModelFileError(f"{error}; it was given sample {visible(sample.id)}") from None
            return run(given)

        return tried


def _next(waiting: deque[_Read], most: int) -> list[_Read]:
    """Take samples whose turn has come: as many as are read together, ``most`` if that is fewer, and at least one."""
    taken = [waiting.popleft()]
    held_bytes = taken[0].nbytes
    while len(taken) < most and held_bytes < TOGETHER_BYTES:
        taken.append(waiting.popleft())
        held_bytes += taken[-1].nbytes
    return taken


def _first(pipeline: Pipeline, first: _Read, net: Net) -> Given | None:
    """What the net is to take first; None where that cannot be told, for which the sample's turn comes."""
    try:
        return None if first.error is not None else first_input(pipeline, first.prepared[net])
    except QuantError:
        return None


def _naming(error: QuantError, sample: Sample) -> QuantError:
    """The same error with the sample in front, unless it names it already or is about files of the net."""
    text = str(error)
    is_told = sample.id in text or isinstance(error, (ModelFileError, ConfigError))
    return error if is_told else type(error)(f"sample {visible(sample.id)}: {text}")
