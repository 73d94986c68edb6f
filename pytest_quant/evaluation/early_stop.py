"""Evaluation that can end as soon as the verdicts are certain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pytest_quant.datasets.base import Sample
from pytest_quant.evaluation.engine.engine import Engine
from pytest_quant.evaluation.evaluate import Evaluation, SideResult, evaluate
from pytest_quant.evaluation.store import PredictionStore
from pytest_quant.spec.net import Net
from pytest_quant.tasks.base import Comparison


class StopRule(Protocol):
    """Looks at samples in their seeded order and says when there are enough of them."""

    def update(self, comparison: Comparison) -> int | None:
        """Take the next samples; how many of all samples so far were needed, or None when more are."""
        ...


def evaluate_until(
    stop: StopRule, evaluation: Evaluation, store: PredictionStore, engine: Engine
) -> tuple[dict[Net, SideResult], int]:
    """Evaluate until the rule has enough; also gives the number of samples it needed.

    That number is the rule's, not the last shard's end, and a rule looks at samples one by one, in their order: so it
    is the same however many shards run at a time and whoever computed them.
    """
    needed: list[int] = []

    def enough(samples: Sequence[Sample], comparison: Comparison) -> bool:
        found = stop.update(comparison)
        if found is not None:
            needed.append(found)
        return found is not None

    results = evaluate(evaluation, store, engine, enough=enough)
    return results, needed[0] if needed else evaluation.sample_count
