"""The rescue of a run: one that cannot be tried is not an error, since the verdict stands without it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from pytest_quant.evaluation.workbench import Workbench
from pytest_quant.rescue.rescue import Rescue, rescue
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.errors import ConfigError, QuantError
from pytest_quant.spec.model import ModelSpec

_LOG = logging.getLogger("pytest_quant.rescue")
"""Says what a search is at: ``--log-cli-level=INFO`` shows it."""


@dataclass(frozen=True)
class NoRescue:
    """In the place of a rescue that could not be tried."""

    reason: str


def try_rescue(model: ModelSpec, bench: Workbench, *, out: Path, confidence: float) -> Rescue | NoRescue:
    """The rescue of a model, written to ``out``, or why none was tried."""
    try:
        source, samples = source_of(model)
        return rescue(model, bench, source, out=out, samples=samples, confidence=confidence, say=_LOG.info)
    except QuantError as error:
        return NoRescue(str(error))
    except OSError as error:
        return NoRescue(f"{error.filename}: {error.strerror}")


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
