"""From what was measured to the report; every writer renders that and decides nothing."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_quant.evaluation.machine import isa, other_machine, runtimes
from pytest_quant.evidence.interval import Interval, two_sided_level
from pytest_quant.judging.class_drops import ClassDrops
from pytest_quant.judging.intervals import measured_drop
from pytest_quant.judging.limits.classes import ClassTolerance
from pytest_quant.judging.limits.published import Published
from pytest_quant.report.diagnosis import sqnr_entry
from pytest_quant.report.model import (
    SCHEMA,
    CalibrationEntry,
    Case,
    ClassEntry,
    ClassesEntry,
    EnvironmentEntry,
    FileEntry,
    FindingEntry,
    FlipsEntry,
    LookEntry,
    MeasuredMetric,
    MetricEntry,
    ModelEntry,
    MovedEntry,
    NetEntry,
    NetSamplesEntry,
    OnnxEntry,
    OnnxFlipsEntry,
    OnnxMetricEntry,
    OnnxOutputsEntry,
    OutputsEntry,
    Report,
    SamplesEntry,
    SanityEntry,
    TextsEntry,
    TimingEntry,
    json_value,
)
from pytest_quant.spec.environment import cpu_name, versions
from pytest_quant.spec.metric import Metric
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.text import relative_posix
from pytest_quant.tasks.base import Flips, MetricPair, Moved, RightWrong

if TYPE_CHECKING:
    from pytest_quant.evaluation.agreement import OutputAgreement
    from pytest_quant.evaluation.calibration_facts import CalibrationFacts
    from pytest_quant.evaluation.measurement import Measurement, Timing
    from pytest_quant.judging.sanity.finding import Finding

_CLASSES_KEPT = 10
"""How many of the classes that lose most a report has."""

_DIGITS = 9
"""Digits after the point that a report keeps: enough for any count over any dataset, and the same on every machine."""


def model_entry(
    measurement: Measurement, zoo_id: str, confidence: float, limited: Collection[str] | None = None
) -> ModelEntry:
    """One value of the report's ``models``.

    ``zoo_id`` is the zoo file as node ids name it. ``limited`` are the metrics that a limit of the run names: those of
    hmean and AP that none names have no interval, since one takes seconds; None: all have.
    """
    model, comparison = measurement.model, measurement.comparison
    return ModelEntry(
        zoo=zoo_id,
        task=model.task,
        dataset=model.dataset.name,
        files=_files(measurement),
        calibration=None if measurement.calibration is None else _calibration(measurement.calibration),
        samples=SamplesEntry(
            evaluated=measurement.evaluated,
            total=measurement.total,
            seed=measurement.seed,
            sha256=measurement.samples_sha256,
            stopped_early=measurement.stopped_early,
            look=_look(measurement),
        ),
        metrics={
            name: MetricEntry(
                **dict(_measured_metric(measurement, pair, confidence, limited)), published=_published(model, name)
            )
            for name, pair in sorted(comparison.metrics.items())
        },
        flips=_flips(comparison.flips),
        moved=tuple(_moved(moved) for moved in comparison.moved),
        classes=_classes(measurement) or None,
        details={name: json_value(value) for name, value in comparison.details.items()} or None,
        notes=(*model.notes, *model.remarks),
        conditions={name: json_value(value) for name, value in measurement.conditions.items()},
        timing=_timing(measurement.timing),
        predictions=dict(measurement.side_keys),
        runtimes={"fp32": measurement.fp32_runtime, "int8": measurement.runtime},
    )


def onnx_entry(measurement: Measurement, agreement: OutputAgreement) -> OnnxEntry:
    """The model before conversion beside the ncnn fp32 net: ``onnx`` of a value of ``models``."""
    flips = measurement.comparison.flips
    return OnnxEntry(
        runtime=measurement.runtime,
        evaluated=measurement.evaluated,
        metrics={
            name: OnnxMetricEntry(onnx=_rounded(pair.int8), fp32=_rounded(pair.fp32), drop=_rounded(-pair.drop))
            for name, pair in sorted(measurement.comparison.metrics.items())
        },
        flips=OnnxFlipsEntry(
            only_onnx_right=flips.only_int8_right,
            only_fp32_right=flips.only_fp32_right,
            agreement=_rounded(flips.agreement_pct),
        ),
        outputs=OnnxOutputsEntry(**dict(outputs_entry(agreement))),
        timing=_timing(measurement.timing),
    )


def outputs_entry(agreement: OutputAgreement) -> OutputsEntry:
    """Raw outputs: ``outputs`` of a model or of a further net."""
    return OutputsEntry(
        samples=agreement.samples,
        blobs={blob: sqnr_entry(value) for blob, value in sorted(agreement.sqnr_db.items())},
        worst=agreement.worst[0],
    )


def net_entry(measurement: Measurement, confidence: float, limited: Collection[str] | None) -> NetEntry:
    """A further net in the place of int8: a value of a model's ``nets``."""
    return NetEntry(
        runtime=measurement.runtime,
        samples=NetSamplesEntry(
            evaluated=measurement.evaluated,
            total=measurement.total,
            stopped_early=measurement.stopped_early,
            look=_look(measurement),
        ),
        metrics={
            name: _measured_metric(measurement, pair, confidence, limited)
            for name, pair in sorted(measurement.comparison.metrics.items())
        },
        flips=_flips(measurement.comparison.flips),
        classes=_classes(measurement) or None,
        timing=_timing(measurement.timing),
    )


def sanity_entry(findings: Iterable[Finding]) -> SanityEntry:
    """What the checks found about a model."""
    return SanityEntry(
        findings=tuple(
            FindingEntry(check=one.check, severity=one.severity, found=one.found, advice=one.advice, waived=one.waived)
            for one in findings
        )
    )


