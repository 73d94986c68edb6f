"""From a model to its measured metrics on both sides: which samples, which shards, evaluate, compare."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from pytest_quant.building.building import ModelBuilder, calibration_set
from pytest_quant.building.built_files import BuiltFiles
from pytest_quant.datasets.base import Dataset, Sample
from pytest_quant.datasets.sampling import seeded_order
from pytest_quant.evaluation import conditions
from pytest_quant.evaluation.agreement import LikenessPipeline, OpenPair, OutputAgreement, agreement_key
from pytest_quant.evaluation.calibration_facts import CalibrationFacts, calibration_facts
from pytest_quant.evaluation.cores import CorePool
from pytest_quant.evaluation.digests import DigestMemo
from pytest_quant.evaluation.discordance import DiscordanceMemo
from pytest_quant.evaluation.early_stop import StopRule, evaluate_until
from pytest_quant.evaluation.engine.engine import Engine
from pytest_quant.evaluation.engine.events import Listener
from pytest_quant.evaluation.evaluate import Evaluation, PredictionWork, SideResult, evaluate
from pytest_quant.evaluation.keys import net_files, net_keys, samples_digest, shards_of
from pytest_quant.evaluation.model_nets import open_runner, runtime_of
from pytest_quant.evaluation.pixels import OpenDatasets
from pytest_quant.evaluation.store import PredictionStore
from pytest_quant.evidence.interval import Interval
from pytest_quant.extending.known import get_task
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.errors import ConfigError, DatasetError, QuantError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import Net
from pytest_quant.spec.text import listed, shown
from pytest_quant.tasks.base import Comparison, Pipeline, Prediction


@dataclass(frozen=True)
class Sampling:
    """Which samples are evaluated."""

    seed: int = 0
    samples: int | None = None
    """Size of the subset, over what the zoo file says; None: as the zoo file says."""
    whole: bool = False
    """Evaluate the whole dataset whatever the zoo file says."""

    def size(self, model: ModelSpec, total: int) -> int:
        """How many of ``total`` samples to evaluate."""
        wanted = None if self.whole else (self.samples or model.samples)
        return total if wanted is None else min(wanted, total)


@dataclass(frozen=True)
class Timing:
    """How long an evaluation took here; differs from run to run."""

    elapsed_s: float
    images_per_second: Mapping[Net, float]
    """Of one core, forward pass and decoding only, as measured when the predictions were made."""
    cached: Mapping[Net, bool]
    """Whether all predictions of the net were there already."""


@dataclass(frozen=True)
class Measurement:
    """The fp32 net of a model and another of its nets, int8 as a rule, on the same samples."""

    model: ModelSpec
    comparison: Comparison
    evaluated: int
    total: int
    seed: int
    side_keys: Mapping[Net, str]
    """Where the store keeps each net's predictions."""
    samples_sha256: str
    """Over id, content and ground truth of the evaluated samples, in their order."""
    file_sha256: Mapping[str, str]
    """``fp32.param`` and the like to the digest of the file."""
    conditions: Mapping[str, Any]
    timing: Timing
    net: Net = "int8"
    """Which net stands in the place of int8 in the comparison."""
    runtime: str = ""
    """Name and version of what ran that net."""
    calibration: CalibrationFacts | None = None
    """What the int8 net was made from, where this run made it."""
    sequential: bool = False
    """Whether the samples came with an eye on the verdicts: then only anytime-valid evidence counts."""
    stopped_early: bool = False
    """Whether that ended the evaluation before its samples did."""
    intervals: dict[tuple[str | float, ...], Interval] = field(default_factory=dict, repr=False, compare=False)
    """Intervals that were asked for already: those of hmean and AP take seconds."""

    @property
    def is_whole(self) -> bool:
        """Whether every sample of the dataset was evaluated."""
        return self.evaluated == self.total


