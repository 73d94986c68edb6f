"""What a run of a job tells its listener: how far it is, and how it ends."""

from __future__ import annotations

import time
from typing import Generic

from pytest_quant.evaluation.engine.events import Event, Failed, Finished, Listener, ShardDone, Started
from pytest_quant.evaluation.engine.work import Job, R, S


class Log(Generic[S, R]):
    """Counts, and tells the listener."""

    def __init__(self, job: Job[S, R], listener: Listener | None) -> None:
        self._job = job
        self._listener = listener
        self._start = time.perf_counter()
        self._computed = self._cached = 0

    def _tell(self, event: Event) -> None:
        if self._listener is not None:
            self._listener(event)

    def started(self) -> None:
        """Before the first shard."""
        self._tell(Started(self._job.model, self._job.stage, self._job.samples, self._job.nets))

    def done(self, shard: S, since: float | None) -> None:
        """``since``: when it was handed out, by `time.perf_counter`; None: it was kept already."""
        if since is None:
            self._cached += shard.sample_count
        else:
            self._computed += shard.sample_count
        if self._listener is None:
            return
        job = self._job
        self._tell(
            ShardDone(
                model=job.model,
                stage=job.stage,
                shard=shard.index,
                samples=shard.sample_count,
                computed=since is not None,
                elapsed_s=0.0 if since is None else time.perf_counter() - since,
                hits={} if job.tally is None else job.tally(shard),
                drop=None if job.drop is None else job.drop(shard),
            )
        )

    def finished(self, stopped_early: bool) -> None:
        """After the last shard."""
        elapsed_s = time.perf_counter() - self._start
        self._tell(Finished(self._job.model, self._job.stage, self._computed, self._cached, elapsed_s, stopped_early))

    def failed(self, error: BaseException) -> None:
        """Instead of that."""
        reason = str(error) or type(error).__name__
        self._tell(Failed(self._job.model, self._job.stage, reason))
