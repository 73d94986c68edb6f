"""Where predictions are kept: one file per shard and side, named by what went into it.

The run's own folder and the cache between runs are the same store with different lives.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from pytest_quant.predictions.files import replace_file

_ELAPSED = "_elapsed_s"


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
        return self._folder / key.side[:2] / key.side[:32] / f"{key.samples[:32]}.npz"

    def has(self, key: ShardKey) -> bool:
        """Whether the shard has been computed."""
        return self._path(key).exists()

    def load(self, key: ShardKey) -> StoredShard | None:
        """A shard, or None when it is absent or its file was damaged."""
        try:
            with np.load(self._path(key), allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            return StoredShard(arrays, float(arrays.pop(_ELAPSED)))
        except (FileNotFoundError, zipfile.BadZipFile, ValueError, EOFError, KeyError):
            return None

    def save(self, key: ShardKey, shard: StoredShard) -> None:
        """Keep a shard; a reader sees all of it or nothing."""
        buffer = io.BytesIO()
        np.savez(buffer, **{**shard.arrays, _ELAPSED: np.float64(shard.elapsed_s)})
        replace_file(self._path(key), buffer.getvalue())

    def drop(self, key: ShardKey) -> None:
        """Forget a shard whose file turned out to be damaged."""
        self._path(key).unlink(missing_ok=True)

    @contextmanager
    def claim(self, keys: Sequence[ShardKey]) -> Iterator[bool]:
        """Claim shards for computing; gives False, at once, when another thread or process has one of them."""
        with ExitStack() as stack:
            try:
                for name in sorted({f"{key.side[:32]}-{key.samples[:32]}.lock" for key in keys}):
                    lock = FileLock(self._locks / name)
                    lock.acquire(blocking=False)
                    stack.callback(lock.release)
            except Timeout:
                stack.close()
                yield False
            else:
                yield True
