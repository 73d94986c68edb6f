"""The layer diagnosis of a run: one that cannot be made is not an error, since a verdict stands without it."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from pytest_quant.diagnosis.diagnosable import require_diagnosable
from pytest_quant.diagnosis.diagnose import DEFAULT_SAMPLES, Diagnosis, diagnose
from pytest_quant.evaluation.kept_results import KeptResult
from pytest_quant.evaluation.workbench import Workbench
from pytest_quant.spec.errors import QuantError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import Net

LIMIT_S = 60.0
"""How long the diagnosis of one model may take in a run of tests, about; `pytest-quant diagnose` has no limit."""

_LOG = logging.getLogger("pytest_quant.diagnosis")
"""Says what a run is at: ``--log-cli-level=INFO`` shows it."""


@dataclass(frozen=True)
class NoDiagnosis:
    """In the place of a diagnosis that could not be made."""

    reason: str


def diagnosis_place(model: ModelSpec, bench: Workbench, net: Net = "int8") -> KeptResult | None:
    """Where the diagnosis of these nets on these samples is kept between runs; None where there can be none."""
    try:
        samples = bench.selection(model)[0][:DEFAULT_SAMPLES]
        nets = (require_diagnosable(model, net), net)
        return bench.result(bench.built(model), nets, samples, "diagnosis", bench.sampling.seed, LIMIT_S)
    except QuantError:  # the diagnosis itself will say so
        return None


def try_diagnosis(model: ModelSpec, bench: Workbench, net: Net = "int8") -> Diagnosis | NoDiagnosis:
    """The diagnosis of a net of a model on its first samples, or why there is none."""
    _LOG.info("%s: comparing fp32 and %s layer by layer, for about %g s at most", model.name, net, LIMIT_S)
    try:
        return diagnose(model, bench, net=net, limit_s=LIMIT_S)
    except QuantError as error:
        return NoDiagnosis(str(error))
