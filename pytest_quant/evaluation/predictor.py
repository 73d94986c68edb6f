"""Samples of a shard to predictions of nets; nets that compute elsewhere get the inputs of later samples beforehand."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_quant.datasets.base import Sample
from pytest_quant.evaluation.first_input import first_input
from pytest_quant.evaluation.store import StoredShard
from pytest_quant.nets.base import Array, LooksAhead, Runner
from pytest_quant.nets.given import Given, shape_of
from pytest_quant.nets.trial.words import Shape
from pytest_quant.spec.errors import ConfigError, ModelFileError, QuantError
from pytest_quant.spec.net import Net
from pytest_quant.spec.text import visible
from pytest_quant.tasks.base import Pipeline, Prediction, Prepared

if TYPE_CHECKING:
    from pytest_quant.evaluation.engine.work import Note
    from pytest_quant.evaluation.evaluate import PredictionWork, Shard


TryInput = Callable[[Net, Given], None]


@dataclass(frozen=True)
class _Read:
    """A sample that was read: prepared for each net, or why it could not be."""

    sample: Sample
    prepared: Mapping[Net, Prepared]
    error: QuantError | None = None


class Predictor:
    """The nets of one worker."""

    def __init__(self, work: PredictionWork) -> None:
        self._work = work
        self._runners: dict[Net, Runner] = {}

    def run(self, shard: Shard, note: Note) -> dict[Net, StoredShard]:
        """The predictions of each net that the shard has a key for; raises a `QuantError` that names the sample."""
        pipelines = {net: self._work.pipelines.get(net, self._work.pipeline) for net in shard.keys}
        note(f"sample {shard.samples[0].id}")
        first = self._read(shard.samples[0], pipelines)
        nets = {net: self._runner(net, pipelines[net], first, note) for net in shard.keys}
        found = _Found(nets, pipelines, self._work.try_input if shard.is_deadly else None)
        waiting: deque[_Read] = deque()
        try:
            for sample in shard.samples:
                note(f"sample {visible(sample.id)}")
                waiting.append(first if sample is first.sample else self._read(sample, pipelines))
                self._announce(waiting[-1], nets)
                while waiting and not _look_ahead(nets):
                    found.add(waiting.popleft(), note)
            for read in waiting:
                found.add(read, note)
        finally:
            for runner in nets.values():
                if isinstance(runner, LooksAhead):
                    runner.forget()
        pack = self._work.pipeline.pack
        return {net: StoredShard(pack(found.predictions[net]), found.elapsed_s[net]) for net in nets}

    def _read(self, sample: Sample, pipelines: Mapping[Net, Pipeline]) -> _Read:
        """What is wrong with a sample is told when its turn comes: those before it are not done yet."""
        try:
            image = self._work.dataset.read(sample, orient=self._work.orient)
            own = {id(pipeline): pipeline for pipeline in pipelines.values()}
            prepared = {key: pipeline.prepare(image, sample) for key, pipeline in own.items()}
        except QuantError as error:
            return _Read(sample, {}, error)
        return _Read(sample, {net: prepared[id(pipeline)] for net, pipeline in pipelines.items()})

    @staticmethod
    def _announce(read: _Read, nets: Mapping[Net, Runner]) -> None:
        for net, prepared in read.prepared.items():
            runner = nets[net]
            if isinstance(runner, LooksAhead):
                for array in prepared.inputs:
                    runner.ahead(array)

    def _runner(self, net: Net, pipeline: Pipeline, first: _Read, note: Note) -> Runner:
        """A net, loaded now that the shape of what it is to take first is known."""
        if net not in self._runners:
            note(f"{net}: loading the net")
            self._runners[net] = self._work.open_runner(net, _shape(pipeline, first, net))
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
        self._nets = nets
        self._try_input = try_input
        self._pipelines = pipelines
        self.predictions: dict[Net, list[Prediction]] = {net: [] for net in nets}
        self.elapsed_s = dict.fromkeys(nets, 0.0)

    def add(self, read: _Read, note: Note) -> None:
        """Predict the next sample with every net."""
        sample = read.sample
        try:
            if read.error is not None:
                raise read.error
            for net, runner in self._nets.items():
                note(f"sample {visible(sample.id)}, {net}")
                before = runner.forward_s if isinstance(runner, LooksAhead) else 0.0
                start = time.perf_counter()
                self.predictions[net].append(self._pipelines[net].predict(self._run(net, sample), read.prepared[net]))
                elapsed_s = time.perf_counter() - start
                self.elapsed_s[net] += runner.forward_s - before if isinstance(runner, LooksAhead) else elapsed_s
        except QuantError as error:
            raise _naming(error, sample) from error

    def _run(self, net: Net, sample: Sample) -> Callable[[Given], dict[str, Array]]:
        """The net, or the net behind a child process that runs each input first."""
        run, try_input = self._nets[net].run, self._try_input
        if try_input is None:
            return run

        def tried(given: Given) -> dict[str, Array]:
            try:
                try_input(net, given)
            except ModelFileError as error:
                raise ModelFileError(f"{error}; it was given sample {visible(sample.id)}") from None
            return run(given)

        return tried


def _shape(pipeline: Pipeline, first: _Read, net: Net) -> Shape | None:
    """Of the first array that the net is to take; None where that cannot be told, for which the sample's turn comes."""
    try:
        given = None if first.error is not None else first_input(pipeline, first.prepared[net])
    except QuantError:
        return None
    return None if given is None else shape_of(given)


def _look_ahead(nets: Mapping[Net, Runner]) -> bool:
    """Whether there are nets elsewhere, and all of them wait for inputs of more samples."""
    elsewhere = [runner for runner in nets.values() if isinstance(runner, LooksAhead)]
    return bool(elsewhere) and all(runner.has_room for runner in elsewhere)


def _naming(error: QuantError, sample: Sample) -> QuantError:
    """The same error with the sample in front, unless it names it already or is about files of the net."""
    text = str(error)
    is_told = sample.id in text or isinstance(error, (ModelFileError, ConfigError))
    return error if is_told else type(error)(f"sample {visible(sample.id)}: {text}")
