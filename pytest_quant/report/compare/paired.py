"""The change of a net sample by sample: the predictions behind two reports, where the cache still has both."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path

from pytest_quant.evaluation.kept_pairs import KeptRun, ThenAndNow, kept_metrics, kept_outputs
from pytest_quant.evaluation.model_on_samples import ModelOnSamples
from pytest_quant.evaluation.sampling import Sampling
from pytest_quant.evaluation.workbench import Workbench
from pytest_quant.evidence.interval import Interval
from pytest_quant.judging.evidence import drop_interval, units
from pytest_quant.report.compare.change import Noise
from pytest_quant.report.model import MeasuredMetric, ModelEntry, NetEntry
from pytest_quant.spec.errors import QuantError
from pytest_quant.spec.metric import AGREEMENT, SQNR_DB
from pytest_quant.spec.model import ModelSpec
from pytest_quant.tasks.base import MetricPair, RightWrong
from pytest_quant.zoo.reader import read_zoo

_LEVEL = 0.9
"""Of intervals where the report has none, as with raw outputs alone: two bounds of 95 % each."""
_CLOSE = 1e-6
"""Of a metric's range: what is scored again must be what the reports say."""


class PairedChanges:
    """Reads zoo files below ``root``, and predictions that an earlier run kept."""

    def __init__(self, root: Path, open_bench: Callable[[Sampling], Workbench]) -> None:
        """``open_bench`` gives a workbench over the cache that the runs used."""
        self._root = root
        self._open_bench = open_bench
        self._models: dict[Path, dict[str, ModelSpec]] = {}

    def __call__(self, name: str, before: ModelEntry, now: ModelEntry, net: str) -> Mapping[str, Noise | str] | str:
        """Metric to the noise of its change, or why the samples cannot be compared."""
        sides = _side(before, net), _side(now, net)
        if before.samples.sha256 != now.samples.sha256 or _counts(sides[0]) != _counts(sides[1]):
            return "they were measured on other samples"
        if any(one.samples.stopped_early for one in (before, now, *sides)):
            return "a run was stopped early, so that an interval of a fixed number of samples would not hold"
        if any(key not in one.predictions for one in (before, now) for key in ("fp32", net)):
            return "a report does not say where its predictions are kept"
        try:
            found = self._found(name, now)
            return _OTHER_NOW if found is None else self._noise(found, before, now, net)
        except QuantError as error:
            return str(error)

    def _found(self, name: str, entry: ModelEntry) -> ModelOnSamples | None:
        model = self._model(self._root / entry.zoo, name)
        return self._bench(entry).kept(model, entry.samples.sha256)

    def _bench(self, entry: ModelEntry) -> Workbench:
        return self._open_bench(Sampling(entry.samples.seed, entry.samples.evaluated))

    def _model(self, zoo: Path, name: str) -> ModelSpec:
        if zoo not in self._models:
            found = read_zoo(zoo).models
            self._models[zoo] = {model.name: model for model in found if isinstance(model, ModelSpec)}
        if name not in self._models[zoo]:
            raise QuantError(f"{zoo} has no usable entry {name}")
        return self._models[zoo][name]

    def _noise(self, found: ModelOnSamples, before: ModelEntry, now: ModelEntry, net: str) -> Mapping[str, Noise | str]:
        sides, resources = (_side(before, net), _side(now, net)), self._bench(now).resources
        runs = KeptRun(before.predictions), KeptRun(now.predictions)
        metrics = dict.fromkeys(name for name in sides[1].metrics if name in sides[0].metrics)
        noise: dict[str, Noise | str] = dict.fromkeys(metrics, _GONE)
        agreement = AGREEMENT in metrics
        used = sides[1].samples.evaluated
        kept = kept_metrics(found, resources, net, runs, used, agreement=agreement)
        for name, one in (kept or {}).items():
            if name in metrics:
                is_same = _scores_as_then(one, sides[0].metrics[name], sides[1].metrics[name])
                noise[name] = _of_pair(one.pair, now, used) if is_same else _OTHERWISE
        if all(side.outputs is not None for side in sides):
            pair = kept_outputs(found, resources, net, runs, used)
            noise[SQNR_DB.name] = _GONE if pair is None else _of_outputs(pair, now, used)
        return noise


_GONE = "the cache does not have the predictions of both any more"
_OTHER_NOW = "the dataset has other samples now"
_OTHERWISE = "the entry of the zoo file scores the same predictions otherwise now"


def _side(entry: ModelEntry, net: str) -> ModelEntry | NetEntry:
    """The model, or the net beside int8 that is asked for."""
    return entry if net == "int8" else entry.further_nets[net]


def _counts(side: ModelEntry | NetEntry) -> tuple[int, int]:
    return side.samples.evaluated, side.samples.total


def _scores_as_then(found: ThenAndNow, before: MeasuredMetric, now: MeasuredMetric) -> bool:
    pair = found.pair
    scale = pair.metric.maximum or max(abs(pair.fp32), abs(pair.int8), 1.0)
    scored = (pair.fp32, pair.int8, *found.fp32)
    reported = (before.int8, now.int8, before.fp32, now.fp32)
    return all(abs(one - other) <= _CLOSE * scale for one, other in zip(scored, reported, strict=True))


def _of_outputs(pair: MetricPair, entry: ModelEntry, used: int) -> Noise | str:
    if not (math.isfinite(pair.fp32) and math.isfinite(pair.int8)):
        return "one of them is not a number"
    return _of_pair(pair, entry, used)


def _of_pair(pair: MetricPair, entry: ModelEntry, used: int) -> Noise:
    """``pair`` has the earlier net in the place of fp32, so that its drop is how much worse the later one is."""
    level = next((values.ci_level for values in entry.metrics.values()), _LEVEL)
    confidence = 1 - (1 - level) / 2
    population, total = None, entry.samples.total
    if used < total:
        own = units(pair, used)
        population = max(own, round(own * total / used))
    interval: Interval = drop_interval(pair, population=population, confidence=confidence)
    source = f"the same {used} samples, paired"
    if isinstance(pair.evidence, RightWrong):
        lost = int((pair.evidence.fp32 & ~pair.evidence.int8).sum())
        won = int((pair.evidence.int8 & ~pair.evidence.fp32).sum())
        source += f": right only before {lost}, only now {won}"
    return Noise(interval, source, is_paired=True)
