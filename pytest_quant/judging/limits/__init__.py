"""The kinds of limits, one file each; `KINDS` lists them, and a file is imported when its kind is first asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module

from pytest_quant.judging.limits.base import JudgedLimit

KINDS: Mapping[str, str] = {
    "tolerance": "tolerance:Tolerance",
    "floor": "floor:Floor",
    "published": "published:Published",
    "require": "require:Requirement",
    "classes": "classes:ClassTolerance",
    "size": "size:MostSize",
    "speedup": "speedup:LeastSpeedup",
    "sanity": "sanity:Sane",
    "int8": "int8:Quantized",
    "table": "table:SoundTable",
    "onnx": "onnx:Parity",
    "net": "net:NetTolerance",
    "baseline": "baseline:NoWorse",
}
"""Kind to module and class, in the order in which a model's cases are listed."""


@cache
def limit_class(kind: str) -> type[JudgedLimit] | None:
    """The class of a kind; None for what is not a limit: ``config``, ``zoo``.

    >>> limit_class("floor").__name__
    'Floor'
    """
    if kind not in KINDS:
        return None
    module, _, name = KINDS[kind].partition(":")
    found: type[JudgedLimit] = getattr(import_module(f"{__name__}.{module}"), name)
    return found


def limit_classes() -> Iterator[type[JudgedLimit]]:
    """All kinds, in the order of `KINDS`."""
    for kind in KINDS:
        found = limit_class(kind)
        if found is not None:
            yield found


def is_loss(kind: str) -> bool:
    """Whether a case of that kind says how much int8 loses.

    >>> is_loss("tolerance"), is_loss("zoo")
    (True, False)
    """
    found = limit_class(kind)
    return found is not None and found.is_loss


def is_estimate(kind: str) -> bool:
    """Whether bounds decide a case of that kind on a subset.

    >>> is_estimate("floor"), is_estimate("int8")
    (True, False)
    """
    found = limit_class(kind)
    return found is not None and found.is_estimate


def is_silent_when_skipped(kind: str) -> bool:
    """Whether a case of that kind says nothing about its model where it was skipped.

    >>> is_silent_when_skipped("baseline"), is_silent_when_skipped("tolerance")
    (True, False)
    """
    found = limit_class(kind)
    return found is not None and found.is_silent_when_skipped


def tells_below_table(kind: str) -> bool:
    """Whether the reason of a broken case of that kind stands below the table.

    >>> tells_below_table("classes"), tells_below_table("config")
    (True, False)
    """
    found = limit_class(kind)
    return found is not None and found.tells_below_table
