"""One model: fp32 and int8 on the same samples, and what else is known of it."""

from __future__ import annotations

from pydantic import Field, JsonValue

from pytest_quant.report.model.base import Entry
from pytest_quant.report.model.classes import ClassesEntry
from pytest_quant.report.model.diagnosis import DiagnosisEntry, NoDiagnosisEntry
from pytest_quant.report.model.look import LookEntry
from pytest_quant.report.model.metric import MetricEntry
from pytest_quant.report.model.net import FlipsEntry, NetEntry, OnnxEntry, OutputsEntry, TimingEntry
from pytest_quant.report.model.rescue import NoRescueEntry, RescueEntry
from pytest_quant.report.model.sanity import SanityEntry


class FileEntry(Entry):
    """A file of a model."""

    path: str
    """Relative to the zoo file."""
    sha256: str


class CalibrationEntry(Entry):
    """What the int8 net was made from, where the run made it."""

    method: str
    images: int
    sha256: str
    """Over the contents of the images, in their order."""
    eight_bit: bool
    keep_float: tuple[str, ...]
    also_evaluated: tuple[str, ...]
    """Samples of the dataset that are calibration images too."""


class SamplesEntry(Entry):
    """Which samples were evaluated."""

    evaluated: int
    total: int
    seed: int
    sha256: str
    """Over id, content and ground truth of the evaluated samples, in their order."""
    stopped_early: bool
    look: LookEntry | None = None
    """The look that it ended at, where looks were planned."""


class TextsEntry(Entry):
    """The true text of a sample, and what both sides read."""

    truth: str
    fp32: str
    int8: str


class MovedEntry(Entry):
    """A sample on which the two sides differ, and what it adds on each."""

    sample: str
    fp32: float
    int8: float
    texts: TextsEntry | None = None
    """Where the answers are texts."""


class ModelEntry(Entry):
    """One value of ``models``."""

    zoo: str
    """The zoo file, relative to the root folder of the run."""
    task: str
    dataset: str
    files: dict[str, FileEntry]
    calibration: CalibrationEntry | None = None
    samples: SamplesEntry
    metrics: dict[str, MetricEntry]
    flips: FlipsEntry
    outputs: OutputsEntry | None = None
    """int8's raw outputs, where a floor of ``sqnr_db`` asks for them."""
    moved: tuple[MovedEntry, ...] = ()
    """The samples that moved most, where samples are not just right or wrong."""
    classes: dict[str, ClassesEntry] | None = None
    """Metric to the classes that lose most in it: of the task's first metric, and of those with a class tolerance."""
    details: dict[str, JsonValue] | None = None
    """What the task says besides, such as the threshold that was taken."""
    notes: tuple[str, ...] = ()
    """What is to be known of the entry of the zoo file."""
    conditions: dict[str, JsonValue]
    """Of the evaluation; each can be required."""
    timing: TimingEntry
    predictions: dict[str, str] = Field(default_factory=dict)
    """Net to what the cache keeps its predictions under; a comparison of reports finds them by it."""
    runtimes: dict[str, str] | None = None
    """What ran fp32 and int8, with its version."""
    onnx: OnnxEntry | None = None
    """The model before conversion to ncnn."""
    onnx_int8: NetEntry | None = None
    """The quantized ONNX file."""
    nets: dict[str, NetEntry] | None = None
    """All other further nets, by the user's name."""
    sanity: SanityEntry | None = None
    """What makes its numbers meaningless or doubtful."""
    diagnosis: DiagnosisEntry | NoDiagnosisEntry | None = None
    rescue: RescueEntry | NoRescueEntry | None = None

    @property
    def further_nets(self) -> dict[str, NetEntry]:
        """All further nets that were measured, by name."""
        quantized = {} if self.onnx_int8 is None else {"onnx_int8": self.onnx_int8}
        return quantized | (self.nets or {})

    @property
    def diagnoses(self) -> dict[str, DiagnosisEntry | NoDiagnosisEntry]:
        """The layer diagnoses of its nets, int8 first."""
        further = {name: net.diagnosis for name, net in self.further_nets.items()}
        return {name: found for name, found in ({"int8": self.diagnosis} | further).items() if found is not None}

    def with_net(self, name: str, net: NetEntry) -> ModelEntry:
        """With a further net."""
        if name == "onnx_int8":
            return self.model_copy(update={"onnx_int8": net})
        return self.model_copy(update={"nets": dict(sorted({**(self.nets or {}), name: net}.items()))})

    def completed(self, more: ModelEntry) -> ModelEntry:
        """With what another process knows besides: one may have run the ONNX files, another not."""
        known = {name: value for name in type(self).model_fields if (value := getattr(more, name)) not in (None, ())}
        completed = self.model_copy(update={**known, "nets": self.nets})
        for name, net in more.further_nets.items():
            mine = self.further_nets.get(name)
            completed = completed.with_net(name, net if mine is None else mine.completed(net))
        return completed
