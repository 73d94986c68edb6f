from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from pytest_quant.diagnosis.diagnose import Diagnosis, LayerError
from pytest_quant.diagnosis.diagnoses import NoDiagnosis
from pytest_quant.judging.limits.floor import Floor
from pytest_quant.judging.limits.tolerance import Tolerance
from pytest_quant.report.diagnosis import (
    diagnosis_entry,
    layer_table,
    markdown_lines,
    sqnr_entry,
    summary_lines,
    tried_entry,
    worst_line,
)
from pytest_quant.report.model import (
    Case,
    DiagnosisEntry,
    ModelEntry,
    NoDiagnosisEntry,
    OnnxEntry,
    OnnxFlipsEntry,
    OnnxMetricEntry,
    OnnxOutputsEntry,
    Report,
    SqnrEntry,
    TimingEntry,
)
from tests.unit.metrics import METRICS
from tests.unit.reports import model_of, record, report_of


def error(layer: str, own: float, output: float | None, **changes: object) -> LayerError:
    found = LayerError(
        layer=layer,
        type="Convolution",
        blob=layer,
        quantized=output is not None,
        accumulated_sqnr_db=own - 1,
        accumulated_cosine=0.98765432,
        own_sqnr_db=own,
        own_cosine=0.999,
        output_sqnr_db=output,
        output_share=None if output is None else 0.25,
        macs=100,
    )
    return replace(found, **changes)  # type: ignore[arg-type]


def diagnosis(*layers: LayerError) -> Diagnosis:
    return Diagnosis("net", ("a.png", "b.png"), 2, 0, layers, output_sqnr_db=9.87)


LAYERS = (
    error("first", 30, 40.0),
    error("pool", math.inf, None, macs=None, type="Pooling"),
    error("second", 12.345, 10.0),
    error("third", 11, 20.0),
    error("fourth", 10, 20.0),
)


def test_layers_are_ranked_by_what_they_do_to_the_output() -> None:
    """Of two that do the same harm the one with the larger error comes first; float layers are not to blame."""
    assert [found.layer for found in diagnosis(*LAYERS).worst] == ["second", "fourth", "third", "first"]


@pytest.mark.parametrize("value", [math.nan, -math.inf])
def test_values_that_are_not_finite_are_the_worst(value: float) -> None:
    found = diagnosis(*LAYERS, error("broken", 99, value))
    assert found.worst[0].layer == "broken"


def test_a_layer_without_any_error_comes_last() -> None:
    assert diagnosis(error("exact", math.inf, math.inf), *LAYERS).worst[-1].layer == "exact"


def test_the_entry_is_plain_json() -> None:
    broken = error("broken", math.nan, math.nan, own_cosine=math.nan, output_share=None)
    empty = error("empty", -math.inf, -math.inf)
    typed = diagnosis_entry(diagnosis(*LAYERS, broken, empty))
    entry = json.loads(json.dumps(typed.as_json(), allow_nan=False))
    assert DiagnosisEntry.model_validate(entry) == typed
    layers = {layer["layer"]: layer for layer in entry["layers"]}
    assert layers["second"]["own"] == {"sqnr_db": 12.35, "cosine": 0.999}
    assert layers["second"]["output"] == {"sqnr_db": 10.0, "share": 0.25}
    assert layers["pool"]["own"] == {"sqnr_db": None, "note": "identical", "cosine": 0.999}
    assert "output" not in layers["pool"]
    assert layers["broken"]["own"] == {"sqnr_db": None, "note": "values that are not finite", "cosine": None}
    assert layers["empty"]["output"]["note"] == "noise without a signal"
    assert entry["worst"][:2] == ["broken", "empty"]
    assert entry["output"] == {"sqnr_db": 9.87}
    assert entry["samples"] == ["a.png", "b.png"]


def test_lines() -> None:
    entry = diagnosis_entry(diagnosis(*LAYERS))
    assert worst_line(entry) == (
        "worst layers, by the SQNR of the output when they alone are int8: second 10.0 dB (12.3 dB alone, 11.3 dB "
        "accumulated), fourth 20.0 dB (10.0 dB alone, 9.0 dB accumulated), third 20.0 dB (11.0 dB alone, 10.0 dB "
        "accumulated)"
    )
    assert sqnr_entry(math.inf).text == sqnr_entry(math.inf).cell == "identical"


def test_table() -> None:
    entry = diagnosis_entry(diagnosis(*LAYERS))
    rows = layer_table(entry, entry.layers)
    assert rows[1] == ("first", "Convolution", "30.0", "29.0", "40.0", "25.0 %", "25.0 %")
    assert rows[2] == ("pool", "Pooling", "identical", "identical", "-", "-", "-")


def report(**models: DiagnosisEntry | NoDiagnosisEntry | None) -> Report:
    """A report with a tolerance of top1 for each model; those that were diagnosed have an ONNX file, too."""
    limits = (Tolerance(METRICS["top1"], 1.0), Floor(METRICS["top1"], 70.0))
    cases: list[Case] = [record(limit, "fail", "failed", name) for name in models for limit in limits]
    return report_of(*cases, models={name: _model(entry) for name, entry in models.items()})


def _model(entry: DiagnosisEntry | NoDiagnosisEntry | None) -> ModelEntry:
    onnx = ONNX if isinstance(entry, DiagnosisEntry) else None
    return model_of(diagnosis=entry, onnx=onnx)


ONNX = OnnxEntry(
    runtime="some runtime",
    evaluated=10,
    metrics={"top1": OnnxMetricEntry(onnx=90.0, fp32=90.0, drop=0.0)},
    flips=OnnxFlipsEntry(only_onnx_right=0, only_fp32_right=0, agreement=100.0),
    outputs=OnnxOutputsEntry(samples=8, blobs={"prob": SqnrEntry(sqnr_db=None, note="identical")}, worst="prob"),
    timing=TimingEntry(seconds=1.0, images_per_second={}, cached={}),
)
STAGES = (
    "stages, top1: onnx 90.00 -> ncnn fp32 90.00 (lost 0.00 points, outputs identical) -> int8 78.00 (lost 12.00 "
    "points, outputs 9.9 dB): all of the loss by quantization"
)


def test_summary() -> None:
    entry = diagnosis_entry(diagnosis(*LAYERS))
    lines = list(summary_lines(report(net=entry, odd=tried_entry(NoDiagnosis("no file")), fine=None)))
    assert lines == [
        "net: SQNR of the output 9.9 dB on 2 samples",
        f"  {worst_line(entry)}",
        f"  {STAGES}",
        "odd: no layer diagnosis: no file",
    ]


def test_markdown() -> None:
    entry = diagnosis_entry(diagnosis(*LAYERS, error("a|b", 1, 1.0)))
    lines = list(markdown_lines(report(net=entry, fine=None, odd=tried_entry(NoDiagnosis("why")))))
    assert lines[1] == "## Layers"
    assert "| a\\|b | Convolution | 1.0 | 0.0 | 1.0 | 25.0 % | 20.0 % |" in lines
    assert STAGES in lines
    assert lines[-1] == "odd: no layer diagnosis: why"
    assert not any("fine" in line for line in lines)
    assert list(markdown_lines(report(fine=None))) == []


def test_no_layer_is_counted() -> None:
    entry = diagnosis_entry(diagnosis(error("embed", 20, 20.0, macs=None)))
    assert layer_table(entry, entry.layers)[1][-1] == "-"
