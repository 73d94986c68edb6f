"""What a thread is at, and whether it takes too long."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from concurrent.futures import CancelledError

from pytest_quant.spec.errors import OverdueError


class Beat:
    """What a shard is at, and since when."""

    def __init__(self) -> None:
        self._at: tuple[str, float, int] | None = None
        self._is_given_up = False

    def note(self, what: str) -> None:
        """The thread that calls turns to something else; raises `CancelledError` where nobody waits for it any more."""
        if self._is_given_up:
            raise CancelledError
        self._at = (what, time.monotonic(), threading.get_ident())

    def give_up(self) -> None:
        """Nobody waits for the thread: where it comes to an end of what it is at, it does nothing more."""
        self._is_given_up = True

    def overdue(self, limit_s: float) -> OverdueError | None:
        """The error of a sample that takes too long, with the stack of its thread where that is known."""
        at = self._at
        if at is None or time.monotonic() - at[1] <= limit_s:
            return None
        what, _, ident = at
        frame = sys._current_frames().get(ident)  # there is no other way to another thread's stack
        stack = "" if frame is None else "\nit is at:\n" + "".join(traceback.format_stack(frame)).rstrip()
        return OverdueError(f"{what}: is not done after {limit_s:g} s, the limit for one sample{stack}")
