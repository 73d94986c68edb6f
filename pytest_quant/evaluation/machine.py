"""The runtimes and instruction sets that a result was made with: each net format tells its own."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError

from pytest_quant.extending.known import format_names, get_format
from pytest_quant.spec.environment import cpu_flags


@cache
def isa() -> tuple[str, ...]:
    """The instruction sets that matter to int8 results, sorted; int8 results differ between them.

    Where the system does not tell, the runtimes are asked.
    """
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
