"""What a process that runs tests has collected, written down before it runs them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_quant.evaluation.files import replace_file
from pytest_quant.report.model import Entry
from pytest_quant.run.records import RunCase
from pytest_quant.spec.errors import StorageError
from pytest_quant.spec.part import Part

if TYPE_CHECKING:
    from pytest_quant.report.model import PartEntry

_FILE = "planned.json"


class PlannedTest(Entry):
    """One accuracy test that was collected and selected; a test in Python may have no limits, or several."""

    id: str
    cases: tuple[RunCase, ...]


class Plan(Entry):
    """What a process that runs tests has collected, before it runs them."""

    tests: tuple[PlannedTest, ...] = ()
    outlook: tuple[str, ...] = ()
    """What to know before the run, in words: notes on entries that were filled in, what sampled cases can prove."""


def write_plan(plan: Plan, run_dir: Path) -> None:
    """Write it down where the process that reports finds it; raises `OSError`."""
    replace_file(run_dir / _FILE, json.dumps(plan.as_json()).encode())


def read_plan(run_dir: Path) -> Plan:
    """What the processes that run tests wrote down; empty when nothing was collected.

    Raises `StorageError` where somebody has damaged it, `OSError` where it cannot be read.
    """
    path = run_dir / _FILE
    try:
        return Plan.model_validate(json.loads(path.read_bytes())) if path.exists() else Plan()
    except ValueError as error:
        raise StorageError(f"{path}: what the run wrote down was damaged while it was on") from error


def part_entry(part: Part | None, run_dir: Path) -> PartEntry | None:
    """What all processes of the run carry of a part; None where the run evaluates everything."""
    if part is None:
        return None
    from pytest_quant.judging.part_work import kept_datasets, kept_models
    from pytest_quant.report.model import PartEntry
    from pytest_quant.run.quant_run import PART_FOLDER

    tests = sorted(test.id for test in read_plan(run_dir).tests)
    models, datasets = kept_models(run_dir / PART_FOLDER), kept_datasets(run_dir / PART_FOLDER)
    return PartEntry(index=part.index, of=part.of, tests=tuple(tests), models=models, datasets=datasets)
