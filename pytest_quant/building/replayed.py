"""Built files in a merge of parts: what they were made from is known from the parts."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_quant.building.building import ModelBuilder
from pytest_quant.datasets.base import Dataset
from pytest_quant.evaluation.calibration_facts import CalibrationFacts
from pytest_quant.evaluation.parts.replay import Replay
from pytest_quant.spec.model import ModelSpec


@dataclass(frozen=True)
class ReplayedBuilder:
    """Builds like the parts did; how a dataset and the calibration images overlap is known from them."""

    builder: ModelBuilder
    replay: Replay

    def built(self, model: ModelSpec) -> ModelSpec:
        """See `ModelBuilder`."""
        return self.builder.built(model)

    def calibration_facts(self, model: ModelSpec, dataset: Dataset) -> CalibrationFacts | None:
        """See `ModelBuilder`."""
        if self.replay.knows(model):
            return self.replay.calibration(model)
        return self.builder.calibration_facts(model, dataset)
