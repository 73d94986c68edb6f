"""What an evaluation came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pytest_quant.evaluation.calibration_facts import CalibrationFacts
from pytest_quant.evaluation.kept_comparison import KeptScores
from pytest_quant.evidence.interval import Interval
from pytest_quant.evidence.looks import Look
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import Net
from pytest_quant.tasks.base import Comparison


@dataclass(frozen=True)
class Timing:
    """How long an evaluation took here; differs from run to run."""

    elapsed_s: float
    images_per_second: Mapping[Net, float]
    """Of one core, forward pass and decoding only, as measured when the predictions were made."""
    cached: Mapping[Net, bool]
    """Whether all predictions of the net were there already."""


@dataclass(frozen=True)
class Measurement:
    """The fp32 net of a model and another of its nets, int8 as a rule, on the same samples."""

    model: ModelSpec
    comparison: Comparison
    evaluated: int
    total: int
    seed: int
    side_keys: Mapping[Net, str]
    """Where the store keeps each net's predictions."""
    samples_sha256: str
    """Over id, content and ground truth of the evaluated samples, in their order."""
    file_sha256: Mapping[str, str]
    """``fp32.param`` and the like to the digest of the file."""
    conditions: Mapping[str, object]
    timing: Timing
    net: Net = "int8"
    """Which net stands in the place of int8 in the comparison."""
    runtime: str = ""
    """Name and version of what ran that net."""
    fp32_runtime: str = ""
    """The same of fp32."""
    calibration: CalibrationFacts | None = None
    """What the int8 net was made from, where this run made it."""
    sequential: bool = False
    """Whether the samples came with an eye on the verdicts: then only anytime-valid evidence counts."""
    look: Look | None = None
    """At which planned look the samples were found to be enough, or the last of them; None: none was planned."""
    earlier: tuple[Measurement, ...] = field(default=(), repr=False, compare=False)
    """What the looks before came to."""
    stopped_early: bool = False
    """Whether that ended the evaluation before its samples did."""
    class_totals: Mapping[str, int] = field(default_factory=dict)
    """How many samples of each class the dataset has, of a subset whose samples are of one class each."""
    scores: KeptScores | None = field(default=None, repr=False, compare=False)
    """Where the comparison is kept, with what is made of it; None: it is not."""
    intervals: dict[tuple[str | float, ...], Interval] = field(default_factory=dict, repr=False, compare=False)
    """Intervals that were asked for already: those of hmean and AP take seconds."""

    @property
    def scored(self) -> Comparison:
        """The comparison as the task made it: one that was kept lacks what only curves are drawn from."""
        return self.comparison if self.scores is None else self.scores.whole

    @property
    def is_whole(self) -> bool:
        """Whether every sample of the dataset was evaluated."""
        return self.evaluated == self.total
