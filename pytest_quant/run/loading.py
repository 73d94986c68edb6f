"""What every run of accuracy cases takes, loaded at once and before anything of the user's is there."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module

import pytest

from pytest_quant.nets.trial.process import OF_THIS_PROCESS

TO_BEGIN = ("pytest_quant.run.xdist", "pytest_quant.run.cache_folder")
TO_DECIDE = ("pytest_quant.run.hooks", "pytest_quant.run.quant_run")
"""In a controller, too, where a baseline or a cluster is asked for."""
ALWAYS: tuple[str, ...] = ("pytest_quant.run.hooks", "pytest_quant.run.registering", "pytest_quant.run.cache_care")
TO_RUN = (
    "scipy.special",
    "pytest_quant.judging.assess",
    "pytest_quant.judging.part_work",
    "pytest_quant.building.workbench",
    "pytest_quant.run.bulletin",
)
TO_REPORT = ("pytest_quant.run.session", "pytest_quant.run.summary")
TO_CONTROL = (*TO_REPORT, "pytest_quant.run.bulletin", "pytest_quant.report.data", "pytest_quant.report.terminal")
"""In a process that has workers, all that it reports with, while they start."""
TO_TRY_NETS = ("pytest_quant.nets.ncnn.opening",)
"""In the child process that tries them: the format of most nets."""


@cache
def load(names: tuple[str, ...]) -> None:
    """Import modules, and have the garbage collector look at none of the objects that there are by now.

    They live as long as the process. To look through them again and again, and to take them apart at its end, takes
    half a second of a run. What tests and their conftest.py make comes later, and is collected as ever.

    Raises `pytest.UsageError` where a library that one of them takes cannot be loaded.
    """
    with nothing_collected():
        for name in names:
            _import(name)
    gc.freeze()


@contextmanager
def nothing_collected() -> Iterator[None]:
    """Have the garbage collector look for nothing meanwhile: where much is made that stays, and hardly any cycle."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _import(name: str) -> None:
    try:
        import_module(name)
    except (ImportError, MemoryError, OSError) as error:
        said = str(error) or "there is no memory left"
        raise pytest.UsageError(
            f"--quant: {name} cannot be loaded: {type(error).__name__}: {said}; is the installation whole (pip check), "
            "and is there enough memory for it (ulimit -v, the bound of the container)?"
        ) from None


def start_trials() -> None:
    """Have the child process that tries nets import its libraries while this one imports its own."""
    OF_THIS_PROCESS.start(TO_TRY_NETS)