@dataclass
class Workbench:
    """What the evaluations of one process share: where predictions are kept, the cores, and open datasets.

    >>> from tempfile import mkdtemp
    >>> bench = Workbench.in_folder(Path(mkdtemp()), cores=2)
    >>> bench.sampling.seed
    0
    """

    store: PredictionStore
    digests: DigestMemo
    engine: Engine
    discordances: DiscordanceMemo
    builder: ModelBuilder
    sampling: Sampling = Sampling()
    _datasets: OpenDatasets = field(default_factory=OpenDatasets)
    _built: dict[tuple[str, str], ModelSpec | QuantError] = field(default_factory=dict)

    @classmethod
    def in_folder(
        cls,
        run_dir: Path,
        *,
        cores: int,
        cache_dir: Path | None = None,
        sampling: Sampling | None = None,
        listener: Listener | None = None,
    ) -> Workbench:
        """A workbench that coordinates with others through ``run_dir`` and keeps predictions in ``cache_dir``.

        Without ``cache_dir`` the predictions live in ``run_dir`` and end with it. ``listener`` is told of progress.
        """
        kept, locks = cache_dir or run_dir / "store", run_dir / "claims"
        digests = DigestMemo(kept / "digests", locks, cores)
        engine = Engine(CorePool(run_dir / "cores", cores), listener)
        return cls(
            store=PredictionStore(kept / "predictions", locks),
            digests=digests,
            engine=engine,
            discordances=DiscordanceMemo(kept / "discordance"),
            builder=ModelBuilder(BuiltFiles(kept / "built", locks), digests, engine),
            sampling=sampling or Sampling(),
        )

    @property
    def cores(self) -> CorePool:
        """The cores of the run."""
        return self.engine.cores

    def built(self, model: ModelSpec) -> ModelSpec:
        """The model with all of its files: those that its entry describes are made when first asked for.

        Raises `DatasetMissingError` for calibration images that are not there, `QuantError` for files that cannot be
        made.
        """
        if model.is_built:
            return model
        key = (str(model.zoo), model.name)
        if key not in self._built:
            try:
                self._built[key] = self.builder.built(model)
            except QuantError as error:  # the next case of the model is told the same, at once
                self._built[key] = error
        found = self._built[key]
        if isinstance(found, QuantError):
            raise found
        return found

    def dataset(self, spec: DatasetSpec) -> Dataset:
        """The opened dataset; raises `DatasetMissingError` or `DatasetError`."""
        return self._datasets[spec]

    def scratch(self, folder: Path, datasets: Mapping[DatasetSpec, Dataset]) -> Workbench:
        """A workbench for trials over some datasets that are open already, whole.

        It has the same cores, and keeps its predictions in ``folder``.
        """
        return replace(
            self,
            store=PredictionStore(folder / "predictions", folder / "claims"),
            discordances=DiscordanceMemo(folder / "discordance"),
            sampling=Sampling(whole=True),
            _datasets=OpenDatasets(datasets),
            _built={},
        )

    def selection(self, model: ModelSpec) -> tuple[list[Sample], int]:
        """The samples of the model to evaluate, in the seeded order, and the size of the whole dataset."""
        samples = self.dataset(model.dataset).samples
        order = seeded_order([sample.id for sample in samples], self.sampling.seed)
        size = self.sampling.size(model, len(samples))
        return [samples[index] for index in order[:size]], len(samples)

    def conditions(self, model: ModelSpec, *, evaluated: int, total: int) -> dict[str, Any]:
        """The conditions under which the model is evaluated."""
        pipeline = get_task(model.task).pipeline(model)
        return conditions.conditions(model, pipeline, seed=self.sampling.seed, samples=evaluated, total=total)

    def measure(
        self, model: ModelSpec, stop: StopRule | None = None, *, net: Net = "int8", first: int | None = None
    ) -> Measurement:
        """Evaluate the fp32 net and another net of a model on the same samples, and score both.

        ``stop`` may end it early; ``first`` is how many of the samples to take, in their order, else all that the
        sampling gives. Raises `DatasetMissingError`, `DatasetError`, `ModelFileError` or `RunnerError`, and
        `ConfigError` for a net that the model has not.
        """
        start = time.perf_counter()
        model = self.built(model)
        nets: tuple[Net, Net] = ("fp32", net)
        pipeline = get_task(model.task).pipeline(model)
        samples, total = self.selection(model)
        dataset = self.dataset(model.dataset)
        digests = self._sample_digests(dataset, samples)
        files = self._file_digests(model)
        keys = net_keys(model, _pipelines(model), files)
        job = self._job(model, nets, keys, samples, digests, first)
        if stop is None:
            results, used = evaluate(job, self.store, self.engine), len(samples) if first is None else first
        else:
            results, used = evaluate_until(stop, job, self.store, self.engine)
        timing = _timing(start, results)
        samples, planned = samples[:used], len(samples)
        fp32, other = (results[net].predictions[:used] for net in nets)
        comparison = pipeline.compare(samples, fp32, other)
        if net == "int8":
            self.discordances.note(model, comparison)
        return Measurement(
            model=model,
            comparison=comparison,
            evaluated=used,
            total=total,
            seed=self.sampling.seed,
            side_keys=keys,
            samples_sha256=samples_digest(samples, digests[:used]),
            file_sha256=files,
            conditions=conditions.conditions(model, pipeline, seed=self.sampling.seed, samples=used, total=total),
            timing=timing,
            net=net,
            runtime=runtime_of(model, net),
            calibration=self._calibration_facts(model, dataset) if net == "int8" else None,
            sequential=stop is not None,
            stopped_early=stop is not None and used < planned,
        )

    def predictions(
        self, model: ModelSpec, nets: Sequence[Net], samples: Sequence[Sample]
    ) -> dict[Net, list[Prediction]]:
        """What each of some nets of a model says of the same samples of its dataset, in their order.

        Kept and shared like those of `measure`. Raises `DatasetError`, `ModelFileError` or `RunnerError`, and
        `ConfigError` for a net that the model has not.
        """
        results = evaluate(self.evaluation(model, nets, samples), self.store, self.engine)
        return {net: results[net].predictions for net in nets}

    def answers(self, measurement: Measurement, places: Sequence[int]) -> dict[Net, list[Prediction]]:
        """What both nets of a measurement answered to some of its samples, by their places in the seeded order.

        Their shards are in the store as a rule; what is not there any more is computed again.
        """
        model, nets = measurement.model, ("fp32", measurement.net)
        samples = self.selection(model)[0]
        digests = self._sample_digests(self.dataset(model.dataset), samples)
        job = self._job(model, nets, measurement.side_keys, samples, digests)
        size = get_task(model.task).shard_size
        needed = sorted({place // size for place in places})
        results = evaluate(replace(job, shards=[job.shards[index] for index in needed]), self.store, self.engine)
        starts = {index: size * at for at, index in enumerate(needed)}  # the last shard alone may be shorter
        return {
            net: [results[net].predictions[starts[place // size] + place % size] for place in places] for net in nets
        }

    def evaluation(self, model: ModelSpec, nets: Sequence[Net], samples: Sequence[Sample]) -> Evaluation:
        """What evaluating some nets of a model on some samples takes; raises what `predictions` raises before it."""
        model = self.built(model)
        keys = net_keys(model, _pipelines(model), self._file_digests(model))
        digests = self._sample_digests(self.dataset(model.dataset), samples)
        return self._job(model, nets, keys, samples, digests)

    def agreement(self, model: ModelSpec, net: Net, samples: Sequence[Sample]) -> OutputAgreement:
        """How far the raw outputs of the fp32 net are from those of ``net``, the signal; see `OutputAgreement`.

        Kept and shared like predictions. Raises what `predictions` raises.
        """
        model = self.built(model)
        pipeline = get_task(model.task).pipeline(model)
        keys = net_keys(model, _pipelines(model), self._file_digests(model))
        digests = self._sample_digests(self.dataset(model.dataset), samples)
        job = self._job(model, (net, "fp32"), keys, samples, digests)
        job = replace(
            job,
            work=replace(
                job.work, pipeline=LikenessPipeline(pipeline), pipelines={}, open_runner=OpenPair(model, "fp32")
            ),
            shards=shards_of({net: agreement_key(keys[net], keys["fp32"])}, samples, digests, len(samples)),
            counts_hits=False,
        )
        return OutputAgreement.of(evaluate(job, self.store, self.engine)[net].predictions)

    def _job(
        self,
        model: ModelSpec,
        nets: Sequence[Net],
        keys: Mapping[Net, str],
        samples: Sequence[Sample],
        digests: Sequence[str],
        first: int | None = None,
    ) -> Evaluation:
        """The shards of all samples, so that they are found again, or of those that hold the ``first`` of them."""
        absent = [net for net in nets if net not in keys]
        if absent:
            raise ConfigError(f"{model.name}: has no `{listed(absent)}` in {shown(model.zoo)}")
        task, pipelines = get_task(model.task), _pipelines(model)
        shards = shards_of({net: keys[net] for net in nets}, samples, digests, task.shard_size)
        needed = len(shards) if first is None else -(-first // task.shard_size)
        return Evaluation(
            model=model.name,
            work=PredictionWork(
                dataset=self._datasets.pixels(model.dataset),
                pipeline=pipelines["fp32"],
                pipelines={net: pipelines[net] for net in nets},
                open_runner=partial(open_runner, model),
                orient=task.orient,
            ),
            shards=shards[:needed],
            nets=nets,
            counts_hits=any(metric.is_mean_of_hits for metric in task.metrics.values()),
        )

    def compare_with(self, measurement: Measurement, int8_key: str) -> Comparison | None:
        """Earlier int8 predictions (in the place of fp32) beside those of a measurement, on the same samples.

        ``int8_key`` says where the store kept them; None when it does not have them all any more.
        """
        model = measurement.model
        task = get_task(model.task)
        pipeline = task.pipeline(model)
        samples = self.selection(model)[0]
        digests = self._sample_digests(self.dataset(model.dataset), samples)
        keys: dict[Net, str] = {"fp32": int8_key, "int8": measurement.side_keys["int8"]}
        shards = shards_of(keys, samples, digests, task.shard_size)
        needed = shards[: -(-measurement.evaluated // task.shard_size)]
        sides: dict[Net, list[Prediction]] = {"fp32": [], "int8": []}
        for shard in needed:
            for side, key in shard.keys.items():
                stored = self.store.load(key)
                if stored is None:
                    return None
                sides[side] += pipeline.unpack(stored.arrays)
        used = measurement.evaluated
        return pipeline.compare(samples[:used], sides["fp32"][:used], sides["int8"][:used])

    def _calibration_facts(self, model: ModelSpec, dataset: Dataset) -> CalibrationFacts | None:
        if model.calibration is None:
            return None
        images, chosen = calibration_set(model.calibration, model)
        known = self.builder.image_digests(images, chosen)
        return calibration_facts(model.calibration, images, chosen, known, dataset, self.digests)

    def _sample_digests(self, dataset: Dataset, samples: Sequence[Sample]) -> list[str]:
        try:
            return self.digests.of_contents([dataset.content(sample) for sample in samples])
        except OSError as error:
            raise DatasetError(f"{error.filename}: cannot be read: {error.strerror}") from error

    def _file_digests(self, model: ModelSpec) -> dict[str, str]:
        return {name: self.digests.of_files([path])[0] for name, path in net_files(model).items()}


def _timing(start: float, results: Mapping[Net, SideResult]) -> Timing:
    def rate(result: SideResult) -> float:
        return len(result.predictions) / result.forward_s if result.forward_s > 0 else 0.0

    return Timing(
        elapsed_s=time.perf_counter() - start,
        images_per_second={net: rate(result) for net, result in results.items()},
        cached={net: result.cached for net, result in results.items()},
    )


def _pipelines(model: ModelSpec) -> dict[Net, Pipeline]:
    """The pipeline of each net: one object for those that take the same inputs."""
    task = get_task(model.task)
    shared = task.pipeline(model)
    own = {name: model.prepared_for(name) for name in model.nets}
    return {name: shared if found is model else task.pipeline(found) for name, found in own.items()}
