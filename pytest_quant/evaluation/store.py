"""Where predictions are kept: one file per shard and side, named by what went into it.

The run's own folder and the cache between runs are the same store with different lives.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from pytest_quant.evaluation.files import replace_file

_ELAPSED = "_elapsed_s"
_DIGEST_BYTES = 32
"""A file is the SHA-256 of what follows, then NumPy's npz format."""


@dataclass(frozen=True)
class ShardKey:
    """One shard of one side: the digest of the net and its surroundings, and that of the samples."""

    side: str
    samples: str


@dataclass(frozen=True)
class StoredShard:
    """The predictions of a shard as arrays, and the seconds that its forward passes took."""

    arrays: Mapping[str, NDArray[Any]]
    elapsed_s: float


class PredictionStore:
    """Shards under ``folder``; claims on shards that are being computed are file locks under ``locks``."""

    def __init__(self, folder: Path, locks: Path) -> None:
        self._folder = folder
        self._locks = locks
        locks.mkdir(parents=True, exist_ok=True)

    def _path(self, key: ShardKey) -> Path:
        return self._folder / key.side[:2] / key.side[:32] / f"{key.samples[:32]}.shard"

    def has(self, key: ShardKey) -> bool:
        """Whether the shard has been computed."""
        return self._path(key).exists()

    def load(self, key: ShardKey) -> StoredShard | None:
        """A shard, or None when it is absent or its file was damaged."""
        try:
            data = self._path(key).read_bytes()
        except FileNotFoundError:
            return None
        digest, content = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]
        if hashlib.sha256(content).digest() != digest:  # the checksums of the zip format leave its own headers out
            return None
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        return StoredShard(arrays, float(arrays.pop(_ELAPSED)))

    def save(self, key: ShardKey, shard: StoredShard) -> None:
        """Keep a shard; a reader sees all of it or nothing."""
        buffer = io.BytesIO()
        np.savez(buffer, **{**shard.arrays, _ELAPSED: np.float64(shard.elapsed_s)})
        content = buffer.getvalue()
        replace_file(self._path(key), hashlib.sha256(content).digest() + content)

    def drop(self, key: ShardKey) -> None:
        """Forget a shard whose file turned out to be damaged."""
        self._path(key).unlink(missing_ok=True)

    def try_claim(self, keys: Sequence[ShardKey]) -> Callable[[], None] | None:
        """Claim shards for computing; gives what ends the claim, or None, at once, when somebody has one of them.

        A claim ends with its process, however that ends; until then any thread may end it.
        """
        with ExitStack() as stack:
            for name in sorted({f"{key.side[:32]}-{key.samples[:32]}.lock" for key in keys}):
                lock = FileLock(self._locks / name, thread_local=False)
                try:
                    lock.acquire(blocking=False)
                except Timeout:
                    return None
                stack.callback(lock.release)
            return stack.pop_all().close
