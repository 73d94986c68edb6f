"""The whole report of one run."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, JsonValue

from pytest_quant.report.model.base import Entry
from pytest_quant.report.model.case import Case
from pytest_quant.report.model.model import ModelEntry
from pytest_quant.report.model.part import PartEntry

SCHEMA: Literal[1] = 1


class EnvironmentEntry(Entry):
    """The machine, and the versions of what a result depends on."""

    pytest_quant: str
    ncnn: str
    numpy: str
    opencv: str
    python: str
    cpu: str
    isa: tuple[str, ...]
    """Instruction sets that int8 results depend on, sorted."""
    runtimes: dict[str, str]
    """Net format to the version of its runtime, of those that are installed; ncnn is one of them."""
    started: str
    """ISO 8601."""
    options: dict[str, JsonValue]
    """How the run was started."""


class Report(Entry):
    """The report of pytest-quant."""

    schema_: Literal[1] = Field(alias="schema")
    environment: EnvironmentEntry
    models: dict[str, ModelEntry]
    """By name, sorted."""
    cases: tuple[Case, ...]
    """Sorted by id."""
    part: PartEntry | None = None
    """Of a run with ``--quant-shard``: the samples and predictions of that part."""
