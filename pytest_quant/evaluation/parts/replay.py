"""The whole evaluation, made of what its parts carry: no net runs, no image is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pytest_quant.datasets.base import Dataset, Sample
from pytest_quant.datasets.sampling import seeded_order
from pytest_quant.evaluation.agreement import LikenessPipeline, agreement_key
from pytest_quant.evaluation.calibration_facts import CalibrationFacts
from pytest_quant.evaluation.digests import DigestMemo, sha256_json
from pytest_quant.evaluation.files import replace_file
from pytest_quant.evaluation.keys import shards_of
from pytest_quant.evaluation.model_on_samples import ModelOnSamples, file_digests
from pytest_quant.evaluation.parts.carrying import CALIBRATION, PROBES, SAMPLES, likeness_name, predictions_name
from pytest_quant.evaluation.parts.content import Content
from pytest_quant.evaluation.parts.plain import Carried
from pytest_quant.evaluation.parts.recorded_dataset import RecordedDataset
from pytest_quant.evaluation.pixels import OpenDatasets, ReadsPixels
from pytest_quant.evaluation.probes import KnownProbes
from pytest_quant.evaluation.resources import Resources
from pytest_quant.evaluation.store import PredictionStore, StoredShard
from pytest_quant.extending.known import get_task
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.errors import ConfigError, DatasetError, RunnerError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import Net
from pytest_quant.spec.text import relative_posix
from pytest_quant.tasks.base import Pipeline, Prediction


@dataclass(frozen=True)
class _Carried:
    """One item over all parts."""

    answers: Mapping[str, Prediction]
    """By the id of the sample."""
    elapsed_s: Mapping[str, float]
    """A sample's share of the time that its part took."""

    def shard(self, samples: Sequence[Sample], pipeline: Pipeline) -> StoredShard | None:
        """Some samples as the store keeps them; None where one was not evaluated."""
        ids = [sample.id for sample in samples]
        if not all(one in self.answers for one in ids):
            return None
        arrays = pipeline.pack([self.answers[one] for one in ids])
        return StoredShard(arrays, sum(self.elapsed_s[one] for one in ids))


class Replay:
    """What the parts carry, in the order of the parts, by names that `model_name` and `dataset_name` give."""

    def __init__(
        self,
        root: Path,
        models: Mapping[str, Sequence[Content]],
        datasets: Mapping[str, Sequence[Content]],
        *,
        seed: int,
    ) -> None:
        self._root = root
        self._models = models
        self._datasets = datasets
        self._seed = seed
        self._opened: dict[str, RecordedDataset] = {}
        self._samples: dict[str, Mapping[str, str]] = {}
        self._carried: dict[tuple[str, str], _Carried | None] = {}
        self._probes: dict[str, Mapping[tuple[str, str], Carried]] = {}

    def knows(self, model: ModelSpec) -> bool:
        """Whether the parts have evaluated a model."""
        return model_name(model, self._root) in self._models

    def dataset(self, spec: DatasetSpec) -> RecordedDataset | None:
        """A dataset as the parts saw it; None where none of them had it. Raises `DatasetError` where one had not."""
        name = dataset_name(spec, self._root)
        if name not in self._datasets:
            return None
        if name not in self._opened:
            parts = self._datasets[name]
            for index, part in enumerate(parts, start=1):
                if SAMPLES not in part.items:  # it was interrupted, or has no such dataset
                    raise DatasetError(
                        f"dataset {spec.name!r}: part {index} of {len(parts)} lacks it: its run says why; run that "
                        "part again"
                    )
            self._opened[name] = RecordedDataset.of(spec, [part.get(SAMPLES) for part in parts])
        return self._opened[name]

    def _whole(self, model: ModelSpec) -> Content:
        """A part that knows the model: it says what is the same in all. Raises `RunnerError` where a part does not."""
        parts = self._models[model_name(model, self._root)]
        for index, part in enumerate(parts):
            if SAMPLES not in part.items:
                raise RunnerError(f"{model.name}: part {index + 1} of {len(parts)} lacks it: its run says why")
        return parts[0]

    def _places(self, model: ModelSpec) -> list[list[str]]:
        """The ids of the evaluated samples of each part."""
        dataset = self.dataset(model.dataset)
        if dataset is None:
            raise ConfigError(f"{model.name}: the parts lack its dataset {model.dataset.name!r}")
        parts = self._models[model_name(model, self._root)]
        ids = [sample.id for sample in dataset.samples]
        selected = [
            ids[place] for place in seeded_order(ids, self._seed)[: self._whole(model).get(SAMPLES)["selected"]]
        ]
        return [selected[index :: len(parts)] for index in range(len(parts))]

    def digests(self, model: ModelSpec) -> Mapping[str, str]:
        """Sample id to the digest of its content."""
        name = model_name(model, self._root)
        if name not in self._samples:
            found: dict[str, str] = {}
            for ids, part in zip(self._places(model), self._models[name], strict=True):
                contents: bytes = part.get(SAMPLES)["contents"]
                found |= {id_: contents[32 * at : 32 * at + 32].hex() for at, id_ in enumerate(ids)}
            self._samples[name] = found
        return self._samples[name]

    def option_files(self, model: ModelSpec) -> dict[str, str]:
        """Key of the dataset to the digest of the file that it names, as the parts found it."""
        found: dict[str, str] = self._whole(model).get(SAMPLES)["option_files"]
        return found

    def with_files(self, model: ModelSpec, folder: Path) -> ModelSpec:
        """The model with the small files that its dataset names, written to a folder where they are not here.

        Raises `ConfigError` where the dataset cannot be described here at all.
        """
        options = model.dataset.options
        if options is None:
            raise ConfigError(
                f"{model.name}: {model.dataset.missing}; a merge reads nothing there, and takes any path for it"
            )
        carried: dict[str, bytes] = self._whole(model).get(SAMPLES)["files"]
        written: dict[str, Path] = {}
        for name, content in carried.items():
            if not getattr(options, name).is_file():
                written[name] = folder / sha256_json(content.hex()) / getattr(options, name).name
                replace_file(written[name], content)
        if not written:
            return model
        return replace(model, dataset=replace(model.dataset, options=options.model_copy(update=written)))

    def calibration(self, model: ModelSpec) -> CalibrationFacts | None:
        """What the int8 net was made from."""
        found: CalibrationFacts | None = self._whole(model).get(CALIBRATION)
        return found

    def probes(self, model: ModelSpec) -> Mapping[tuple[str, str], Carried]:
        """What the parts found out about single samples."""
        name = model_name(model, self._root)
        if name not in self._probes:
            parts = self._models.get(name, ())
            noted = [part.get(item) for part in parts for item in part.items if item.startswith(PROBES)]
            self._probes[name] = {key: value for part in noted for key, value in part.items()}
        return self._probes[name]

    def key(self, model: ModelSpec, net: Net) -> str | None:
        """What the parts kept the predictions of a net under: it says everything that they depend on."""
        return self._whole(model).digests.get(predictions_name(net))

    def carried(self, model: ModelSpec, item: str, pipeline: Pipeline) -> _Carried | None:
        """An item of a model over all parts; None where they lack it."""
        name = model_name(model, self._root)
        if (name, item) not in self._carried:
            self._carried[name, item] = self._joined(model, item, pipeline)
        return self._carried[name, item]

    def _joined(self, model: ModelSpec, item: str, pipeline: Pipeline) -> _Carried | None:
        parts = self._models[model_name(model, self._root)]
        if not any(item in part.items for part in parts):
            return None
        answers: dict[str, Prediction] = {}
        elapsed_s: dict[str, float] = {}
        for index, (ids, part) in enumerate(zip(self._places(model), parts, strict=True)):
            found: Carried = part.get(item)
            if found is None and ids and item.startswith("predictions"):
                raise RunnerError(f"{model.name}: part {index + 1} of {len(parts)} lacks the {item}: its run says why")
            count = 0 if found is None else found["count"]
            if count:
                answers |= dict(zip(ids[:count], pipeline.unpack(found["arrays"]), strict=True))
                elapsed_s |= dict.fromkeys(ids[:count], found["elapsed_s"] / count)
        return _Carried(answers, elapsed_s)

    def resources(self, own: Resources) -> Resources:
        """The resources of a process with what the parts carry in the place of nets and datasets."""
        values = {name: getattr(own, name) for name in own.__dataclass_fields__}
        values["datasets"] = _ReplayedDatasets(self, own.digests)
        values["probes"] = KnownProbes(self.probes)
        return ReplayedResources(**values, replay=self)


