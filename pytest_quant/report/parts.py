"""Reports of parts: whether they are the parts of one run, and what they carry together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_quant.evaluation.parts.content import Content
from pytest_quant.report.model import PartEntry, Report
from pytest_quant.report.read import read_report
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.text import listed, shown

_OWN = frozenset({"jobs", "keep"})
"""Options that change nothing of what is computed."""


@dataclass(frozen=True)
class ReadPart:
    """One part with its file."""

    path: Path
    report: Report
    part: PartEntry


@dataclass(frozen=True)
class Parts:
    """All parts of one run, in their order."""

    parts: tuple[ReadPart, ...]

    @property
    def first(self) -> Report:
        """Stands for all in what they have in common."""
        return self.parts[0].report

    @property
    def tests(self) -> tuple[str, ...]:
        """The accuracy tests that were selected."""
        return self.parts[0].part.tests

    @property
    def models(self) -> dict[str, list[Content]]:
        """What they carry of each model."""
        return _joined([one.part.models for one in self.parts])

    @property
    def datasets(self) -> dict[str, list[Content]]:
        """What they carry of each dataset."""
        return _joined([one.part.datasets for one in self.parts])


def read_parts(paths: Sequence[Path]) -> Parts:
    """Read and check them; raises `ConfigError` that names a part that is missing, repeated or of another run."""
    parts = [_read(path) for path in paths]
    count = parts[0].part.of
    by_index: dict[int, ReadPart] = {}
    for one in parts:
        if one.part.of != count:
            raise ConfigError(f"{shown(one.path)} is one of {one.part.of} parts, {shown(parts[0].path)} one of {count}")
        other = by_index.setdefault(one.part.index, one)
        if other is not one:
            raise ConfigError(f"{shown(other.path)} and {shown(one.path)} are both part {one.part.index} of {count}")
    missing = [str(index) for index in range(1, count + 1) if index not in by_index]
    if missing:
        raise ConfigError(f"part {listed(missing)} of {count} is missing: found {listed(map(str, sorted(by_index)))}")
    ordered = [by_index[index] for index in sorted(by_index)]
    for one in ordered[1:]:
        _check_same(ordered[0], one)
    return Parts(tuple(ordered))


def _read(path: Path) -> ReadPart:
    report = read_report(path)
    if report.part is None:
        raise ConfigError(f"{shown(path)}: is the report of a whole run; one of a part is written by --quant-shard I/N")
    return ReadPart(path, report, report.part)


def _check_same(one: ReadPart, other: ReadPart) -> None:
    """Raise `ConfigError` for the first thing in which two parts are not of the same run."""
    for what, first, second in _facts(one, other):
        if first != second:
            raise ConfigError(
                f"{shown(other.path)} is not of the same run as {shown(one.path)}: {what} is {_told(second)} there "
                f"and {_told(first)} here"
            )
    tests = set(one.part.tests) ^ set(other.part.tests)
    if tests:
        raise ConfigError(
            f"{shown(other.path)} is not of the same run as {shown(one.path)}: {min(tests)} is in one of them only"
        )


def _facts(one: ReadPart, other: ReadPart) -> list[tuple[str, object, object]]:
    known, found = one.report.environment, other.report.environment
    facts: list[tuple[str, object, object]] = [
        (f"the version of {name}", getattr(known, name), getattr(found, name))
        for name in ("pytest_quant", "ncnn", "numpy", "opencv", "python")
    ]
    facts.append(("the instruction set", known.isa, found.isa))
    facts += [(f"the version of {name}", version, found.runtimes.get(name)) for name, version in known.runtimes.items()]
    facts += [
        (f"the option {name}", value, found.options.get(name))
        for name, value in known.options.items()
        if name not in _OWN
    ]
    for kind in ("models", "datasets"):
        contents: Mapping[str, Content] = getattr(one.part, kind)
        others: Mapping[str, Content] = getattr(other.part, kind)
        facts += [
            (f"{what} of {name}", digest, others[name].digests.get(what))
            for name, content in contents.items()
            if name in others
            for what, digest in content.digests.items()
        ]
    return facts


def _told(value: object) -> str:
    if isinstance(value, tuple):
        return " ".join(map(str, value)) or "unknown"
    return "absent" if value is None else str(value)[:60]


def _joined(parts: Sequence[Mapping[str, Content]]) -> dict[str, list[Content]]:
    """By name, in the order of the parts; one that a part lacks is empty there."""
    names = dict.fromkeys(name for part in parts for name in part)
    return {name: [part.get(name, _EMPTY) for part in parts] for name in names}


_EMPTY = Content(digests={}, items={})
