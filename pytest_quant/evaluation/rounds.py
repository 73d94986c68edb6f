"""Evaluation in rounds, so that it can end as soon as the verdicts are certain."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from itertools import chain
from typing import Protocol

from pytest_quant.evaluation.cores import CorePool
from pytest_quant.evaluation.evaluate import Job, RunnerPool, SideResult, evaluate
from pytest_quant.evaluation.store import PredictionStore
from pytest_quant.spec.net import Net
from pytest_quant.tasks.base import Comparison

_SHARDS_PER_CORE = 2


class StopRule(Protocol):
    """Looks at samples in their seeded order and says when there are enough of them."""

    def update(self, comparison: Comparison) -> int | None:
        """Take the next samples; how many of all samples so far were needed, or None when more are."""
        ...


def evaluate_until(
    stop: StopRule, job: Job, store: PredictionStore, cores: CorePool
) -> tuple[dict[Net, SideResult], int]:
    """Evaluate shard by shard, in order, until the rule has enough; also gives the number of samples it needed.

    That number is the rule's, not the last shard's end, and a rule looks at samples one by one: so it is the same
    however many shards make a round and whoever computed them.
    """
    rounds: list[dict[Net, SideResult]] = []
    count = 0
    size = _SHARDS_PER_CORE * cores.count
    with closing(RunnerPool(job.open_runner)) as pool:
        for start in range(0, len(job.shards), size):
            shards = job.shards[start : start + size]
            results = evaluate(replace(job, shards=shards), store, cores, pool)
            rounds.append(results)
            samples = [sample for shard in shards for sample in shard.samples]
            count += len(samples)
            fp32, int8 = (results[net].predictions for net in job.nets)
            enough = stop.update(job.pipeline.compare(samples, fp32, int8))
            if enough is not None:
                return _joined(rounds), enough
    return _joined(rounds), count


def _joined(rounds: list[dict[Net, SideResult]]) -> dict[Net, SideResult]:
    return {
        net: SideResult(
            predictions=list(chain.from_iterable(results[net].predictions for results in rounds)),
            forward_s=sum(results[net].forward_s for results in rounds),
            cached=all(results[net].cached for results in rounds),
        )
        for net in rounds[0]
    }
