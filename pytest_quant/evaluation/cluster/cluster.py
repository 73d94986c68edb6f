"""A Dask cluster of one run: connected once, its workers asked what they are, and shards given to those that suit."""

from __future__ import annotations

import inspect
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from pytest_quant.evaluation.cluster import asking
from pytest_quant.evaluation.cluster.address import ClusterAddress
from pytest_quant.evaluation.cluster.kinds import (
    NEEDED,
    OPTIONAL,
    ClusterError,
    Identity,
    Kind,
    check,
    choose,
    difference,
    own_identity,
)
from pytest_quant.evaluation.engine.crews import Crew
from pytest_quant.evaluation.engine.work import Job, R, S

CONNECT_S = 10.0
"""How long a scheduler may take to answer."""
WORKER_S = 60.0
"""How long it may have no worker that suits: it may be one that starts them when there is work."""
LOOK_S = 1.0
"""How often is looked whether scheduler and workers are there."""

Untyped = Any
"""What Dask gives."""

_Workers = Mapping[str, Identity]


class DaskCluster:
    """A scheduler and its workers; threads share it.

    Raises `ClusterError` where there is no scheduler, where no worker comes, or where workers have other versions.
    """

    def __init__(self, address: ClusterAddress, wanted: Kind | None = None) -> None:
        """``wanted``: the kind of workers that another process of the run has chosen."""
        self.url = address.url
        self.client = _connected(address)
        self.handling = ThreadPoolExecutor(4, thread_name_prefix="pytest-quant-cluster")
        """What is done about answers of workers."""
        self.ranks: dict[str, int] = {}
        """Model to its place in the order in which models are evaluated; the first is 0."""
        self._lock = threading.Lock()
        self._unsuited: dict[str, str] = {}
        self._is_lost = False
        self._looking = threading.Lock()
        self._looked_s, self._has_workers = time.monotonic(), True
        try:
            workers = self._first_workers()
            self.here = own_identity()
            self.kind = choose(self.url, self.here.kind, [one.kind for one in workers.values()], wanted)
            suited = {address: one for address, one in workers.items() if one.kind == self.kind}
            check(self.url, self.here, suited)
        except BaseException:
            self.close()
            raise
        self.cpu = next(iter(suited.values())).cpu
        self._suited = set(suited)
        self._others = sorted({str(one.kind) for one in workers.values()} - {str(self.kind)})

    @property
    def is_elsewhere(self) -> bool:
        """Whether its workers are of another kind than this machine."""
        return self.kind != self.here.kind

    @property
    def told(self) -> str:
        """The kind of the workers, and the version of ncnn there."""
        return f"{self.kind}, ncnn {dict(self.here.versions)['ncnn']}"

    @property
    def notes(self) -> Sequence[str]:
        """What a user is to know of the choice of workers."""
        found = [f"{self.url}: every net runs on workers of {self.kind}, not on this machine's kind, {self.here.kind}"]
        found = found if self.is_elsewhere else []
        if self._others:
            found.append(
                f"{self.url}: workers of {', '.join(self._others)} are left out: this machine is of {self.kind}, and a "
                "model's shards are not done by two kinds"
            )
        return found

    @property
    def expected(self) -> Identity:
        """What a worker must be."""
        return replace(self.here, kind=self.kind)

    def crew(self, job: Job[S, R], limit_s: float | None) -> Crew[S, R]:
        """Workers for the shards of a job; raises `ClusterError` where the scheduler has gone."""
        from pytest_quant.evaluation.cluster.crew import DaskCrew

        if self._is_lost:
            raise self.lost()
        return DaskCrew(self, job, limit_s, threads=max(1, self._threads()))

    def lost(self) -> ClusterError:
        """The error of a connection that is no more."""
        self._is_lost = True
        return ClusterError(
            f"{self.url}: the scheduler went away in the middle of the run; what was evaluated is kept: start it "
            "again, and run again"
        )

    @property
    def addresses(self) -> list[str] | None:
        """The workers that may take shards; None: all that there are."""
        with self._lock:
            return sorted(self._suited) if self._unsuited or self._others else None

    def leave_out(self, address: str, identity: Identity) -> None:
        """Give no more shards to a worker that came later, and does not suit."""
        with self._lock:
            self._unsuited[address] = difference(self.expected, identity) or f"is of {identity.kind}"
            self._suited.discard(address)

    def look_again(self) -> bool:
        """Ask the workers that are new; gives whether there is one that suits. One look serves all jobs for a while."""
        with self._looking:
            if time.monotonic() - self._looked_s >= LOOK_S:
                self._has_workers = self._look()
                self._looked_s = time.monotonic()
            return self._has_workers

    def _look(self) -> bool:
        live = self._info()
        with self._lock:
            known = self._suited | self._unsuited.keys()
        for address, identity in _ask(self.url, self.client, [one for one in live if one not in known]).items():
            if identity.kind == self.kind and difference(self.expected, identity) is None:
                with self._lock:
                    self._suited.add(address)
            else:
                self.leave_out(address, identity)
        with self._lock:
            self._suited &= live.keys()
            return bool(self._suited)

    def send(self, address: str, function: Callable[..., object], *args: object) -> None:
        """Call a function on a worker; raises what that raised, or `OSError` where there is no way to it."""
        self.client.run(function, *args, workers=[address])

    def close(self) -> None:
        """Leave the cluster as it is; tasks of this run that nobody waits for end there."""
        self.handling.shutdown(wait=False, cancel_futures=True)
        self.client.close(timeout=2)

    def _info(self) -> dict[str, int]:
        """Address to number of threads of all workers that there are."""
        workers = self.client.scheduler_info(n_workers=-1)["workers"]
        return {address: int(one["nthreads"]) for address, one in workers.items()}

    def _threads(self) -> int:
        addresses = self.addresses
        return sum(count for name, count in self._info().items() if addresses is None or name in addresses)

    def _first_workers(self) -> _Workers:
        ends = time.monotonic() + WORKER_S
        while time.monotonic() < ends:
            found = _ask(self.url, self.client, list(self._info()))
            if found:
                return found
            time.sleep(min(LOOK_S, WORKER_S / 10))
        raise ClusterError(
            f"{self.url}: no worker came within {WORKER_S:g} s; start some: dask worker {self._scheduler}"
        )

    @property
    def _scheduler(self) -> str:
        return str(self.client.scheduler.address)


