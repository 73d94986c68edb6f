"""What every kind of limit does: read itself from a zoo entry or a marker, judge, and say how tables show it.

A kind is a frozen dataclass in a file of its own. Its module is imported at collection, so what judging takes (the
runtime, SciPy, the evaluation) is imported inside `judge`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from pytest_quant.judging.limits.written import Keyword, Written, placed
from pytest_quant.spec.limit import Limit
from pytest_quant.spec.metric import Metric
from pytest_quant.spec.verdict import Decision, Verdict

if TYPE_CHECKING:
    from typing_extensions import Self

    from pytest_quant.evaluation.measurement import Measurement
    from pytest_quant.judging.part_subject import PartSubject
    from pytest_quant.judging.sample_test import SampleTest
    from pytest_quant.judging.subject import Subject


ZooKeys = Mapping[str, tuple[object, object]]
"""Keys of a zoo entry to their type and default, as pydantic takes them."""


class JudgedLimit(Limit):
    """A kind of limit; `Limit` says what the rest of the project knows of it."""

    zoo_keys: ClassVar[ZooKeys] = {}
    """Keys of a zoo entry that are this kind's own: name to type and default, as pydantic takes them."""
    marker: ClassVar[str | None] = None
    """The marker whose keywords are limits of this kind."""
    marker_example: ClassVar[str] = ""
    """A keyword of that marker, as its message shows it."""
    keyword_is_metric: ClassVar[bool] = True
    """Whether the keywords of the marker are names of metrics."""
    takes_no_labels: ClassVar[bool] = False
    """Whether it can be about the metrics that need no ground truth, which every task has."""
    stands_alone: ClassVar[bool] = True
    """Whether it is reason enough for a zoo entry; the others come along with a model's files or other limits."""
    stops_early: ClassVar[bool] = False
    """Whether an evaluation that may stop early waits for it; the others are content with any number of samples."""
    is_estimate: ClassVar[bool] = False
    """Whether bounds decide it on a subset, so that it shares in the confidence of a whole table."""
    certain_decisions: ClassVar[tuple[Decision, ...]] = ("pass", "fail")
    """What is certain at the confidence asked for, where it is such an estimate."""
    is_silent_when_skipped: ClassVar[bool] = False
    """Whether a case that was skipped says nothing about the model."""
    tells_below_table: ClassVar[bool] = False
    """Whether the reason of a broken one stands below the table too, as the table shows only a part of it."""

    @classmethod
    @abstractmethod
    def of_entry(cls, written: Written, others: Sequence[Limit]) -> Iterator[Self]:
        """The limits of this kind that a zoo entry asks for; ``others``: those of the kinds that stand alone.

        Raises `ConfigError` with the place in the zoo file.
        """

    @classmethod
    def of_keyword(cls, keyword: Keyword, metric: Metric | None) -> Self:
        """The limit that a keyword of `marker` asks for, ``metric`` being what it names where it names one.

        Raises `ConfigError` with the marker and the keyword.
        """
        raise NotImplementedError(f"the limit {cls.kind} has no marker")

    @classmethod
    def shown(cls, metric: Metric, value: object) -> str | None:
        """A limit of the kind in a table, ``value`` being what the report has; None: the table names the kind."""
        return None

    @property
    def keys(self) -> tuple[str, ...]:
        """Where it stands in a model's entry, for messages."""
        return (self.kind,)

    def unknown_in(self, task: str, model: str | None, conditions: Sequence[str]) -> str | None:
        """Why it names something that a model of the task lacks, which has these conditions; None: it does not."""
        return None

    def wrong_type(self, conditions: Mapping[str, object]) -> str | None:
        """Why no evaluation with conditions of these types could meet it; None: one could."""
        return None

    is_decided_in_parts: ClassVar[bool] = False
    """Whether a part of an evaluation decides it as the whole does, though it takes samples."""

    def gather(self, part: PartSubject) -> None:
        """Compute in one part of an evaluation what judging the whole takes; raises like `judge`."""
        part.predictions(self.net)

    @property
    def takes_looks(self) -> bool:
        """Whether `decision_at_look` decides it at any planned look. For `stops_early` only."""
        return False

    def decision_at_look(self, measurement: Measurement, confidence: float) -> Decision:
        """What is decided by a measurement at a planned look; ``confidence`` is one-sided, of all looks together."""
        raise NotImplementedError(f"the limit {self.kind} takes no looks")

    @abstractmethod
    def judge(self, subject: Subject) -> Verdict:
        """Decide it; raises `QuantError` when that cannot be done."""

    def sample_test(self, population: int, confidence: float) -> SampleTest | None:
        """The test that decides it sample by sample; None: it takes the samples together. For `stops_early` only."""
        return None

    def outlook(self, samples: int, total: int, seen: float | None, confidence: float) -> str | None:
        """What a subset can prove about it, in words; ``seen``: the discordance of an earlier run, as a share."""
        return None


@dataclass(frozen=True)
class MetricLimit(JudgedLimit):
    """A limit on one metric."""

    metric: Metric = field()
    """In whose unit its numbers are."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The metric below the kind, as in ``tolerance.top1``."""
        return self.kind, self.metric.name


@dataclass(frozen=True)
class NumberLimit(JudgedLimit):
    """A limit on one number of a model, which stands under the kind's own name in its entry."""

    number: float

    @property
    def name(self) -> str:
        """The kind; a model has one."""
        return self.kind

    @property
    def recorded(self) -> float:
        """The number."""
        return self.number

    @classmethod
    @abstractmethod
    def parse(cls, raw: object) -> Self:
        """The limit that an entry writes; raises `ConfigError` without a place."""

    @classmethod
    def of_entry(cls, written: Written, others: Sequence[Limit]) -> Iterator[Self]:
        """Where the key is there."""
        raw = written.get(cls.kind)
        if raw is not None:
            with placed(written.place((cls.kind,))):
                yield cls.parse(raw)


def shown_value(metric: Metric, value: object) -> str:
    """A limit in the digits of its metric; words, such as ``1%``, as they are."""
    return metric.number(value) if isinstance(value, (int, float)) else str(value)


def judged(limit: Limit) -> JudgedLimit:
    """A limit of a model as this room knows it; raises `TypeError` for one that cannot be judged."""
    if not isinstance(limit, JudgedLimit):
        raise TypeError(f"{limit.name}: {type(limit).__name__} is not a `JudgedLimit`")
    return limit
