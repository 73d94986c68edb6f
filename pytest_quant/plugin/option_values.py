"""Values of options and of the ini file, checked: what is wrong with one is a usage error that names it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest


def given_value(config: pytest.Config, name: str) -> Any:
    """Of the command line, else of the ini file."""
    given = config.getoption(name)
    return config.getini(name) if given is None else given


def given_text(config: pytest.Config, name: str) -> str:
    """The same as text, without what stands around it; ``name`` as it is behind ``quant_``."""
    return str(given_value(config, f"quant_{name}")).strip()


def whole_number(name: str, text: str, least: int, other: str = "") -> int:
    """An option's whole number; ``other``: what it may be beside."""
    try:
        found = int(text)
    except ValueError:
        found = least - 1
    if found < least:
        raise pytest.UsageError(f"--quant-{name}: found {text!r}, expected a whole number of {least} or more{other}")
    return found


def number(name: str, text: str, expected: str) -> float:
    """An option's number, in words what is ``expected``."""
    try:
        return float(text)
    except ValueError:
        raise pytest.UsageError(f"{name}: found {text!r}, expected {expected}") from None


_MOST = 1e6
"""Eleven days, which what waits for processes can count in milliseconds of 32 bits, or as many gigabytes."""


def above_zero(name: str, text: str, unit: str) -> float:
    """An option's number of some unit."""
    expected = f"{unit}, a number above 0"
    found = number(name, text, expected)
    if found > _MOST:
        expected += f" and up to {_MOST:g}"
    if not 0 < found <= _MOST:
        raise pytest.UsageError(f"{name}: found {text!r}, expected {expected}")
    return found


def ini_percentage(config: pytest.Config, name: str, example: float) -> float:
    """An ini option that is a percentage."""
    text = str(config.getini(name))
    expected = f"a percentage above 0 and up to 100, such as {example:g}"
    found = number(name, text, expected)
    if not 0 < found <= 100:
        raise pytest.UsageError(f"{name}: found {text!r}, expected {expected}")
    return found


def ini_count(config: pytest.Config, name: str, least: int = 0) -> int:
    """An ini option that says how many."""
    from pytest_quant.spec import strict

    text = str(config.getini(name)).strip()
    found = strict.whole_number(text)
    if found is None or found < least:
        raise pytest.UsageError(f"{name}: found {text!r}, expected a whole number of {least} or more")
    return found


def called_path(config: pytest.Config, name: str) -> Path:
    """A path relative to where pytest was called, in the one form that collected files have, too."""
    return Path(os.path.abspath(config.invocation_params.dir / name))


def given_path(config: pytest.Config, name: str) -> Path | None:
    """A path: relative to the working folder on the command line, to rootdir in the ini file."""
    given = config.getoption(name)
    if given is not None:
        return called_path(config, given)
    from_ini = str(config.getini(name))
    return config.rootpath / from_ini if from_ini else None
