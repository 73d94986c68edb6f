"""The classes that lose most, as rows of text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pytest_quant.report.model import ModelEntry


@dataclass(frozen=True)
class ClassTable:
    """The classes of one metric."""

    metric: str
    rows: tuple[tuple[str, ...], ...]
    """Each: name, samples, fp32, int8, drop."""


def class_tables(entry: ModelEntry) -> Iterator[ClassTable]:
    """One per metric in which some class loses."""
    further = [
        (f"{name} of {net}", name, classes)
        for net, one in entry.further_nets.items()
        for name, classes in (one.classes or {}).items()
    ]
    for title, name, classes in (*((name, name, classes) for name, classes in (entry.classes or {}).items()), *further):
        number = entry.metrics[name].metric(name).number
        rows = tuple(
            (one.name, str(one.samples), number(one.fp32), number(one.int8), number(one.drop)) for one in classes.losing
        )
        if rows:
            yield ClassTable(title, rows)
