"""The layer diagnosis of a run: one that cannot be made is not an error, since a verdict stands without it."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_quant.diagnosis.diagnose import Diagnosis, diagnose
from pytest_quant.evaluation.workbench import Workbench
from pytest_quant.spec.errors import QuantError
from pytest_quant.spec.model import ModelSpec


@dataclass(frozen=True)
class NoDiagnosis:
    """In the place of a diagnosis that could not be made."""

    reason: str


def try_diagnosis(model: ModelSpec, bench: Workbench) -> Diagnosis | NoDiagnosis:
    """The diagnosis of a model on its first samples, or why there is none."""
    try:
        return diagnose(model, bench)
    except QuantError as error:
        return NoDiagnosis(str(error))
