"""``better-than-fp32``: quantization makes no net much better, so it is fp32 that is wrong."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_quant.extending.known import get_task
from pytest_quant.judging.remarks import is_too_good
from pytest_quant.judging.sanity.finding import Finding
from pytest_quant.judging.sanity.look import Look


def find_better(look: Look) -> Iterator[Finding]:
    """A warning about the task's first metric."""
    pair = look.measurement.comparison.metrics.get(next(iter(get_task(look.model.task).metrics)))
    if pair is None or not is_too_good(pair):
        return
    metric = pair.metric
    yield Finding(
        "better-than-fp32",
        "warning",
        f"int8 scores {metric.number(pair.int8)} in {metric.name} and fp32 {metric.number(pair.fp32)}",
        "is the fp32 net damaged, or of another training run?",
    )
