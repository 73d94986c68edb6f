"""What is legitimate and probably not meant: warnings beside a verdict."""

from __future__ import annotations

from pytest_quant.evaluation.measurement import Measurement
from pytest_quant.extending.known import get_task
from pytest_quant.judging.limits.drop import DropLimit
from pytest_quant.spec.text import first_few
from pytest_quant.tasks.base import MetricPair, RightWrong

_TOO_GOOD = 0.05
"""Share of a metric's range by which quantization makes no net better."""


def overlap(measurement: Measurement) -> str | None:
    """Images that the int8 net was calibrated with and that are samples of the dataset."""
    facts = measurement.calibration
    if facts is None or not facts.also_evaluated:
        return None
    return (
        f"{len(facts.also_evaluated)} of {facts.images} calibration images are evaluation samples as well "
        f"({first_few(facts.also_evaluated)}), so int8 is measured on what it was tuned to"
    )


def drop_remarks(limit: DropLimit, measurement: Measurement, *, sanity_tells: bool = False) -> tuple[str, ...]:
    """Warnings beside the verdict on a drop; of a further net only what is about its limit.

    ``sanity_tells``: the model's case `sanity` is decided in the same run, and says what is wrong with fp32 itself.
    """
    found = [too_tight(limit, measurement)]
    if limit.is_loss:
        pair = measurement.comparison.metrics[limit.metric.name]
        if not sanity_tells:
            found += [overlap(measurement)]
        if not sanity_tells or limit.metric.name != next(iter(get_task(measurement.model.task).metrics)):
            found += [too_good(pair), nothing_to_lose(pair)]
    return tuple(remark for remark in found if remark is not None)


def too_good(pair: MetricPair) -> str | None:
    """An int8 net that is much better than fp32 passes, but it is fp32 that is wrong then."""
    metric = pair.metric
    if not is_too_good(pair):
        return None
    return (
        f"int8 is better than fp32 by {metric.difference(-pair.drop)} of {metric.name}: "
        f"look at the fp32 net before you believe either"
    )


def is_too_good(pair: MetricPair) -> bool:
    """Whether int8 is better than fp32 by more than quantization can do."""
    maximum = pair.metric.maximum
    return maximum is not None and pair.drop <= -_TOO_GOOD * maximum


def nothing_to_lose(pair: MetricPair) -> str | None:
    """The worst value there is cannot get worse."""
    metric = pair.metric
    worst = 0.0 if metric.higher_is_better else metric.maximum
    if metric.maximum is None or worst is None or metric.worse_by(pair.fp32, worst) > 0:
        return None
    return (
        f"fp32 scores {metric.number(worst)} in {metric.name}, so no drop is possible and the limit tests "
        "nothing: are ground truth, preprocessing and decoder those of this model?"
    )


def too_tight(limit: DropLimit, measurement: Measurement) -> str | None:
    """A tolerance that a single sample breaks."""
    pair = measurement.comparison.metrics.get(limit.metric.name)
    if limit.amount == 0 or pair is None or not isinstance(pair.evidence, RightWrong):
        return None
    metric = pair.metric
    amount = limit.amount * metric.range if limit.relative else limit.amount
    one_sample = metric.range / measurement.evaluated
    if amount >= one_sample:
        return None
    return (
        f"the tolerance {limit.amount:g} of {metric.name} is smaller than one sample of {measurement.evaluated} "
        f"({metric.difference(one_sample)}): it allows no drop at all"
    )
