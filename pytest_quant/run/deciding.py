"""A case on its one way: the model is measured, the limit judged, and the record made with its explanation."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_quant.judging.limits.base import judged
from pytest_quant.run.records import RunCase
from pytest_quant.spec.errors import (
    BaselineMissingError,
    DatasetMissingError,
    PartError,
    QuantError,
    StorageError,
    told,
)
from pytest_quant.spec.limit import Limit
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.verdict import Inconclusive

if TYPE_CHECKING:
    from pytest_quant.judging.assess import Assessor
    from pytest_quant.judging.part_work import PartWork
    from pytest_quant.run.explaining import Explainer


@dataclass(frozen=True)
class Decided:
    """What came of a case."""

    record: RunCase
    message: str | None = None
    """Why the limit is broken, with the evidence; None: it is not."""
    warnings: tuple[str, ...] = ()
    """What else is to be told of it; a broken limit has them in its message."""
    error: QuantError | None = None
    """Why the limit could not be decided."""


class Decider:
    """Decides the limits of a run."""

    def __init__(
        self,
        assessor: Assessor,
        explainer: Explainer,
        *,
        inconclusive: Inconclusive,
        strict: bool,
        part: PartWork | None = None,
        before: Callable[[ModelSpec], None] | None = None,
    ) -> None:
        """``strict``: what is not on this machine is an error, else the case is skipped.

        ``part``: only what the limits need is computed, on one part of the samples; ``before`` is called with the model
        of each limit that takes samples.
        """
        self._part = part
        self._before = before
        self._assessor = assessor
        self._explainer = explainer
        self._inconclusive = inconclusive
        self._strict = strict
        self._told_by: dict[tuple[str, str], str] = {}

    def decide(self, model: ModelSpec, limit: Limit, planned: RunCase) -> Decided:
        """Decide a limit; what cannot be decided says why."""
        start = time.perf_counter()
        try:
            if self._part is not None and limit.needs_dataset and not judged(limit).is_decided_in_parts:
                self._part.do(model, limit)
                raise PartError(self._part.reason)
            if self._before is not None and limit.needs_dataset:
                self._before(model)
            verdict = self._assessor.assess(model, limit)
        except QuantError as error:
            return self._undecided(planned, error, time.perf_counter() - start)
        except OSError as error:  # a disk that is full or gone, wherever it was met
            return self._undecided(planned, StorageError(told(error)), time.perf_counter() - start)
        record = planned.decided(verdict, time.perf_counter() - start)
        warnings = tuple(f"{model.name}: {warning}" for warning in verdict.warnings)
        is_broken = verdict.is_broken(self._inconclusive)
        try:
            self._explainer.look_at(model)
            message = self._explainer.message(model, limit, verdict, planned.id) if is_broken else ""
        except (QuantError, OSError) as error:  # the verdict stands
            reason = told(error) if isinstance(error, OSError) else str(error)
            message = f"{verdict.decision.upper()}: {verdict.reason}\n  it cannot be explained: {reason}"
        if not is_broken:
            return Decided(record, warnings=warnings)
        # A limit that is broken says the rest itself: where warnings are errors, one would hide the verdict.
        return Decided(record, message + "".join(f"\n  warning: {warning}" for warning in warnings))

    def _undecided(self, planned: RunCase, error: QuantError, seconds: float) -> Decided:
        is_missing = isinstance(error, (DatasetMissingError, BaselineMissingError)) and not self._strict
        if is_missing or isinstance(error, PartError):
            return Decided(planned.record("skipped", "skipped", str(error), seconds), error=error)
        record = planned.record("error", "failed", str(error), seconds)
        return Decided(record, error=self._told_once(planned, error))

    def _told_once(self, planned: RunCase, error: QuantError) -> QuantError:
        """The error, or where it is told already when an earlier case of the model failed with the same one.

        The report has the reason of each case; what is printed would otherwise say the same for every limit.
        """
        first = self._told_by.setdefault((planned.model or "", str(error)), planned.id)
        return error if first == planned.id else QuantError(f"cannot be decided, for the reason that {first} gives")
