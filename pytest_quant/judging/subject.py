"""A model as a limit sees it: what it asks for is measured when it is first asked for, and kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_quant.evaluation.agreement import OutputAgreement
from pytest_quant.evaluation.measurement import Measurement
from pytest_quant.evaluation.workbench import Workbench
from pytest_quant.judging.baseline import Baseline
from pytest_quant.judging.measurements import Expected, Measurements
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import Net

if TYPE_CHECKING:
    from pytest_quant.judging.sanity.finding import Finding
    from pytest_quant.judging.sanity.mistakes import Restored


@dataclass(frozen=True)
class Subject:
    """One model, and everything that a limit can ask of it; each raises the `QuantError` that is in the way."""

    model: ModelSpec
    """As its zoo entry says it; `built` has all of its files."""
    measurements: Measurements
    confidence: float
    """One-sided, of each bound."""
    baseline: Baseline | None = None

    @property
    def bench(self) -> Workbench:
        """For what is asked seldom: samples, predictions of single nets, earlier predictions."""
        return self.measurements.bench

    def built(self) -> ModelSpec:
        """The model with all of its files: those that its entry describes are made."""
        return self.bench.built(self.model)

    def measurement(self, net: Net = "int8") -> Measurement:
        """The fp32 net and another of the model on the same samples."""
        return self.measurements.of(self.model, net)

    @property
    def expected(self) -> Expected:
        """What else is decided in this run."""
        return self.measurements.expected

    @property
    def strict(self) -> bool:
        """Whether what is doubtful fails the model."""
        return self.measurements.strict

    def sanity(self, waived: Mapping[str, str]) -> tuple[Finding, ...]:
        """What makes the measurement meaningless or doubtful; ``waived``: name of a check to why it may stand."""
        from pytest_quant.judging.sanity import findings
        from pytest_quant.judging.sanity.look import Look

        return self.measurements.sanity(self.model, lambda: findings(Look(self), waived))

    def restoring(self) -> Restored | None:
        """The usual mistake of an entry whose undoing restores fp32's score, tried on some of the samples."""
        return self.measurements.restoring(self.model, self._restored)

    def _restored(self) -> Restored | None:
        from pytest_quant.judging.sanity.kept import kept_restored
        from pytest_quant.judging.sanity.mistakes import SAMPLES, restoring

        built = self.built()
        samples = self.bench.selection(built)[0][:SAMPLES]
        place = self.bench.result(built, ["fp32"], samples, "usual mistakes")
        return kept_restored(place, lambda: restoring(self.bench.during("usual mistakes"), built, samples))

    def agreement(self) -> OutputAgreement:
        """How the raw outputs of ``onnx`` and of the ncnn fp32 net agree."""
        return self.measurements.agreement(self.model)

    def outputs(self, net: Net) -> OutputAgreement:
        """How far the raw outputs of a net are from those of fp32."""
        return self.measurements.outputs(self.model, net)

    def conditions(self, name: str) -> Mapping[str, object]:
        """The conditions of the evaluation; nothing is evaluated for them.

        Files are made only where the condition ``name`` takes them.
        """
        samples, total = self.bench.selection(self.model)
        found = self.bench.conditions(self.model, evaluated=len(samples), total=total)
        if name in found:
            return found
        return self.bench.conditions(self.built(), evaluated=len(samples), total=total)
