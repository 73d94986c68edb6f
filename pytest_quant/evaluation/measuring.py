"""A model measured: two of its nets on the same samples, scored."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace

from pytest_quant.datasets.base import Dataset, names_of
from pytest_quant.evaluation.calibration_facts import CalibrationFacts
from pytest_quant.evaluation.class_names import ClassNames
from pytest_quant.evaluation.conditions import conditions
from pytest_quant.evaluation.early_stop import StopRule, evaluate_until
from pytest_quant.evaluation.engine.work import WorkerPool
from pytest_quant.evaluation.evaluate import Shard, SideResult, evaluate
from pytest_quant.evaluation.kept_comparison import KeptScores, Scored
from pytest_quant.evaluation.looking import LookRule, NothingToScoreError, look_until
from pytest_quant.evaluation.measurement import Measurement, Timing
from pytest_quant.evaluation.model_nets import runtime_of
from pytest_quant.evaluation.model_on_samples import ModelOnSamples
from pytest_quant.evaluation.resources import Resources
from pytest_quant.evaluation.result_keys import result_key
from pytest_quant.evaluation.store import StoredShard
from pytest_quant.evaluation.without_labels import agreement_of, agreement_pair, wants_agreement
from pytest_quant.evidence.looks import Look
from pytest_quant.spec.errors import DatasetError
from pytest_quant.spec.net import Net
from pytest_quant.tasks.base import Comparison, Prediction


def measure(
    found: ModelOnSamples,
    resources: Resources,
    *,
    net: Net,
    seed: int,
    total: int,
    stop: StopRule | LookRule | None = None,
    first: int | None = None,
    agreement: bool = False,
    calibration: CalibrationFacts | None = None,
    dataset: Dataset,
) -> Measurement:
    """Evaluate fp32 and another net on all samples or the ``first`` of them, or until ``stop`` has enough.

    ``agreement``: a limit asks for it. ``dataset``: the whole, whose classes are counted and named.
    """
    named = ClassNames(found.pipeline, names_of(dataset) or ())
    work = _Measuring(found, resources, net, seed, total, agreement, calibration, named, dataset)
    if isinstance(stop, LookRule):
        with closing(WorkerPool(found.evaluation(("fp32", net)).work)) as pool:
            measured = look_until(stop, lambda look: work.at(look, pool))
    elif stop is not None:
        measured = work.until(stop, first)
    else:
        measured = work.first(len(found.samples) if first is None else first)
    if net == "int8":
        resources.discordances.note(found.model, measured.comparison)
        resources.times.note(found.model, measured.evaluated, measured.timing.images_per_second.values())
    return measured


def prepare(
    found: ModelOnSamples, resources: Resources, *, net: Net, stop: StopRule | None, agreement: bool = False
) -> None:
    """Compute the predictions that `measure` will take; nothing is scored, but for what ``stop`` looks at."""
    nets: tuple[Net, Net] = ("fp32", net)
    evaluation = found.evaluation(nets)
    if stop is not None:
        evaluate_until(stop, evaluation, resources.store, resources.engine)
        return
    key = result_key(found, nets, len(found.samples), agreement=agreement)
    if not KeptScores.are_kept(resources.results, key):
        evaluate(evaluation, resources.store, resources.engine)


@dataclass(frozen=True)
class _Measuring:
    """What all ways of measuring a net beside fp32 have in common."""

    model: ModelOnSamples
    resources: Resources
    net: Net
    seed: int
    total: int
    agreement: bool
    calibration: CalibrationFacts | None
    named: ClassNames
    dataset: Dataset
    start: float = field(default_factory=time.perf_counter)

    def first(self, used: int) -> Measurement:
        """On so many samples."""
        kept = self._scores(used)
        return self._measurement(kept.get(), kept, used)

    def until(self, stop: StopRule, first: int | None) -> Measurement:
        """Until a rule that sees the samples one by one has enough."""
        evaluation = self.model.evaluation(self._nets, first)
        results, used = evaluate_until(stop, evaluation, self.resources.store, self.resources.engine)
        found = self._measurement(self._scored(results, used), self._scores(used), used)
        return replace(found, sequential=True, stopped_early=used < len(self.model.samples))

    def at(self, look: Look, pool: WorkerPool[Shard, dict[Net, StoredShard]]) -> Measurement:
        """At a planned look; raises `NothingToScoreError` where a metric is not defined on its samples."""
        kept = self._scores(look.size, pool)
        found = self._measurement(kept.get(), kept, look.size)
        return replace(found, sequential=True, look=look, stopped_early=not look.is_last)

    @property
    def _nets(self) -> tuple[Net, Net]:
        return "fp32", self.net

    def _scores(self, used: int, pool: WorkerPool[Shard, dict[Net, StoredShard]] | None = None) -> KeptScores:
        """Both nets scored on the first samples, where that is kept; ``pool`` is that of looks."""
        key = result_key(self.model, self._nets, used, agreement=self.agreement)
        evaluation = self.model.evaluation(self._nets, used)

        def score() -> Scored:
            results = evaluate(evaluation, self.resources.store, self.resources.engine, pool=pool)
            try:
                return self._scored(results, used)
            except DatasetError as error:
                raise NothingToScoreError(str(error)) from error

        return KeptScores(self.resources.results, key, score)

    def _scored(self, results: Mapping[Net, SideResult], used: int) -> Scored:
        sides = [results[name].predictions[:used] for name in self._nets]
        return _scored(results, compared(self.model, sides, agreement=self.agreement))

    def _measurement(self, scored: Scored, scores: KeptScores, used: int) -> Measurement:
        found, total = self.model, self.total
        return Measurement(
            model=found.model,
            comparison=self.named.given(scored.comparison),
            evaluated=used,
            total=total,
            seed=self.seed,
            side_keys=found.keys,
            samples_sha256=found.samples_sha256(used),
            file_sha256=found.files,
            conditions=conditions(found.model, found.pipeline, seed=self.seed, samples=used, total=total),
            timing=Timing(time.perf_counter() - self.start, scored.images_per_second, scored.cached),
            net=self.net,
            runtime=runtime_of(found.model, self.net),
            fp32_runtime=runtime_of(found.model, "fp32"),
            calibration=self.calibration,
            class_totals=self.named.totals(self.dataset.samples) if used < total else {},
            scores=scores,
        )


def _scored(results: Mapping[Net, SideResult], comparison: Comparison) -> Scored:
    def rate(result: SideResult) -> float:
        return len(result.predictions) / result.forward_s if result.forward_s > 0 else 0.0

    return Scored(
        comparison,
        images_per_second={name: rate(result) for name, result in results.items()},
        cached={name: result.cached for name, result in results.items()},
    )


def compared(found: ModelOnSamples, sides: Sequence[Sequence[Prediction]], *, agreement: bool) -> Comparison:
    """fp32 and the other net scored, with their agreement where a limit asks for it."""
    samples = found.samples[: len(sides[0])]
    comparison = found.pipeline.compare(samples, *sides)
    if not (agreement or wants_agreement(found.model)) or found.model.dataset.is_unlabelled:
        return comparison
    pair = agreement_pair(agreement_of(found.pipeline, samples, *sides))
    return replace(comparison, metrics={**comparison.metrics, pair.metric.name: pair})


def answers(
    found: ModelOnSamples, resources: Resources, measurement: Measurement, places: Sequence[int]
) -> dict[Net, list[Prediction]]:
    """What both nets of a measurement answered to the samples at ``places``, in that order.

    Their shards are in the store as a rule; one that is not there any more is computed again.
    """
    nets: tuple[Net, Net] = ("fp32", measurement.net)
    evaluation = found.evaluation(nets)
    size = evaluation.shards[0].sample_count
    needed = sorted({place // size for place in places})
    some = replace(evaluation, shards=[evaluation.shards[index] for index in needed])
    results = evaluate(some, resources.store, resources.engine)
    starts = {index: size * at for at, index in enumerate(needed)}  # the last shard alone may be shorter
    return {net: [results[net].predictions[starts[place // size] + place % size] for place in places] for net in nets}


def compare_with(found: ModelOnSamples, resources: Resources, measurement: Measurement, key: str) -> Comparison | None:
    """Earlier predictions of a net (in the place of fp32) beside those of a measurement, on the same samples.

    ``key`` says where the store kept them; None when it does not have them all any more.
    """
    used = measurement.evaluated
    sides = stored_predictions(found, resources, {"fp32": key, "int8": measurement.side_keys[measurement.net]}, used)
    return None if sides is None else found.pipeline.compare(found.samples[:used], sides["fp32"], sides["int8"])


def predictions_of(
    found: ModelOnSamples, resources: Resources, measurement: Measurement
) -> dict[Net, list[Prediction]]:
    """What a measurement was made of: as the store has it, else made again."""
    nets, used = ("fp32", measurement.net), measurement.evaluated
    sides = stored_predictions(found, resources, {net: measurement.side_keys[net] for net in nets}, used)
    if sides is not None:
        return sides
    results = evaluate(found.evaluation(nets, used), resources.store, resources.engine)
    return {net: results[net].predictions[:used] for net in nets}


def stored_predictions(
    found: ModelOnSamples, resources: Resources, keys: Mapping[Net, str], used: int
) -> dict[Net, list[Prediction]] | None:
    """The predictions of the first samples; None when the store does not have them all any more."""
    sides: dict[Net, list[Prediction]] = {net: [] for net in keys}
    for shard in found.shards(keys):
        if len(next(iter(sides.values()))) >= used:
            break
        for net, key in shard.keys.items():
            stored = resources.store.load(key)
            if stored is None:
                return None
            sides[net] += found.pipeline.unpack(stored.arrays)
    return {net: predictions[:used] for net, predictions in sides.items()}
