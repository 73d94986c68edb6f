"""A model measured: two of its nets on the same samples, scored."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from pytest_quant.datasets.base import Dataset, names_of
from pytest_quant.evaluation.calibration_facts import CalibrationFacts
from pytest_quant.evaluation.class_names import ClassNames
from pytest_quant.evaluation.conditions import conditions
from pytest_quant.evaluation.early_stop import StopRule, evaluate_until
from pytest_quant.evaluation.evaluate import SideResult, evaluate
from pytest_quant.evaluation.measurement import Measurement, Timing
from pytest_quant.evaluation.model_nets import runtime_of
from pytest_quant.evaluation.model_on_samples import ModelOnSamples
from pytest_quant.evaluation.resources import Resources
from pytest_quant.evaluation.without_labels import agreement_of, agreement_pair, wants_agreement
from pytest_quant.spec.net import Net
from pytest_quant.tasks.base import Comparison, Prediction


def measure(
    found: ModelOnSamples,
    resources: Resources,
    *,
    net: Net,
    seed: int,
    total: int,
    stop: StopRule | None = None,
    first: int | None = None,
    agreement: bool = False,
    calibration: CalibrationFacts | None = None,
    dataset: Dataset,
) -> Measurement:
    """Evaluate fp32 and another net on all samples or the ``first`` of them, or until ``stop`` has enough.

    ``agreement``: a limit asks for it. ``dataset``: the whole, whose classes are counted and named.
    """
    start = time.perf_counter()
    results, used = _results(found, resources, net, stop, first)
    elapsed_s = time.perf_counter() - start
    named = ClassNames(found.pipeline, names_of(dataset) or ())
    sides = [results[name].predictions[:used] for name in ("fp32", net)]
    comparison = named.given(_compared(found, sides, agreement=agreement))
    if net == "int8":
        resources.discordances.note(found.model, comparison)
    return Measurement(
        model=found.model,
        comparison=comparison,
        evaluated=used,
        total=total,
        seed=seed,
        side_keys=found.keys,
        samples_sha256=found.samples_sha256(used),
        file_sha256=found.files,
        conditions=conditions(found.model, found.pipeline, seed=seed, samples=used, total=total),
        timing=_timing(elapsed_s, results),
        net=net,
        runtime=runtime_of(found.model, net),
        fp32_runtime=runtime_of(found.model, "fp32"),
        calibration=calibration,
        sequential=stop is not None,
        stopped_early=stop is not None and used < len(found.samples),
        class_totals=named.totals(dataset.samples) if used < total else {},
    )


def _compared(found: ModelOnSamples, sides: Sequence[Sequence[Prediction]], *, agreement: bool) -> Comparison:
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


def _results(
    found: ModelOnSamples, resources: Resources, net: Net, stop: StopRule | None, first: int | None
) -> tuple[Mapping[Net, SideResult], int]:
    """What both nets gave, and how many samples of it count."""
    evaluation = found.evaluation(("fp32", net), first)
    if stop is not None:
        return evaluate_until(stop, evaluation, resources.store, resources.engine)
    used = len(found.samples) if first is None else first
    return evaluate(evaluation, resources.store, resources.engine), used


def compare_with(
    found: ModelOnSamples, resources: Resources, measurement: Measurement, int8_key: str
) -> Comparison | None:
    """Earlier int8 predictions (in the place of fp32) beside those of a measurement, on the same samples.

    ``int8_key`` says where the store kept them; None when it does not have them all any more.
    """
    used = measurement.evaluated
    sides = _stored(found, resources, {"fp32": int8_key, "int8": measurement.side_keys["int8"]}, used)
    return None if sides is None else found.pipeline.compare(found.samples[:used], sides["fp32"], sides["int8"])


def predictions_of(
    found: ModelOnSamples, resources: Resources, measurement: Measurement
) -> dict[Net, list[Prediction]]:
    """What a measurement was made of: as the store has it, else made again."""
    nets, used = ("fp32", measurement.net), measurement.evaluated
    sides = _stored(found, resources, {net: measurement.side_keys[net] for net in nets}, used)
    if sides is not None:
        return sides
    results = evaluate(found.evaluation(nets, used), resources.store, resources.engine)
    return {net: results[net].predictions[:used] for net in nets}


def _stored(
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


def _timing(elapsed_s: float, results: Mapping[Net, SideResult]) -> Timing:
    def rate(result: SideResult) -> float:
        return len(result.predictions) / result.forward_s if result.forward_s > 0 else 0.0

    return Timing(
        elapsed_s=elapsed_s,
        images_per_second={net: rate(result) for net, result in results.items()},
        cached={net: result.cached for net, result in results.items()},
    )
