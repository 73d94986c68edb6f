"""Who of a process computes: what is wanted now, or what somebody computes beforehand with cores that nobody needs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pytest_quant.evaluation.engine.work import Release


class Turns:
    """Counts the jobs of a process that somebody waits for.

    >>> turns = Turns()
    >>> with turns.taken():
    ...     turns.is_free
    False
    >>> turns.is_free
    True
    """

    def __init__(self) -> None:
        self._wanted = 0
        self._lock = threading.Lock()

    @property
    def is_free(self) -> bool:
        """Whether nobody waits for a job of this process."""
        return self._wanted == 0

    @contextmanager
    def taken(self) -> Iterator[None]:
        """A job that somebody waits for."""
        with self._lock:
            self._wanted += 1
        try:
            yield
        finally:
            with self._lock:
                self._wanted -= 1


@dataclass(frozen=True)
class Helper:
    """An engine that computes beforehand."""

    turns: Turns | None = None
    """It begins with no shard while one of these is taken; None: it needs no cores of this process."""
    threads: int | None = None
    """How many of the run's cores it takes at most; None: all."""
    ended: threading.Event = field(default_factory=threading.Event)
    """Set when nothing is to be computed beforehand any more."""
    over: Path | None = None
    """A file whose being there says the same, to all processes of a run."""
    begin: Callable[[str], Release | None] | None = None
    """Is told the model before each shard, and gives what is called when it is done; None: it is not the time for it.

    It may raise `CancelledError`, which ends the job.
    """

    def holds_back(self) -> bool:
        """Whether it is to wait; raises `CancelledError` when it is to end."""
        if self.ended.is_set() or (self.over is not None and self.over.exists()):
            raise CancelledError
        return self.turns is not None and not self.turns.is_free

    def claim(self, model: str, claim: Callable[[], Release | None]) -> Release | None:
        """Claim a shard with what claims one; None: another process is at it, or it is not the time for it."""
        if self.begin is None:
            return claim()
        end = self.begin(model)
        if end is None:
            return None
        with ExitStack() as held:
            held.callback(end)
            release = claim()
            if release is None:
                return None
            held.callback(release)
            return held.pop_all().close
