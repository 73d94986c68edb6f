"""The rescues of a run, as the report's data."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from pytest_quant.diagnosis.once_per_model import OncePerModel
from pytest_quant.evaluation.measure import Workbench
from pytest_quant.report.rescue import failed_entry, rescue_entry
from pytest_quant.rescue.rescue import rescue
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.errors import ConfigError, QuantError
from pytest_quant.spec.model import ModelSpec

_LOG = logging.getLogger("pytest_quant.rescue")
"""Says what a search is at: ``--log-cli-level=INFO`` shows it."""

FOLDER = "quant-rescue"
"""Holds the repaired nets, beside the first report."""


class Rescues(OncePerModel):
    """One per model; one that cannot be tried says why, and is no error: the verdict stands without it."""

    def __init__(self, folder: Path, bench: Workbench, *, out: Path, confidence: float) -> None:
        """``out``: the folder in which `FOLDER` is made."""
        super().__init__(folder, self._rescue)
        self._bench = bench
        self._out = out
        self._confidence = confidence

    def _rescue(self, model: ModelSpec) -> dict[str, Any]:
        try:
            source, samples = source_of(model)
            out = self._out / FOLDER
            found = rescue(
                model, self._bench, source, out=out, samples=samples, confidence=self._confidence, say=_LOG.info
            )
        except QuantError as error:
            return failed_entry(str(error))
        except OSError as error:
            return failed_entry(f"{error.filename}: {error.strerror}")
        return rescue_entry(found, model, self._confidence, self._out)


def source_of(model: ModelSpec) -> tuple[DatasetSpec | Path, int | None]:
    """What to search on: the entry's ``rescue``, else its calibration images; raises `ConfigError` for neither."""
    if model.rescue is not None:
        if model.rescue.source is None:
            raise ConfigError(model.rescue.missing or "the samples to search on are not on this machine")
        return model.rescue.source, model.rescue.samples
    if model.calibration is not None and model.calibration.images is not None:
        return model.calibration.images, model.calibration.samples
    raise ConfigError(
        f"{model.name} names nothing to search on: give its entry `rescue: {{images: FOLDER}}`, images that are not "
        "evaluated, or `rescue: {dataset: NAME}`, a labelled dataset of the zoo file other than its own"
    )
