"""When an evaluation has enough samples: as soon as every limit that can be is decided."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_quant.judging.limits.base import JudgedLimit
from pytest_quant.judging.looks import Looks, planned_looks
from pytest_quant.judging.sample_test import SampleTest
from pytest_quant.tasks.base import Comparison


class EarlyStop:
    """Says when the limits of a model are all decided, sample by sample in the seeded order."""

    def __init__(self, tests: Iterable[tuple[str, SampleTest]]) -> None:
        """``tests``: each with the name of its metric."""
        self._tests = tuple(tests)

    def update(self, comparison: Comparison) -> int | None:
        """Take the next samples; how many samples all verdicts together took, or None while one is open."""
        for metric, test in self._tests:
            pair = comparison.metrics.get(metric)
            if pair is None:  # such as top-5 of a net with three classes: its case says so
                return None
            test.update(pair)
        needed = [test.decided_at for _, test in self._tests]
        decided = [count for count in needed if count is not None]
        return max(decided) if len(decided) == len(needed) else None


def early_stop(limits: Iterable[JudgedLimit], samples: int, total: int, confidence: float) -> EarlyStop | Looks | None:
    """The rule for the limits of a model over ``samples`` of a dataset of ``total``, or None where all are evaluated.

    Sample by sample where each limit has a test that decides it so. One that takes its samples together, such as a
    tolerance of hmean or AP, has the model looked at a few times.
    """
    waited_for, tests = [limit for limit in limits if limit.stops_early], []
    for limit in waited_for:
        test = limit.sample_test(total, confidence)
        if test is None or limit.metric is None:
            return planned_looks(waited_for, samples, total, confidence)
        tests.append((limit.metric.name, test))
    return EarlyStop(tests) if tests else None
