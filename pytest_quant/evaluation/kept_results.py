"""What was made of predictions, kept by content between runs: scores, intervals, findings, diagnoses.

A result is JSON under a key that holds everything it depends on, so one that is there is the one that would be made.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from pytest_quant.evaluation.content_store import ContentStore
from pytest_quant.evaluation.digests import sha256_json
from pytest_quant.spec.environment import code_digest, kernels, version_of, versions

_LIBRARIES = ("scipy", "shapely", "pyclipper", "pycocotools")
"""Beside those of `versions`, what computes scores and intervals."""


class KeptResults:
    """Results under ``folder``; see `ContentStore` for ``locks``."""

    def __init__(self, folder: Path, locks: Path) -> None:
        self._contents = ContentStore(folder, locks)

    def under(self, *parts: object, is_sound: Callable[[], bool] | None = None) -> KeptResult:
        """The place of the result that depends on these plain JSON values, this code and its libraries alone.

        ``is_sound``: whether what was read for it is still what the values say, asked before it is kept.
        """
        libraries = {name: version_of(name) for name in _LIBRARIES}
        made_by = [code_digest(), versions(), {**libraries, **kernels()}]
        key = sha256_json([made_by, list(parts)])
        return KeptResult(self._contents, f"{key[:2]}/{key}.json", is_sound)

    def nowhere(self) -> KeptResult:
        """The place of a result that is made each time."""
        return KeptResult(None, "")


@dataclass(frozen=True)
class KeptResult:
    """One result, whether it is there or not."""

    contents: ContentStore | None
    """None: it is not kept at all."""
    name: str
    is_sound: Callable[[], bool] | None = None

    def load(self) -> JsonValue:
        """The result; None where it was not kept, or is damaged."""
        content = None if self.contents is None else self.contents.load(self.name)
        found: JsonValue = None if content is None else json.loads(content)
        return found

    def save(self, result: JsonValue) -> None:
        """Keep a result; floats, infinite ones too, come back as they are."""
        if self.contents is not None and (self.is_sound is None or self.is_sound()):
            self.contents.save(self.name, json.dumps(result).encode())

    def fetch(self, make: Callable[[], JsonValue]) -> JsonValue:
        """The result, made now where it is not there; None is not kept."""
        found = self.load()
        if found is None:
            found = make()
            if found is not None:
                self.save(found)
        return found
