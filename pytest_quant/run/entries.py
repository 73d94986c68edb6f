"""What a process knows of its models for the report, and for the baseline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pytest_quant.plugin.settings import Settings
from pytest_quant.run.expectations import Expectations
from pytest_quant.run.zoos import Zoos
from pytest_quant.spec.model import ModelSpec

if TYPE_CHECKING:
    from pytest_quant.diagnosis.diagnoses import Diagnoses
    from pytest_quant.judging.measurements import Measurements
    from pytest_quant.rescue.rescues import Rescues


class ModelEntries:
    """The entries of those models that have been measured, each made once and added to."""

    def __init__(
        self,
        settings: Settings,
        zoos: Zoos,
        expectations: Expectations,
        measurements: Measurements,
        diagnoses: Diagnoses,
        rescues: Rescues,
    ) -> None:
        self._settings = settings
        self._zoos = zoos
        self._expectations = expectations
        self._measurements = measurements
        self._diagnoses = diagnoses
        self._rescues = rescues
        self._entries: dict[str, dict[str, object]] = {}

    def of(self, models: Sequence[ModelSpec]) -> dict[str, dict[str, object]]:
        """The report's entries of some models; none for one that was not measured."""
        return {model.name: entry for model in models if (entry := self._entry(model)) is not None}

    def _entry(self, model: ModelSpec) -> dict[str, object] | None:
        from pytest_quant.report.data import model_entry

        measurement = self._measurements.known(model)
        if measurement is None:
            return None
        if model.name not in self._entries:
            limited = self._expectations.metrics(model)
            zoo_id = self._zoos.id_of(model.zoo)
            self._entries[model.name] = model_entry(measurement, zoo_id, self._settings.confidence, limited)
        entry = self._entries[model.name]
        self._add_onnx(model, entry)
        self._add_layers(model, entry)
        return entry

    def _add_onnx(self, model: ModelSpec, entry: dict[str, object]) -> None:
        """What has been measured of a model's ONNX files."""
        from pytest_quant.report.data import onnx_entry, onnx_int8_entry

        onnx, agreement = self._measurements.known(model, "onnx"), self._measurements.known_agreement(model)
        if "onnx" not in entry and onnx is not None and agreement is not None:
            entry["onnx"] = onnx_entry(onnx, agreement)
        quantized = self._measurements.known(model, "onnx_int8")
        if "onnx_int8" not in entry and quantized is not None:
            limited = self._expectations.metrics(model)
            entry["onnx_int8"] = onnx_int8_entry(quantized, self._settings.confidence, limited)

    def _add_layers(self, model: ModelSpec, entry: dict[str, object]) -> None:
        """What this process knows of the layers of a model, and of its repair."""
        diagnosis = self._diagnoses.known(model)
        if diagnosis is not None:
            entry["diagnosis"] = dict(diagnosis)
        repair = self._rescues.known(model) if self._settings.rescue else None
        if repair is not None:
            entry["rescue"] = dict(repair)

    def for_baseline(self, models: Sequence[ModelSpec]) -> dict[str, dict[str, object]]:
        """What the baseline would hold of those models that have been measured, if it is to be rewritten."""
        if not self._settings.update_baseline:
            return {}
        from pytest_quant.judging.baseline import entry_of

        measured = (self._measurements.known(model) for model in models)
        return {found.model.name: entry_of(found) for found in measured if found is not None}
