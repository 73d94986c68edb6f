"""What is kept of a run: its circumstances, and one record for each row of its table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pytest_quant.report.model import ModelEntry, Report
from pytest_quant.report.table import Row, table
from pytest_quant.spec.metric import Metric


@dataclass(frozen=True)
class Commit:
    """The state of the working folder that was tested."""

    sha: str
    is_dirty: bool
    """Whether tracked files were changed."""

    @property
    def short(self) -> str:
        """Seven digits, with a ``+`` where files were changed.

        >>> Commit("0123456789abcdef", True).short
        '0123456+'
        """
        return self.sha[:7] + ("+" if self.is_dirty else "")


@dataclass(frozen=True)
class RunRecord:
    """The circumstances of a run."""

    started: str
    """ISO 8601."""
    commit: Commit | None
    """None: not in a git working tree, or without git."""
    environment: dict[str, str]
    """Name to version, processor and instruction sets: what results legitimately depend on."""

    @classmethod
    def of(cls, report: Report, commit: Commit | None) -> RunRecord:
        """Of the run that a report is about."""
        found = report.environment
        versions = {"pytest-quant": found.pytest_quant, "numpy": found.numpy, "opencv": found.opencv}
        machine = {"python": found.python, "cpu": found.cpu, "isa": " ".join(found.isa)}
        return cls(found.started, commit, {**versions, **found.runtimes, **machine})


@dataclass(frozen=True)
class Result:
    """One row of a run's table: a metric of a net against fp32; numbers in the metric's own unit."""

    model: str
    net: str
    """``int8``, or the further net in its place."""
    metric: str
    """Empty: about a model as a whole, of which nothing was measured."""
    unit: str | None
    maximum: float | None
    higher_is_better: bool
    fp32: float | None
    int8: float | None
    drop: float | None
    ci_low: float | None
    ci_high: float | None
    evaluated: int | None
    total: int | None
    samples_sha256: str | None
    files_sha256: str | None
    """Over the files of the net and of fp32; None: nothing was measured."""
    verdict: str
    """As the table has it, such as ``FAIL (table)``."""
    mood: str
    """``good``, ``excused`` or ``bad``."""

    @property
    def of_metric(self) -> Metric:
        """What the numbers mean."""
        return Metric(self.metric, self.unit or "", self.higher_is_better, maximum=self.maximum)


def results(report: Report) -> Iterator[Result]:
    """One for each row of a report's table that ran."""
    for row in table(report).rows:
        if row.verdict.outcome != "not_run":
            yield _result(row, report.models.get(row.model))


def _result(row: Row, model: ModelEntry | None) -> Result:
    values = None if row.numbers is None else row.numbers.values
    metric = None if row.numbers is None else row.numbers.metric
    low, high = (None, None) if values is None or values.ci is None else values.ci
    noise = None if row.outputs is None else row.outputs.worst.sqnr_db
    shown = row.numbers or row.outputs
    return Result(
        model=row.model,
        net=row.net or "int8",
        metric=row.metric or "",
        unit="dB" if row.outputs is not None else None if metric is None else metric.unit,
        maximum=None if metric is None else metric.maximum,
        higher_is_better=metric is None or metric.higher_is_better,
        fp32=None if values is None else values.fp32,
        int8=noise if values is None else values.int8,
        drop=None if values is None else values.drop,
        ci_low=low,
        ci_high=high,
        evaluated=None if shown is None else shown.evaluated,
        total=None if shown is None else shown.total,
        samples_sha256=None if model is None else model.samples.sha256,
        files_sha256=None if model is None else _files(model, row.net or "int8"),
        verdict=row.verdict.text,
        mood=row.verdict.mood,
    )


def _files(model: ModelEntry, net: str) -> str:
    from pytest_quant.evaluation.digests import sha256_json

    return sha256_json(
        {name: file.sha256 for name, file in model.files.items() if name.partition(".")[0] in ("fp32", net)}
    )
