"""The runs of a history one row of the table at a time, and what was otherwise from one to the next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pytest_quant.history.file import KeptRun
from pytest_quant.history.records import Result, RunRecord


@dataclass(frozen=True)
class Point:
    """One row of the table in one run."""

    number: int
    """Of the run."""
    run: RunRecord
    result: Result
    changed: tuple[str, ...]
    """What is otherwise than in the point before, in words: machine, versions, files, samples."""


@dataclass(frozen=True)
class Series:
    """One model, net and metric over the runs that have it, the oldest first."""

    model: str
    net: str
    metric: str
    points: tuple[Point, ...]

    @property
    def title(self) -> str:
        """Such as ``resnet18-cifar10 top1``."""
        net = "" if self.net == "int8" else f" {self.net}"
        return f"{self.model}{net} {self.metric}".rstrip()


def series_of(runs: Sequence[KeptRun]) -> list[Series]:
    """All rows of all runs, by model, net and metric."""
    found: dict[tuple[str, str, str], list[Point]] = {}
    for kept in runs:
        for result in kept.results:
            points = found.setdefault((result.model, result.net, result.metric), [])
            changed = tuple(_changed(points[-1], kept.run, result)) if points else ()
            points.append(Point(kept.number, kept.run, result, changed))
    return [Series(*key, tuple(found[key])) for key in sorted(found)]


def _changed(before: Point, run: RunRecord, result: Result) -> Iterator[str]:
    yield from environment_changes(before.run.environment, run.environment)
    old = before.result
    if None not in (old.files_sha256, result.files_sha256) and old.files_sha256 != result.files_sha256:
        yield "other files"
    if None not in (old.samples_sha256, result.samples_sha256) and old.samples_sha256 != result.samples_sha256:
        yield "other samples"


def environment_changes(before: dict[str, str], now: dict[str, str]) -> Iterator[str]:
    """What is otherwise, in words.

    >>> list(environment_changes({"ncnn": "1.0", "cpu": "A"}, {"ncnn": "1.1", "cpu": "A"}))
    ['ncnn 1.0 -> 1.1']
    """
    for name in [*before, *(name for name in now if name not in before)]:
        old, new = before.get(name, "none"), now.get(name, "none")
        if old != new:
            yield f"{name} {old} -> {new}"
