"""Trials of a rescue: int8 nets made from one calibration, and how much each of them loses on the search samples."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pytest_quant.datasets.base import Dataset
from pytest_quant.evaluation.measurement import Measurement
from pytest_quant.evaluation.workbench import Workbench
from pytest_quant.judging.evidence import drop_interval
from pytest_quant.judging.limits.tolerance import Tolerance
from pytest_quant.nets.ncnn.files.table import Table, without_layers, write_table
from pytest_quant.nets.ncnn.net_files import NcnnFiles, ncnn_files
from pytest_quant.quantize.calibration import Calibration
from pytest_quant.quantize.lower import quantize_model
from pytest_quant.rescue.search import Recipe, Trial
from pytest_quant.rescue.search_set import SearchSet
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.errors import DatasetError
from pytest_quant.spec.metric import Metric
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import NetSpec

NET_LOSS = 1 / 3
"""Of the answers that differ from those of fp32, the share that the metric may lose: some were wrong before, some are
right only now. On twenty int8 nets of two real models it was 0.00 to 0.34 (``benchmarks/net_loss.py``). It is used
where there are too few labels to prove anything: then the labels must show no drop, and the changes must be few."""

_TINY = 1e-12


@dataclass(frozen=True)
class Loss:
    """What int8 loses on the search samples, and what of it counts; in the metric's own unit."""

    metric: Metric
    drop: float | None
    """fp32 - int8 against the labels; None where there are none."""
    bound: float | None
    """Upper bound of the drop on new samples like these; without labels, of the loss against the fp32 outputs."""
    reference_loss: float | None
    """How much int8 loses when the fp32 outputs are the ground truth, where that takes part in the decision."""
    allowed: float
    """The tolerance; of a relative one, what it is of the fp32 value."""
    excess: float
    """How far what decides is above the tolerance, as a share of the metric's range; of fp32 where it has none."""


