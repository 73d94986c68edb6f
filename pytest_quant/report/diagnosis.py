"""Layer diagnosis in reports: ``diagnosis`` of a model's entry, then the lines that are made of it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from math import isfinite
from typing import TYPE_CHECKING

from pytest_quant.evidence.likeness import sqnr_note
from pytest_quant.judging.limits import is_loss
from pytest_quant.report.markdown_text import plain
from pytest_quant.report.model import (
    DiagnosisEntry,
    LayerEntry,
    LayerOutputEntry,
    LayerSqnrEntry,
    NoDiagnosisEntry,
    Report,
    SqnrEntry,
)
from pytest_quant.report.stages import stage_lines
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import Net
from pytest_quant.spec.text import listed, shown

if TYPE_CHECKING:
    from pytest_quant.diagnosis.diagnose import Diagnosis, LayerError
    from pytest_quant.diagnosis.diagnoses import NoDiagnosis

_SHOWN = 3
"""How many layers a message names; the report has all."""
_SHOWN_IN_MARKDOWN = 5

MEANING = (
    "SQNR against the float net. Own: the layer alone; accumulated: the net up to that layer; output: of the net's "
    "output when the layer alone is int8, worst first, and its share of the noise that the int8 net has there."
)
HEADER = ("layer", "type", "own dB", "accumulated dB", "output dB", "share of noise", "share of MACs")


def diagnosis_entry(found: Diagnosis) -> DiagnosisEntry:
    """All layers; where an SQNR is not a number, its note says why."""
    return DiagnosisEntry(
        samples=found.samples,
        output_samples=found.output_samples,
        seed=found.seed,
        output=sqnr_entry(found.output_sqnr_db),
        worst=tuple(error.layer for error in found.worst),
        unmatched=found.unmatched,
        layers=tuple(_layer(error) for error in found.layers),
    )


def tried_entry(found: Diagnosis | NoDiagnosis) -> DiagnosisEntry | NoDiagnosisEntry:
    """The same, or why there is none."""
    from pytest_quant.diagnosis.diagnoses import NoDiagnosis  # loaded where one was found, not where it is shown

    return NoDiagnosisEntry(error=found.reason) if isinstance(found, NoDiagnosis) else diagnosis_entry(found)


def _layer(error: LayerError) -> LayerEntry:
    return LayerEntry(
        layer=error.layer,
        type=error.type,
        blob=error.blob,
        quantized=error.quantized,
        macs=error.macs,
        own=_layer_sqnr(error.own_sqnr_db, error.own_cosine),
        accumulated=_layer_sqnr(error.accumulated_sqnr_db, error.accumulated_cosine),
        output=None if error.output_sqnr_db is None else _output(error),
    )


def _layer_sqnr(sqnr_db: float, cosine: float) -> LayerSqnrEntry:
    sqnr = sqnr_entry(sqnr_db)
    return LayerSqnrEntry(sqnr_db=sqnr.sqnr_db, note=sqnr.note, cosine=_number(cosine, 6))


def _output(error: LayerError) -> LayerOutputEntry:
    sqnr, share = sqnr_entry(error.output_sqnr_db), error.output_share
    return LayerOutputEntry(sqnr_db=sqnr.sqnr_db, note=sqnr.note, share=None if share is None else _number(share, 4))


def sqnr_entry(value: float | None) -> SqnrEntry:
    """An SQNR in dB; where it is not a number it is None, and its note says why."""
    return SqnrEntry(sqnr_db=None if value is None else _number(value, 2), note=sqnr_note(value))


def _number(value: float, digits: int) -> float | None:
    return round(value, digits) if isfinite(value) else None


def worst_line(entry: DiagnosisEntry | NoDiagnosisEntry) -> str:
    """The worst layers with their three numbers, in one line."""
    if isinstance(entry, NoDiagnosisEntry):
        return f"no layer diagnosis: {entry.error}"
    if not entry.output_samples:
        own = (
            f"{layer.layer} {layer.own.text} ({layer.accumulated.text} accumulated)"
            for layer in entry.worst_layers(_SHOWN)
        )
        return f"worst layers, by their own SQNR (what each does to the output would have taken long): {listed(own)}"
    worst = (
        f"{layer.layer} {'' if layer.output is None else layer.output.text} ({layer.own.text} alone, "
        f"{layer.accumulated.text} accumulated)"
        for layer in entry.worst_layers(_SHOWN)
    )
    return f"worst layers, by the SQNR of the output when they alone are int8: {listed(worst)}"


def message_lines(model: ModelSpec, entry: DiagnosisEntry | NoDiagnosisEntry, net: Net = "int8") -> str:
    """What a failure message says: the worst layers of a net, and what to type next."""
    if isinstance(entry, NoDiagnosisEntry):
        return f"\n  {worst_line(entry)}"
    command = f"pytest-quant diagnose --zoo {shlex.quote(shown(model.zoo))} --model {shlex.quote(model.name)}"
    further = "" if net == "int8" else f" --net {shlex.quote(net)}"
    seed = f" --seed {entry.seed}" if entry.seed else ""
    return f"\n  {worst_line(entry)}\n  all layers: {command}{further}{seed}"


def summary_lines(report: Report) -> Iterator[str]:
    """The models of a report that were diagnosed, in the terminal's summary."""
    for name, model in report.models.items():
        for net, entry in model.diagnoses.items():
            if isinstance(entry, NoDiagnosisEntry):
                yield f"{_titled(name, net)}: {worst_line(entry)}"
                continue
            yield f"{_titled(name, net)}: SQNR of the output {entry.output.text} on {len(entry.samples)} samples"
            stages = stage_lines(model, _limited(report, name)) if net == "int8" else []
            yield from (f"  {line}" for line in (worst_line(entry), *stages))


