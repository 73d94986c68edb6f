"""What a process tells the one that reports: cases planned and cases decided, as plain builtins on the wire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from pytest_quant.spec.limit import Kind, Limit
from pytest_quant.spec.verdict import CaseRecord, Decision, Outcome, Verdict

_WORST_FIRST: tuple[Decision, ...] = ("crashed", "error", "fail", "missing", "inconclusive", "skipped", "pass")


@dataclass(frozen=True)
class PlannedCase:
    """A case that is to report: what is known of it before it runs."""

    id: str
    model: str | None
    kind: Kind
    name: str = ""
    """Which limit of the test it is, as `Limit.name`."""
    metric: str | None = None
    limit: float | bool | str | None = None
    needs_dataset: bool = False

    def record(self, decision: Decision, outcome: Outcome, reason: str, seconds: float = 0.0) -> CaseRecord:
        """The record of a case that was not decided."""
        return CaseRecord(
            id=self.id,
            model=self.model,
            metric=self.metric,
            kind=self.kind,
            limit=self.limit,
            value=None,
            verdict=decision,
            outcome=outcome,
            reason=reason,
            seconds=seconds,
            name=self.name,
        )

    def decided(self, verdict: Verdict, seconds: float) -> CaseRecord:
        """The record of a verdict; its outcome is filled in when pytest has one."""
        record = self.record(verdict.decision, "passed", verdict.reason, seconds)
        limit = self.limit if verdict.limit is None else verdict.limit
        return replace(record, limit=limit, value=verdict.value)


def plan(case_id: str, model: str, limit: Limit) -> PlannedCase:
    """The planned case of a limit."""
    metric = None if limit.metric is None else limit.metric.name
    return PlannedCase(case_id, model, limit.kind, limit.name, metric, limit.recorded, limit.needs_dataset)


def worse(one: CaseRecord, other: CaseRecord) -> CaseRecord:
    """Of two records of one case (a test can report twice after a crash) the worse."""
    return min(one, other, key=lambda record: _WORST_FIRST.index(record.verdict))


@dataclass(frozen=True)
class Bulletin:
    """What one test reports: its cases, the models it measured, and whether it measured anything at all."""

    records: tuple[CaseRecord, ...] = ()
    models: Mapping[str, Mapping[str, Any]] | None = None
    baseline: Mapping[str, Mapping[str, Any]] | None = None
    """Entries for the baseline file, when it is to be rewritten."""
    measured: bool = False

    def to_wire(self) -> dict[str, Any]:
        """Plain builtins: execnet refuses anything else, NumPy's numbers and paths among it."""
        wire: dict[str, Any] = _plain(
            {
                "records": [asdict(record) for record in self.records],
                "models": self.models,
                "baseline": self.baseline,
                "measured": self.measured,
            }
        )
        return wire

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Bulletin:
        """The reverse of `to_wire`."""
        records = tuple(CaseRecord(**record) for record in wire["records"])
        return cls(records, wire["models"], wire["baseline"], wire["measured"])


def _plain(value: Any) -> Any:
    """The same value in exact builtin types."""
    if value is None or isinstance(value, bool):
        return None if value is None else bool(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [_plain(item) for item in value]
    for builtin in (int, float, str):
        if isinstance(value, builtin):
            return builtin(value)
    item = getattr(value, "item", None)  # a NumPy scalar
    return _plain(item()) if callable(item) else str(value)
