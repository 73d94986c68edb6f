"""What a task is to the rest of the project: pixels to a net's input, outputs to a prediction, predictions to a score.

A `Task` says which options and metrics there are; its `Pipeline` does the work for one model. A pipeline holds no state
that changes, so threads share it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from pytest_quant.datasets.base import Content, Sample
from pytest_quant.nets.given import Given
from pytest_quant.spec.metric import Metric
from pytest_quant.spec.model import ModelSpec

Tensor = NDArray[np.float32]
"""A net's input or output without the batch dimension, usually (channels, height, width)."""

Run = Callable[[Given], dict[str, NDArray[np.float32]]]
"""One forward pass: input array, or arrays by name, to output blobs by name."""

Arrays = Mapping[str, NDArray[np.generic]]
"""What the store keeps: plain arrays by name."""

Facts = Mapping[str, Any]
"""Plain JSON values by name, which a report shows and a footnote reads."""

Prediction = Any
"""What a task's decoder makes of one sample; a frozen dataclass of the task."""


@dataclass(frozen=True)
class Prepared:
    """One sample, ready for the net, with what the decoder needs to find the way back to the image.

    Predicting changes nothing of it: it serves all nets, and some of them have it before.
    """

    tensor: Given
    """A float32 array; or of a net that is fed arrays, each by its name."""
    sample: Sample
    geometry: Any = None

    @property
    def inputs(self) -> Sequence[Given]:
        """What the net will be run on, as far as it is known before the first output."""
        return (self.tensor,)


@dataclass(frozen=True)
class PreparedParts(Prepared):
    """One sample whose ``tensor`` holds an input a row, such as one for each person."""

    @property
    def inputs(self) -> Sequence[Tensor]:
        """The rows."""
        return tuple(self.tensor)


@dataclass(frozen=True)
class RightWrong:
    """Evidence of a metric that is a mean of per-sample hits: one bool per sample and side, in the same order.

    True is right, whichever way the metric counts: an error rate is the share of samples that are wrong.
    """

    fp32: NDArray[np.bool_]
    int8: NDArray[np.bool_]


Recompute = Callable[[NDArray[np.int64]], NDArray[np.float64]]
"""Metric values of resamples: how often each image was drawn, shape (resamples, images), to values, shape (resamples,),
in the metric's own unit. A row of ones gives the measured value."""


@dataclass(frozen=True)
class Resampled:
    """Evidence of a metric that is not a mean over samples: both sides recomputed for the same resamples of images."""

    images: int
    fp32: Recompute
    int8: Recompute


@dataclass(frozen=True)
class SampleScores:
    """Evidence of a metric that is a mean of one score per sample, of any range: both sides in the same order.

    Where the metric has a maximum, the scores lie in [0, maximum]: then intervals are exact and a run can stop early.
    """

    fp32: NDArray[np.float64]
    int8: NDArray[np.float64]


Evidence = RightWrong | Resampled | SampleScores


@dataclass(frozen=True)
class MetricPair:
    """One metric of both sides on the same samples, in the metric's own unit."""

    metric: Metric
    fp32: float
    int8: float
    evidence: Evidence

    @property
    def drop(self) -> float:
        """How much worse int8 is: fp32 - int8, or int8 - fp32 where lower is better.

        From counts where there are, hence exact at a limit.
        """
        if isinstance(self.evidence, RightWrong):
            lost = int(self.evidence.fp32.sum()) - int(self.evidence.int8.sum())
            return self.metric.range * lost / self.evidence.fp32.size
        if isinstance(self.evidence, SampleScores):
            sums = math.fsum(self.evidence.fp32), math.fsum(self.evidence.int8)
            return self.metric.worse_by(*sums) / self.evidence.fp32.size
        return self.metric.worse_by(self.fp32, self.int8)

    def contrast(self, retain: float) -> float:
        """``retain * fp32 - int8``, or ``int8 - retain * fp32`` where lower is better."""
        return self.metric.worse_by(retain * self.fp32, self.int8)


@dataclass(frozen=True)
class Flips:
    """How single samples changed sides."""

    only_fp32_right: int
    only_int8_right: int
    agreement_pct: float
    """Share of samples on which both sides give the same answer, right or wrong, in percent."""


@dataclass(frozen=True)
class Moved:
    """A sample on which the sides differ, and what it adds on each: regions found, or persons found."""

    sample: str
    fp32: float
    int8: float
    texts: tuple[str, str, str] | None = None
    """The true text, and what fp32 and int8 read, where the answers are texts."""


@dataclass(frozen=True)
class ClassScore:
    """One metric of one class, or category, on both sides."""

    name: str
    """As the dataset calls it, or its number."""
    samples: int
    """How many of the evaluated samples hold it."""
    pair: MetricPair


ClassScores = Callable[[str], Sequence[ClassScore]]
"""Name of a metric to its value in each class that the evaluated samples hold; nothing of a metric without classes."""