def _titled(model: str, net: Net) -> str:
    return model if net == "int8" else f"{model}, {net}"


def _limited(report: Report, model: str) -> list[str]:
    """The metrics of which a model's drop is limited."""
    metrics = (case.metric for case in report.cases if case.model == model and is_loss(case.kind))
    return list(dict.fromkeys(metric for metric in metrics if metric is not None))


def layer_table(entry: DiagnosisEntry, layers: Sequence[LayerEntry]) -> list[tuple[str, ...]]:
    """Some layers of an entry as rows of text, the header first."""
    total = sum(layer.macs or 0 for layer in entry.layers)
    return [HEADER, *(_row(layer, total) for layer in layers)]


def _row(layer: LayerEntry, total_macs: int) -> tuple[str, ...]:
    output, macs = layer.output, layer.macs
    share = None if output is None else output.share
    return (
        layer.layer,
        layer.type,
        layer.own.cell,
        layer.accumulated.cell,
        "-" if output is None else output.cell,
        "-" if share is None else f"{100 * share:.1f} %",
        "-" if macs is None else f"{100 * macs / total_macs:.1f} %",
    )


def markdown_lines(report: Report) -> Iterator[str]:
    """A section with the worst layers of every model that was diagnosed; nothing where none was."""
    found = {name: model for name, model in report.models.items() if model.diagnoses}
    if not found:
        return
    yield from ("", "## Layers", "")
    yield MEANING
    for name, model in found.items():
        for net, entry in model.diagnoses.items():
            yield ""
            if isinstance(entry, NoDiagnosisEntry):
                yield plain(f"{_titled(name, net)}: {worst_line(entry)}")
                continue
            yield from _markdown_table(_titled(name, net), entry)
            for line in stage_lines(model, _limited(report, name)) if net == "int8" else ():
                yield from ("", plain(line))


def _markdown_table(name: str, entry: DiagnosisEntry) -> Iterator[str]:
    yield f"{plain(name)}, SQNR of the output {plain(entry.output.text)} on {len(entry.samples)} samples:"
    yield ""
    header, *rows = layer_table(entry, entry.worst_layers(_SHOWN_IN_MARKDOWN))
    yield f"| {' | '.join(header)} |"
    yield f"|{'---|' * 2}{'---:|' * (len(header) - 2)}"
    for row in rows:
        yield f"| {' | '.join(map(plain, row))} |"
