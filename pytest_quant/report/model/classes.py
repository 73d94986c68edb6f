"""How much single classes lose: ``classes`` of a model."""

from __future__ import annotations

from pytest_quant.report.model.base import Entry


class ClassEntry(Entry):
    """One class, or category, in the unit of the metric."""

    name: str
    """As the dataset calls it, or its number."""
    samples: int
    """How many of the evaluated samples hold it."""
    fp32: float
    int8: float
    drop: float
    """How much worse int8 is."""


class ClassesEntry(Entry):
    """The classes of one metric."""

    judged: int
    """How many classes enough of the evaluated samples hold."""
    worst: tuple[ClassEntry, ...]
    """Those of them that lose most, ten at most, the largest drop first."""
    few: tuple[str, ...] = ()
    """The names of classes that too few samples hold for a judgement."""

    @property
    def losing(self) -> tuple[ClassEntry, ...]:
        """The worst ones that lose something."""
        return tuple(one for one in self.worst if one.drop > 0)