def _ask(url: str, client: Untyped, addresses: Sequence[str]) -> dict[str, Identity]:
    """What workers say of themselves; one that ends meanwhile says nothing."""
    if not addresses:
        return {}
    there: dict[str, Untyped] = {"__name__": "__main__"}  # so that it goes by value: workers may lack this package
    exec(inspect.getsource(asking), there)  # noqa: S102 - our own module
    answers = client.run(there["facts"], (*NEEDED, *OPTIONAL), workers=list(addresses), on_error="return")
    failed = {name: one for name, one in answers.items() if isinstance(one, Exception)}
    for address, error in failed.items():
        if not isinstance(error, OSError):
            raise ClusterError(f"{url}: worker {address} cannot be asked what it is: {error}") from error
    return {name: Identity.of(one) for name, one in answers.items() if name not in failed}


def _connected(address: ClusterAddress) -> Untyped:
    """A client of a scheduler."""
    try:
        import distributed
    except ImportError as error:
        raise ClusterError(
            f"{address.url}: needs Dask ({error}); install it: pip install 'pytest-quant[dask]'"
        ) from None
    dask: Untyped = distributed
    if address.is_encrypted and dask.Security().get_connection_args("client").get("ssl_context") is None:
        raise ClusterError(
            f"{address.url}: Dask's configuration names no certificates for TLS: set distributed.comm.tls in "
            "~/.config/dask, or DASK_DISTRIBUTED__COMM__TLS__CA_FILE, ...__CLIENT__CERT and ...__CLIENT__KEY"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of versions, which are checked with a better message
            return dask.Client(address.dask, timeout=CONNECT_S, set_as_default=False, name="pytest-quant")
    except (OSError, TypeError, ValueError) as error:
        told = str(error).partition("\n")[0]
        raise ClusterError(
            f"{address.url}: no Dask scheduler answers: {told}; start one with `dask scheduler`, or correct the "
            "address (tls:// where it is encrypted)"
        ) from None
