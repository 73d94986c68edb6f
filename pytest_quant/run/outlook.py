"""What to know before the cases run: notes on entries, what subsets can prove."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from pytest_quant.plugin.settings import Settings
from pytest_quant.spec.limit import Limit
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.text import listed, visible

if TYPE_CHECKING:
    from pytest_quant.judging.assess import Assessor

Selected = Sequence[tuple[ModelSpec, Sequence[Limit]]]
"""The models of the selected tests with the limits that each is to decide."""


def notes(models: Iterable[ModelSpec]) -> list[str]:
    """What is to be known of the files and descriptions that the entries of models name, a line each."""
    return list(dict.fromkeys(visible(f"{model.name}: {note}") for model in models for note in model.notes))


def outlook(selected: Selected, settings: Settings, assessor: Callable[[], Assessor]) -> list[str]:
    """What sampled cases can prove, a line each; ``assessor`` is made for sampled ones only."""
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
    return [visible(f"{listed(names)}: {text}") for text, names in cases.items()]
