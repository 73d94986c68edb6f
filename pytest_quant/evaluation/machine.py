"""The runtimes and instruction sets that a result was made with: each net format tells its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import PackageNotFoundError

from pytest_quant.extending.known import format_names, get_format
from pytest_quant.spec.environment import cpu_flags

_elsewhere: list[tuple[str, ...]] = []


@contextmanager
def computed_on(sets: Iterable[str]) -> Iterator[None]:
    """For a while results are those of another machine with these instruction sets."""
    _elsewhere.append(tuple(sets))
    try:
        yield
    finally:
        _elsewhere.pop()


def isa() -> tuple[str, ...]:
    """The instruction sets that matter to int8 results, sorted; int8 results differ between them.

    Where the system does not tell, the runtimes are asked.
    """
    return _elsewhere[-1] if _elsewhere else _own_isa()


@cache
def _own_isa() -> tuple[str, ...]:
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
