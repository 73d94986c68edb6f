"""What one test tells the process that reports; on the wire it is JSON, in one string."""

from __future__ import annotations

import json

from pydantic import Field

from pytest_quant.judging.baseline import BaselineEntry
from pytest_quant.report.model import Entry, ModelEntry
from pytest_quant.run.records import RunCase


class Bulletin(Entry):
    """The cases of a test, the models that its process has measured, and whether it measured anything at all."""

    cases: tuple[RunCase, ...] = ()
    models: dict[str, ModelEntry] = Field(default_factory=dict)
    baseline: dict[str, BaselineEntry] = Field(default_factory=dict)
    """Entries for the baseline file, when it is to be rewritten."""
    measured: bool = False
    problems: tuple[str, ...] = ()
    """What fails the run although the case may have passed, such as pictures that could not be kept."""

    def to_wire(self) -> str:
        """Text: execnet refuses all but exact builtin types."""
        return json.dumps(self.as_json(), allow_nan=False)

    @classmethod
    def from_wire(cls, wire: str) -> Bulletin:
        """The reverse of `to_wire`."""
        return cls.model_validate(json.loads(wire))
