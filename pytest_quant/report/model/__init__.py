"""The report as types (``schema: 1``): what processes tell each other, what JSON holds, what every writer reads.

>>> from pytest_quant.report.model import Report
>>> sorted(Report.model_json_schema()["properties"])
['cases', 'environment', 'models', 'part', 'schema']
"""

from pytest_quant.report.model.base import Entry, json_value
from pytest_quant.report.model.case import Case, Scalar
from pytest_quant.report.model.classes import ClassEntry, ClassesEntry
from pytest_quant.report.model.diagnosis import (
    DiagnosisEntry,
    LayerEntry,
    LayerOutputEntry,
    LayerSqnrEntry,
    NoDiagnosisEntry,
    SqnrEntry,
)
from pytest_quant.report.model.look import LookEntry
from pytest_quant.report.model.metric import MeasuredMetric, MetricEntry
from pytest_quant.report.model.model import (
    CalibrationEntry,
    FileEntry,
    ModelEntry,
    MovedEntry,
    SamplesEntry,
    TextsEntry,
)
from pytest_quant.report.model.net import (
    FlipsEntry,
    NetEntry,
    NetSamplesEntry,
    OnnxEntry,
    OnnxFlipsEntry,
    OnnxMetricEntry,
    OnnxOutputsEntry,
    OutputsEntry,
    TimingEntry,
)
from pytest_quant.report.model.part import PartEntry
from pytest_quant.report.model.report import SCHEMA, EnvironmentEntry, Report
from pytest_quant.report.model.rescue import (
    ByNetBytes,
    ByNetMilliseconds,
    EvaluatedEntry,
    LossEntry,
    NoRescueEntry,
    RescueEntry,
    RescueFilesEntry,
    RescueTimingEntry,
    SearchedEntry,
)
from pytest_quant.report.model.sanity import FindingEntry, SanityEntry

__all__ = [
    "SCHEMA",
    "ByNetBytes",
    "ByNetMilliseconds",
    "CalibrationEntry",
    "Case",
    "ClassEntry",
    "ClassesEntry",
    "DiagnosisEntry",
    "Entry",
    "EnvironmentEntry",
    "EvaluatedEntry",
    "FileEntry",
    "FindingEntry",
    "FlipsEntry",
    "LayerEntry",
    "LayerOutputEntry",
    "LayerSqnrEntry",
    "LookEntry",
    "LossEntry",
    "MeasuredMetric",
    "MetricEntry",
    "ModelEntry",
    "MovedEntry",
    "NetEntry",
    "NetSamplesEntry",
    "NoDiagnosisEntry",
    "NoRescueEntry",
    "OnnxEntry",
    "OnnxFlipsEntry",
    "OnnxMetricEntry",
    "OnnxOutputsEntry",
    "OutputsEntry",
    "PartEntry",
    "Report",
    "RescueEntry",
    "RescueFilesEntry",
    "RescueTimingEntry",
    "SamplesEntry",
    "SanityEntry",
    "Scalar",
    "SearchedEntry",
    "SqnrEntry",
    "TextsEntry",
    "TimingEntry",
    "json_value",
]
