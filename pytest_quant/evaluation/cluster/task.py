"""What a worker is asked to do: a Dask task for each shard, and to take files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from distributed import Worker, get_worker

from pytest_quant.evaluation.cluster.kinds import Identity, difference, own_identity
from pytest_quant.evaluation.cluster.worker_files import WorkerFiles, work_in
from pytest_quant.evaluation.engine.elsewhere import Parcel, run_elsewhere


@dataclass(frozen=True)
class Done:
    """A shard is done."""

    result: object


@dataclass(frozen=True)
class Lacking:
    """A worker lacks files."""

    address: str
    digests: tuple[str, ...]


@dataclass(frozen=True)
class Unsuited:
    """A worker is not what the run takes: of another kind, or with other versions."""

    address: str
    identity: Identity


Answer = Done | Lacking | Unsuited


def do_shard(expected: Identity, parcel: Parcel, files: Mapping[str, str], shard: bytes) -> Answer:
    """Do a shard on the worker that this is called in."""
    worker, own = get_worker(), _own()
    if own.kind != expected.kind or difference(expected, own) is not None:
        return Unsuited(worker.address, own)
    kept = WorkerFiles.of(worker.local_directory)
    tree = kept.tree(files)
    if tree is None:
        return Lacking(worker.address, kept.lacking(files.values()))
    work_in(worker.local_directory, parcel.job, tree)
    return Done(run_elsewhere(parcel, shard))


def take_files(contents: Mapping[str, bytes], dask_worker: Worker) -> None:
    """Keep files on a worker."""
    WorkerFiles.of(dask_worker.local_directory).put(contents)


@cache
def _own() -> Identity:
    return own_identity()
