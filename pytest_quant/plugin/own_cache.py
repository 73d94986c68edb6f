"""What pytest does not look for tests in: the cache of accuracy cases, where it lies among them."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

_HEX = re.compile(r"[0-9a-f]{2}|[0-9a-f]{32}")


class OwnCache:
    """Keeps collection out of a cache: its files are many, and its folders need not let anybody in.

    What is not ours in a folder that somebody calls a cache is collected as ever.
    """

    def __init__(self, cache: Path) -> None:
        self._places = {os.path.abspath(cache), os.path.realpath(cache)}

    @pytest.hookimpl(tryfirst=True)  # pytest itself fails at a folder without rights
    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        """True for the cache, and for folders in it that hold nothing else or cannot be looked into."""
        name = os.fspath(collection_path)
        for place in self._places:
            if name == place or name.startswith(place + os.sep):
                parts = Path(name).relative_to(place).parts
                return True if os.path.isdir(name) and _is_closed(name, parts) else None
        return None


def _is_closed(folder: str, parts: tuple[str, ...]) -> bool:
    """Whether nothing of the user's can be found in a folder; ``parts``: its path below the cache."""
    from pytest_quant.evaluation.kept import KINDS, URLS

    if not os.access(folder, os.R_OK | os.X_OK):
        return True
    if not parts:
        return {*os.listdir(folder)} <= {*KINDS, "alive"}
    if parts == (URLS,):
        return os.path.isdir(os.path.join(folder, "notes"))
    return len(parts) == 2 and parts[0] in KINDS and _HEX.fullmatch(parts[1]) is not None
