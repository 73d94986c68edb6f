"""Where predictions are kept: one file per shard and side, named by what went into it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pytest_quant.evaluation.begun import Begun, begin
from pytest_quant.evaluation.content_store import ContentStore
from pytest_quant.tasks.base import Arrays

_ELAPSED = "_elapsed_s"
_savez: Callable[..., None] = np.savez
"""numpy's types take the name of any array for that of an option."""


@dataclass(frozen=True)
class ShardKey:
    """One shard of one side: the digest of the net and its surroundings, and that of the samples."""

    side: str
    samples: str

    @property
    def name(self) -> str:
        """What the store keeps it under."""
        return f"{self.side[:2]}/{self.side[:32]}/{self.samples[:32]}.shard"


@dataclass(frozen=True)
class StoredShard:
    """The predictions of a shard as arrays, and the seconds that its forward passes took."""

    arrays: Arrays
    elapsed_s: float


class PredictionStore:
    """Shards under ``folder``, in NumPy's npz format; claims on those that are being computed are under ``locks``."""

    def __init__(self, folder: Path, locks: Path) -> None:
        self.folder = folder
        self._contents = ContentStore(folder, locks)
        self._given_up = ContentStore(locks / "given-up", locks)

    def has(self, key: ShardKey) -> bool:
        """Whether the shard has been computed."""
        return self._contents.path(key.name).exists()

    def load(self, key: ShardKey) -> StoredShard | None:
        """A shard, or None when it is absent or its file was damaged."""
        content = self._contents.load(key.name)
        if content is None:
            return None
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        return StoredShard(arrays, float(arrays.pop(_ELAPSED)))

    def save(self, key: ShardKey, shard: StoredShard) -> None:
        """Keep a shard; see `ContentStore.save`."""
        buffer = io.BytesIO()
        _savez(buffer, **{**shard.arrays, _ELAPSED: np.float64(shard.elapsed_s)})
        self._contents.save(key.name, buffer.getvalue())

    def drop(self, key: ShardKey) -> None:
        """Forget a shard."""
        self._contents.drop(key.name)

    def give_up(self, keys: Iterable[ShardKey], reason: str) -> None:
        """Say to all processes of the run that some shards take too long."""
        for key in keys:
            self._given_up.save(key.name, reason.encode())

    def given_up(self, keys: Iterable[ShardKey]) -> str | None:
        """Why one of some shards was given up in this run; None: none was."""
        found = (self._given_up.load(key.name) for key in keys)
        return next((reason.decode() for reason in found if reason is not None), None)

    def begin(self, keys: Iterable[ShardKey]) -> Begun:
        """Note that this process computes shards; tells whether one died of them before."""
        return begin(self._contents.path(key.name) for key in keys)

    def try_claim(self, keys: Sequence[ShardKey]) -> Callable[[], None] | None:
        """Claim shards for computing; see `ContentStore.try_claim`."""
        return self._contents.try_claim(key.name for key in keys)
