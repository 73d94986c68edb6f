"""One limit of one model: planned, then decided."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pytest_quant.judging.limits import KINDS
from pytest_quant.report.model.base import Entry
from pytest_quant.spec.limit import Kind
from pytest_quant.spec.verdict import Decision, Outcome

Scalar = bool | int | float | str | None


class Case(Entry):
    """One row of ``cases``. Before it ran, its verdict is ``missing`` and its outcome ``not_run``."""

    id: str
    """Of the pytest item, the zoo file relative to the root folder of the run."""
    model: str | None
    """None: about a zoo file as a whole."""
    metric: str | None
    kind: Annotated[Kind, Field(json_schema_extra={"enum": [*KINDS, "config", "zoo"]})]
    limit: Scalar
    """In the metric's own unit; a relative tolerance that was not decided as ``1%``."""
    value: Scalar
    """What was compared with the limit, in the same unit; null where nothing was."""
    verdict: Decision
    """What was measured."""
    outcome: Outcome
    """What pytest says."""
    reason: str
    """The formula with its values, complete as it stands."""
    seconds: float
    net: str | None = None
    """The further net that it is about; absent: fp32 and int8."""
