"""The work of a task of functions for one model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pytest_quant.datasets.base import Content, Image, Sample
from pytest_quant.extending.answers import NotStorableError, check_storable, pack_answers, unpack_answers
from pytest_quant.extending.user_function import UserFunction
from pytest_quant.spec.errors import ConfigError, RunnerError
from pytest_quant.spec.metric import Metric
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import InputSpec
from pytest_quant.spec.text import brief, listed
from pytest_quant.tasks import array_inputs
from pytest_quant.tasks.base import Arrays, Comparison, Facts, Flips, MetricPair, Prepared, Run, SampleScores, Tensor
from pytest_quant.tasks.classification.options import PreprocessOptions
from pytest_quant.tasks.classification.preprocess import Preprocess
from pytest_quant.tasks.drawing import Drawing, Scene
from pytest_quant.tasks.moved import moved_most

if TYPE_CHECKING:
    from pytest_quant.extending.function_task import FunctionTask

PROTOCOL_VERSION = 1
"""Part of the fingerprint: raise it when the same functions give other predictions than before."""

_ROUNDING = 1e-9
"""Share of a metric's range by which a score may leave it: the last digit of a division."""


@dataclass(frozen=True)
class FunctionPipeline:
    """Preprocessing, decoding and scoring by a user's functions; see `Pipeline`."""

    task: FunctionTask
    outputs: tuple[str, ...]
    preprocess: Preprocess | None
    """None where `prepare` of the task makes the input, or the net is fed arrays."""
    input: InputSpec

    @classmethod
    def of(cls, task: FunctionTask, model: ModelSpec) -> FunctionPipeline:
        """Raise `ConfigError` for keys of the entry that nothing reads, since `prepare` makes the input."""
        if model.input.arrays:
            if task.prepare is not None:
                raise ConfigError(
                    f"inputs: `prepare` of the task {task.name} makes the input of pixels; leave it out of the task "
                    "for nets that are fed arrays"
                )
            return cls(task, model.outputs, None, model.input)
        if task.prepare is None:
            options = model.preprocess or task.preprocess_options()
            return cls(task, model.outputs, Preprocess(PreprocessOptions(**dict(options)), model.input), model.input)
        idle = [name for name, value in _normalization(model.input).items() if value]
        if idle:
            raise ConfigError(
                f"input: found {listed(idle)}, which nothing reads: `prepare` of the task {task.name} makes the input"
            )
        return cls(task, model.outputs, None, model.input)

    def prepare(self, image: Content, sample: Sample) -> Prepared:
        """RGB pixels to the net's input, or arrays to its inputs."""
        if self.input.arrays:
            return Prepared(array_inputs.array_inputs(self.input, image, sample), sample)
        if self.preprocess is not None:
            return Prepared(self.preprocess(image, sample), sample)
        return Prepared(self._made(image), sample)

    def _made(self, image: Image) -> Tensor:
        made = self._function("prepare")(image)
        try:
            tensor = np.ascontiguousarray(made, np.float32)
        except (TypeError, ValueError):
            raise RunnerError(
                f"`prepare` of the task {self.task.name} gave {brief(made)}, expected an array of numbers, usually of "
                "shape (channels, height, width)"
            ) from None
        if not tensor.size or not tensor.ndim:
            raise RunnerError(f"`prepare` of the task {self.task.name} gave an array of shape {tensor.shape}")
        return tensor

    def predict(self, run: Run, prepared: Prepared) -> object:
        """One forward pass and `decode`; raises `RunnerError` for an answer that cannot be kept."""
        answer = self._function("decode")(run(prepared.tensor))
        try:
            check_storable(answer)
        except NotStorableError as error:
            raise RunnerError(f"`decode` of the task {self.task.name}: {error}") from None
        return answer

    def without_truth(self, sample: Sample, image: Image) -> Sample:
        """The sample as it is: preparing and predicting take no truth."""
        return sample

    def pack(self, predictions: Sequence[object]) -> Arrays:
        """Answers as arrays; see `pack_answers`."""
        return pack_answers(predictions)

    def unpack(self, arrays: Arrays) -> list[object]:
        """The reverse of `pack`."""
        return unpack_answers(arrays)

    def compare(self, samples: Sequence[Sample], fp32: Sequence[object], int8: Sequence[object]) -> Comparison:
        """The mean score of both sides; a flip is a sample that int8 answers worse, or better."""
        metric = self.task.metric
        scores = SampleScores(self._scores(samples, fp32), self._scores(samples, int8))
        worse = (scores.fp32 - scores.int8) * (1 if metric.higher_is_better else -1)
        flips = Flips(
            only_fp32_right=int(np.count_nonzero(worse > 0)),
            only_int8_right=int(np.count_nonzero(worse < 0)),
            agreement_pct=100 * int(np.count_nonzero(worse == 0)) / worse.size,
        )
        pair = MetricPair(metric, _mean(scores.fp32), _mean(scores.int8), scores)
        return Comparison({metric.name: pair}, flips, moved=moved_most(samples, scores.fp32, scores.int8))

    def compare_answers(self, samples: Sequence[Sample], fp32: Sequence[object], int8: Sequence[object]) -> Comparison:
        """The same with fp32's answers as the truth, which `score` has to take for one."""
        known = [replace(sample, truth=answer) for sample, answer in zip(samples, fp32, strict=True)]
        return self.compare(known, fp32, int8)

    def _scores(self, samples: Sequence[Sample], answers: Sequence[object]) -> NDArray[np.float64]:
        function, metric = self._function("score"), self.task.metric
        found = []
        for sample, answer in zip(samples, answers, strict=True):
            try:
                found.append(_checked(function(answer, sample.truth), metric, self.task.name))
            except RunnerError as error:
                raise RunnerError(f"sample {sample.id}: {error}") from error
        return np.array(found, np.float64)

    def _function(self, role: str) -> UserFunction:
        return UserFunction(self.task.name, role, getattr(self.task, role))

    def draw_truth(self, sample: Sample, scene: Scene) -> Drawing:
        """The truth in words: nobody knows what it means on the picture."""
        return Drawing(brief(sample.truth))

    def draw_answer(self, sample: Sample, prediction: object, scene: Scene) -> Drawing:
        """The answer in words, with its score."""
        score = float(self._scores([sample], [prediction])[0])
        return Drawing(f"{brief(prediction)} ({self.task.metric.name} {self.task.metric.number(score)})")

    def conditions(self) -> Facts:
        """How the input is made, and the names of the functions."""
        names = {role: self._function(role).name for role in ("decode", "score")}
        if self.input.arrays:
            return {**self.input.array_conditions, **names}
        if self.preprocess is None:
            return {"prepare": self._function("prepare").name, **names}
        return {
            "resize_backend": self.preprocess.backend,
            "resize": self.preprocess.resize_json(),
            **self.input.pixel_conditions,
            **names,
        }

    def fingerprint(self) -> Mapping[str, object]:
        """What can change a prediction: everything but `score`."""
        made: Facts = {}
        if self.input.arrays:
            made = {"arrays": array_inputs.PROTOCOL_VERSION, **self.input.array_conditions}
        elif self.preprocess is not None:
            made = {**self.conditions(), "decode": None, "score": None}
        return {
            "protocol": PROTOCOL_VERSION,
            "opencv": cv2.__version__,
            "numpy": np.__version__,
            "outputs": list(self.outputs),
            "functions": self.task.version,
            "input": made,
        }


def _normalization(net_input: InputSpec) -> dict[str, bool]:
    """Keys of ``input`` to whether they ask for something."""
    return {
        "mean": any(value != 0 for value in net_input.mean),
        "std": any(value != 1 for value in net_input.std),
        "scale": net_input.scale != 1,
        "size": net_input.size is not None,
    }


def _checked(score: Any, metric: Metric, task: str) -> float:
    """A score as a number within the metric's range."""
    try:
        value = float(score)
    except (TypeError, ValueError):
        raise RunnerError(f"`score` of the task {task} gave {brief(score)}, expected a number") from None
    if not math.isfinite(value):
        raise RunnerError(f"`score` of the task {task} gave {value}, expected a finite number")
    if metric.maximum is None:
        return value
    slack = _ROUNDING * metric.maximum
    if not -slack <= value <= metric.maximum + slack:
        raise RunnerError(
            f"`score` of the task {task} gave {value:g}, expected 0 to {metric.maximum:g}: give function_task the "
            "`maximum` that scores have, or `maximum=None` if they have none"
        )
    return min(max(value, 0.0), metric.maximum)


def _mean(scores: NDArray[np.float64]) -> float:
    return math.fsum(scores) / scores.size
