"""What to look at first: the models that are not fine, why, and where it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pytest_quant.report.model import Case, DiagnosisEntry, ModelEntry
from pytest_quant.report.table import RowVerdict, verdict

_BLAMED_SHARE = 0.1
"""A layer with less of the noise at the outputs is not named."""
_BLAMED = 3


@dataclass(frozen=True)
class Headline:
    """One model that is not fine."""

    model: str
    verdict: RowVerdict
    reason: str
    """Of the worst case; its first line."""
    layers: tuple[str, ...]
    """Those behind most of the noise at the outputs, each with its share; where that is not known, the noisiest."""


def headline(model: str, entry: ModelEntry | None, cases: Sequence[Case]) -> Headline | None:
    """The line of a model; None for one that is fine or was not to be decided."""
    worst = verdict(cases)
    if worst.mood == "good" or worst.decision == "skipped":
        return None
    case = next(case for case in cases if (case.verdict, case.outcome) == (worst.decision, worst.outcome))
    blamed = _blamed(entry) if worst.decision == "fail" else []  # of a drop that may be none nothing is the cause
    return Headline(model, worst, case.reason.partition("\n")[0], tuple(blamed))


def _blamed(entry: ModelEntry | None) -> list[str]:
    diagnosis = None if entry is None else entry.diagnosis
    if not isinstance(diagnosis, DiagnosisEntry):
        return []
    worst = diagnosis.worst_layers(_BLAMED)
    if worst and (worst[0].output is None or worst[0].output.share is None):
        return [f"{layer.layer} ({layer.own.text} alone)" for layer in worst]
    shares = [(layer.layer, layer.output.share or 0.0) for layer in worst if layer.output is not None]
    return [f"{name} ({100 * share:.0f} % of the noise)" for name, share in shares if share >= _BLAMED_SHARE]
