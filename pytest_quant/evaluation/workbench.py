"""From a model to its measured metrics, with everything that the evaluations of one process share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from pydantic import JsonValue

from pytest_quant.datasets.base import Dataset, Sample
from pytest_quant.evaluation import measuring
from pytest_quant.evaluation.agreement import OutputAgreement
from pytest_quant.evaluation.calibration_facts import CalibrationFacts
from pytest_quant.evaluation.conditions import conditions
from pytest_quant.evaluation.cores import CorePool
from pytest_quant.evaluation.digests import DigestMemo
from pytest_quant.evaluation.discordance import DiscordanceMemo
from pytest_quant.evaluation.early_stop import StopRule
from pytest_quant.evaluation.engine.engine import Engine
from pytest_quant.evaluation.evaluate import evaluate
from pytest_quant.evaluation.kept_results import KeptResult
from pytest_quant.evaluation.looking import LookRule
from pytest_quant.evaluation.measurement import Measurement
from pytest_quant.evaluation.model_on_samples import ModelOnSamples
from pytest_quant.evaluation.resources import Resources
from pytest_quant.evaluation.result_keys import result_key
from pytest_quant.evaluation.sampling import Sampling
from pytest_quant.extending.known import get_task
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import Net
from pytest_quant.tasks.base import Comparison, Prediction


class Builder(Protocol):
    """Makes the files that entries describe instead of naming them."""

    def built(self, model: ModelSpec) -> ModelSpec:
        """The model with all of its files, made when first asked for; raises `QuantError` where they cannot be."""
        ...

    def calibration_facts(self, model: ModelSpec, dataset: Dataset) -> CalibrationFacts | None:
        """What the int8 net was made from, where it was made."""
        ...


@dataclass(frozen=True)
class Workbench:
    """Measures models; `pytest_quant.building.workbench.open_workbench` makes one.

    Everything that takes a model raises `DatasetMissingError`, `DatasetError`, `ModelFileError` or `RunnerError`, and
    `ConfigError` for a net that the model does not have.
    """

    resources: Resources
    builder: Builder
    sampling: Sampling

    @property
    def engine(self) -> Engine:
        """What runs the nets."""
        return self.resources.engine

    @property
    def cores(self) -> CorePool:
        """The cores of the run."""
        return self.engine.cores

    @property
    def digests(self) -> DigestMemo:
        """Digests of files by content."""
        return self.resources.digests

    @property
    def discordances(self) -> DiscordanceMemo:
        """How often the sides of models disagreed in earlier runs."""
        return self.resources.discordances

    def built(self, model: ModelSpec) -> ModelSpec:
        """The model with all of its files: those that its entry describes are made when first asked for."""
        return model if model.is_built else self.builder.built(model)

    def dataset(self, spec: DatasetSpec) -> Dataset:
        """The opened dataset."""
        return self.resources.datasets[spec]

    def scratch(self, folder: Path, datasets: Mapping[DatasetSpec, Dataset]) -> Workbench:
        """A workbench for trials over some datasets that are open already, whole.

        It has the same cores, and keeps its predictions in ``folder``.
        """
        return replace(self, resources=self.resources.scratch(folder, datasets), sampling=Sampling(whole=True))

    def during(self, what: str) -> Workbench:
        """The same workbench for a part of something, whose name those who watch its engine are told."""
        return replace(self, resources=replace(self.resources, engine=self.engine.during(what)))

    def selection(self, model: ModelSpec) -> tuple[list[Sample], int]:
        """The samples of the model to evaluate, in the seeded order, and the size of the whole dataset."""
        dataset = self.dataset(model.dataset)
        return self.sampling.selection(model, dataset), len(dataset.samples)

    def conditions(self, model: ModelSpec, *, evaluated: int, total: int) -> dict[str, object]:
        """The conditions under which the model is evaluated."""
        pipeline = get_task(model.task).pipeline(model)
        return conditions(model, pipeline, seed=self.sampling.seed, samples=evaluated, total=total)

    def on_samples(self, model: ModelSpec, samples: Sequence[Sample]) -> ModelOnSamples:
        """The model, its files built, on some samples of its dataset."""
        return self.resources.on_samples(self.built(model), list(samples))

    def measure(
        self,
        model: ModelSpec,
        stop: StopRule | LookRule | None = None,
        *,
        net: Net = "int8",
        first: int | None = None,
        agreement: bool = False,
    ) -> Measurement:
        """Evaluate the fp32 net and another net of a model on the same samples, and score both.

        ``stop`` may end it early; ``first`` is how many of the samples to take, in their order, else all that the
        sampling gives. ``agreement``: score it with fp32's answers, too, as a limit of the model's own would ask for.
        """
        model = self.built(model)
        samples, total = self.selection(model)
        dataset = self.dataset(model.dataset)
        return measuring.measure(
            self.on_samples(model, samples),
            self.resources,
            net=net,
            seed=self.sampling.seed,
            total=total,
            stop=stop,
            first=first,
            agreement=agreement,
            calibration=self.builder.calibration_facts(model, dataset) if net == "int8" else None,
            dataset=dataset,
        )

    def predictions(
        self, model: ModelSpec, nets: Sequence[Net], samples: Sequence[Sample]
    ) -> dict[Net, list[Prediction]]:
        """What each of some nets of a model says of the same samples of its dataset, in their order.

        Kept and shared like those of `measure`.
        """
        results = evaluate(self.on_samples(model, samples).evaluation(nets), self.resources.store, self.engine)
        return {net: results[net].predictions for net in nets}

    def predictions_of(self, measurement: Measurement) -> dict[Net, list[Prediction]]:
        """The predictions that a measurement was made of, read again, in the order of its samples."""
        found = self.on_samples(measurement.model, self.selection(measurement.model)[0])
        return measuring.predictions_of(found, self.resources, measurement)

    def answers(self, measurement: Measurement, places: Sequence[int]) -> dict[Net, list[Prediction]]:
        """What both nets of a measurement answered to some of its samples, by their places in the seeded order."""
        model = measurement.model
        found = self.on_samples(model, self.selection(model)[0])
        return measuring.answers(found, self.resources, measurement, places)

    def result(self, model: ModelSpec, nets: Sequence[Net], samples: Sequence[Sample], *parts: JsonValue) -> KeptResult:
        """The place of what is made of some nets on some samples, and of some plain values."""
        found = self.on_samples(model, samples)
        key = result_key(found, nets, len(samples))
        results = self.resources.results
        return results.nowhere() if key is None else results.under(key, *parts, is_sound=found.is_as_found)

    def agreement(self, model: ModelSpec, signal: Net, other: Net, samples: Sequence[Sample]) -> OutputAgreement:
        """How far the raw outputs of ``other`` are from those of ``signal``; see `OutputAgreement`.

        Kept and shared like predictions.
        """
        evaluation = self.on_samples(model, samples).agreement(signal, other)
        return OutputAgreement.of(evaluate(evaluation, self.resources.store, self.engine)[signal].predictions)

    def kept(self, model: ModelSpec, sha256: str) -> ModelOnSamples | None:
        """The model on the selected samples, to look up what earlier runs kept; no net is opened.

        ``sha256`` is that of the samples. None where they are others now. Raises `ConfigError` for a model whose nets
        the run makes.
        """
        if not model.is_built:
            raise ConfigError(f"{model.name}: its nets are made by the run, so its predictions are not looked up")
        found = self.on_samples(model, self.selection(model)[0])
        return found if found.samples_sha256(len(found.samples)) == sha256 else None

    def compare_with(self, measurement: Measurement, key: str) -> Comparison | None:
        """Earlier predictions of a net (in the place of fp32) beside those of a measurement, on the same samples.

        ``key`` says where the store kept them; None when it does not have them all any more.
        """
        model = measurement.model
        found = self.on_samples(model, self.selection(model)[0])
        return measuring.compare_with(found, self.resources, measurement, key)
