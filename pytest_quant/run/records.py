"""The cases of a run: planned at collection, decided one by one, told to the process that reports."""

from __future__ import annotations

from pytest_quant.report.model import Case, Scalar
from pytest_quant.spec.limit import Kind, Limit
from pytest_quant.spec.net import SIDES
from pytest_quant.spec.verdict import Decision, Outcome, Verdict, badness

_DIGITS = 9


class RunCase(Case):
    """A row of the report on its way through the run: until it is decided, its verdict is ``missing``."""

    name: str = ""
    """The limit's name, which tells the limits of one test in Python apart; not in the report."""
    needs_dataset: bool = False
    """Whether deciding it takes samples; not in the report."""

    @property
    def key(self) -> tuple[str, str]:
        """What is unique in a run."""
        return self.id, self.name

    def record(self, decision: Decision, outcome: Outcome, reason: str, seconds: float = 0.0) -> RunCase:
        """The same case with what became of it, where nothing was compared."""
        return self._with(verdict=decision, outcome=outcome, reason=reason, seconds=seconds)

    def decided(self, verdict: Verdict, seconds: float) -> RunCase:
        """The same case with a verdict; its outcome is filled in when pytest has one."""
        return self._with(
            verdict=verdict.decision,
            outcome="passed",
            reason=verdict.reason,
            seconds=seconds,
            limit=self.limit if verdict.limit is None else verdict.limit,
            value=None if verdict.value is None else round(verdict.value, _DIGITS) + 0.0,  # -0.0 becomes 0.0
        )

    def ended(self, outcome: Outcome) -> RunCase:
        """The same case with what pytest says of it."""
        return self._with(outcome=outcome)

    def _with(self, **changes: Scalar) -> RunCase:
        known: dict[str, Scalar] = dict(self)
        return RunCase.model_validate(known | changes)


def planned_case(
    case_id: str,
    model: str | None,
    kind: Kind,
    *,
    metric: str | None = None,
    limit: Scalar = None,
    net: str | None = None,
    name: str = "",
    needs_dataset: bool = False,
) -> RunCase:
    """A case that is to report."""
    return RunCase(
        id=case_id,
        model=model,
        metric=metric,
        kind=kind,
        limit=limit,
        value=None,
        verdict="missing",
        outcome="not_run",
        reason="the run ended before this case",
        seconds=0.0,
        net=net,
        name=name,
        needs_dataset=needs_dataset,
    )


def limit_case(case_id: str, model: str, limit: Limit) -> RunCase:
    """The planned case of a limit."""
    return planned_case(
        case_id,
        model,
        limit.kind,
        metric=None if limit.metric is None else limit.metric.name,
        limit=limit.recorded,
        net=None if limit.net in (*SIDES, "onnx") else limit.net,
        name=limit.name,
        needs_dataset=limit.needs_dataset,
    )


def worse(one: RunCase, other: RunCase) -> RunCase:
    """Of two records of one case (a test can report twice after a crash) the worse."""
    return min(one, other, key=lambda record: badness(record.verdict, record.outcome))
