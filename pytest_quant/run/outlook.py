"""What to know before the cases run: notes on entries, what subsets can prove, which nets are slow."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from pytest_quant.plugin.settings import Settings
from pytest_quant.spec.errors import QuantWarning
from pytest_quant.spec.limit import Limit
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import SIDES
from pytest_quant.spec.text import listed

if TYPE_CHECKING:
    from pytest_quant.judging.assess import Assessor

Selected = Sequence[tuple[ModelSpec, Sequence[Limit]]]
"""The models of the selected tests with the limits that each is to decide."""


def notes(models: Iterable[ModelSpec]) -> list[str]:
    """What is to be known of the files and descriptions that the entries of models name, a line each."""
    return list(dict.fromkeys(f"{model.name}: {note}" for model in models for note in model.notes))


def outlook(selected: Selected, settings: Settings, assessor: Callable[[], Assessor]) -> list[str]:
    """What sampled cases can prove, and which will be slow, a line each; ``assessor`` is made for sampled ones only."""
    lines = (
        assessor().outlook(model, limit)
        for model, limits in selected
        if settings.samples is not None or (model.samples is not None and not settings.whole)
        for limit in limits
    )
    cases: dict[str, dict[str, None]] = {}
    for line in lines:
        if line is not None:
            case, _, text = line.partition(": ")
            cases.setdefault(text, {})[case] = None
    return [*(f"{listed(names)}: {text}" for text, names in cases.items()), *_slow_nets(selected)]


def _slow_nets(selected: Selected) -> Iterator[str]:
    """A line when ONNX files are to be run by the evaluator that may take seconds for what takes milliseconds."""
    if not any(limit.net not in SIDES for _, limits in selected for limit in limits):
        return
    runtime = _slow_runtime()
    if runtime is not None:
        yield (
            f"ONNX files will run on the {runtime}, which may take seconds per image: "
            "pip install 'pytest-quant[onnxruntime]' for speed"
        )


def warn_of_slow_onnx() -> None:
    """Warn where the ONNX file of a fixture is run by the evaluator that takes seconds for milliseconds of work."""
    runtime = _slow_runtime()
    if runtime is not None:
        warnings.warn(
            f"onnx_fp32 runs on the {runtime}, which is written in Python and may take seconds per image: "
            "pip install 'pytest-quant[onnxruntime]' for speed",
            QuantWarning,
            stacklevel=2,
        )


def _slow_runtime() -> str | None:
    from pytest_quant.nets.onnxruntime.onnx_sessions import REFERENCE_EVALUATOR, onnx_runtime

    return onnx_runtime() if onnx_runtime().endswith(REFERENCE_EVALUATOR) else None