class Trials:
    """Makes nets and measures them; a net is written once, and predictions are kept while the search lasts."""

    def __init__(
        self,
        model: ModelSpec,
        bench: Workbench,
        search: SearchSet,
        calibration: Calibration,
        rules: Sequence[Tolerance],
        *,
        folder: Path,
        confidence: float,
    ) -> None:
        """``folder`` is for the nets and predictions of this search; ``confidence`` is that of the bounds."""
        self._calibration = calibration
        self._rules = rules
        self._folder = folder
        self._confidence = confidence
        self._labelled, self._reference = (
            DatasetSpec(name, model.dataset.type, model.dataset.options, model.zoo)
            for name in ("rescue samples", "rescue samples, fp32 as their truth")
        )
        datasets: dict[DatasetSpec, Dataset] = {self._labelled: search.dataset, self._reference: search.reference}
        self._bench = bench.scratch(folder, datasets)
        self._model = replace(model, limits=tuple(limit for limit in model.limits if limit in rules), samples=None)
        self._files: dict[Recipe, NcnnFiles] = {}
        self.losses: dict[Recipe, tuple[Loss, ...]] = {}
        _refuse_too_few(rules, search.count)
        self._has_labels = search.labelled
        self._is_expectation = search.is_expectation
        self._overstates = search.overstates
        self._provable = search.labelled and self._identical_nets_pass()

    @property
    def deciding(self) -> str:
        """What decides a trial, in words."""
        if self._provable:
            return f"the upper bound of the drop at {100 * self._confidence:g} % confidence, on the labels"
        loss = "the loss against the fp32 outputs"
        if self._is_expectation:
            loss = "the loss that is expected where each answer is right with the probability that fp32 gives it"
        if self._has_labels:
            share = loss if self._is_expectation else f"a third of {loss}"
            return f"the drop on the labels, and {share}, since so few labels prove nothing by themselves"
        if self._overstates:
            return f"a third of {loss} on these samples"
        return f"{loss}, on these samples" if self._is_expectation else f"{loss} on these samples"

    def table(self, recipe: Recipe) -> Table:
        """The calibration table of a recipe; float layers are left out of it."""
        table = self._calibration.table(recipe.method, eight_bit=recipe.eight_bit)
        return without_layers(table, recipe.keep_float)

    def files(self, recipe: Recipe) -> NcnnFiles:
        """The int8 net of a recipe."""
        if recipe not in self._files:
            name = f"trial-{len(self._files)}"
            files = NcnnFiles(param=self._folder / f"{name}.param", bin=self._folder / f"{name}.bin")
            table = self._folder / f"{name}.table"  # from the file, whose digits are fewer, as a user makes it
            write_table(self.table(recipe), table)
            fp32 = ncnn_files(self._model, "fp32")
            quantize_model(fp32.param, fp32.bin, table, files.param, files.bin)
            self._files[recipe] = files
        return self._files[recipe]

    def distinct(self, recipes: Iterable[Recipe]) -> list[Recipe]:
        """The recipes whose tables differ, the first of those that are the same."""
        tables: dict[str, Recipe] = {}
        for recipe in recipes:
            tables.setdefault(repr(self.table(recipe)), recipe)
        return list(tables.values())

    def on_search_samples(self, recipe: Recipe) -> tuple[ModelSpec, Workbench]:
        """The model with a recipe's net, on the search samples, and where to run it."""
        return self._variant(self.files(recipe).net(), self._labelled), self._bench

    def measure(self, recipe: Recipe, int8_share: float) -> Trial:
        """Run a recipe's net on the search samples."""
        losses = self._losses(self.files(recipe).net())
        self.losses[recipe] = losses
        return Trial(recipe, max(loss.excess for loss in losses), int8_share)

    def given(self, net: NetSpec) -> tuple[Loss, ...]:
        """What the model's own int8 net loses on the search samples."""
        return self._losses(net)

    def _identical_nets_pass(self) -> bool:
        """Whether so few samples could prove anything: the fp32 net against itself must pass."""
        measured = self._measured(self._model.nets["fp32"], self._labelled)
        return all(self._bound(measured, rule) <= _allowed(measured, rule) for rule in self._rules)

    def _losses(self, net: NetSpec) -> tuple[Loss, ...]:
        labels = self._measured(net, self._labelled) if self._has_labels else None
        reference = None if self._provable else self._measured(net, self._reference)
        return tuple(self._loss(rule, labels, reference) for rule in self._rules)

    def _loss(self, rule: Tolerance, labels: Measurement | None, reference: Measurement | None) -> Loss:
        measured = reference or labels
        assert measured is not None, "a trial is measured on labels or on the reference"  # noqa: S101
        fp32 = measured.comparison.metrics[rule.metric.name].fp32
        scale = max(abs(fp32), _TINY) if rule.metric.maximum is None else rule.metric.maximum
        drop = None if labels is None else labels.comparison.metrics[rule.metric.name].drop
        bound = reference_loss = None
        if reference is None and labels is not None:
            bound, allowed = self._bound(labels, rule), _allowed(labels, rule)
            excess = bound - allowed
        else:
            reference_loss, allowed = measured.comparison.metrics[rule.metric.name].drop, _allowed(measured, rule)
            if drop is None and rule.metric.is_mean_of_hits:  # of others it takes seconds
                bound = self._bound(measured, rule)
            share = 1.0 if self._is_expectation else NET_LOSS
            certain = NET_LOSS * reference_loss if self._overstates else reference_loss
            excess = (certain if drop is None else judged_loss(drop, reference_loss, share)) - allowed
        return Loss(rule.metric, drop, bound, reference_loss, allowed, excess / scale)

    def _bound(self, measured: Measurement, rule: Tolerance) -> float:
        pair = measured.comparison.metrics[rule.metric.name]
        high = drop_interval(pair, population=None, confidence=self._confidence, retain=rule.retain).high
        return high + rule.amount * pair.fp32 if rule.relative else high

    def _measured(self, net: NetSpec, dataset: DatasetSpec) -> Measurement:
        return self._bench.measure(self._variant(net, dataset))

    def _variant(self, net: NetSpec, dataset: DatasetSpec) -> ModelSpec:
        return replace(self._model.with_net("int8", net), dataset=dataset)


def judged_loss(drop: float | None, reference_loss: float, share: float = NET_LOSS) -> float:
    """What is held against the tolerance where the labels prove nothing by themselves.

    Of the loss against the fp32 outputs, all of it without labels; else ``share``, and no less than the drop on them.

    >>> judged_loss(None, 0.3), judged_loss(0.2, 0.3), judged_loss(-0.1, 3.0)
    (0.3, 0.2, 1.0)
    """
    return reference_loss if drop is None else max(drop, share * reference_loss)


def _refuse_too_few(rules: Sequence[Tolerance], count: int) -> None:
    """Raise `DatasetError` where a single sample outweighs a tolerance: then a trial is luck."""
    for rule in rules:
        metric = rule.metric
        if not metric.is_mean_of_hits:
            continue
        amount = rule.amount * metric.range if rule.relative else rule.amount
        if 0 < amount < metric.range / count:
            needed = math.ceil(metric.range / amount)
            raise DatasetError(
                f"{count} samples to search on cannot tell a tolerance of {metric.difference(amount)} of "
                f"{metric.name}: one of them is {metric.difference(metric.range / count)}; give {needed} or more"
            )


def _allowed(measured: Measurement, rule: Tolerance) -> float:
    return rule.amount * measured.comparison.metrics[rule.metric.name].fp32 if rule.relative else rule.amount
