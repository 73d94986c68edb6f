"""Reading a zoo file for a subcommand, with what `conftest.py` files and installed packages bring for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_quant.zoo.reader import Zoo


def open_zoo(path: Path, *, fp32_only: bool = False) -> Zoo:
    """What `read_zoo` reads, after everything is registered that pytest would register for the file."""
    from pytest_quant.extending.finding import register_found
    from pytest_quant.extending.known import active
    from pytest_quant.zoo.reader import read_zoo

    register_found(active(), path)
    return read_zoo(path, fp32_only=fp32_only)