def no_classes(metric: str) -> Sequence[ClassScore]:
    """What tasks without classes have of any metric."""
    return ()


@dataclass(frozen=True)
class Comparison:
    """Both sides scored on the same samples."""

    metrics: Mapping[str, MetricPair]
    flips: Flips
    absent: Mapping[str, str] = field(default_factory=dict)
    """Metrics of the task that these nets lack, and why."""
    moved: Sequence[Moved] = ()
    """The samples that moved most, where single samples are not just right or wrong."""
    details: Facts = field(default_factory=dict)
    """What else the report says of the metrics, such as the threshold that was taken; plain JSON values."""
    class_scores: ClassScores = no_classes
    """Found when asked for."""
    remark: str | None = None
    """What the message of a broken limit says beside flips and agreement, such as which threshold was taken."""


@dataclass(frozen=True)
class GuessedHits:
    """What tells a model from one that guesses: each sample has one right answer of so many."""

    right: int
    samples: int
    answers: int


@dataclass(frozen=True)
class GuessedScore:
    """The same where there is no chance to hold a score against: a score that is next to the worst there is."""

    pair: MetricPair
    share: float = 0.02
    """Of the metric's range, from the worst value."""

    @property
    def is_next_to_worst(self) -> bool:
        """Whether fp32 scores no better than that."""
        metric = self.pair.metric
        worst = 0.0 if metric.higher_is_better else metric.range
        return metric.worse_by(self.pair.fp32, worst) < self.share * metric.range


class Pipeline(Protocol):
    """A task's work for one model."""

    def prepare(self, image: Content, sample: Sample) -> Prepared:
        """Preprocess one sample; the result serves both sides.

        ``image``: an `Image`, or arrays by key where the task takes them and the model has ``inputs``.
        """
        ...

    def predict(self, run: Run, prepared: Prepared) -> Prediction:
        """Run the net (once, or more often where the protocol says so) and decode its outputs."""
        ...

    def pack(self, predictions: Sequence[Prediction]) -> Arrays:
        """Predictions of a shard as plain arrays (no object dtype), for the store."""
        ...

    def unpack(self, arrays: Arrays) -> list[Prediction]:
        """The reverse of `pack`, equal to what was packed."""
        ...

    def compare(self, samples: Sequence[Sample], fp32: Sequence[Prediction], int8: Sequence[Prediction]) -> Comparison:
        """Score both sides; the three sequences are in the same order."""
        ...

    def conditions(self) -> Facts:
        """The conditions of the evaluation that the report shows and ``require`` can name; plain JSON values."""
        ...

    def fingerprint(self) -> Mapping[str, object]:
        """Everything about pre- and post-processing that can change a prediction, versions included; plain JSON."""
        ...


class Task(Protocol):
    """What can be written in a zoo entry of this task; derive from it for the usual place, tolerances and footnote.

    A task is registered under its name (``pytest_quant_register``, see docs/extending.md), and is asked for what is
    special about it: nobody knows a task by name. What it lacks is an error when it is registered.
    """

    name: str
    metrics: Mapping[str, Metric]
    """Its metrics by name; the first is the one that `agreement` is in the unit of."""
    dataset_types: frozenset[str]
    preprocess_options: type[BaseModel]
    postprocess_options: type[BaseModel]
    metric_options: Mapping[str, type[BaseModel]]
    shard_size: int
    """How many samples make one shard: some tenths of a second of work."""
    orient: bool
    """Whether the protocol honours an image's EXIF orientation."""
    takes_arrays: bool = False
    """Whether a model may have ``inputs`` in the place of ``input``, and datasets of type ``arrays``."""
    place: int = 1000
    """Where its models stand in the table, least first: 10, 20, ... of the built-in tasks, 1000 of all others."""
    usual_tolerances: Mapping[str, float] = MappingProxyType({})
    """Metric to the tolerance that ``pytest-quant init`` proposes, in the metric's own unit."""

    def footnote(self, conditions: Facts, details: Facts) -> str | None:
        """What one must know of a model's numbers to compare them with others of their kind, for below the table.

        ``conditions`` and ``details`` are those of the report: of `Pipeline.conditions`, and `Comparison.details`.
        """
        return None

    def counts_flips(self, metric: str) -> bool:
        """Whether `Comparison.flips`, of which there is one count, is about a metric: the table shows it there."""
        return True

    def guessed(self, comparison: Comparison, fp32: Sequence[Prediction]) -> GuessedHits | GuessedScore | None:
        """What tells fp32 from a net that guesses; None where nothing does, as with a metric without bounds."""
        pair = comparison.metrics.get(next(iter(self.metrics)))
        return None if pair is None or pair.metric.maximum is None else GuessedScore(pair)

    def pipeline(self, model: ModelSpec) -> Pipeline:
        """The work for one model; raises `ConfigError` for options that contradict each other."""
        ...
