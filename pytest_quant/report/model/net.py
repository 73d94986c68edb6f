"""Further nets of a model beside its fp32 net: ``onnx``, ``onnx_int8`` and ``nets``."""

from __future__ import annotations

from pytest_quant.report.model.base import Entry
from pytest_quant.report.model.classes import ClassesEntry
from pytest_quant.report.model.diagnosis import DiagnosisEntry, NoDiagnosisEntry, SqnrEntry
from pytest_quant.report.model.look import LookEntry
from pytest_quant.report.model.metric import MeasuredMetric


class TimingEntry(Entry):
    """How long it took; differs from run to run."""

    seconds: float
    images_per_second: dict[str, float]
    """Net to forward passes of one core, as measured when the predictions were made."""
    cached: dict[str, bool]
    """Net to whether all its predictions were there already."""


class FlipsEntry(Entry):
    """How single samples changed sides."""

    only_fp32_right: int
    only_int8_right: int
    agreement: float
    """Samples with the same answer, right or wrong, in percent."""


class NetSamplesEntry(Entry):
    """Of a further net: the first samples of the model's order."""

    evaluated: int
    total: int
    stopped_early: bool
    look: LookEntry | None = None
    """The look that it ended at, where looks were planned."""


class OutputsEntry(Entry):
    """The raw outputs of a net beside those of fp32, which are the signal."""

    samples: int
    blobs: dict[str, SqnrEntry]
    worst: str
    """The output that agrees least."""


class NetEntry(Entry):
    """A further net in the place of int8."""

    runtime: str
    """Name and version of what ran it."""
    samples: NetSamplesEntry
    metrics: dict[str, MeasuredMetric]
    flips: FlipsEntry
    classes: dict[str, ClassesEntry] | None = None
    """Metric to the classes that lose most in it, of those with a class tolerance of this net."""
    outputs: OutputsEntry | None = None
    """Where a floor of ``sqnr_db`` asks for them."""
    timing: TimingEntry
    diagnosis: DiagnosisEntry | NoDiagnosisEntry | None = None
    """Of its layers, against the float net of the same runtime."""

    def completed(self, more: NetEntry) -> NetEntry:
        """With what another process knows besides: one may have compared the raw outputs, another not."""
        known = {name: getattr(self, name) or getattr(more, name) for name in ("outputs", "diagnosis")}
        return self.model_copy(update=known)


class OnnxMetricEntry(Entry):
    """One metric of the model before conversion, in its own unit."""

    onnx: float
    fp32: float
    drop: float
    """What the conversion lost."""


class OnnxFlipsEntry(Entry):
    """How single samples changed sides in the conversion."""

    only_onnx_right: int
    only_fp32_right: int
    agreement: float
    """Samples with the same answer, right or wrong, in percent."""


class OnnxOutputsEntry(OutputsEntry):
    """The raw outputs of both, the ONNX file's being the signal."""


class OnnxEntry(Entry):
    """The model before conversion."""

    runtime: str
    """Name and version of what ran it."""
    evaluated: int
    metrics: dict[str, OnnxMetricEntry]
    flips: OnnxFlipsEntry
    outputs: OnnxOutputsEntry
    timing: TimingEntry
