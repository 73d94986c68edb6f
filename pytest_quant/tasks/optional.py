"""What a task, a pipeline or a prediction may know beside what all of them do; who needs it asks by `isinstance`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from pytest_quant.datasets.base import Image, Sample
from pytest_quant.tasks.base import Comparison, Prediction, Prepared


@runtime_checkable
class KnowsClass(Protocol):
    """A pipeline of a task whose samples are of one class each."""

    def class_of(self, sample: Sample) -> str:
        """The name of the sample's class, as `ClassScore` has it."""
        ...


@runtime_checkable
class TakesCrops(Protocol):
    """A pipeline whose net sees parts of an image that the ground truth names, such as persons."""

    def prepare_crop(self, image: Image, sample: Sample) -> Prepared:
        """Preprocess an image that is such a part itself, without ground truth."""
        ...


@runtime_checkable
class ActsAsReference(Protocol):
    """A pipeline whose predictions can stand for the ground truth of images that have none."""

    def without_truth(self, sample: Sample, image: Image) -> Sample:
        """The sample with as much truth as preparing and predicting take: none that is worth scoring."""
        ...

    def with_truth(self, sample: Sample, prediction: Prediction) -> Sample:
        """The sample with a prediction in the place of its ground truth."""
        ...


@runtime_checkable
class OverstatesLoss(Protocol):
    """A pipeline whose metrics lose more against fp32's answers than against a truth, where some changes are gains."""

    overstates_loss: Literal[True]


@runtime_checkable
class TellsAnswer(Protocol):
    """A prediction that holds more than what the net said: where a sample lies, or how right it was."""

    def answer(self) -> bytes:
        """What the net said, equal for two samples where its outputs were."""
        ...


@runtime_checkable
class ComparesAnswers(Protocol):
    """A pipeline that scores answers against answers by a way of its own, without the ground truth of a sample."""

    def compare_answers(
        self, samples: Sequence[Sample], fp32: Sequence[Prediction], int8: Sequence[Prediction]
    ) -> Comparison:
        """Both sides scored with fp32's answers as the truth; the metrics are the task's."""
        ...


@runtime_checkable
class EstimatesTruth(Protocol):
    """A pipeline whose predictions say how likely each answer is, so that they tell what another net's are worth."""

    @property
    def estimates_truth(self) -> bool:
        """Whether this model's predictions do: a net may give answers alone."""
        ...

    def with_likely_truth(self, sample: Sample, prediction: Prediction) -> Sample:
        """The sample with a truth that has each answer with the probability that the prediction gives it.

        Metrics on such samples are what they are expected to be where those probabilities are right.
        """
        ...


@runtime_checkable
class ReadsConfig(Protocol):
    """A task that knows what its training repositories' config files say of the conditions of an evaluation."""

    def config_conditions(self, path: Path) -> Mapping[str, object]:
        """Condition to a plain JSON value or `Untold`; raises `ConfigError` for a file that is not a config file."""
        ...
