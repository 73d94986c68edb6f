"""How often the sides of a model disagreed, remembered between runs: what some samples can prove hangs on it."""

from __future__ import annotations

import json
from pathlib import Path

from pytest_quant.evaluation.digests import sha256_json
from pytest_quant.evaluation.files import replace_file
from pytest_quant.spec.model import ModelSpec
from pytest_quant.tasks.base import Comparison, RightWrong


class DiscordanceMemo:
    """Per model and metric the share of samples that only one side had right, under ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _path(self, model: ModelSpec) -> Path:
        return self._folder / f"{sha256_json([str(model.zoo), model.name])[:32]}.json"

    def note(self, model: ModelSpec, comparison: Comparison) -> None:
        """Remember a comparison."""
        found = {
            name: float((pair.evidence.fp32 != pair.evidence.int8).mean())
            for name, pair in comparison.metrics.items()
            if isinstance(pair.evidence, RightWrong)
        }
        replace_file(self._path(model), json.dumps(found, sort_keys=True).encode())

    def seen(self, model: ModelSpec, metric: str) -> float | None:
        """The share of an earlier run, or None when none is known."""
        try:
            found = json.loads(self._path(model).read_bytes()).get(metric)
        except (FileNotFoundError, ValueError, AttributeError):
            return None
        return found if isinstance(found, float) and 0 <= found <= 1 else None
