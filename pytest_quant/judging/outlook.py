"""Before a sampled run: what its number of samples can prove at a tolerance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pytest_quant.evidence.planning import provable_drop
from pytest_quant.judging.limits.drop import DropLimit
from pytest_quant.spec.metric import Metric

ASSUMED_DISCORDANCES = (0.01, 0.03, 0.05)
"""Shares of samples that change sides, where the cache knows none."""

POWER = 0.8


def outlook_text(rule: DropLimit, *, samples: int, total: int, seen: float | None, confidence: float) -> str:
    """One line for one sampled tolerance; ``seen`` is the discordance of an earlier run, as a share.

    >>> from pytest_quant.judging.limits.tolerance import Tolerance
    >>> rule = Tolerance(Metric("top1", "%", is_mean_of_hits=True), 1.0)
    >>> print(outlook_text(rule, samples=4000, total=50000, seen=0.03, confidence=0.95))
    4000 of 50000 samples can prove drop <= 1.00 (8 times in 10) if it is at most 0.35 at discordance 3 %, as seen \
before
    """
    metric = rule.metric
    limit = f"{100 * rule.amount:g} % of fp32" if rule.relative else metric.number(rule.amount)
    tolerance = rule.amount if rule.relative else rule.amount / metric.range
    discordances: Sequence[float] = ASSUMED_DISCORDANCES if seen is None else (seen,)
    largest = {
        discordance: provable_drop(
            samples,
            population=total,
            discordance=discordance,
            tolerance=tolerance,
            confidence=confidence,
            power=POWER,
        )
        for discordance in discordances
    }
    return (
        f"{samples} of {total} samples can prove drop <= {limit} ({10 * POWER:g} times in 10) "
        f"{_largest(metric, largest)}{', as seen before' if seen is not None else ''}"
    )


def _largest(metric: Metric, largest: Mapping[float, float | None]) -> str:
    parts = (
        f"never at discordance {100 * discordance:.3g} %"
        if drop is None
        else f"if it is at most {metric.number(metric.range * drop)} at discordance {100 * discordance:.3g} %"
        for discordance, drop in largest.items()
    )
    return ", ".join(parts)
