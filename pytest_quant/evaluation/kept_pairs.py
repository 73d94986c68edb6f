"""A net then and now on the same samples, from what the store still keeps of both: nothing is computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pytest_quant.evaluation.agreement import OutputAgreement, OutputLikeness, agreement_key
from pytest_quant.evaluation.measuring import compared, stored_predictions
from pytest_quant.evaluation.model_on_samples import ModelOnSamples
from pytest_quant.evaluation.resources import Resources
from pytest_quant.spec.metric import SQNR_DB
from pytest_quant.spec.net import Net
from pytest_quant.tasks.base import Comparison, Evidence, MetricPair, Resampled, RightWrong, SampleScores


@dataclass(frozen=True)
class KeptRun:
    """Where the store kept what a run measured of a model."""

    predictions: Mapping[Net, str]
    """Net to the key of its predictions."""


@dataclass(frozen=True)
class ThenAndNow:
    """One metric of a net in two runs."""

    pair: MetricPair
    """The earlier net in the place of fp32: its drop is how much worse the later one is."""
    fp32: tuple[float, float]
    """What fp32 scored in both runs."""


def kept_metrics(
    found: ModelOnSamples, resources: Resources, net: Net, runs: tuple[KeptRun, KeptRun], used: int, *, agreement: bool
) -> dict[str, ThenAndNow] | None:
    """Metric to both runs' scores of a net on the first ``used`` samples; None when the store lacks some of them.

    Each run is scored as it was then, the net beside its own fp32, on which a threshold and `agreement` depend.
    """
    comparisons: list[Comparison] = []
    for run in runs:
        keys = {name: run.predictions[name] for name in ("fp32", net)}
        sides = stored_predictions(found, resources, keys, used)
        if sides is None:
            return None
        comparisons.append(compared(found, [sides["fp32"], sides[net]], agreement=agreement))
    before, now = (comparison.metrics for comparison in comparisons)
    return {name: _then_and_now(before[name], now[name]) for name in before if name in now}


def kept_outputs(
    found: ModelOnSamples, resources: Resources, net: Net, runs: tuple[KeptRun, KeptRun], used: int
) -> MetricPair | None:
    """`sqnr_db` of both runs in the same way; None when the store lacks the likeness of some outputs."""
    agreements = []
    for run in runs:
        likenesses = _likenesses(found, resources, net, run, used)
        if likenesses is None:
            return None
        agreements.append(OutputAgreement.of(likenesses))
    before, now = agreements
    evidence = Resampled(used, before.worst_of, now.worst_of)
    return MetricPair(SQNR_DB, before.worst[1], now.worst[1], evidence)


def _likenesses(
    found: ModelOnSamples, resources: Resources, net: Net, run: KeptRun, used: int
) -> list[OutputLikeness] | None:
    evaluation = found.agreement("fp32", net)
    key = agreement_key(run.predictions["fp32"], run.predictions[net])
    collected: list[OutputLikeness] = []
    for shard in found.shards({"fp32": key}):
        if len(collected) >= used:
            break
        stored = resources.store.load(shard.keys["fp32"])
        if stored is None:
            return None
        collected += evaluation.work.pipeline.unpack(stored.arrays)
    return collected[:used]


def _then_and_now(before: MetricPair, now: MetricPair) -> ThenAndNow:
    evidence = _of_second_sides(before.evidence, now.evidence)
    return ThenAndNow(MetricPair(now.metric, before.int8, now.int8, evidence), (before.fp32, now.fp32))


def _of_second_sides(before: Evidence, now: Evidence) -> Evidence:
    """What both nets did on each sample, without fp32."""
    if isinstance(before, RightWrong) and isinstance(now, RightWrong):
        return RightWrong(before.int8, now.int8)
    if isinstance(before, SampleScores) and isinstance(now, SampleScores):
        return SampleScores(before.int8, now.int8)
    if isinstance(before, Resampled) and isinstance(now, Resampled):
        return Resampled(now.images, before.int8, now.int8)
    raise TypeError(f"evidence of two kinds: {type(before).__name__} and {type(now).__name__}")
