"""The end of a run, told to processes that compute beforehand."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

OVER = "over"
"""A file in the folder of the run: the process that reports needs nothing more."""


def say_over(run_dir: Path) -> None:
    """Tell all processes of the run that nothing is to be computed beforehand any more."""
    with suppress(OSError):
        (run_dir / OVER).touch()
