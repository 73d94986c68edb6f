"""The asking side of trials: one child per process, kept for all nets, and started again when it has died."""

from __future__ import annotations

import atexit
import errno
import json
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a child is started before the libraries are loaded that these take
    from pytest_quant.nets.trial.words import Answer, Request

_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from pytest_quant.nets.trial.child import serve; "
    "serve(sys.argv[2:])"
)
"""Not ``-m``, which would let the working folder bring modules of its own."""

_LAST_LINES = 3
_LAST_BYTES = 2000
_LINE_CHARS = 200
_END_S = 5.0


@dataclass(frozen=True)
class Ended:
    """A child that ended in the middle of a trial."""

    code: int
    """As `subprocess.Popen.returncode` has it: below 0 the signal that ended it."""
    is_overdue: bool
    """It was ended because its time was up."""


class Child:
    """One child process; for one thread at a time."""

    def __init__(self, modules: Sequence[str] = ()) -> None:
        """``modules``: imported before the first question. Raises `OSError` where it cannot be started."""
        self._printed = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - as long as the child; one offset for both
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _START, json.dumps(sys.path), *modules],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._printed,
            )
        except OSError:
            self._printed.close()
            raise
        self._owner = os.getpid()
        self.asked = 0
        """How often."""

    @property
    def is_usable(self) -> bool:
        """Whether it runs, and is this process's own: a fork has the pipes of its parent's."""
        return self._owner == os.getpid() and self._process.poll() is None

    def ask(self, request: Request) -> Answer | Ended:
        """Have a net tried; gives how the child ended where it did."""
        self.asked += 1
        self._printed.seek(0)
        self._printed.truncate()
        overdue = threading.Event()
        timer = threading.Timer(request.limit_s, self._give_up, [overdue])
        timer.daemon = True
        try:
            timer.start()
        except RuntimeError as error:
            raise OSError(errno.EAGAIN, f"{error} (ulimit -u, ulimit -v)") from error
        try:
            return self._exchange(request)
        except (EOFError, OSError, pickle.UnpicklingError):
            code = self._process.wait()
            return Ended(code, overdue.is_set() or code == -getattr(signal, "SIGALRM", 0))
        except BaseException:
            self._process.kill()  # an interrupt: its answer would be taken for that to the next question
            raise
        finally:
            timer.cancel()

    def _exchange(self, request: Request) -> Answer:
        to, back = self._process.stdin, self._process.stdout
        if to is None or back is None:
            raise EOFError
        pickle.dump(request, to)
        to.flush()
        answer: Answer = pickle.load(back)  # noqa: S301 - of the child, which is this same program
        return answer

    def _give_up(self, overdue: threading.Event) -> None:
        overdue.set()
        self._process.kill()

    def last_words(self) -> str:
        """The last lines that it printed since it was last asked."""
        self._printed.seek(0)
        text = self._printed.read()[-_LAST_BYTES:].decode(errors="replace")
        lines = [line.strip()[:_LINE_CHARS] for line in text.splitlines() if line.strip()]
        return " / ".join(lines[-_LAST_LINES:])

    def close(self) -> None:
        """End it, and free what it held."""
        if self._owner != os.getpid():
            return
        if not self.asked:
            self._process.kill()  # it may still be starting, and holds nothing
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError:  # it is dead, and something was still to be written
                    continue
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._printed.close()


class Trials:
    """Whom a process asks: one child at a time, for all of its threads, which wait for each other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: Child | None = None

    def ask(self, request: Request) -> tuple[Answer | Ended, str]:
        """Have a net tried; gives what came of it and what was printed meanwhile."""
        with self._lock:
            child = self._child
            if child is None or not child.is_usable:
                child = self._another()
            answer = child.ask(request)
            if isinstance(answer, Ended) and not answer.is_overdue and child.asked > 1:
                child = self._another()  # a net before may have overwritten memory: this one is tried by itself
                answer = child.ask(request)
            return answer, child.last_words()

    def _another(self, modules: Sequence[str] = ()) -> Child:
        self.end()
        self._child = Child(modules)
        return self._child

    def start(self, modules: Sequence[str]) -> None:
        """Start the child, where there is none, before there is a question; waits for nothing.

        It imports ``modules`` meanwhile, which nets are likely to take.
        """
        with self._lock, suppress(OSError):  # the first question tells why there is no child
            if self._child is None:
                self._another(modules)

    def close(self) -> None:
        """End the child, if there is one, behind the question that it is asked; the next question starts another."""
        with self._lock:
            self.end()

    def end(self) -> None:
        """End the child at once: a thread that hangs may hold the lock, and must not keep the process."""
        child, self._child = self._child, None
        if child is not None:
            child.close()


OF_THIS_PROCESS = Trials()
atexit.register(OF_THIS_PROCESS.end)
