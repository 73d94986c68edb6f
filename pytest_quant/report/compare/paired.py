"""The change of a net sample by sample: the predictions behind two reports, where the cache still has both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from pytest_quant.evaluation.sampling import Sampling
from pytest_quant.evaluation.workbench import Workbench
from pytest_quant.evidence.interval import Interval
from pytest_quant.judging.evidence import drop_interval, units
from pytest_quant.report.compare.changes import Noise
from pytest_quant.report.model import ModelEntry, NetEntry
from pytest_quant.spec.errors import QuantError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.tasks.base import Comparison, MetricPair, RightWrong
from pytest_quant.zoo.reader import read_zoo

_CLOSE = 1e-6
"""Of a metric's range: what is scored again must be what the reports say."""


class PairedChanges:
    """Reads zoo files below ``root``, and predictions that an earlier run kept."""

    def __init__(self, root: Path, open_bench: Callable[[Sampling], Workbench]) -> None:
        """``open_bench`` gives a workbench over the cache that the runs used."""
        self._root = root
        self._open_bench = open_bench
        self._models: dict[Path, dict[str, ModelSpec]] = {}

    def __call__(self, name: str, before: ModelEntry, now: ModelEntry, net: str) -> Mapping[str, Noise] | str:
        """Metric to the noise of its change, or why the samples cannot be compared."""
        if before.samples.sha256 != now.samples.sha256:
            return "they were measured on other samples"
        if any(one.samples.stopped_early for one in (*_sides(before, net), *_sides(now, net))):
            return "a run was stopped early, so that an interval of a fixed number of samples would not hold"
        old, new = before.predictions.get(net), now.predictions.get(net)
        if old is None or new is None:
            return "a report does not say where its predictions are kept"
        try:
            comparison = self._comparison(name, now, old, new, net)
        except QuantError as error:
            return str(error)
        if comparison is None:
            return "the cache does not have the predictions of both any more"
        return self._noise(comparison, before, now, net)

    def _comparison(self, name: str, entry: ModelEntry, old: str, new: str, net: str) -> Comparison | None:
        model = self._model(self._root / entry.zoo, name)
        samples = entry.samples
        bench = self._open_bench(Sampling(samples.seed, samples.evaluated))
        return bench.compare_kept(model, net, old, new, samples.sha256)

    def _model(self, zoo: Path, name: str) -> ModelSpec:
        if zoo not in self._models:
            found = read_zoo(zoo).models
            self._models[zoo] = {model.name: model for model in found if isinstance(model, ModelSpec)}
        if name not in self._models[zoo]:
            raise QuantError(f"{zoo} has no usable entry {name}")
        return self._models[zoo][name]

    def _noise(
        self, comparison: Comparison, before: ModelEntry, now: ModelEntry, net: str
    ) -> Mapping[str, Noise] | str:
        sides = [_metrics(entry, net) for entry in (before, now)]
        found = {}
        for metric, pair in comparison.metrics.items():
            if any(metric not in side for side in sides):
                continue
            scale = pair.metric.maximum or max(abs(pair.fp32), abs(pair.int8), 1.0)
            apart = abs(sides[0][metric] - pair.fp32), abs(sides[1][metric] - pair.int8)
            if max(apart) > _CLOSE * scale:
                return "the entry of the zoo file scores the same predictions otherwise now"
            found[metric] = _of_pair(pair, now)
        return found


def _sides(entry: ModelEntry, net: str) -> tuple[ModelEntry | NetEntry, ...]:
    """The model, and the net beside int8 that is asked for."""
    return (entry,) if net == "int8" else (entry, entry.further_nets[net])


def _metrics(entry: ModelEntry, net: str) -> dict[str, float]:
    return {name: values.int8 for name, values in _sides(entry, net)[-1].metrics.items()}


def _of_pair(pair: MetricPair, entry: ModelEntry) -> Noise:
    """``pair`` has the earlier net in the place of fp32, so that its drop is how much worse the later one is."""
    samples = entry.samples
    level = next(iter(entry.metrics.values())).ci_level
    confidence = 1 - (1 - level) / 2
    population = None
    if samples.evaluated < samples.total:
        own = units(pair, samples.evaluated)
        population = max(own, round(own * samples.total / samples.evaluated))
    interval: Interval = drop_interval(pair, population=population, confidence=confidence)
    source = f"the same {samples.evaluated} samples, paired"
    if isinstance(pair.evidence, RightWrong):
        lost = int((pair.evidence.fp32 & ~pair.evidence.int8).sum())
        won = int((pair.evidence.int8 & ~pair.evidence.fp32).sum())
        source += f": right only before {lost}, only now {won}"
    return Noise(interval, source)
