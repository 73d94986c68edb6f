"""Why a limit is broken: the evidence beside the verdict, the layers behind a drop, and its repair."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_quant.plugin.settings import Settings
from pytest_quant.run.expectations import Expectations
from pytest_quant.spec.errors import QuantError
from pytest_quant.spec.limit import Limit
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.verdict import Verdict

if TYPE_CHECKING:
    from pytest_quant.diagnosis.diagnoses import Diagnoses
    from pytest_quant.judging.measurements import Measurements
    from pytest_quant.rescue.rescues import Rescues


class Explainer:
    """Writes the messages of broken limits."""

    def __init__(
        self,
        settings: Settings,
        measurements: Measurements,
        expectations: Expectations,
        diagnoses: Diagnoses,
        rescues: Rescues,
    ) -> None:
        self._settings = settings
        self._measurements = measurements
        self._expectations = expectations
        self._diagnoses = diagnoses
        self._rescues = rescues

    def look_at(self, model: ModelSpec) -> None:
        """Under ``--quant-diagnose`` every model that is measured is diagnosed, whatever its verdicts are."""
        if self._settings.diagnose and self._measurements.known(model) is not None:  # else the report lacks a place
            self._diagnoses.entry(model)

    def message(self, model: ModelSpec, limit: Limit, verdict: Verdict) -> str:
        """The message of a broken limit."""
        from pytest_quant.report.message import failure_message

        measurement = self._measurements.known(model, limit.net)
        if not limit.is_loss:
            return failure_message(model, limit, verdict, measurement)
        diagnosis = self._diagnoses.entry(model)
        message = failure_message(model, limit, verdict, measurement, diagnosis, self._stages(model, limit))
        return message + (self._repair(model) if verdict.decision == "fail" else "")

    def _stages(self, model: ModelSpec, limit: Limit) -> list[str]:
        """Which step lost how much, where the run measures the model's ONNX file anyway."""
        from pytest_quant.report.stages import measured_stages

        if limit.metric is None or not self._expectations.needs(model, "onnx"):
            return []
        try:
            onnx = self._measurements.of(model, "onnx")
            agreement = self._measurements.agreement(model)
        except QuantError as error:
            return [f"stages: {error}"]
        int8, diagnosis = self._measurements.of(model), self._diagnoses.entry(model)
        return measured_stages(limit.metric, int8, onnx, agreement, diagnosis)

    def _repair(self, model: ModelSpec) -> str:
        """What a rescue of the model came to, for its message; nothing without ``--quant-rescue``."""
        if not self._settings.rescue:
            return ""
        from pytest_quant.report.rescue import rescue_lines

        lines = rescue_lines(self._rescues.entry(model), self._settings.rescue_folder)
        return "".join(f"\n  {line}" for line in lines)
