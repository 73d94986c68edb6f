"""The shards of one job as Dask tasks: named after the model, with priorities, again where a worker is lost."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import TYPE_CHECKING, Generic, cast

from distributed import KilledWorker

from pytest_quant.evaluation.cluster import cluster as clusters
from pytest_quant.evaluation.cluster.kinds import ClusterError
from pytest_quant.evaluation.cluster.shipping import Shipment
from pytest_quant.evaluation.cluster.task import Answer, Done, Lacking, do_shard, take_files
from pytest_quant.evaluation.engine.beat import Beat
from pytest_quant.evaluation.engine.elsewhere import told_pickle
from pytest_quant.evaluation.engine.work import Job, R, S
from pytest_quant.spec.errors import QuantError

if TYPE_CHECKING:
    from pytest_quant.evaluation.cluster.cluster import DaskCluster

_MOST_TRIES = 20
"""How often a shard is given out again for lack of files or of a worker that suits."""


class Sent(Future[R]):
    """A shard on its way; cancelled, it ends there too."""

    def __init__(self, shard: bytes, name: str) -> None:
        super().__init__()
        self.shard = shard
        self.name = name
        self.tries = 0
        self.task: clusters.Untyped = None
        self.workers: frozenset[str] = frozenset()
        """Those that may take it; empty: all."""
        self.given_s = 0.0
        """When it was given out last."""

    def cancel(self) -> bool:
        """Drop it, also where a worker is at it: nobody waits for that."""
        if self.cancelled():
            return True
        if not super().cancel():
            return False
        self.set_running_or_notify_cancel()
        if self.task is not None and self.task.client.status == "running":
            self.task.cancel()
        return True

    def settle(self, result: R) -> None:
        """It is done, unless somebody was first: it was dropped, or has failed."""
        with suppress(InvalidStateError):
            self.set_result(result)

    def fail(self, error: BaseException) -> None:
        """It has failed, unless somebody was first."""
        with suppress(InvalidStateError):
            self.set_exception(error)


class _Files:
    """Sends the files of a job to workers that lack them."""

    def __init__(self, cluster: DaskCluster, shipment: Shipment) -> None:
        self._cluster = cluster
        self._shipment = shipment
        self._sending = threading.Lock()
        self._sent_s: dict[tuple[str, str], float] = {}
        """Worker and file to when it was sent."""

    def send(self, lacking: Lacking, since_s: float) -> None:
        """Send files to a worker, but for those that it was sent since it was given the shard for which it lacks them.

        Where it is gone meanwhile, others do the shard.
        """
        with self._sending:
            for digest in lacking.digests:
                if self._sent_s.get((lacking.address, digest), -1.0) >= since_s:
                    continue
                try:
                    self._cluster.send(lacking.address, take_files, {digest: self._shipment.content(digest)})
                except OSError:
                    return
                self._sent_s[lacking.address, digest] = time.monotonic()


class DaskCrew(Generic[S, R]):
    """Gives shards to a cluster."""

    def __init__(self, cluster: DaskCluster, job: Job[S, R], limit_s: float | None, threads: int) -> None:
        """``threads``: how many tasks the cluster does at a time."""
        self.width = 2 * threads
        self._cluster = cluster
        self._shipment = Shipment.of(job.work, limit_s)
        self._name = task_name(job.model, job.stage, job.nets)
        self._priority = -cluster.ranks.get(job.model, len(cluster.ranks))
        self._files = _Files(cluster, self._shipment)
        self._out: set[Sent[R]] = set()
        self._ended = threading.Event()
        self._watch: threading.Thread | None = None

    def submit(self, shard: S) -> tuple[Future[R], Beat]:
        """Give out a shard; the limit for a sample is held on the worker."""
        if self._cluster.client.status != "running":
            raise self._cluster.lost()
        name = f"{self._name}-shard-{shard.index}-{self._shipment.parcel.job[:8]}"
        sent: Sent[R] = Sent(told_pickle(shard), name)
        self._out.add(sent)
        if self._watch is None:
            self._watch = threading.Thread(target=self._look, daemon=True)
            self._watch.start()
        self._give(sent)
        return sent, Beat()

    def give_up(self, future: Future[R]) -> None:
        """Drop a shard."""
        future.cancel()

    def close(self) -> None:
        """No more shards come."""
        self._ended.set()
        for sent in list(self._out):
            sent.cancel()

    def _give(self, sent: Sent[R]) -> None:
        cluster, workers = self._cluster, self._cluster.addresses
        sent.tries, sent.workers, sent.given_s = sent.tries + 1, frozenset(workers or ()), time.monotonic()
        task = cluster.client.submit(
            do_shard,
            cluster.expected,
            self._shipment.parcel,
            self._shipment.files,
            sent.shard,
            key=sent.name if sent.tries == 1 else f"{sent.name}-{sent.tries}",
            priority=self._priority,
            workers=workers,
            pure=False,
        )
        sent.task = task
        task.add_done_callback(lambda task: self._take_later(sent, task))

    def _take_later(self, sent: Sent[R], task: clusters.Untyped) -> None:
        if not sent.done() and sent.task is task and not self._ended.is_set():
            with suppress(RuntimeError):  # the run ends at this moment
                self._cluster.handling.submit(self._take, sent, task)

    def _take(self, sent: Sent[R], task: clusters.Untyped) -> None:
        """What became of a task."""
        status = task.status
        if sent.done() or self._ended.is_set():
            return
        try:
            if status == "error":
                raise _told(f"{self._cluster.url}: {sent.name}", task.exception(timeout=clusters.CONNECT_S))
            if status == "finished":
                self._answer(sent, task.result(timeout=clusters.CONNECT_S))
            elif self._cluster.client.status != "running":
                raise self._cluster.lost()
            else:  # the scheduler has dropped it
                self._give_again(sent)
        except QuantError as error:
            self._fail(sent, error)
        except Exception as error:  # of Dask, whatever it is: somebody waits for the shard
            self._fail(sent, ClusterError(f"{self._cluster.url}: {sent.name}: {type(error).__name__}: {error}"))

    def _answer(self, sent: Sent[R], answer: Answer) -> None:
        if isinstance(answer, Done):
            self._out.discard(sent)
            sent.settle(cast(R, answer.result))
            return
        if isinstance(answer, Lacking):
            self._files.send(answer, sent.given_s)
        else:
            self._cluster.leave_out(answer.address, answer.identity)
        self._give_again(sent)

    def _give_again(self, sent: Sent[R]) -> None:
        if sent.tries >= _MOST_TRIES:
            raise ClusterError(
                f"{self._cluster.url}: {sent.name} was given out {sent.tries} times, and came back undone"
            )
        if not sent.done():
            self._give(sent)

    def _fail(self, sent: Sent[R], error: BaseException) -> None:
        self._out.discard(sent)
        sent.fail(error)

    def _look(self) -> None:
        """While shards are out: whether the scheduler is there, and workers that suit."""
        last = time.monotonic()
        while not self._ended.wait(clusters.LOOK_S):
            try:
                last = self._looked(last)
            except QuantError as error:
                self._fail_all(error)
            except Exception as error:  # of Dask, which has many; shards are waited for
                is_lost = isinstance(error, OSError) or self._cluster.client.status != "running"
                told = ClusterError(f"{self._cluster.url}: {type(error).__name__}: {error}")
                self._fail_all(self._cluster.lost() if is_lost else told)

    def _looked(self, last_s: float) -> float:
        """When there was a worker that suits; ``last_s``: the time before."""
        if self._cluster.client.status != "running":
            raise self._cluster.lost()
        if self._cluster.look_again():
            last_s = time.monotonic()
        if time.monotonic() - last_s > clusters.WORKER_S:
            raise ClusterError(f"{self._cluster.url}: has had no worker that suits for {clusters.WORKER_S:g} s")
        self._give_again_what_waits_for_nobody()
        return last_s

    def _give_again_what_waits_for_nobody(self) -> None:
        """Shards that were for workers which are all gone."""
        addresses = self._cluster.addresses
        if addresses is None:
            return
        for sent in list(self._out):
            if not sent.done() and sent.task.status == "pending" and sent.workers.isdisjoint(addresses):
                old = sent.task
                self._give(sent)
                old.cancel()

    def _fail_all(self, error: QuantError) -> None:
        for sent in list(self._out):
            self._fail(sent, error)


def task_name(model: str, stage: str, nets: tuple[str, ...]) -> str:
    """How the dashboard calls the shards of a job; it groups by what comes before the first ``-``.

    >>> task_name("mobilenet-v2", "evaluation", ("fp32", "int8"))
    'mobilenet_v2-fp32-int8'
    >>> task_name("resnet18", "calibration, absmax", ())
    'resnet18-calibration_absmax'
    """
    what = "-".join(nets) or "_".join(stage.replace(",", "").split())
    return f"{model.replace('-', '_')}-{what}"


def _told(what: str, error: BaseException) -> BaseException:
    """The error of a task in words; one of ours is complete as it stands."""
    if isinstance(error, QuantError):
        return error
    if isinstance(error, KilledWorker):
        return ClusterError(
            f"{what}: every worker that took it died, one after the other: killed by the system for lack of memory, or "
            "by a net that crashes them; see their logs"
        )
    return ClusterError(f"{what} failed on a worker: {type(error).__name__}: {error}")
