"""int8 held against fp32's own answers, where they are asked for, or where images have no ground truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pytest_quant.datasets.base import Content, Image, Sample
from pytest_quant.spec.errors import ConfigError, DatasetError
from pytest_quant.spec.metric import agreement_in
from pytest_quant.spec.model import ModelSpec
from pytest_quant.tasks.base import Arrays, Comparison, Facts, Flips, MetricPair, Pipeline, Prediction, Prepared, Run
from pytest_quant.tasks.optional import ActsAsReference, ComparesAnswers

_VERSION = 1
"""Part of the fingerprint: raise it when an image without labels is prepared otherwise than before."""
_HEIGHTS, _WIDTHS = "image_height", "image_width"
"""Names of arrays beside those of the task's own."""


def wants_agreement(model: ModelSpec) -> bool:
    """Whether a limit of the model is about how far int8 answers what fp32 answers."""
    return any(limit.metric is not None and limit.metric.name == "agreement" for limit in model.limits)


def can_compare_answers(pipeline: Pipeline) -> bool:
    """Whether the answers of one net can stand for the truth of another's."""
    return isinstance(pipeline, (ActsAsReference, ComparesAnswers))


def agreement_of(
    pipeline: Pipeline, samples: Sequence[Sample], fp32: Sequence[Prediction], int8: Sequence[Prediction]
) -> Comparison:
    """Both sides scored with fp32's answers as the truth; the metrics are the task's.

    Raises `ConfigError` for a task whose answers cannot be a truth, `DatasetError` where fp32 answers nothing that
    could be scored.
    """
    if isinstance(pipeline, ComparesAnswers):
        return pipeline.compare_answers(samples, fp32, int8)
    if not isinstance(pipeline, ActsAsReference):
        raise ConfigError("agreement: the task cannot take fp32's answers for a truth; sqnr_db takes no truth at all")
    known = [
        replace(pipeline.with_truth(sample, answer), id=sample.id) for sample, answer in zip(samples, fp32, strict=True)
    ]
    try:
        return pipeline.compare(known, fp32, int8)
    except DatasetError as error:
        raise DatasetError(f"agreement, with fp32's answers as the truth: {error}") from error


def agreement_pair(comparison: Comparison) -> MetricPair:
    """The task's first metric of such a comparison, which is what `agreement` is."""
    pair = next(iter(comparison.metrics.values()))
    return replace(pair, metric=agreement_in(pair.metric))


@dataclass(frozen=True)
class Answered:
    """A prediction, and the size of the image that it is about; 0 of what is no image."""

    prediction: Prediction
    height: int
    width: int


@dataclass(frozen=True)
class _Place:
    """What the task prepared, and the size of the image."""

    prepared: Prepared
    height: int
    width: int


@dataclass(frozen=True)
class WithoutLabels:
    """A task's pipeline over images without ground truth, which scores with fp32's answers as the truth.

    What a sample needs for a truth, the size of its image, is found when the image is prepared, and kept beside the
    answer.
    """

    pipeline: Pipeline
    wanted: bool
    """Whether a limit is about the agreement: else a task that does not score answers by itself is not asked to."""

    def prepare(self, image: Content, sample: Sample) -> Prepared:
        """As the task does, with as much truth as that takes."""
        height, width = image.shape[:2] if isinstance(image, np.ndarray) else (0, 0)
        prepared = self.pipeline.prepare(image, self._known(sample, image))
        return replace(prepared, geometry=_Place(prepared, height, width))

    def _known(self, sample: Sample, image: Content) -> Sample:
        return self.pipeline.without_truth(sample, image) if isinstance(self.pipeline, ActsAsReference) else sample

    def predict(self, run: Run, prepared: Prepared) -> Answered:
        """As the task does."""
        place: _Place = prepared.geometry
        return Answered(self.pipeline.predict(run, place.prepared), place.height, place.width)

    def pack(self, predictions: Sequence[Answered]) -> Arrays:
        """The task's arrays, and two of shape (samples,) beside them."""
        return {
            **self.pipeline.pack([one.prediction for one in predictions]),
            _HEIGHTS: np.array([one.height for one in predictions], np.int64),
            _WIDTHS: np.array([one.width for one in predictions], np.int64),
        }

    def unpack(self, arrays: Arrays) -> list[Answered]:
        """The reverse of `pack`."""
        own = {name: array for name, array in arrays.items() if name not in (_HEIGHTS, _WIDTHS)}
        answers = self.pipeline.unpack(own)
        sizes = zip(arrays[_HEIGHTS].tolist(), arrays[_WIDTHS].tolist(), strict=True)
        return [Answered(answer, *size) for answer, size in zip(answers, sizes, strict=True)]

    def compare(self, samples: Sequence[Sample], fp32: Sequence[Answered], int8: Sequence[Answered]) -> Comparison:
        """The agreement alone; without a score for it only how often both sides answer exactly the same."""
        answers = [[one.prediction for one in side] for side in (fp32, int8)]
        if not (isinstance(self.pipeline, ActsAsReference) or self.wanted):
            return Comparison({}, self._same(*answers))
        known = [self._known(sample, _blank(one)) for sample, one in zip(samples, fp32, strict=True)]
        found = agreement_of(self.pipeline, known, *answers)
        pair = agreement_pair(found)
        return Comparison(
            {pair.metric.name: pair}, found.flips, moved=found.moved, details=found.details, remark=found.remark
        )

    def _same(self, fp32: Sequence[Prediction], int8: Sequence[Prediction]) -> Flips:
        packed = [[self.pipeline.pack([one]) for one in side] for side in (fp32, int8)]
        same = sum(_equal(one, other) for one, other in zip(*packed, strict=True))
        return Flips(len(fp32) - same, 0, 100 * same / len(fp32))

    def conditions(self) -> Facts:
        """As the task's."""
        return self.pipeline.conditions()

    def fingerprint(self) -> Mapping[str, object]:
        """As the task's, and that there are no labels."""
        return {**self.pipeline.fingerprint(), "without_labels": _VERSION}


def _blank(answered: Answered) -> Image:
    """An image of that size, of which a sample without truth takes nothing else."""
    return np.broadcast_to(np.uint8(0), (answered.height, answered.width, 3))


def _equal(one: Arrays, other: Arrays) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)
