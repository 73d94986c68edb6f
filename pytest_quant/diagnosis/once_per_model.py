"""Something that is made once per model and run, by whichever process needs it first."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import TypeAdapter

from pytest_quant.evaluation.content_store import ContentStore, kept_in
from pytest_quant.evaluation.digests import sha256_json
from pytest_quant.spec.model import ModelSpec

T = TypeVar("T")


class OncePerModel(Generic[T]):
    """Values by model, kept as JSON in a folder that the run's processes share."""

    def __init__(self, folder: Path, kind: TypeAdapter[T], make: Callable[[ModelSpec], T]) -> None:
        """``make`` gives a model's value, of the type ``kind``; a process that comes second waits for the first."""
        self._contents = ContentStore(folder, folder / "locks")
        self._kind = kind
        self._make = make
        self._known: dict[str, T] = {}

    def known(self, model: ModelSpec) -> T | None:
        """The value that this process has seen, if any; starts nothing."""
        return self._known.get(_key(model))

    def get(self, model: ModelSpec) -> T:
        """The value of a model, made now where no process has made it yet."""
        key = _key(model)
        if key not in self._known:
            content = self._contents.fetch(f"{key}.json", lambda: self._made(model))
            self._known[key] = self._kind.validate_python(json.loads(content))
        return self._known[key]

    def _made(self, model: ModelSpec) -> bytes:
        plain = self._kind.dump_python(self._make(model), mode="json", by_alias=True, exclude_defaults=True)
        return json.dumps(plain, allow_nan=False).encode()


def made_in(folder: Path, kind: TypeAdapter[T]) -> list[T]:
    """All values that the processes of a run have made in a folder, in no particular order."""
    found = map(kept_in, sorted(folder.glob("*.json")))
    return [kind.validate_python(json.loads(content)) for content in found if content is not None]


def _key(model: ModelSpec) -> str:
    return sha256_json([str(model.zoo), model.name])
