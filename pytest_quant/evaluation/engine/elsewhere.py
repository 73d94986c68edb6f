"""Shards in another process: its nets stay loaded between the shards of a job."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any

from pytest_quant.evaluation.cores import single_threaded_opencv
from pytest_quant.evaluation.engine.work import AnyShard, Work, WorkerPool

_KEPT_JOBS = 2
"""A process that turns to a third job frees the nets of the first."""

_pools: OrderedDict[str, WorkerPool[Any, Any]] = OrderedDict()
_lock = threading.Lock()


def run_elsewhere(job: str, work: Work[Any, Any], shard: AnyShard) -> Any:
    """Do one shard of a job in the process that this is called in.

    ``job`` names the job: the nets that were loaded for its other shards are used again.
    """
    with single_threaded_opencv(), _pool(job, work).borrow() as worker:
        return worker.run(shard, _unheard)


def _pool(job: str, work: Work[Any, Any]) -> WorkerPool[Any, Any]:
    with _lock:
        if job not in _pools:
            _pools[job] = WorkerPool(work)
        _pools.move_to_end(job)
        old = [_pools.pop(name) for name in list(_pools)[:-_KEPT_JOBS]]
    for pool in old:
        pool.close()  # one that another thread has borrowed comes back later, and is freed with the pool
    return _pools[job]


def _unheard(what: str) -> None:
    """Nobody in this process looks at the clock."""
