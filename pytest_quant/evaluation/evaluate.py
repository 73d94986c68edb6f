"""Evaluation of one model: its shards are computed once, by whichever thread of whichever process comes first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import takewhile
from pathlib import Path

from pytest_quant.datasets.base import Sample
from pytest_quant.evaluation.begun import Begun
from pytest_quant.evaluation.digests import sha256_content, sha256_file, sha256_json
from pytest_quant.evaluation.engine.engine import Engine
from pytest_quant.evaluation.engine.events import BOTH
from pytest_quant.evaluation.engine.work import Job, Release, WorkerPool
from pytest_quant.evaluation.pixels import KnowsContent, ReadsPixels
from pytest_quant.evaluation.predictor import Predictor
from pytest_quant.evaluation.read_ahead import OF_THIS_PROCESS
from pytest_quant.evaluation.running_drop import RunningDrop
from pytest_quant.evaluation.store import PredictionStore, ShardKey, StoredShard
from pytest_quant.nets.base import Runner
from pytest_quant.nets.given import Given
from pytest_quant.spec.errors import DatasetError, ModelFileError, OverdueError
from pytest_quant.spec.net import SIDES, Net
from pytest_quant.spec.text import shown, visible
from pytest_quant.tasks.base import Arrays, Comparison, Pipeline, Prediction, RightWrong

STAGE = "evaluation"

OpenRunner = Callable[[Net, Given | None], Runner]
"""Loads a net that is to take an input of a shape, where that is known; called once per worker and net that has
something to compute. One that is to travel pickles."""


@dataclass(frozen=True)
class Shard:
    """A run of samples, with the key of each side's predictions."""

    index: int
    samples: tuple[Sample, ...]
    keys: Mapping[Net, ShardKey]
    is_deadly: bool = False
    """Whether a process has died in the middle of it: each input is tried in a child process first."""

    @property
    def sample_count(self) -> int:
        """How many samples it holds."""
        return len(self.samples)


def samples_key(samples: Sequence[Sample], digests: Sequence[str]) -> str:
    """What the predictions of some samples are kept under, from what is known of them and of their contents."""
    known = zip(samples, digests, strict=True)
    return sha256_json([[sample.id, sample.extra, digest] for sample, digest in known])


@dataclass(frozen=True)
class PredictionWork:
    """Samples of shards to predictions of nets, packed as arrays."""

    dataset: ReadsPixels
    pipeline: Pipeline
    open_runner: OpenRunner
    orient: bool = True
    pipelines: Mapping[Net, Pipeline] = field(default_factory=dict)
    """Of the nets whose inputs are prepared otherwise than ``pipeline`` does."""
    try_input: Callable[[Net, Given], None] | None = None
    """Has a child process run a net on an input; raises `ModelFileError` where it dies of it."""
    loaded: Mapping[Path, str] = field(default_factory=dict)
    """The nets' files to their digests: what was loaded must be what the predictions are kept under."""

    def open(self) -> Predictor:
        """Without nets; a net is loaded when a shard lacks its predictions."""
        return Predictor(self)

    def check(self, shard: Shard) -> None:
        """Raise `DatasetError` where the samples of a shard are not on this machine what they were when it was cut."""
        if not isinstance(self.dataset, KnowsContent):
            return
        try:
            digests = [sha256_content(self.dataset.content(sample)) for sample in shard.samples]
        except OSError as error:
            raise DatasetError(
                f"cannot read {error.filename}: {error.strerror}; every machine must see the dataset at the same place"
            ) from None
        if any(key.samples != samples_key(shard.samples, digests) for key in shard.keys.values()):
            first, more = visible(shard.samples[0].id), len(shard.samples) - 1
            raise DatasetError(
                f"has other contents of the samples {first} and the {more} after it than the machine that runs pytest: "
                "every machine must see the same dataset"
            )

    def check_loaded(self) -> None:
        """Raise `ModelFileError` where a file is not what it was when its digest was taken."""
        for path, digest in self.loaded.items():
            if not path.is_file() or sha256_file(path) != digest:
                raise ModelFileError(f"{shown(path)} was replaced while the run was on; run again")


@dataclass(frozen=True)
class Evaluation:
    """Everything that evaluating one model takes."""

    model: str
    work: PredictionWork
    shards: Sequence[Shard]
    nets: Sequence[Net] = SIDES
    """Of these the predictions are wanted; the first two are compared where an evaluation may stop early."""
    counts_hits: bool = False
    """Whether a comparison of the samples of one shard has hits, which a listener is told."""
    check_read: Callable[[Shard], None] | None = None
    """Raises `DatasetError` where a sample that was read is not what its key says any more."""
    watched: str | None = None
    """Another metric, whose drop a listener is told now and then."""

    @property
    def sample_count(self) -> int:
        """How many samples there are to evaluate."""
        return sum(shard.sample_count for shard in self.shards)


@dataclass(frozen=True)
class SideResult:
    """The predictions of one side, in the order of the samples."""

    predictions: list[Prediction]
    forward_s: float
    """Seconds spent in forward passes and decoding, summed over threads."""
    cached: bool
    """Whether nothing of it had to be computed now."""


