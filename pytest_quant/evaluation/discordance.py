"""How often the sides of a model disagreed, remembered between runs: what some samples can prove hangs on it."""

from __future__ import annotations

import json
from pathlib import Path

from pytest_quant.evaluation.content_store import ContentStore
from pytest_quant.evaluation.digests import sha256_json
from pytest_quant.spec.model import ModelSpec
from pytest_quant.tasks.base import Comparison, RightWrong


class DiscordanceMemo:
    """Per model and metric the share of samples that only one side had right, under ``folder``."""

    def __init__(self, folder: Path, locks: Path) -> None:
        self._contents = ContentStore(folder, locks)

    def note(self, model: ModelSpec, comparison: Comparison) -> None:
        """Remember a comparison."""
        found = {
            name: float((pair.evidence.fp32 != pair.evidence.int8).mean())
            for name, pair in comparison.metrics.items()
            if isinstance(pair.evidence, RightWrong)
        }
        self._contents.save(_name(model), json.dumps(found, sort_keys=True).encode())

    def seen(self, model: ModelSpec, metric: str) -> float | None:
        """The share of an earlier run, or None when none is known."""
        content = self._contents.load(_name(model))
        found: float | None = None if content is None else json.loads(content).get(metric)
        return found


def _name(model: ModelSpec) -> str:
    return f"{sha256_json([str(model.zoo), model.name])[:32]}.discordance"
