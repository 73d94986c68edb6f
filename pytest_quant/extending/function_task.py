"""A task made of functions: prepare, decode, and a score per sample whose mean is the metric."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping

from pydantic import BaseModel, ConfigDict

from pytest_quant.extending.function_pipeline import FunctionPipeline
from pytest_quant.extending.user_function import UserFunction
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.metric import Metric
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.text import brief
from pytest_quant.tasks.base import Facts, Task
from pytest_quant.tasks.classification.options import Resize
from pytest_quant.tasks.images import Backend

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
"""Of a metric: a marker names it as a keyword."""
_RESERVED = ("agreement", "sqnr_db")


class _NoKeys(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _PreprocessKeys(_NoKeys):
    """``preprocess`` of an entry whose task lacks `prepare`."""

    resize: Resize | None = None
    """Without it an image is resized to ``input.size``."""
    backend: Backend = "opencv"


class FunctionTask(Task):
    """What `function_task` makes; see `Task`."""

    shard_size = 16
    orient = True
    postprocess_options: type[BaseModel] = _NoKeys
    metric_options: Mapping[str, type[BaseModel]] = {}

    def __init__(
        self,
        name: str,
        metric: Metric,
        datasets: Collection[str],
        *,
        prepare: Callable[..., object] | None,
        decode: Callable[..., object],
        score: Callable[..., object],
    ) -> None:
        self.name = name
        self.metric = metric
        self.metrics: Mapping[str, Metric] = {metric.name: metric}
        self.dataset_types = frozenset(datasets)
        self.preprocess_options: type[BaseModel] = _PreprocessKeys if prepare is None else _NoKeys
        self.prepare = prepare
        self.takes_arrays = prepare is None
        self.decode = decode
        self.score = score

    @property
    def version(self) -> str:
        """Changes when a prediction may have changed, that is with `prepare` and `decode`; see `UserFunction`."""
        functions = {"prepare": self.prepare, "decode": self.decode}
        identities = (
            f"{role} {UserFunction(self.name, role, function).identity}"
            for role, function in functions.items()
            if function is not None
        )
        return ", ".join(identities)

    def footnote(self, conditions: Facts, details: Facts) -> str:
        """What the metric is, and what its flips count."""
        direction = "higher" if self.metric.higher_is_better else "lower"
        unbounded = ", without a maximum, so its CI is approximate (bootstrap) and there is no early stop"
        evidence = "" if self.metric.is_mean_of_bounded else unbounded
        return (
            f"{self.metric.name}: mean over samples, {direction} is better{evidence}; flips: -worse in int8, "
            "+better in int8"
        )

    def pipeline(self, model: ModelSpec) -> FunctionPipeline:
        """The work for one model; raises `ConfigError` for options that contradict each other."""
        return FunctionPipeline.of(self, model)


def function_task(
    name: str,
    *,
    metric: str,
    datasets: Collection[str],
    decode: Callable[[dict[str, object]], object],
    score: Callable[[object, object], float],
    prepare: Callable[[object], object] | None = None,
    unit: str = "fraction",
    maximum: float | None = 1.0,
    higher_is_better: bool = True,
) -> FunctionTask:
    """Make a task of functions, to be registered in ``pytest_quant_register``.

    Args:
        name: What ``task`` of a zoo entry says.
        metric: What ``tolerance``, ``floor`` and markers call the mean of the scores, such as ``nme``.
        datasets: The dataset types that it takes.
        decode: The net's outputs, ``{blob: float32 array}``, to an answer: arrays, numbers, text, None, and tuples,
            lists and dicts of them, since answers are kept between runs.
        score: An answer and the ground truth of a sample to a number from 0 to ``maximum``.
        prepare: Pixels, uint8 of shape (height, width, 3), red first, to the net's input, usually float32 of shape
            (channels, height, width). Left out: ``input`` and ``preprocess.resize`` of the zoo entry say how, or its
            ``inputs`` which arrays of a sample the net is fed.
        unit: ``fraction`` (0 to 1), ``%`` (0 to 100), or what the scores are in, such as ``px``.
        maximum: Largest possible score; scores are never below 0. None: they have no bounds on either side, the
            interval is a bootstrap's, and an early stop is not possible.
        higher_is_better: Otherwise a drop is int8 - fp32, and a floor is a ceiling.

    Raises:
        ConfigError: Something is missing or contradicts the rest.

    >>> task = function_task(
    ...     "landmarks", metric="nme", datasets=("my-set",), higher_is_better=False,
    ...     decode=lambda outputs: outputs["points"], score=lambda answer, truth: abs(answer - truth).mean(),
    ... )
    >>> task.metrics["nme"].higher_is_better
    False

    """
    what = f"function_task({name!r})"
    for role, function in {"decode": decode, "score": score, "prepare": prepare}.items():
        if not callable(function) and not (role == "prepare" and function is None):
            raise ConfigError(f"{what}: {role} is {brief(function)}, expected a function")
    if not isinstance(metric, str) or not _NAME.fullmatch(metric) or metric in _RESERVED:
        raise ConfigError(
            f"{what}: metric is {brief(metric)}, expected a name of letters, digits and `_` other than "
            f"{' and '.join(_RESERVED)}"
        )
    if isinstance(datasets, str) or not datasets:
        raise ConfigError(f"{what}: datasets is {brief(datasets)}, expected dataset types, such as ('my-set',)")
    return FunctionTask(
        name, _metric(what, metric, unit, maximum, higher_is_better), datasets,
        prepare=prepare, decode=decode, score=score,
    )  # fmt: skip


def _metric(what: str, name: str, unit: str, maximum: float | None, higher_is_better: bool) -> Metric:
    """The metric; ``maximum`` and ``unit`` give way where the other one is left at its default."""
    if unit == "%" and maximum == 1.0:
        maximum = 100.0
    if unit == "fraction" and maximum != 1.0:
        unit = ""
    try:
        return Metric(name, unit, higher_is_better, maximum=maximum, is_mean_of_scores=True)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{what}: {error}") from None
