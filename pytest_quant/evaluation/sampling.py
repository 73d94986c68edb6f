"""Which samples of a dataset are evaluated, in which order."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_quant.datasets.base import Dataset, Sample
from pytest_quant.datasets.sampling import seeded_order
from pytest_quant.spec.model import ModelSpec


@dataclass(frozen=True)
class Sampling:
    """Which samples are evaluated."""

    seed: int = 0
    samples: int | None = None
    """Size of the subset, over what the zoo file says; None: as the zoo file says."""
    whole: bool = False
    """Evaluate the whole dataset whatever the zoo file says."""

    def size(self, model: ModelSpec, total: int) -> int:
        """How many of ``total`` samples to evaluate."""
        wanted = None if self.whole else (self.samples or model.samples)
        return total if wanted is None else min(wanted, total)

    def selection(self, model: ModelSpec, dataset: Dataset) -> list[Sample]:
        """The samples to evaluate, in the seeded order."""
        order = seeded_order([sample.id for sample in dataset.samples], self.seed)
        return [dataset.samples[index] for index in order[: self.size(model, len(order))]]
