"""Something that is made once per model and run, by whichever process needs it first: the report's data of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock

from pytest_quant.evaluation.digests import sha256_json
from pytest_quant.evaluation.files import replace_file
from pytest_quant.spec.model import ModelSpec


class OncePerModel:
    """Entries of a report by model, kept in a folder that the run's processes share."""

    def __init__(self, folder: Path, make: Callable[[ModelSpec], Mapping[str, Any]]) -> None:
        """``make`` gives a model's entry, plain JSON values; a process that comes second waits for the first."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._make = make
        self._known: dict[str, Mapping[str, Any]] = {}

    def known(self, model: ModelSpec) -> Mapping[str, Any] | None:
        """The entry that this process has seen, if any; starts nothing."""
        return self._known.get(_key(model))

    def entry(self, model: ModelSpec) -> Mapping[str, Any]:
        """The entry of a model, made now where no process has made it yet."""
        key = _key(model)
        if key not in self._known:
            path = self._folder / f"{key}.json"
            with FileLock(path.with_suffix(".lock")):
                if not path.exists():
                    replace_file(path, json.dumps(self._make(model), allow_nan=False).encode())
                self._known[key] = json.loads(path.read_bytes())
        return self._known[key]


def _key(model: ModelSpec) -> str:
    return sha256_json([str(model.zoo), model.name])
