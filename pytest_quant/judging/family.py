"""One confidence for the whole table: the sampled cases of a run share its error, by Holm's correction."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pytest_quant.evidence.family import confidence_of_each, holm_confidences
from pytest_quant.judging.limits.base import JudgedLimit, judged
from pytest_quant.spec.errors import QuantError
from pytest_quant.spec.limit import Limit
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.verdict import Verdict

Judge = Callable[[ModelSpec, JudgedLimit, float], Verdict]
"""Decides a limit at a confidence; raises `QuantError` where it cannot."""
IsSampled = Callable[[ModelSpec], bool]
"""Whether a subset of the model's dataset is evaluated; raises `QuantError` where that cannot be told."""


class Family:
    """The cases whose verdicts rest on bounds, known before the first of them is decided.

    Holm's procedure takes all of them, so the first sampled case that is asked for measures every model of the family.
    Each process of a run does so, with predictions that they share; all come to the same.
    """

    def __init__(self, judge: Judge, is_sampled: IsSampled, confidence: float) -> None:
        """``confidence``: that all verdicts of the family hold together."""
        self._judge = judge
        self._is_sampled = is_sampled
        self._confidence = confidence
        self._planned: dict[tuple[str, str, str], tuple[ModelSpec, JudgedLimit]] = {}
        self._members: dict[tuple[str, str, str], tuple[ModelSpec, JudgedLimit]] | None = None
        self._found: dict[tuple[str, str, str], float] | None = None

    def expect(self, model: ModelSpec, limits: Iterable[Limit]) -> None:
        """Say which limits of a model are to be decided, before the first of all is."""
        for limit in map(judged, limits):
            if limit.is_estimate:
                self._planned[_key(model, limit)] = model, limit

    @property
    def first_confidence(self) -> float:
        """That of each case before any other is decided."""
        return confidence_of_each(self._confidence, max(1, len(self._sampled())))

    def confidence_of(self, model: ModelSpec, limit: Limit) -> float:
        """The one-sided confidence of a case of its own; that of the table where it is not an estimate of a subset."""
        if _key(model, limit) not in self._sampled():
            return self._confidence
        if self._found is None:
            self._found = self._decide()
        return self._found[_key(model, limit)]

    def _sampled(self) -> dict[tuple[str, str, str], tuple[ModelSpec, JudgedLimit]]:
        if self._members is None:
            self._members = {key: case for key, case in sorted(self._planned.items()) if self._counts(case[0])}
        return self._members

    def _counts(self, model: ModelSpec) -> bool:
        try:
            return self._is_sampled(model)
        except QuantError:  # its cases say so themselves
            return False

    def _decide(self) -> dict[tuple[str, str, str], float]:
        cases = list(self._sampled().values())

        def is_certain(index: int, own: float) -> bool:
            model, limit = cases[index]
            try:
                return self._judge(model, limit, own).decision in limit.certain_decisions
            except QuantError:
                return False

        return dict(zip(self._sampled(), holm_confidences(is_certain, len(cases), self._confidence), strict=True))


def _key(model: ModelSpec, limit: Limit) -> tuple[str, str, str]:
    return str(model.zoo), model.name, repr(limit)
