"""Shards that a process has begun with: a note that is left, and that nobody holds, says that its process died.

What a net answers to zeros says little of the next input: a net that dies of one ends the process that asked it.
Whoever comes to the same shard next, in this run or a later one, has each of its inputs tried in a child process first.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from pytest_quant.evaluation.locks import HeldLock, try_lock


@dataclass
class Begun:
    """The notes of some shards, held by this process."""

    was_left: bool = False
    """Whether a process died in the middle of one of them."""
    _held: list[tuple[Path, HeldLock]] = field(default_factory=list)

    def end(self, *, is_done: bool) -> None:
        """Take the notes away, or leave them where the shard is not done and was left before."""
        for path, lock in self._held:
            if is_done or not self.was_left:
                with suppress(OSError):  # a disk that takes nothing: the next one tries the shard once more
                    path.unlink(missing_ok=True)
            lock.release()
        self._held.clear()


def begin(paths: Iterable[Path]) -> Begun:
    """Note that this process is at the shards of these files; where that cannot be written it is not noted."""
    found = Begun()
    try:
        for path in paths:
            note = path.with_name(f"{path.name}.begun")
            with suppress(OSError):  # no room
                note.parent.mkdir(parents=True, exist_ok=True)
                was_left = note.exists()
                lock = try_lock(note)
                if lock is not None:  # else another run is at the same
                    found.was_left |= was_left
                    found._held.append((note, lock))
    except BaseException:
        found.end(is_done=False)
        raise
    return found
