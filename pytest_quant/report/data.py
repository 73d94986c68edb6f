"""The report as data (``schema: 1``); every writer renders this and decides nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from pytest_quant.evaluation.agreement import OutputAgreement
from pytest_quant.evaluation.calibration_facts import CalibrationFacts
from pytest_quant.evaluation.measure import Measurement, Timing
from pytest_quant.evidence.interval import two_sided_level
from pytest_quant.judging.intervals import measured_drop
from pytest_quant.judging.limits.published import Published
from pytest_quant.report.diagnosis import sqnr_entry
from pytest_quant.spec.environment import cpu_name, isa, versions
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.text import relative_posix
from pytest_quant.spec.verdict import CaseRecord
from pytest_quant.tasks.base import MetricPair, Moved, RightWrong

SCHEMA = 1

_MODEL_DIGITS = 9
"""Digits after the point that a report keeps: enough for any count over any dataset, and the same on every machine."""


def model_entry(
    measurement: Measurement, zoo_id: str, confidence: float, limited: Collection[str] | None = None
) -> dict[str, Any]:
    """One value of the report's ``models``: plain JSON values, without NaN.

    ``zoo_id`` is the zoo file as node ids name it. ``limited`` are the metrics that a limit of the run names: those of
    hmean and AP that none names have no interval, since one takes seconds; None: all have.
    """
    model, comparison = measurement.model, measurement.comparison
    flips = comparison.flips
    return {
        "zoo": zoo_id,
        "task": model.task,
        "dataset": model.dataset.name,
        "files": _files(measurement),
        **({"calibration": _calibration(measurement.calibration)} if measurement.calibration is not None else {}),
        "samples": {
            "evaluated": measurement.evaluated,
            "total": measurement.total,
            "seed": measurement.seed,
            "sha256": measurement.samples_sha256,
            "stopped_early": measurement.stopped_early,
        },
        "metrics": {
            name: _metric_entry(measurement, pair, confidence, limited is None or name in limited)
            for name, pair in sorted(comparison.metrics.items())
        },
        "flips": {
            "only_fp32_right": flips.only_fp32_right,
            "only_int8_right": flips.only_int8_right,
            "agreement": _rounded(flips.agreement_pct),
        },
        **({"moved": [_moved_entry(moved) for moved in comparison.moved]} if comparison.moved else {}),
        **({"details": dict(comparison.details)} if comparison.details else {}),
        **({"notes": [*model.notes, *model.remarks]} if model.notes or model.remarks else {}),
        "conditions": dict(measurement.conditions),
        "timing": _timing(measurement.timing),
    }


def onnx_entry(measurement: Measurement, agreement: OutputAgreement) -> dict[str, Any]:
    """The model before conversion beside the ncnn fp32 net: ``onnx`` of a value of ``models``."""
    return {
        "runtime": measurement.runtime,
        "evaluated": measurement.evaluated,
        "metrics": {
            name: {"onnx": _rounded(pair.int8), "fp32": _rounded(pair.fp32), "drop": _rounded(-pair.drop)}
            for name, pair in sorted(measurement.comparison.metrics.items())
        },
        "flips": {
            "only_onnx_right": measurement.comparison.flips.only_int8_right,
            "only_fp32_right": measurement.comparison.flips.only_fp32_right,
            "agreement": _rounded(measurement.comparison.flips.agreement_pct),
        },
        "outputs": {
            "samples": agreement.samples,
            "blobs": {blob: sqnr_entry(value) for blob, value in sorted(agreement.sqnr_db.items())},
            "worst": agreement.worst[0],
        },
        "timing": _timing(measurement.timing),
    }


def onnx_int8_entry(measurement: Measurement, confidence: float, limited: Collection[str] | None) -> dict[str, Any]:
    """The quantized ONNX file beside the ncnn fp32 net: ``onnx_int8`` of a value of ``models``, formed like it."""
    flips = measurement.comparison.flips
    metrics = {
        name: _metric_entry(measurement, pair, confidence, limited is None or name in limited)
        for name, pair in sorted(measurement.comparison.metrics.items())
    }
    return {
        "runtime": measurement.runtime,
        "samples": {
            "evaluated": measurement.evaluated,
            "total": measurement.total,
            "stopped_early": measurement.stopped_early,
        },
        "metrics": {
            name: {key: value for key, value in entry.items() if key != "published"} for name, entry in metrics.items()
        },
        "flips": {
            "only_fp32_right": flips.only_fp32_right,
            "only_int8_right": flips.only_int8_right,
            "agreement": _rounded(flips.agreement_pct),
        },
        "timing": _timing(measurement.timing),
    }


def _timing(timing: Timing) -> dict[str, Any]:
    return {
        "seconds": timing.elapsed_s,
        "images_per_second": dict(timing.images_per_second),
        "cached": dict(timing.cached),
    }


def _moved_entry(moved: Moved) -> dict[str, str | float]:
    return {"sample": moved.sample, "fp32": _rounded(moved.fp32), "int8": _rounded(moved.int8)}


def _metric_entry(measurement: Measurement, pair: MetricPair, confidence: float, limited: bool) -> dict[str, Any]:
    wanted = limited or isinstance(pair.evidence, RightWrong)
    interval = measured_drop(measurement, pair, confidence) if wanted else None
    return {
        "unit": pair.metric.unit,
        "higher_is_better": pair.metric.higher_is_better,
        "fp32": _rounded(pair.fp32),
        "int8": _rounded(pair.int8),
        "drop": _rounded(pair.drop),
        "ci": None if interval is None else [_rounded(interval.low), _rounded(interval.high)],
        "ci_level": two_sided_level(confidence),
        "method": "not computed: no limit of this run names the metric" if interval is None else interval.method,
        "published": _published(measurement.model, pair.metric.name),
    }


def _published(model: ModelSpec, metric: str) -> dict[str, float]:
    rules = (limit for limit in model.limits if isinstance(limit, Published))
    return {rule.side: rule.value for rule in rules if rule.metric.name == metric}


def _files(measurement: Measurement) -> dict[str, dict[str, str]]:
    model = measurement.model
    paths: dict[str, Path | None] = {
        "fp32.param": model.fp32.param,
        "fp32.bin": model.fp32.bin,
        "int8.param": model.int8.param,
        "int8.bin": model.int8.bin,
        "int8.table": model.table,
        **{net: file.path for net in model.nets if (file := model.onnx_file(net)) is not None},
    }
    return {
        name: {"path": _shown_path(path, model), "sha256": measurement.file_sha256[name]}
        for name, path in paths.items()
        if path is not None
    }


def _calibration(facts: CalibrationFacts) -> dict[str, Any]:
    return {
        "method": facts.method,
        "images": facts.images,
        "sha256": facts.sha256,
        "eight_bit": facts.eight_bit,
        "keep_float": list(facts.keep_float),
        "also_evaluated": list(facts.also_evaluated),
    }


def _shown_path(path: Path, model: ModelSpec) -> str:
    """Relative to the zoo file; of a file that was built, its place among the built files, the same everywhere."""
    if model.built_in is not None and path.is_relative_to(model.built_in):
        return f"built/{path.relative_to(model.built_in).as_posix()}"
    return relative_posix(path, model.zoo.parent)


def _rounded(value: float) -> float:
    return round(value, _MODEL_DIGITS) + 0.0  # the sum turns -0.0 into 0.0


def case_entry(record: CaseRecord) -> dict[str, Any]:
    """One row of the report's ``cases``."""
    return {
        "id": record.id,
        "model": record.model,
        "metric": record.metric,
        "kind": record.kind,
        "limit": record.limit,
        "value": _rounded(record.value) if isinstance(record.value, float) else record.value,
        "verdict": record.verdict,
        "outcome": record.outcome,
        "reason": record.reason,
        "seconds": record.seconds,
    }


def build_report(
    models: Mapping[str, Mapping[str, Any]],
    records: Iterable[CaseRecord],
    *,
    started: str,
    options: Mapping[str, Any],
) -> dict[str, Any]:
    """The whole report, sorted: models by name, cases by id. ``started`` is an ISO 8601 time."""
    cases = sorted(records, key=lambda record: (record.id, record.kind, record.metric or ""))
    return {
        "schema": SCHEMA,
        "environment": {
            **versions(),
            "cpu": cpu_name(),
            "isa": list(isa()),
            "started": started,
            "options": dict(options),
        },
        "models": {name: dict(models[name]) for name in sorted(models)},
        "cases": [case_entry(record) for record in cases],
    }