def model_name(model: ModelSpec, root: Path) -> str:
    """A model as all machines name it."""
    return f"{relative_posix(model.zoo, root)}::{model.name}"


def dataset_name(spec: DatasetSpec, root: Path) -> str:
    """A dataset as all machines name it."""
    return f"{relative_posix(spec.zoo, root)}::{spec.name}"


class _ReplayedDatasets(OpenDatasets):
    """The datasets of the parts; others are opened."""

    def __init__(self, replay: Replay, memo: DigestMemo) -> None:
        super().__init__(memo)
        self._replay = replay

    def __getitem__(self, spec: DatasetSpec) -> Dataset:
        found = self._replay.dataset(spec)
        return super().__getitem__(spec) if found is None else found

    def pixels(self, spec: DatasetSpec) -> ReadsPixels:
        return self._replay.dataset(spec) or super().pixels(spec)


@dataclass(frozen=True)
class ReplayedResources(Resources):
    """Resources whose store is filled from the parts as soon as a model is asked for."""

    replay: Replay | None = None

    def on_samples(self, model: ModelSpec, samples: list[Sample]) -> ModelOnSamples:
        """As of `Resources`, with the digests that the parts took."""
        replay = self.replay
        if replay is None or not replay.knows(model):
            return super().on_samples(model, samples)
        model = replay.with_files(model, self.store.folder / "files")
        digests = replay.digests(model)
        found = ModelOnSamples.of(
            model,
            self.datasets.pixels(model.dataset),
            samples,
            [digests[sample.id] for sample in samples],
            file_digests(model),
            self.trials,
            replay.option_files(model),
        )
        _fill(found, replay, self.store)
        return found


def _fill(found: ModelOnSamples, replay: Replay, store: PredictionStore) -> None:
    """Put what the parts carry of some samples where the evaluation looks for it."""
    same = {net: key for net, key in found.keys.items() if key == replay.key(found.model, net)}
    for net, key in same.items():
        carried = replay.carried(found.model, predictions_name(net), found.pipeline)
        if carried is not None:
            _save(found, key, carried, found.pipeline, store)
    for signal in same:
        for other in same:
            pipeline = LikenessPipeline(found.pipeline, signal, other)
            carried = replay.carried(found.model, likeness_name(signal, other), pipeline)
            if carried is not None:
                _save(found, agreement_key(found.keys[signal], found.keys[other]), carried, pipeline, store)


def _save(found: ModelOnSamples, key: str, carried: _Carried, pipeline: Pipeline, store: PredictionStore) -> None:
    size = get_task(found.model.task).shard_size
    for shard in shards_of({"": key}, found.samples, found.digests, size):
        stored = None if store.has(shard.keys[""]) else carried.shard(shard.samples, pipeline)
        if stored is not None:
            store.save(shard.keys[""], stored)
