"""How much the reading of a config with all its bases may take: some lines can ask for more than a machine has."""

from __future__ import annotations

import time
from pathlib import Path

from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.text import shown

_MOST_VALUES = 1_000_000
"""Entries of lists and dicts and characters of texts, counted wherever one is made or named; configs have thousands."""
_LONGEST_S = 10.0
"""Of a core. The slowest config that anybody wrote takes some tenths."""
_LOOKS = 256
"""So many values at a time the clock is looked at, which takes as long as they do."""
FILE_VALUES = 1000
"""What reading a file counts for: two bases, each with two of its own, are many files soon."""


class Effort:
    """What is left for one config."""

    def __init__(self, path: Path) -> None:
        """``path`` is the config that messages name."""
        self._path = path
        self._left = _MOST_VALUES
        self._looked = 0
        self._end_s = time.thread_time() + _LONGEST_S

    def spend(self, values: int = 1) -> None:
        """Count values; raises `ConfigError` when there are too many, or like `look`."""
        self._left -= values
        if self._left < 0:
            raise ConfigError(
                f"{shown(self._path)} is not read: with all that it inherits, and with what it names several times "
                f"written out, it has more than {_MOST_VALUES} values"
            )
        self._looked += 1
        if self._looked % _LOOKS == 0:
            self.look()

    def look(self) -> None:
        """Look at the clock; raises `ConfigError` when it has taken too long."""
        if time.thread_time() > self._end_s:
            raise ConfigError(f"{shown(self._path)} is not read: that takes more than {_LONGEST_S:g} s")
