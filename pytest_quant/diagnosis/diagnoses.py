"""The layer diagnoses of a run, as the report's data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pytest_quant.diagnosis.diagnose import diagnose
from pytest_quant.diagnosis.once_per_model import OncePerModel
from pytest_quant.evaluation.measure import Workbench
from pytest_quant.report.diagnosis import diagnosis_entry, failed_entry
from pytest_quant.spec.errors import QuantError
from pytest_quant.spec.model import ModelSpec


class Diagnoses(OncePerModel):
    """One per model; one that cannot be made says why, and is no error: a verdict stands without it."""

    def __init__(self, folder: Path, bench: Workbench) -> None:
        super().__init__(folder, self._diagnose)
        self._bench = bench

    def _diagnose(self, model: ModelSpec) -> dict[str, Any]:
        try:
            return diagnosis_entry(diagnose(model, self._bench))
        except QuantError as error:
            return failed_entry(str(error))
