"""The samples on which a repaired model is looked for: none of those that it will be judged on.

They are a labelled dataset where there is one, else images alone, and then the fp32 net's outputs are the reference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from pytest_quant.datasets.base import Content, Dataset, Sample
from pytest_quant.datasets.sampling import seeded_order
from pytest_quant.datasets.unlabelled import open_images
from pytest_quant.evaluation.engine.work import Collected, Job, Note
from pytest_quant.evaluation.model_nets import open_runner
from pytest_quant.evaluation.pixels import ReadsPixels, pixels_of
from pytest_quant.evaluation.workbench import Workbench
from pytest_quant.extending.known import get_task, open_dataset
from pytest_quant.nets.base import Runner
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.errors import ConfigError, DatasetError, DatasetMissingError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.tasks.base import Pipeline, Prediction
from pytest_quant.tasks.optional import ActsAsReference, EstimatesTruth, OverstatesLoss

_SEED = 0
"""Of the choice of samples: the search does not depend on the seed of an evaluation."""


@dataclass(frozen=True)
class SearchSet:
    """Samples to search on, and the same samples with what fp32 makes of them as their ground truth."""

    dataset: Dataset
    """The samples with their labels, or with none that mean anything where ``labelled`` is false."""
    reference: Dataset
    labelled: bool
    also_evaluated: tuple[str, ...]
    """Ids of samples that were left out, because the model is evaluated on them."""
    is_expectation: bool = False
    """Whether the reference has each answer with the probability that fp32 gives it, not the answers alone."""
    overstates: bool = False
    """Whether what is lost against the reference is no bound of the drop, but several times as large."""

    @property
    def count(self) -> int:
        """How many samples there are."""
        return len(self.dataset.samples)


@dataclass(frozen=True)
class Relabelled:
    """A dataset with some of its samples, and other truths."""

    base: Dataset
    samples: Sequence[Sample]

    def __reduce__(self) -> tuple[object, ...]:
        return Relabelled, (pixels_of(self.base), ())  # only pixels are read elsewhere

    def read(self, sample: Sample, *, orient: bool = True) -> Content:
        """The pixels of one sample."""
        return self.base.read(sample, orient=orient)

    def content(self, sample: Sample) -> Path | bytes:
        """The file, or the bytes themselves."""
        return self.base.content(sample)


def open_search_set(
    model: ModelSpec, bench: Workbench, source: DatasetSpec | Path, samples: int | None = None
) -> SearchSet:
    """Find the samples, leave out those that the model is evaluated on, and run fp32 on the rest.

    Args:
        model: the model, its files built.
        bench: where the evaluation set and the engine come from.
        source: a labelled dataset of the model's task, or a folder or list of images.
        samples: at most so many, chosen at random in the same way on every machine; None: all.

    Raises:
        ConfigError: the task cannot take its own predictions for a reference.
        DatasetError: no sample is left, or one cannot be read.
        DatasetMissingError: the samples are not on this machine.

    """
    labelled = isinstance(source, DatasetSpec)
    base = open_dataset(source) if isinstance(source, DatasetSpec) else open_images(source, what="rescue images")
    evaluated = _evaluated(model, bench)
    digests = bench.digests.of_contents([base.content(sample) for sample in base.samples])
    also = {sample.id for sample, digest in zip(base.samples, digests, strict=True) if digest in evaluated}
    left = [sample for sample in base.samples if sample.id not in also]
    if not left:
        raise DatasetError(
            f"all {len(base.samples)} samples to search on are evaluation samples of {model.name}: a repair that was "
            "chosen on the samples it is judged on proves nothing; give others"
        )
    order = seeded_order([sample.id for sample in left], _SEED)
    chosen = [left[index] for index in (order if samples is None else order[:samples])]
    plain, reference, is_expectation = _referenced(model, bench, base, chosen)
    return SearchSet(
        dataset=Relabelled(base, chosen if labelled else plain),
        reference=Relabelled(base, reference),
        labelled=labelled,
        also_evaluated=tuple(sorted(also)),
        is_expectation=is_expectation,
        overstates=isinstance(get_task(model.task).pipeline(model), OverstatesLoss),
    )


def _evaluated(model: ModelSpec, bench: Workbench) -> frozenset[str]:
    """Digests of the contents of the evaluation samples; none where the dataset is not on this machine."""
    try:
        samples = bench.selection(model)[0]
    except DatasetMissingError:
        return frozenset()
    dataset = bench.dataset(model.dataset)
    return frozenset(bench.digests.of_contents([dataset.content(sample) for sample in samples]))


def _referenced(
    model: ModelSpec, bench: Workbench, base: Dataset, chosen: Sequence[Sample]
) -> tuple[list[Sample], list[Sample], bool]:
    """The samples as fp32 can run them, and with what it finds as their truth; whether that is with probabilities."""
    task = get_task(model.task)
    pipeline = task.pipeline(model)
    if not isinstance(pipeline, ActsAsReference):
        raise ConfigError(f"the task {task.name} cannot take the fp32 outputs for a reference")

    size = task.shard_size
    shards = [_SearchShard(i, tuple(chosen[at : at + size])) for i, at in enumerate(range(0, len(chosen), size))]
    results: Collected[_SearchShard, list[tuple[Sample, Prediction]]] = Collected()
    work = _ReferenceWork(model, pixels_of(base), pipeline, task.orient)
    bench.engine.run(Job(model.name, "rescue, fp32 outputs", work, shards, results, samples=len(chosen)))
    found = [pair for pairs in results.in_order for pair in pairs]
    is_expectation = isinstance(pipeline, EstimatesTruth) and pipeline.estimates_truth
    with_truth = (
        pipeline.with_likely_truth if isinstance(pipeline, EstimatesTruth) and is_expectation else pipeline.with_truth
    )
    return (
        [sample for sample, _ in found],
        [replace(with_truth(sample, prediction), id=sample.id) for sample, prediction in found],
        is_expectation,
    )


class ReferencePipeline(Pipeline, ActsAsReference, Protocol):
    """A pipeline whose own predictions serve as ground truth."""


@dataclass(frozen=True)
class _SearchShard:
    index: int
    samples: tuple[Sample, ...]

    @property
    def sample_count(self) -> int:
        return len(self.samples)


@dataclass(frozen=True)
class _ReferenceWork:
    """Samples to the samples as fp32 can run them, with what it finds."""

    model: ModelSpec
    dataset: ReadsPixels
    pipeline: ReferencePipeline
    orient: bool

    def open(self) -> _ReferenceWorker:
        return _ReferenceWorker(self, open_runner(self.model, "fp32"))


class _ReferenceWorker:
    def __init__(self, work: _ReferenceWork, runner: Runner) -> None:
        self._work = work
        self._runner = runner

    def run(self, shard: _SearchShard, note: Note) -> list[tuple[Sample, Prediction]]:
        found = []
        pipeline = self._work.pipeline
        for sample in shard.samples:
            note(f"sample {sample.id}, fp32")
            image = self._work.dataset.read(sample, orient=self._work.orient)
            known = sample if sample.truth is not None else pipeline.without_truth(sample, image)
            found.append((known, pipeline.predict(self._runner.run, pipeline.prepare(image, known))))
        return found

    def close(self) -> None:
        self._runner.close()
