"""From a model to its measured metrics on both sides: which samples, which shards, evaluate, compare."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_quant import conditions
from pytest_quant.datasets import open_dataset
from pytest_quant.datasets.base import Dataset, Sample
from pytest_quant.datasets.sampling import seeded_order
from pytest_quant.environment import isa, versions
from pytest_quant.errors import DatasetError, QuantError
from pytest_quant.predictions.building import ModelBuilder, calibration_set
from pytest_quant.predictions.built_files import BuiltFiles
from pytest_quant.predictions.calibration_facts import CalibrationFacts, calibration_facts
from pytest_quant.predictions.cores import CorePool
from pytest_quant.predictions.digests import DigestMemo, sha256_json
from pytest_quant.predictions.discordance import DiscordanceMemo
from pytest_quant.predictions.evaluate import Job, Shard, SideResult, evaluate
from pytest_quant.predictions.rounds import StopRule, evaluate_until
from pytest_quant.predictions.store import PredictionStore, ShardKey
from pytest_quant.runners.ncnn_net import runtime_options
from pytest_quant.runners.open import open_runner
from pytest_quant.spec import SIDES, DatasetSpec, ModelSpec, Side
from pytest_quant.stats.interval import Interval
from pytest_quant.tasks import get_task
from pytest_quant.tasks.base import Comparison, Pipeline, Prediction

_STORE_VERSION = 1
"""Part of every key: raise it when what a stored shard means changes."""


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
    images_per_second: Mapping[Side, float]
    """Of one core, forward pass and decoding only, as measured when the predictions were made."""
    cached: Mapping[Side, bool]
    """Whether all predictions of the side were there already."""


@dataclass(frozen=True)
class Measurement:
    """Both sides of a model on the same samples."""

    model: ModelSpec
    comparison: Comparison
    evaluated: int
    total: int
    seed: int
    side_keys: Mapping[Side, str]
    """Where the store keeps each side's predictions."""
    samples_sha256: str
    """Over id, content and ground truth of the evaluated samples, in their order."""
    file_sha256: Mapping[str, str]
    """``fp32.param`` and the like to the digest of the file."""
    conditions: Mapping[str, Any]
    timing: Timing
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
    cores: CorePool
    discordances: DiscordanceMemo
    builder: ModelBuilder
    sampling: Sampling = Sampling()
    _datasets: dict[DatasetSpec, Dataset] = field(default_factory=dict)
    _built: dict[tuple[str, str], ModelSpec | QuantError] = field(default_factory=dict)

    @classmethod
    def in_folder(
        cls, run_dir: Path, *, cores: int, cache_dir: Path | None = None, sampling: Sampling | None = None
    ) -> Workbench:
        """A workbench that coordinates with others through ``run_dir`` and keeps predictions in ``cache_dir``.

        Without ``cache_dir`` the predictions live in ``run_dir`` and end with it.
        """
        kept, locks = cache_dir or run_dir / "store", run_dir / "claims"
        digests = DigestMemo(kept / "digests", locks, cores)
        pool = CorePool(run_dir / "cores", cores)
        return cls(
            store=PredictionStore(kept / "predictions", locks),
            digests=digests,
            cores=pool,
            discordances=DiscordanceMemo(kept / "discordance"),
            builder=ModelBuilder(BuiltFiles(kept / "built", locks), digests, pool),
            sampling=sampling or Sampling(),
        )

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
        if spec not in self._datasets:
            self._datasets[spec] = open_dataset(spec)
        return self._datasets[spec]

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

    def measure(self, model: ModelSpec, stop: StopRule | None = None) -> Measurement:
        """Evaluate both sides of a model on the same samples, and score them; ``stop`` may end it early.

        Raises `DatasetMissingError`, `DatasetError`, `ModelFileError` or `RunnerError`.
        """
        start = time.perf_counter()
        model = self.built(model)
        task = get_task(model.task)
        pipeline = task.pipeline(model)
        samples, total = self.selection(model)
        dataset = self.dataset(model.dataset)
        digests = self._sample_digests(dataset, samples)
        files = self._file_digests(model)
        side_keys = _side_keys(model, pipeline, files)
        shards = _shards(side_keys, samples, digests, task.shard_size)
        job = Job(dataset, pipeline, shards, lambda side: open_runner(model, side), task.orient)
        if stop is None:
            results, used = evaluate(job, self.store, self.cores), len(samples)
        else:
            results, used = evaluate_until(stop, job, self.store, self.cores)
        fp32, int8 = (results[side] for side in SIDES)
        timing = _timing(start, fp32, int8)
        samples, planned = samples[:used], len(samples)
        comparison = pipeline.compare(samples, fp32.predictions[:used], int8.predictions[:used])
        self.discordances.note(model, comparison)
        return Measurement(
            model=model,
            comparison=comparison,
            evaluated=used,
            total=total,
            seed=self.sampling.seed,
            side_keys=side_keys,
            samples_sha256=_samples_digest(samples, digests[:used]),
            file_sha256=files,
            conditions=conditions.conditions(model, pipeline, seed=self.sampling.seed, samples=used, total=total),
            timing=timing,
            calibration=self._calibration_facts(model, dataset, samples, digests[:used]),
            sequential=stop is not None,
            stopped_early=used < planned,
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
        keys: dict[Side, str] = {"fp32": int8_key, "int8": measurement.side_keys["int8"]}
        shards = _shards(keys, samples, digests, task.shard_size)
        needed = shards[: -(-measurement.evaluated // task.shard_size)]
        sides: dict[Side, list[Prediction]] = {"fp32": [], "int8": []}
        for shard in needed:
            for side, key in shard.keys.items():
                stored = self.store.load(key)
                if stored is None:
                    return None
                sides[side] += pipeline.unpack(stored.arrays)
        used = measurement.evaluated
        return pipeline.compare(samples[:used], sides["fp32"][:used], sides["int8"][:used])

    def _calibration_facts(
        self, model: ModelSpec, dataset: Dataset, samples: Sequence[Sample], digests: Sequence[str]
    ) -> CalibrationFacts | None:
        if model.calibration is None:
            return None
        images, chosen = calibration_set(model.calibration, model)
        known = self.builder.image_digests(images, chosen)
        return calibration_facts(model.calibration, images, chosen, known, dataset, samples, digests)

    def _sample_digests(self, dataset: Dataset, samples: Sequence[Sample]) -> list[str]:
        try:
            return self.digests.of_contents([dataset.content(sample) for sample in samples])
        except OSError as error:
            raise DatasetError(f"{error.filename}: cannot be read: {error.strerror}") from error

    def _file_digests(self, model: ModelSpec) -> dict[str, str]:
        paths = {f"{side}.{kind}": getattr(model.files(side), kind) for side in SIDES for kind in ("param", "bin")}
        if model.table is not None:
            paths["int8.table"] = model.table
        return {name: self.digests.of_files([path])[0] for name, path in paths.items()}


def _side_keys(model: ModelSpec, pipeline: Pipeline, files: Mapping[str, str]) -> dict[Side, str]:
    """For each side the digest of everything but the samples that can change a prediction."""
    found = versions()
    surroundings = {
        "store": _STORE_VERSION,
        "pytest_quant": found["pytest_quant"],
        "ncnn": found["ncnn"],
        "isa": isa(),
        "runtime": model.runtime,
        "options": runtime_options(model.runtime),
        "input": model.input.blob,
        "outputs": model.outputs,
        "task": model.task,
        "pipeline": pipeline.fingerprint(),
    }
    return {
        side: sha256_json({**surroundings, "param": files[f"{side}.param"], "bin": files[f"{side}.bin"]})
        for side in SIDES
    }


def _shards(sides: Mapping[Side, str], samples: Sequence[Sample], digests: Sequence[str], size: int) -> list[Shard]:
    shards = []
    for index, start in enumerate(range(0, len(samples), size)):
        chunk = samples[start : start + size]
        known = zip(chunk, digests[start : start + size], strict=True)
        content = sha256_json([[sample.id, sample.extra, digest] for sample, digest in known])
        keys = {side: ShardKey(side_key, content) for side, side_key in sides.items()}
        shards.append(Shard(index, tuple(chunk), keys))
    return shards


def _samples_digest(samples: Sequence[Sample], digests: Sequence[str]) -> str:
    whole = hashlib.sha256()
    for sample, digest in zip(samples, digests, strict=True):
        whole.update(f"{sample.id}\0{digest}\0{sample.truth!r}\n".encode())
    return whole.hexdigest()


def _timing(start: float, fp32: SideResult, int8: SideResult) -> Timing:
    count = len(fp32.predictions)
    return Timing(
        elapsed_s=time.perf_counter() - start,
        images_per_second={
            "fp32": count / fp32.forward_s if fp32.forward_s > 0 else 0.0,
            "int8": count / int8.forward_s if int8.forward_s > 0 else 0.0,
        },
        cached={"fp32": fp32.cached, "int8": int8.cached},
    )
