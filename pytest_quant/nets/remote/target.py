"""A target: one machine by its specification, connected when first needed and again after a broken connection."""

from __future__ import annotations

import threading

from pytest_quant.nets.remote.connection import Connection, TargetError, TargetFacts
from pytest_quant.nets.remote.shared_inputs import SIZE_BYTES

_MOST_THREADS = 16
"""The inputs of more than so many threads may have to go through the pipe."""


class Target:
    """Shared by the threads of a process; one connection at a time.

    >>> Target("popen//python=python3").spec
    'popen//python=python3'
    """

    def __init__(self, spec: str) -> None:
        self.spec = spec
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._facts: TargetFacts | None = None

    @property
    def is_of_this_machine(self) -> bool:
        """Whether it is a child process that may see this machine's memory: another Python, or an emulator."""
        return self.spec.startswith("popen")

    @property
    def facts(self) -> TargetFacts:
        """What the machine says of itself; raises `TargetError`."""
        self.connection()
        if self._facts is None:
            raise TargetError(f"target {self.spec}: said nothing of itself")
        return self._facts

    def connection(self, lost: Connection | None = None) -> Connection:
        """The connection, opened when first needed; ``lost`` is one that broke and is replaced.

        Raises `TargetError`, also where another machine answers than before: results of two are never mixed.
        """
        with self._lock:
            if self._connection is not None and self._connection is not lost:
                return self._connection
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            fresh = Connection(self.spec)
            try:
                self._facts = self._same(fresh.facts())
                if self.is_of_this_machine:
                    fresh.share(SIZE_BYTES * min(self._facts.cores, _MOST_THREADS))
            except TargetError:
                fresh.close()
                raise
            self._connection = fresh
            return fresh

    def _same(self, found: TargetFacts) -> TargetFacts:
        """What a new connection says, unless it is of another machine than before."""
        if self._facts is not None and found != self._facts:
            raise TargetError(
                f"target {self.spec}: was {self._facts.kind} on {self._facts.host}, and after the connection broke "
                f"{found.kind} on {found.host} answered: its results would be mixed"
            )
        return found

    def close(self) -> None:
        """End the far side, if there is one."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
