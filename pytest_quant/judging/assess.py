"""One limit of one model, from files to verdict; usable from Python without pytest.

>>> from pathlib import Path
>>> from tempfile import mkdtemp
>>> from pytest_quant.building.workbench import open_workbench
>>> from pytest_quant.evaluation.workbench import Workbench
>>> assessor = Assessor(open_workbench(Path(mkdtemp()), cores=2), confidence=0.95)
"""

from __future__ import annotations

from pytest_quant.evaluation.workbench import Workbench
from pytest_quant.judging.baseline import Baseline
from pytest_quant.judging.family import Family
from pytest_quant.judging.limits.base import JudgedLimit, judged
from pytest_quant.judging.measurements import Expected, Measurements
from pytest_quant.judging.subject import Subject
from pytest_quant.spec.errors import QuantError
from pytest_quant.spec.limit import Limit
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.verdict import Verdict


class Assessor:
    """Decides limits; a model is evaluated when the first of them needs it, and once."""

    def __init__(
        self,
        bench: Workbench,
        *,
        confidence: float,
        early_stop: bool = False,
        baseline: Baseline | None = None,
        strict: bool = False,
        whole_table: bool = False,
        expected: Expected | None = None,
    ) -> None:
        """``strict``: what is doubtful about a measurement fails the model's sanity.

        ``whole_table``: the confidence is that of all sampled cases together; tell `family` of them beforehand.
        ``expected``: what else is decided in the same run.
        """
        self.bench = bench
        self.confidence = confidence
        self.measurements = Measurements(
            bench, confidence=confidence, early_stop=early_stop, strict=strict, expected=expected
        )
        self._baseline = baseline
        self.family = Family(self._judge, self._is_sampled, confidence) if whole_table else None

    def assess(self, model: ModelSpec, limit: Limit) -> Verdict:
        """Decide one limit; raises `QuantError` when it cannot be decided."""
        confidence = self.confidence if self.family is None else self.family.confidence_of(model, limit)
        return self._judge(model, judged(limit), confidence)

    def _judge(self, model: ModelSpec, limit: JudgedLimit, confidence: float) -> Verdict:
        return limit.judge(self.subject(model, confidence))

    def subject(self, model: ModelSpec, confidence: float | None = None) -> Subject:
        """A model as limits see it; ``confidence`` is the one of each case where not another one is given."""
        return Subject(model, self.measurements, confidence or self.confidence, self._baseline)

    def _is_sampled(self, model: ModelSpec) -> bool:
        samples, total = self.bench.selection(model)
        return len(samples) < total

    def outlook(self, model: ModelSpec, limit: Limit) -> str | None:
        """What the samples to be evaluated can prove about a limit, for a subset; None where that cannot be told."""
        if not limit.needs_dataset:
            return None
        try:
            samples, total = self.bench.selection(model)
        except QuantError:  # the case itself will say so
            return None
        if len(samples) == total:
            return None
        known = limit.net == "int8" and limit.metric is not None
        seen = self.bench.discordances.seen(model, limit.metric.name) if known and limit.metric is not None else None
        confidence = self.confidence if self.family is None else self.family.first_confidence
        text = judged(limit).outlook(len(samples), total, seen, confidence)
        return None if text is None else f"{model.name}::{limit.name}: {text}"
