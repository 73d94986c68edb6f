"""Why a limit is broken: the evidence beside the verdict, the layers behind a drop, and its repair."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_quant.plugin.settings import Settings
from pytest_quant.run.expectations import Expectations
from pytest_quant.spec.errors import QuantError
from pytest_quant.spec.limit import Limit
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import Net
from pytest_quant.spec.verdict import Verdict

if TYPE_CHECKING:
    from pytest_quant.judging.measurements import Measurements
    from pytest_quant.run.entries import ModelEntries


class Explainer:
    """Writes the messages of broken limits."""

    def __init__(
        self, settings: Settings, measurements: Measurements, expectations: Expectations, entries: ModelEntries
    ) -> None:
        self._settings = settings
        self._measurements = measurements
        self._expectations = expectations
        self._entries = entries
        self._explained_by: dict[tuple[str, str, Net], tuple[str, str]] = {}

    def look_at(self, model: ModelSpec) -> None:
        """Under ``--quant-diagnose`` every model that is measured is diagnosed, whatever its verdicts are."""
        if not self._settings.diagnose or self._measurements.known(model) is None:  # else the report lacks a place
            return
        from pytest_quant.diagnosis.diagnosable import is_diagnosable

        self._entries.diagnosis(model)
        for net in model.further_nets:
            if self._measurements.known(model, net) is not None and is_diagnosable(model, net):
                self._entries.diagnosis(model, net)

    def message(self, model: ModelSpec, limit: Limit, verdict: Verdict, case_id: str) -> str:
        """The message of a broken limit; layers and repair of a net stand in the first one of this process."""
        from pytest_quant.report.message import failure_message

        measurement = self._measurements.known(model, limit.net)
        if not limit.is_loss and limit.kind != "net":
            return failure_message(model, limit, verdict, measurement)
        first = self._explained_by.setdefault((str(model.zoo), model.name, limit.net), (case_id, limit.name))
        if first != (case_id, limit.name):
            return f"{failure_message(model, limit, verdict, measurement)}\n  what is behind it: see {first[0]}"
        is_wanted = self._settings.diagnose or self._settings.diagnose_failing
        diagnosis = self._entries.diagnosis(model, limit.net) if is_wanted else None
        message = failure_message(model, limit, verdict, measurement, diagnosis, self._stages(model, limit))
        return message + (self._repair(model) if verdict.decision == "fail" and limit.net == "int8" else "")

    def _stages(self, model: ModelSpec, limit: Limit) -> list[str]:
        """Which step lost how much, where the run measures the model's ONNX file anyway."""
        from pytest_quant.report.stages import stage_lines

        if limit.metric is None or not self._expectations.needs(model, "onnx"):
            return []
        try:
            self._measurements.of(model, "onnx")
            self._measurements.agreement(model)
        except QuantError as error:
            return [f"stages: {error}"]
        entry = self._entries.entry(model)
        return [] if entry is None else stage_lines(entry, [limit.metric.name])

    def _repair(self, model: ModelSpec) -> str:
        """What a rescue of the model came to, for its message; nothing without ``--quant-rescue``."""
        if not self._settings.rescue:
            return ""
        from pytest_quant.extending.known import get_task
        from pytest_quant.report.rescue import rescue_lines

        metrics = get_task(model.task).metrics
        lines = rescue_lines(self._entries.rescue(model), metrics, self._settings.rescue_folder)
        return "".join(f"\n  {line}" for line in lines)
