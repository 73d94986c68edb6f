"""One limit of one model, from files to verdict; usable from Python without pytest.

>>> from pathlib import Path
>>> from tempfile import mkdtemp
>>> from pytest_quant.building.workbench import open_workbench
>>> from pytest_quant.evaluation.workbench import Workbench
>>> assessor = Assessor(open_workbench(Path(mkdtemp()), cores=2), confidence=0.95)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from pytest_quant.evaluation.agreement import AGREEMENT_SAMPLES, OutputAgreement
from pytest_quant.evaluation.measurement import Measurement
from pytest_quant.evaluation.workbench import Workbench
from pytest_quant.judging.baseline import Baseline
from pytest_quant.judging.files import judge_int8, judge_table
from pytest_quant.judging.metrics import EarlyStop, early_stop, judge, judge_baseline, judge_parity, judge_requirement
from pytest_quant.judging.outlook import outlook_line
from pytest_quant.judging.remarks import refuse_overlap, remarks
from pytest_quant.spec.errors import ConfigError, QuantError
from pytest_quant.spec.limit import Limit, NoWorse, Parity, Requirement, Tolerance
from pytest_quant.spec.metric import METRICS
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import Net
from pytest_quant.spec.verdict import Verdict

T = TypeVar("T")


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
    ) -> None:
        """``strict``: a model is not scored on images that its int8 net was calibrated with."""
        self.bench = bench
        self._strict = strict
        self._baseline = baseline
        self.confidence = confidence
        self._early_stop = early_stop
        self._measured: dict[tuple[str, ...], Measurement | QuantError] = {}
        self._agreements: dict[tuple[str, ...], OutputAgreement | QuantError] = {}
        self._expected: dict[tuple[str, str], dict[Limit, None]] = {}

    def expect(self, model: ModelSpec, limits: Iterable[Limit]) -> None:
        """Say which limits are to be decided: an early stop waits for all of them. Without it a model's own count."""
        self._expected.setdefault(_key(model), {}).update(dict.fromkeys(limits))

    def measurement(self, model: ModelSpec, net: Net = "int8") -> Measurement:
        """The fp32 net of the model and another on the same samples; raises the `QuantError` in the way, each time.

        A net other than int8 comes after it. ``onnx`` takes the samples that int8 was measured on, ``onnx_int8`` has an
        early stop of its own.
        """
        return _found(self._measured, (*_key(model), net), lambda: self._measure(model, net))

    def _measure(self, model: ModelSpec, net: Net) -> Measurement:
        first = None if net == "int8" else self.measurement(model).evaluated
        if net == "onnx":
            return self.bench.measure(model, net=net, first=first)
        measurement = self.bench.measure(model, self._stop_rule(model, net), net=net)
        if self._strict:
            refuse_overlap(measurement)
        return measurement

    def agreement(self, model: ModelSpec) -> OutputAgreement:
        """How the raw outputs of ``onnx`` and of the ncnn fp32 net agree, on the first of the evaluated samples."""
        return _found(self._agreements, _key(model), lambda: self._agree(model))

    def _agree(self, model: ModelSpec) -> OutputAgreement:
        count = min(AGREEMENT_SAMPLES, self.measurement(model).evaluated)
        return self.bench.agreement(model, "onnx", self.bench.selection(model)[0][:count])

    def measured(self, model: ModelSpec, net: Net = "int8") -> Measurement | None:
        """The measurement if there is one already; starts nothing."""
        found = self._measured.get((*_key(model), net))
        return found if isinstance(found, Measurement) else None

    def agreed(self, model: ModelSpec) -> OutputAgreement | None:
        """The agreement of the raw outputs if it is known already; starts nothing."""
        found = self._agreements.get(_key(model))
        return found if isinstance(found, OutputAgreement) else None

    def remarks(self, model: ModelSpec, limit: Limit) -> list[str]:
        """Warnings about a limit, once its model has been measured."""
        measurement = self.measured(model, limit.net)
        return [] if measurement is None else remarks(limit, measurement)

    def outlook(self, model: ModelSpec, limit: Limit) -> str | None:
        """What the samples to be evaluated can prove, for a tolerance on a subset; else None."""
        rule = limit.rule
        if not isinstance(rule, Tolerance) or not METRICS[rule.metric].is_mean_of_hits:
            return None
        try:
            samples, total = self.bench.selection(model)
        except QuantError:  # the case itself will say so
            return None
        if len(samples) == total:
            return None
        seen = self.bench.discordances.seen(model, rule.metric) if limit.net == "int8" else None
        case = f"{model.name}::{limit.name}"
        return outlook_line(case, rule, samples=len(samples), total=total, seen=seen, confidence=self.confidence)

    def _stop_rule(self, model: ModelSpec, net: Net) -> EarlyStop | None:
        if not self._early_stop:
            return None
        expected = self._expected.get(_key(model), model.limits)
        limits = [limit for limit in expected if limit.net == net]
        if expected and not limits:  # only the cases of another net were selected
            limits = [limit for limit in model.limits if limit.net == net]
        return early_stop(limits, self.bench.selection(model)[1], self.confidence)

    def assess(self, model: ModelSpec, limit: Limit) -> Verdict:
        """Decide one limit; raises `QuantError` when it cannot be decided."""
        if limit.kind == "int8":
            return judge_int8(self.bench.built(model))
        if limit.kind == "table":
            return judge_table(self.bench.built(model))
        if isinstance(limit.rule, Requirement):
            samples, total = self.bench.selection(model)
            found = self.bench.conditions(model, evaluated=len(samples), total=total)
            return judge_requirement(limit.rule, found, model)
        if isinstance(limit.rule, NoWorse):
            return self._compare_with_baseline(model, limit.rule)
        if isinstance(limit.rule, Parity):
            return judge_parity(limit.rule, self.measurement(model, "onnx"), self.agreement(model))
        return judge(limit, self.measurement(model, limit.net), self.confidence)

    def _compare_with_baseline(self, model: ModelSpec, rule: NoWorse) -> Verdict:
        if self._baseline is None:
            raise ConfigError(f"{model.name}: no baseline was given to compare with")
        entry = self._baseline.entry(model.name, rule.metric)
        measurement = self.measurement(model)
        since = None
        if entry.samples.sha256 == measurement.samples_sha256 and "int8" in entry.predictions:
            since = self.bench.compare_with(measurement, entry.predictions["int8"])
        return judge_baseline(rule, measurement, self._baseline, since, self.confidence)


def _key(model: ModelSpec) -> tuple[str, str]:
    return str(model.zoo), model.name


def _found(known: dict[tuple[str, ...], T | QuantError], key: tuple[str, ...], make: Callable[[], T]) -> T:
    """What is known of ``key``, made when first asked for; an error is raised anew for everyone who asks."""
    if key not in known:
        try:
            known[key] = make()
        except QuantError as error:
            known[key] = error
    found = known[key]
    if isinstance(found, QuantError):
        raise found
    return found
