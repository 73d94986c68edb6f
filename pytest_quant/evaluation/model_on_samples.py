"""What is evaluated: a model on some samples, with the digests that name its predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from pytest_quant.datasets.base import Dataset, Sample
from pytest_quant.evaluation.agreement import LikenessPipeline, OpenPair, agreement_key
from pytest_quant.evaluation.digests import DigestMemo, sha256_file
from pytest_quant.evaluation.evaluate import Evaluation, PredictionWork, Shard
from pytest_quant.evaluation.garbage import only_new_garbage
from pytest_quant.evaluation.keys import files_of, net_files, net_keys, samples_digest, shards_of
from pytest_quant.evaluation.model_nets import open_runner, try_input
from pytest_quant.evaluation.pixels import KnowsContent, ReadsPixels
from pytest_quant.evaluation.trials import Trials
from pytest_quant.evaluation.without_labels import WithoutLabels, wants_agreement
from pytest_quant.extending.known import get_task
from pytest_quant.spec.errors import ConfigError, DatasetError, ModelFileError
from pytest_quant.spec.metric import Metric
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import Net
from pytest_quant.spec.text import listed, shown
from pytest_quant.tasks.base import Pipeline, Task


@dataclass(frozen=True)
class ModelOnSamples:
    """A model whose files are there, on some samples of its dataset."""

    model: ModelSpec
    pixels: ReadsPixels
    samples: Sequence[Sample]
    digests: Sequence[str]
    """Of the content of each sample."""
    files: Mapping[str, str]
    """``fp32.param`` and the like to the digest of the file, as it was before anything loaded it."""
    pipelines: Mapping[Net, Pipeline]
    """Of each net: one object for those that take the same inputs."""
    keys: Mapping[Net, str]
    """Where the store keeps each net's predictions."""
    trials: Trials
    """Where the verdicts of the nets' trials are kept."""
    dataset_files: Mapping[str, str] = field(default_factory=dict)
    """Key of the dataset to the digest of the file that it names."""
    memo: DigestMemo | None = None
    """What took the digests of the samples; None: their contents are not held against them later."""

    @classmethod
    def of(
        cls,
        model: ModelSpec,
        pixels: ReadsPixels,
        samples: Sequence[Sample],
        digests: Sequence[str],
        files: Mapping[str, str],
        trials: Trials,
        dataset_files: Mapping[str, str],
        memo: DigestMemo | None = None,
    ) -> ModelOnSamples:
        """With the pipelines and keys of the model's nets."""
        pipelines = _pipelines(model)
        keys = net_keys(model, pipelines, files)
        return cls(model, pixels, samples, digests, files, pipelines, keys, trials, dataset_files, memo)

    @property
    def pipeline(self) -> Pipeline:
        """The pipeline that scores."""
        return self.pipelines["fp32"]

    def samples_sha256(self, used: int) -> str:
        """Over id, content and ground truth of the first samples, in their order."""
        return samples_digest(self.samples[:used], self.digests[:used])

    def check_read(self, shard: Shard) -> None:
        """Raise `DatasetError` where a sample of a shard, which was read, is not what its digest says any more.

        What is kept by content must have been made of that content: images may be replaced while a run is on.
        """
        start = shard.index * get_task(self.model.task).shard_size
        path = self._replaced(slice(start, start + len(shard.samples)))
        if path is not None:
            raise DatasetError(f"{shown(path)} was replaced while the run was on; run again")

    def is_as_found(self) -> bool:
        """Whether all samples and the files of all nets still are what their digests say."""
        try:
            return self._replaced(slice(None)) is None and file_digests(self.model) == self.files
        except (DatasetError, ModelFileError):
            return False

    def _replaced(self, place: slice) -> Path | None:
        pixels, samples = self.pixels, self.samples[place]
        if self.memo is None or not isinstance(pixels, KnowsContent):
            return None
        try:
            if samples and not isinstance(pixels.content(samples[0]), Path):
                return None  # bytes that the dataset holds
            return self.memo.replaced((pixels.content(sample) for sample in samples), self.digests[place])
        except OSError as error:
            raise _unreadable(error) from error

    def shards(self, keys: Mapping[Net, str]) -> list[Shard]:
        """All samples, cut as the task has it."""
        return shards_of(keys, self.samples, self.digests, get_task(self.model.task).shard_size)

    def evaluation(self, nets: Sequence[Net], first: int | None = None) -> Evaluation:
        """Some nets on all samples, or on the shards that hold the ``first`` of them.

        Raises `ConfigError` for a net that the model does not have, `ModelFileError` for one that cannot be used.
        """
        self.model.check_usable(*nets)
        model, task = self.model, get_task(self.model.task)
        absent = [net for net in nets if net not in self.keys]
        if absent:
            raise ConfigError(f"{model.name}: has no `{listed(absent)}` in {shown(model.zoo)}")
        shards = self.shards({net: self.keys[net] for net in nets})
        watched = watched_metric(model, task.metrics)
        return Evaluation(
            model=model.name,
            work=PredictionWork(
                dataset=self.pixels,
                pipeline=self.pipeline,
                pipelines={net: self.pipelines[net] for net in nets},
                open_runner=partial(open_runner, model, trials=self.trials),
                try_input=partial(try_input, model, self.trials, ()),
                orient=task.orient,
                loaded={path: self.files[name] for net in nets for name, path in files_of(model, net).items()},
            ),
            shards=shards if first is None else shards[: -(-first // task.shard_size)],
            nets=nets,
            check_read=self.check_read,
            counts_hits=len(nets) > 1 and watched.is_mean_of_hits,
            watched=watched.name if len(nets) > 1 and not watched.is_mean_of_hits else None,
        )

    def agreement(self, signal: Net, other: Net) -> Evaluation:
        """How far the raw outputs of a net are from those of ``signal``, on the same inputs.

        Raises `ConfigError` where the two nets take different inputs.
        """
        if self.pipelines[signal] is not self.pipelines[other]:
            raise ConfigError(
                f"{self.model.name}: {signal} and {other} have an `input` each, so their raw outputs are not held "
                "against each other: they are answers to different numbers"
            )
        found = self.evaluation((signal, other))
        key = agreement_key(self.keys[signal], self.keys[other])
        return replace(
            found,
            work=replace(
                found.work,
                pipeline=LikenessPipeline(self.pipeline, signal, other),
                pipelines={},
                open_runner=OpenPair(self.model, other, self.trials),
                try_input=partial(try_input, self.model, self.trials, (signal, other)),
            ),
            shards=shards_of({signal: key}, self.samples, self.digests, get_task(self.model.task).shard_size),
            counts_hits=False,
            watched=None,
        )


def watched_metric(model: ModelSpec, metrics: Mapping[str, Metric]) -> Metric:
    """Whose drop those are told who watch: that of the model's first limit on one of its task's metrics, or the first.

    A drop that is counted goes before one that is estimated.
    """
    named = [limit.metric.name for limit in model.limits if limit.metric is not None and limit.metric.name in metrics]
    return metrics[named[0]] if named else next(iter(metrics.values()))


def _pipelines(model: ModelSpec) -> dict[Net, Pipeline]:
    task = get_task(model.task)
    shared = _pipeline(task, model)
    own = {name: model.prepared_for(name) for name in model.nets}
    return {name: shared if found is model else _pipeline(task, found) for name, found in own.items()}


def _pipeline(task: Task, model: ModelSpec) -> Pipeline:
    pipeline = task.pipeline(model)
    return WithoutLabels(pipeline, wants_agreement(model)) if model.dataset.is_unlabelled else pipeline


def sample_digests(dataset: Dataset, samples: Sequence[Sample], memo: DigestMemo) -> list[str]:
    """The digest of the content of each sample; raises `DatasetError` for one that cannot be read."""
    try:
        with only_new_garbage():
            return memo.of_contents([dataset.content(sample) for sample in samples])
    except OSError as error:
        raise _unreadable(error) from error


def _unreadable(error: OSError) -> DatasetError:
    return DatasetError(f"{shown(Path(error.filename))}: cannot be read: {error.strerror}")


def file_digests(model: ModelSpec) -> dict[str, str]:
    """The digest of each file of a model's nets, read now; raises `ModelFileError` for one that cannot be read."""
    try:
        return {name: sha256_file(path) for name, path in net_files(model).items()}
    except OSError as error:
        raise ModelFileError(f"{shown(Path(error.filename))}: cannot be read: {error.strerror}") from error
