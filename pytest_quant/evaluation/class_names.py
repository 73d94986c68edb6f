"""Classes by the names that the dataset has for them, where the task knows their indexes alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from pytest_quant.datasets.base import Sample
from pytest_quant.tasks.base import ClassScore, ClassScores, Comparison, Pipeline
from pytest_quant.tasks.optional import KnowsClass


@dataclass(frozen=True)
class ClassNames:
    """What the classes of samples of one class each are called."""

    pipeline: Pipeline
    names: Sequence[str]
    """By index; none where the dataset knows none."""

    def given(self, comparison: Comparison) -> Comparison:
        """The comparison with its classes by name; one of a task that has names of its own stays as it is."""
        if not isinstance(self.pipeline, KnowsClass):
            return comparison
        return replace(comparison, class_scores=partial(self._scores, comparison.class_scores))

    def totals(self, samples: Sequence[Sample]) -> dict[str, int]:
        """How many of the samples each class has, where each is of one class."""
        if not isinstance(self.pipeline, KnowsClass):
            return {}
        return {self._name(one): count for one, count in Counter(map(self.pipeline.class_of, samples)).items()}

    def _scores(self, own: ClassScores, metric: str) -> Sequence[ClassScore]:
        return [replace(one, name=self._name(one.name)) for one in own(metric)]

    def _name(self, index: str) -> str:
        return self.names[int(index)] if index.isdigit() and int(index) < len(self.names) else index
