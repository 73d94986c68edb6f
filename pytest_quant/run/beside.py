"""What workers compute beside their cases: noted while they are at it, so that a death is put down to what is due."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from pathlib import Path

FOLDER = "beside"
"""Below the folder of the run."""


class Beside:
    """What this process computes beforehand, of one model at a time.

    A note in the folder of the run names the model as long as samples of it are in work; the note of a process that
    dies meanwhile is left.
    """

    def __init__(self, run_dir: Path, worker: str) -> None:
        """``worker``: by what name the process that reports knows this one."""
        self._folder = run_dir / FOLDER
        self._note = _note(run_dir, worker)
        self._count = 0
        self._is_alone = False
        self._changed = threading.Condition()

    def begin(self, model: str) -> Callable[[], None] | None:
        """Before samples are begun with; gives what is called when they are done, or None where it is not the time.

        Raises `CancelledError` where a worker has died of the model, or where that could not be noted.
        """
        if (self._folder / _deadly(model)).exists():
            raise CancelledError
        with self._changed:
            if self._is_alone:
                return None
            if not self._count:
                try:
                    self._folder.mkdir(exist_ok=True)
                    self._note.write_text(model, encoding="utf-8")
                except OSError:
                    raise CancelledError from None
            self._count += 1
        return self._end

    def _end(self) -> None:
        with self._changed:
            self._count -= 1
            if not self._count:
                with suppress(OSError):
                    self._note.unlink(missing_ok=True)
            self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nothing is computed beforehand: what was begun has ended, and nothing is begun with."""
        with self._changed:
            self._is_alone = True
            self._changed.wait_for(lambda: not self._count)
        try:
            yield
        finally:
            with self._changed:
                self._is_alone = False


def note_death(run_dir: Path, worker: str, *, had_case: bool = False) -> str | None:
    """The model that a dead worker was computing beforehand, which none does any more; None: there was no such.

    ``had_case``: it was running a test as well, which may be what ended it.
    """
    try:
        model = _note(run_dir, worker).read_text(encoding="utf-8")
    except OSError:
        return None
    with suppress(OSError):
        (run_dir / FOLDER / _deadly(model)).write_text("" if had_case else worker, encoding="utf-8")
    return model


def dead_worker(run_dir: Path, model: str) -> str | None:
    """The worker that died while it computed a model beforehand and ran no test; None: there was no such."""
    try:
        return (run_dir / FOLDER / _deadly(model)).read_text(encoding="utf-8") or None
    except OSError:
        return None


def let_run_alone(run_dir: Path, test: str) -> None:
    """When a test is run again, its worker computes nothing beside it: the next death is its own."""
    (run_dir / FOLDER / _alone(test)).touch()


def is_to_run_alone(run_dir: Path, test: str) -> bool:
    """Whether that was said of a test."""
    return (run_dir / FOLDER / _alone(test)).exists()


def _note(run_dir: Path, worker: str) -> Path:
    return run_dir / FOLDER / f"{worker}.model"


def _deadly(model: str) -> str:
    return f"{_digest(model)}.deadly"


def _alone(test: str) -> str:
    return f"{_digest(test)}.alone"


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:32]
