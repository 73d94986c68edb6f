"""Which layers to leave in float: ``rescue`` of a model."""

from __future__ import annotations

from typing import Literal

from pytest_quant.report.model.base import Entry
from pytest_quant.spec.verdict import Decision


class LossEntry(Entry):
    """What an int8 net loses on the search samples, in the metric's own unit."""

    drop: float | None
    """Against the labels; null where there are none."""
    bound: float | None
    """Upper bound on new samples like these."""
    reference_loss: float | None
    """With the fp32 outputs as the ground truth."""
    allowed: float


class SearchedEntry(Entry):
    """One metric on the search samples."""

    before: LossEntry
    """Of the int8 net as it was given."""
    after: LossEntry
    """Of the best net."""


class EvaluatedEntry(Entry):
    """One metric of the repaired net on the evaluation set."""

    fp32: float
    int8: float
    drop: float
    verdict: Decision
    reason: str


class RescueFilesEntry(Entry):
    """The repaired net; paths relative to where the run was started, or to the first report."""

    param: str
    bin: str
    table: str


class ByNetBytes(Entry):
    """Size of the weights."""

    fp32: int
    int8: int
    """As given."""
    repaired: int


class ByNetMilliseconds(Entry):
    """Shortest time of one forward pass on one core."""

    fp32: float
    int8: float
    repaired: float


class RescueTimingEntry(Entry):
    """Differs from run to run."""

    pass_ms: ByNetMilliseconds


class RescueEntry(Entry):
    """What a search for a repair came to."""

    found: bool
    meets: bool
    """Whether the repaired net meets its tolerances on the evaluation set, too."""
    method: str
    """Of calibration."""
    eight_bit: bool
    keep_float: tuple[str, ...]
    int8_macs: float
    """Share of the multiply-accumulates that stay in int8."""
    trials: int
    """How many nets were made and measured."""
    samples: int
    """How many were searched on."""
    labelled: bool
    also_evaluated: tuple[str, ...]
    """Samples that were left out because the model is evaluated on them."""
    decided_by: str
    search: dict[str, SearchedEntry]
    evaluation: dict[str, EvaluatedEntry] | None = None
    """This and all below: absent where nothing was found."""
    files: RescueFilesEntry | None = None
    bytes: ByNetBytes | None = None
    timing: RescueTimingEntry | None = None


class NoRescueEntry(Entry):
    """In the place of a rescue that could not be tried."""

    found: Literal[False]
    meets: Literal[False]
    error: str
