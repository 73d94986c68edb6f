"""Layer diagnosis in reports: ``diagnosis`` of a model's entry as data, then the lines that are made of it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import Any

from pytest_quant.diagnosis.diagnose import Diagnosis, LayerError
from pytest_quant.evidence.likeness import sqnr_note
from pytest_quant.judging.limits import is_loss
from pytest_quant.report.stages import stage_lines
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.text import listed, shown

Entry = Mapping[str, Any]

_SHOWN = 3
"""How many layers a message names; the report has all."""
_SHOWN_IN_MARKDOWN = 5

MEANING = (
    "SQNR against the float net. Own: the layer alone; accumulated: the net up to that layer; output: of the net's "
    "output when the layer alone is int8, worst first, and its share of the noise that the int8 net has there."
)
HEADER = ("layer", "type", "own dB", "accumulated dB", "output dB", "share of noise", "share of MACs")


def diagnosis_entry(found: Diagnosis) -> dict[str, Any]:
    """Plain JSON values. Where an SQNR is no number it is null, and ``note`` says why."""
    return {
        "samples": list(found.samples),
        "output_samples": found.output_samples,
        "seed": found.seed,
        "output": sqnr_entry(found.output_sqnr_db),
        "worst": [error.layer for error in found.worst],
        "unmatched": list(found.unmatched),
        "layers": [_layer(error) for error in found.layers],
    }


def failed_entry(reason: str) -> dict[str, Any]:
    """In the place of a diagnosis that could not be made."""
    return {"error": reason}


def _layer(error: LayerError) -> dict[str, Any]:
    return {
        "layer": error.layer,
        "type": error.type,
        "blob": error.blob,
        "quantized": error.quantized,
        "macs": error.macs,
        "own": {**sqnr_entry(error.own_sqnr_db), "cosine": _number(error.own_cosine, 6)},
        "accumulated": {**sqnr_entry(error.accumulated_sqnr_db), "cosine": _number(error.accumulated_cosine, 6)},
        **({"output": _output(error)} if error.quantized else {}),
    }


def _output(error: LayerError) -> dict[str, Any]:
    share = error.output_share
    return {**sqnr_entry(error.output_sqnr_db), "share": None if share is None else _number(share, 4)}


def sqnr_entry(value: float | None) -> dict[str, Any]:
    """An SQNR as plain JSON; where it is no number it is null, and ``note`` says why."""
    note = sqnr_note(value)
    return {"sqnr_db": None if value is None else _number(value, 2)} | ({} if note is None else {"note": note})


def _number(value: float, digits: int) -> float | None:
    return round(value, digits) if isfinite(value) else None


def decibel(sqnr: Entry) -> str:
    """An SQNR of an entry in words.

    >>> decibel({"sqnr_db": 9.81}), decibel({"sqnr_db": None, "note": "identical"})
    ('9.8 dB', 'identical')
    """
    return str(sqnr["note"]) if sqnr["sqnr_db"] is None else f"{sqnr['sqnr_db']:.1f} dB"


def worst_layers(entry: Entry, count: int) -> list[Entry]:
    """The first layers of the ranking."""
    by_name = {layer["layer"]: layer for layer in entry["layers"]}
    return [by_name[name] for name in entry["worst"][:count]]


def worst_line(entry: Entry) -> str:
    """The worst layers with their three numbers, in one line."""
    if "error" in entry:
        return f"no layer diagnosis: {entry['error']}"
    worst = (
        f"{layer['layer']} {decibel(layer['output'])} ({decibel(layer['own'])} alone, "
        f"{decibel(layer['accumulated'])} accumulated)"
        for layer in worst_layers(entry, _SHOWN)
    )
    return f"worst layers, by the SQNR of the output when they alone are int8: {listed(worst)}"


def message_lines(model: ModelSpec, entry: Entry) -> str:
    """What a failure message says: the worst layers, and what to type next."""
    if "error" in entry:
        return f"\n  {worst_line(entry)}"
    command = f"pytest-quant diagnose --zoo {shlex.quote(shown(model.zoo))} --model {shlex.quote(model.name)}"
    seed = f" --seed {entry['seed']}" if entry["seed"] else ""
    return f"\n  {worst_line(entry)}\n  all layers: {command}{seed}"


def summary_lines(report: Entry) -> Iterator[str]:
    """The models of a report that were diagnosed, in the terminal's summary."""
    for name, model in report["models"].items():
        entry = model.get("diagnosis")
        if entry is None:
            continue
        if "error" in entry:
            yield f"{name}: {worst_line(entry)}"
            continue
        yield f"{name}: SQNR of the output {decibel(entry['output'])} on {len(entry['samples'])} samples"
        yield from (f"  {line}" for line in (worst_line(entry), *stage_lines(model, _limited(report, name))))


def _limited(report: Entry, model: str) -> list[str]:
    """The metrics of which a model's drop is limited."""
    cases = (case for case in report["cases"] if case["model"] == model and is_loss(case["kind"]))
    return list(dict.fromkeys(case["metric"] for case in cases))


def layer_table(entry: Entry, layers: Sequence[Entry]) -> list[tuple[str, ...]]:
    """Some layers of an entry as rows of text, the header first."""
    total = sum(layer["macs"] or 0 for layer in entry["layers"])
    return [HEADER, *(_row(layer, total) for layer in layers)]


def _row(layer: Entry, total_macs: int) -> tuple[str, ...]:
    output, macs = layer.get("output"), layer["macs"]
    share = None if output is None else output["share"]
    return (
        layer["layer"],
        layer["type"],
        _cell(layer["own"]),
        _cell(layer["accumulated"]),
        "-" if output is None else _cell(output),
        "-" if share is None else f"{100 * share:.1f} %",
        "-" if macs is None else f"{100 * macs / total_macs:.1f} %",
    )


def _cell(sqnr: Entry) -> str:
    return str(sqnr["note"]) if sqnr["sqnr_db"] is None else f"{sqnr['sqnr_db']:.1f}"


def markdown_lines(report: Entry) -> Iterator[str]:
    """A section with the worst layers of every model that was diagnosed; nothing where none was."""
    found = {name: model for name, model in report["models"].items() if "diagnosis" in model}
    if not found:
        return
    yield from ("", "## Layers", "")
    yield MEANING
    for name, model in found.items():
        entry = model["diagnosis"]
        yield ""
        if "error" in entry:
            yield f"{name}: {worst_line(entry)}"
            continue
        yield f"{name}, SQNR of the output {decibel(entry['output'])} on {len(entry['samples'])} samples:"
        yield ""
        header, *rows = layer_table(entry, worst_layers(entry, _SHOWN_IN_MARKDOWN))
        yield f"| {' | '.join(header)} |"
        yield f"|{'---|' * 2}{'---:|' * (len(header) - 2)}"
        for row in rows:
            yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
        for line in stage_lines(model, _limited(report, name)):
            yield from ("", line)