def _classes(measurement: Measurement) -> dict[str, ClassesEntry]:
    limits = measurement.model.limits
    limited = {
        limit.metric.name for limit in limits if isinstance(limit, ClassTolerance) and limit.net == measurement.net
    }
    able = [name for name, pair in measurement.comparison.metrics.items() if pair.metric.has_classes]
    return {
        name: _classes_entry(ClassDrops.of(measurement, measurement.comparison.metrics[name].metric))
        for name in able
        if name in limited or (name == able[0] and measurement.net == "int8")
    }


def _classes_entry(drops: ClassDrops) -> ClassesEntry:
    worst = (
        ClassEntry(
            name=one.name,
            samples=one.samples,
            fp32=_rounded(one.pair.fp32),
            int8=_rounded(one.pair.int8),
            drop=_rounded(one.pair.drop),
        )
        for one in drops.judged[:_CLASSES_KEPT]
    )
    return ClassesEntry(judged=len(drops.judged), worst=tuple(worst), few=tuple(one.name for one in drops.few))


def _look(measurement: Measurement) -> LookEntry | None:
    look = measurement.look
    if look is None:
        return None
    return LookEntry(number=look.number, planned=look.plan.sizes, evidence="approximate")


def _timing(timing: Timing) -> TimingEntry:
    return TimingEntry(
        seconds=timing.elapsed_s,
        images_per_second={str(net): rate for net, rate in timing.images_per_second.items()},
        cached={str(net): cached for net, cached in timing.cached.items()},
    )


def _flips(flips: Flips) -> FlipsEntry:
    return FlipsEntry(
        only_fp32_right=flips.only_fp32_right,
        only_int8_right=flips.only_int8_right,
        agreement=_rounded(flips.agreement_pct),
    )


def _moved(moved: Moved) -> MovedEntry:
    texts = None
    if moved.texts is not None:
        truth, fp32, int8 = moved.texts
        texts = TextsEntry(truth=truth, fp32=fp32, int8=int8)
    return MovedEntry(sample=moved.sample, fp32=_rounded(moved.fp32), int8=_rounded(moved.int8), texts=texts)


def _measured_metric(
    measurement: Measurement, pair: MetricPair, confidence: float, limited: Collection[str] | None
) -> MeasuredMetric:
    metric = pair.metric
    wanted = limited is None or metric.name in limited or isinstance(pair.evidence, RightWrong)
    interval = measured_drop(measurement, pair, confidence) if wanted else None
    return MeasuredMetric(
        unit=metric.unit,
        higher_is_better=metric.higher_is_better,
        maximum=None if Metric(metric.name, metric.unit).maximum is not None else metric.maximum,
        fp32=_rounded(pair.fp32),
        int8=_rounded(pair.int8),
        drop=_rounded(pair.drop),
        ci=None
        if interval is None or interval.width == math.inf
        else (_rounded(interval.low), _rounded(interval.high)),
        ci_level=two_sided_level(confidence),
        method="not computed: no limit of this run names the metric" if interval is None else interval.method,
    )


def _bounds(interval: Interval) -> tuple[float, float] | None:
    """None where nothing is known: JSON has no infinity."""
    return None if math.isinf(interval.width) else (_rounded(interval.low), _rounded(interval.high))


def _published(model: ModelSpec, metric: str) -> dict[str, float]:
    rules = (limit for limit in model.limits if isinstance(limit, Published))
    return {rule.side: rule.value for rule in rules if rule.metric.name == metric}


def _files(measurement: Measurement) -> dict[str, FileEntry]:
    from pytest_quant.evaluation.keys import net_files  # brings what evaluates, which a controller does without

    model = measurement.model
    return {
        name: FileEntry(path=_shown_path(path, model), sha256=measurement.file_sha256[name])
        for name, path in net_files(model).items()
        if ":" not in name  # weights beside an ONNX file, which names them
    }


def _calibration(facts: CalibrationFacts) -> CalibrationEntry:
    return CalibrationEntry(
        method=facts.method,
        images=facts.images,
        sha256=facts.sha256,
        eight_bit=facts.eight_bit,
        keep_float=facts.keep_float,
        also_evaluated=facts.also_evaluated,
    )


def _shown_path(path: Path, model: ModelSpec) -> str:
    """Relative to the zoo file; of a file that was built, its place among the built files, the same everywhere."""
    if model.built_in is not None and path.is_relative_to(model.built_in):
        return f"built/{path.relative_to(model.built_in).as_posix()}"
    return relative_posix(path, model.zoo.parent)


def _rounded(value: float) -> float:
    return round(value, _DIGITS) + 0.0  # the sum turns -0.0 into 0.0


def _cpu() -> str:
    """The processor that computed."""
    other = other_machine()
    return cpu_name() if other is None or other.cpu is None else other.cpu


def build_report(
    models: Mapping[str, ModelEntry], cases: Iterable[Case], *, started: str, options: Mapping[str, object]
) -> Report:
    """The whole report, sorted: models by name, cases by id. ``started`` is an ISO 8601 time."""
    return Report(
        schema=SCHEMA,
        environment=EnvironmentEntry(
            **versions(),
            ncnn=runtimes()["ncnn"],
            runtimes=runtimes(),
            cpu=_cpu(),
            isa=isa(),
            started=started,
            options={name: json_value(value) for name, value in options.items()},
        ),
        models={name: models[name] for name in sorted(models)},
        cases=tuple(sorted(cases, key=lambda case: (case.id, case.kind, case.metric or ""))),
    )