def evaluate(
    evaluation: Evaluation,
    store: PredictionStore,
    engine: Engine,
    *,
    pool: WorkerPool[Shard, dict[Net, StoredShard]] | None = None,
    enough: Callable[[Sequence[Sample], Comparison], bool] | None = None,
) -> dict[Net, SideResult]:
    """Compute what the store lacks, on every core that is free, and give each side's predictions.

    ``enough`` is told of the samples of each shard in their order, compared; once it says so the shards behind are not
    evaluated, and not in the result. The engine says whose error is raised; ``pool`` keeps nets loaded between calls.
    """
    results = _Results(evaluation, store)
    engine.run(
        Job(
            model=evaluation.model,
            stage=STAGE,
            work=evaluation.work,
            shards=evaluation.shards,
            sink=results,
            samples=evaluation.sample_count,
            nets=tuple(map(str, evaluation.nets)),
            enough=None if enough is None else lambda shard: enough(shard.samples, results.compared(shard)),
            tally=results.hits if evaluation.counts_hits else None,
            drop=None if evaluation.watched is None else RunningDrop(evaluation.watched, results.compared_together),
        ),
        pool,
    )
    return results.sides()


class _Results:
    """What is known of the shards of one evaluation: kept by the store, and here once it was read or computed."""

    def __init__(self, evaluation: Evaluation, store: PredictionStore) -> None:
        self._evaluation = evaluation
        self._store = store
        self._known: dict[tuple[int, Net], StoredShard] = {}
        self._computed: set[Net] = set()
        self._begun: dict[int, Begun] = {}

    def lacking(self, shard: Shard) -> Shard | None:
        """The shard with the keys of the nets that it lacks; what is damaged counts as absent, and is made again."""
        keys = {net: key for net, key in shard.keys.items() if not self._is_known(shard.index, net, key)}
        self._computed.update(keys)
        is_deadly = shard.index in self._begun and self._begun[shard.index].was_left
        return replace(shard, keys=keys, is_deadly=is_deadly) if keys else None

    def _is_known(self, index: int, net: Net, key: ShardKey) -> bool:
        if (index, net) not in self._known:
            stored = self._store.load(key)
            if stored is None:
                return False
            self._known[index, net] = stored
        return True

    def claim(self, shard: Shard) -> Release | None:
        """Claim a shard, for all processes of the run; raises `OverdueError` where one of them has given it up."""
        release = self._store.try_claim(list(shard.keys.values()))
        if release is None:
            return None
        try:
            reason = self._store.given_up(shard.keys.values())
            if reason is not None:
                raise OverdueError(reason)
            self._begun[shard.index] = self._store.begin(shard.keys.values())
            OF_THIS_PROCESS.soon(self._evaluation.work.dataset, shard.samples)  # while those before it are being done
        except BaseException:
            self._release(shard, release)
            raise
        return partial(self._release, shard, release)

    def _release(self, shard: Shard, release: Release) -> None:
        """May be called again: an interrupt leaves open how far the first call came."""
        try:
            begun = self._begun.get(shard.index)
            if begun is not None:
                begun.end(is_done=all((shard.index, net) in self._known for net in shard.keys))
                self._begun.pop(shard.index, None)
        finally:
            release()

    def gave_up(self, shard: Shard, error: OverdueError) -> None:
        """Tell all processes of the run."""
        self._store.give_up(shard.keys.values(), str(error))

    def put(self, shard: Shard, result: Mapping[Net, StoredShard]) -> None:
        """Keep what was computed of a shard; raises `DatasetError` where it was made of other samples."""
        if self._evaluation.check_read is not None:
            self._evaluation.check_read(shard)
        for net, stored in result.items():
            self._known[shard.index, net] = stored
            self._store.save(shard.keys[net], stored)

    def _predictions(self, shard: Shard, net: Net) -> list[Prediction]:
        arrays: Arrays = self._known[shard.index, net].arrays
        return self._evaluation.work.pipeline.unpack(arrays)

    def compared(self, shard: Shard) -> Comparison:
        """The first two nets on the samples of a shard that is done."""
        return self.compared_together([shard])

    def compared_together(self, shards: Sequence[Shard]) -> Comparison:
        """The first two nets on the samples of shards that are done."""
        samples = [sample for shard in shards for sample in shard.samples]
        reference, other = (
            [one for shard in shards for one in self._predictions(shard, net)] for net in self._evaluation.nets[:2]
        )
        return self._evaluation.work.pipeline.compare(samples, reference, other)

    def hits(self, shard: Shard) -> dict[str, dict[str, int]]:
        """Metric to net to how many of the samples it has right, and both."""
        reference, other = self._evaluation.nets[:2]
        return {
            name: {
                reference: int(pair.evidence.fp32.sum()),
                other: int(pair.evidence.int8.sum()),
                BOTH: int((pair.evidence.fp32 & pair.evidence.int8).sum()),
            }
            for name, pair in self.compared(shard).metrics.items()
            if isinstance(pair.evidence, RightWrong)
        }

    def sides(self) -> dict[Net, SideResult]:
        """Everything up to the first shard that was not evaluated."""
        done = list(takewhile(self._is_done, self._evaluation.shards))
        return {net: self._side(done, net) for net in self._evaluation.shards[0].keys}

    def _is_done(self, shard: Shard) -> bool:
        return all((shard.index, net) in self._known for net in shard.keys)

    def _side(self, shards: Sequence[Shard], net: Net) -> SideResult:
        return SideResult(
            predictions=[prediction for shard in shards for prediction in self._predictions(shard, net)],
            forward_s=sum(self._known[shard.index, net].elapsed_s for shard in shards),
            cached=net not in self._computed,
        )
