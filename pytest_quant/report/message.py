"""The text of a failing case: what was decided, the formula with its values, and the evidence beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pytest_quant.evaluation.measurement import Measurement
from pytest_quant.report.diagnosis import message_lines
from pytest_quant.report.model import DiagnosisEntry, NoDiagnosisEntry
from pytest_quant.report.task_words import change_text
from pytest_quant.spec.limit import Limit
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import Net
from pytest_quant.spec.text import listed, visible
from pytest_quant.spec.verdict import Verdict
from pytest_quant.tasks.base import Moved, RightWrong

_MOVED_SHOWN = 5
"""How many samples a message names; the report has more."""


def failure_message(
    model: ModelSpec,
    limit: Limit,
    verdict: Verdict,
    measurement: Measurement | None,
    diagnosis: DiagnosisEntry | NoDiagnosisEntry | None = None,
    stages: Sequence[str] = (),
) -> str:
    """The verdict with its formula, which pytest's short summary shows, then model, case and the evidence beside it.

    ``diagnosis`` is that of the model's layers, as the report has it; ``stages`` say which step lost how much.
    """
    about = visible(f"  {model.name} on {model.dataset.name}, {limit.name}")
    if measurement is not None and limit.needs_dataset:
        about += f": {evidence_line(measurement, None if limit.metric is None else limit.metric.name)}"
        about += _moved_line(measurement.comparison.moved, measurement.net)
    about += "".join(f"\n  {line}" for line in stages)
    if diagnosis is not None:
        about += message_lines(model, diagnosis, limit.net)
    return f"{verdict.decision.upper()}: {verdict.reason}\n{about}"


def _moved_line(moved: Sequence[Moved], net: Net) -> str:
    if not moved:
        return ""
    shown = [f"{visible(one.sample)} ({change_text(one.fp32, one.int8, one.texts)})" for one in moved[:_MOVED_SHOWN]]
    what = "found by" if moved[0].texts is None else "read by"
    return f"\n  moved most, {what} fp32 -> {net}: {listed(shown)}"


def evidence_line(measurement: Measurement, metric: str | None = None) -> str:
    """Flips, agreement and which samples were drawn, in one line; flips are of ``metric`` where it counts hits."""
    flips = measurement.comparison.flips
    pair = None if metric is None else measurement.comparison.metrics.get(metric)
    if pair is not None and isinstance(pair.evidence, RightWrong):
        lost, won = pair.evidence.fp32 & ~pair.evidence.int8, pair.evidence.int8 & ~pair.evidence.fp32
        flips = replace(flips, only_fp32_right=int(lost.sum()), only_int8_right=int(won.sum()))
    drawn = "all samples" if measurement.is_whole else f"a random subset, seed {measurement.seed}"
    remark = "" if measurement.comparison.remark is None else f"; {measurement.comparison.remark}"
    return (
        f"right only in fp32 {flips.only_fp32_right}, only in {measurement.net} {flips.only_int8_right}; "
        f"same answer on {flips.agreement_pct:.2f} %; {drawn}{remark}"
    )
