"""The cache before and after a run: leftovers are removed, and what was not used for longest where it is too large."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_quant.evaluation.alive import Alive
from pytest_quant.evaluation.kept import prune, remove_parts
from pytest_quant.plugin.settings import Settings

_GB = 1e9


def care_for(config: pytest.Config, cache: Path, settings: Settings, *, is_worker: bool) -> None:
    """Look after a cache until the session ends; a cache that cannot be written needs no care."""
    try:
        care = CacheCare(cache, settings.cache_size_gb * _GB)
        if not is_worker:
            care.begin()
    except OSError:
        return
    config.add_cleanup(care.leave if is_worker else care.end)


class CacheCare:
    """Of one process that uses a cache."""

    def __init__(self, cache: Path, most_bytes: float) -> None:
        """Take part; raises `OSError` where the cache cannot be written."""
        self._cache = cache
        self._most_bytes = most_bytes
        self._alive = Alive(cache)

    def begin(self) -> None:
        """Remove what dead processes left half written, where no other process is at it."""
        if not self._alive.others():
            remove_parts(self._cache)

    def end(self) -> None:
        """Keep the bound: what this run used, or another that lives, stays. With that this process's part ends."""
        try:
            since = [self._alive.since_ns, *(path.stat().st_mtime_ns for path in self._alive.others())]
            prune(self._cache, self._most_bytes, spared_since_ns=min(since))
        except OSError:  # another run ends at the same time, or the user has removed the cache
            return
        finally:
            self._alive.end()

    def leave(self) -> None:
        """End without looking after anything: another process does."""
        self._alive.end()
