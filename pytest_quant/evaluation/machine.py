"""The runtimes and instruction sets that a result was made with: each net format tells its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError

from pytest_quant.extending.known import format_names, get_format
from pytest_quant.spec.environment import cpu_flags


@dataclass(frozen=True)
class Elsewhere:
    """Another machine than this one, whose results they are."""

    isa: tuple[str, ...]
    told: str | None = None
    """How the conditions of a model name it; None: not at all."""
    cpu: str | None = None
    """What it calls its processor; None: as this one does."""


_elsewhere: list[Elsewhere] = []


@contextmanager
def computed_on(sets: Iterable[str], told: str | None = None, cpu: str | None = None) -> Iterator[None]:
    """For a while results are those of another machine with these instruction sets; see `Elsewhere`."""
    found = Elsewhere(tuple(sets), told, cpu)
    _elsewhere.append(found)
    try:
        yield
    finally:
        _elsewhere.remove(found)


def other_machine() -> Elsewhere | None:
    """The machine that computes, where it is not this one."""
    return _elsewhere[-1] if _elsewhere else None


def isa() -> tuple[str, ...]:
    """The instruction sets that matter to int8 results, sorted; int8 results differ between them.

    Where the system does not tell, the runtimes are asked.
    """
    return _elsewhere[-1].isa if _elsewhere else own_isa()


@cache
def own_isa() -> tuple[str, ...]:
    """Those of this machine, whichever one computes."""
    return cpu_flags() or tuple(
        sorted({flag for name in format_names() for flag in get_format(name).instruction_sets()})
    )


def runtimes() -> dict[str, str]:
    """Version of the runtime of each net format that is installed, by the format's name."""
    found = {}
    for name in format_names():
        try:
            found[name] = get_format(name).version()
        except PackageNotFoundError:  # an extra that is not installed
            continue
    return found
