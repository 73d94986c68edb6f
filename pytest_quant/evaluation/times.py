"""How long the evaluations of models took in earlier runs: the longest goes first."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from pytest_quant.evaluation.content_store import ContentStore
from pytest_quant.evaluation.digests import sha256_json
from pytest_quant.spec.model import ModelSpec


class TimesMemo:
    """Per model the seconds of one core that its last evaluation took, under ``folder``.

    By the name of the model and its zoo file: a changed net takes about as long as the one before it.
    """

    def __init__(self, folder: Path, locks: Path) -> None:
        self._contents = ContentStore(folder, locks)

    def note(self, model: ModelSpec, samples: int, images_per_second: Iterable[float]) -> None:
        """Remember how many samples were evaluated, and how fast each net was."""
        rates = list(images_per_second)
        if rates and min(rates) > 0:
            content = json.dumps(sum(samples / rate for rate in rates)).encode()
            if self._contents.load(_name(model)) != content:
                self._contents.save(_name(model), content)

    def seconds(self, model: ModelSpec) -> float | None:
        """Of an earlier run; None where there was none."""
        content = self._contents.load(_name(model))
        return None if content is None else float(json.loads(content))

    def longest_first(self, models: Sequence[ModelSpec]) -> list[ModelSpec]:
        """The models in the order in which they are best begun with: unknown ones first, as they stand, then longest.

        One that never ran may take long, and nobody knows.
        """
        known = [self.seconds(model) for model in models]
        order = sorted(range(len(models)), key=lambda i: -float("inf") if known[i] is None else -(known[i] or 0.0))
        return [models[i] for i in order]


def _name(model: ModelSpec) -> str:
    return f"{sha256_json([str(model.zoo), model.name])[:32]}.time"
