"""What HTML reports show of the models, drawn once per model by the process that measured it."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_quant.nets.ncnn.net_files import NCNN
from pytest_quant.spec.model import ModelSpec

if TYPE_CHECKING:
    from pydantic import TypeAdapter

    from pytest_quant.diagnosis.once_per_model import OncePerModel
    from pytest_quant.judging.measurements import Measurements
    from pytest_quant.report.model import DiagnosisEntry
    from pytest_quant.report.model.illustration import IllustrationEntry

_SAMPLES, _ACTIVATIONS = "illustrations", "activations"
"""Folders below that of the run, in which the process that reports finds them."""
_WORST_LAYERS = 4


class Illustrations:
    """Those of one process."""

    def __init__(self, measurements: Measurements, run_dir: Path, *, pictures: int, confidence: float) -> None:
        """``pictures``: how many samples of a model are drawn at most; ``confidence`` is one-sided."""
        self._measurements = measurements
        self._run_dir = run_dir
        self._pictures = pictures
        self._confidence = confidence
        self._diagnoses: dict[tuple[Path, str], DiagnosisEntry] = {}

    def draw(self, model: ModelSpec, diagnosis: DiagnosisEntry | None) -> None:
        """Draw what is known of a model that has been measured, as far as no process has done so yet."""
        if self._measurements.known(model) is None:
            return
        self._samples.get(model)
        if diagnosis is not None and model.nets["int8"].format == NCNN:  # whose files tell thresholds of inputs
            self._diagnoses[model.zoo, model.name] = diagnosis
            self._activations.get(model)

    @cached_property
    def _samples(self) -> OncePerModel[IllustrationEntry]:
        from pytest_quant.diagnosis.once_per_model import OncePerModel

        return OncePerModel(self._run_dir / _SAMPLES, _kind(), self._illustrate)

    @cached_property
    def _activations(self) -> OncePerModel[IllustrationEntry]:
        from pytest_quant.diagnosis.once_per_model import OncePerModel

        return OncePerModel(self._run_dir / _ACTIVATIONS, _kind(), self._draw_activations)

    def _illustrate(self, model: ModelSpec) -> IllustrationEntry:
        from pytest_quant.report.pictures.illustrate import illustrate

        return illustrate(self._measurements.of(model), self._measurements.bench, self._pictures, self._confidence)

    def _draw_activations(self, model: ModelSpec) -> IllustrationEntry:
        from pytest_quant.report.pictures.activations import activations

        worst = self._diagnoses[model.zoo, model.name].worst_layers(_WORST_LAYERS)
        return activations(model, self._measurements.bench, [layer.layer for layer in worst])


def _kind() -> TypeAdapter[IllustrationEntry]:
    from pydantic import TypeAdapter

    from pytest_quant.report.model.illustration import IllustrationEntry

    return TypeAdapter(IllustrationEntry)


def drawn_in(run_dir: Path) -> list[IllustrationEntry]:
    """What all processes of a run have drawn; a model may have several."""
    from pytest_quant.diagnosis.once_per_model import made_in

    return [one for name in (_SAMPLES, _ACTIVATIONS) for one in made_in(run_dir / name, _kind())]
