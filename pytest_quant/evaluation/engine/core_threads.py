"""An executor of threads that each hold one of the run's cores while they compute."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent import futures
from concurrent.futures import Executor, Future
from queue import SimpleQueue
from typing import Any, TypeVar

from pytest_quant.evaluation.cores import CorePool, HeldCore
from pytest_quant.spec.errors import StorageError

T = TypeVar("T")
_Call = tuple["Future[Any]", Callable[[], Any]]


class CoreThreads(Executor):
    """As many threads as the run has cores; which of several processes' threads compute, the `CorePool` says.

    A thread takes a call, waits for a core, and gives it back behind the call. Threads are daemons: one that hangs in a
    net does not keep the process alive.
    """

    def __init__(self, cores: CorePool, most: int | None = None) -> None:
        """``most``: how many threads there may be; None: as many as cores."""
        self._cores = cores
        self._most = cores.count if most is None else most
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._threads = 0
        self._unfinished: set[Future[Any]] = set()
        self._held: dict[Future[Any], HeldCore] = {}
        self._lock = threading.Lock()

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Call ``fn`` on the next thread that gets a core."""
        future: Future[T] = Future()
        if self._threads < min(self._most, len(self._unfinished) + 1):
            self._start_first_or_another()
        with self._lock:
            self._unfinished.add(future)
        self._calls.put((future, lambda: fn(*args, **kwargs)))
        return future

    def give_up(self, future: Future[Any]) -> None:
        """Take the core from the thread that hangs in a call: others go on with it. Nobody waits for the call."""
        with self._lock:
            held = self._held.pop(future, None)
            self._unfinished.discard(future)
        if held is not None:
            held.release()
            self._start()  # takes its place

    def _start_first_or_another(self) -> None:
        """Raise `StorageError` where there is no thread and the system gives none; fewer than wanted are enough."""
        try:
            self._start()
        except RuntimeError as error:
            if not self._threads:
                raise StorageError(f"no thread of the run can be started: {error} (ulimit -u, ulimit -v)") from error
        else:
            self._threads += 1

    def _start(self) -> None:
        threading.Thread(target=self._work, name="pytest-quant-core", daemon=True).start()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the threads behind what they are at."""
        with self._lock:
            unfinished = list(self._unfinished)
        if cancel_futures:
            unfinished = [future for future in unfinished if not future.cancel()]
        self._calls.put(None)
        if wait:  # for futures, not threads: interrupted, Thread.join takes a running thread for an ended one
            futures.wait(unfinished)

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            future, run = call
            try:
                held = self._cores.acquire(unless=future.cancelled)
            except StorageError as error:  # whoever waits for the call is told: this thread is nobody's
                if future.set_running_or_notify_cancel():
                    future.set_exception(error)
                self._forget(future)
                continue
            if held is None:
                future.set_running_or_notify_cancel()  # whoever waits for it learns now that it is cancelled
                self._forget(future)
                continue
            with self._lock:
                self._held[future] = held
            self._call(future, run)
            if self._forget(future) is None:
                return  # given up: another thread has its place
            held.release()
        self._calls.put(None)  # for the next thread

    def _forget(self, future: Future[Any]) -> HeldCore | None:
        with self._lock:
            self._unfinished.discard(future)
            return self._held.pop(future, None)

    @staticmethod
    def _call(future: Future[Any], run: Callable[[], Any]) -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            result = run()
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(result)
