"""Tasks of functions: what `function_task` refuses, what it makes, and when a cache key changes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pytest_quant
from pytest_quant import function_task
from pytest_quant.datasets.base import Sample
from pytest_quant.extending.function_pipeline import FunctionPipeline
from pytest_quant.extending.user_function import UserFunction
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.errors import ConfigError, RunnerError
from pytest_quant.spec.metric import Metric
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import InputSpec
from pytest_quant.tasks.base import SampleScores


def decode(outputs: dict[str, Any]) -> Any:
    return outputs["out"]


def score(answer: Any, truth: Any) -> float:
    return float(1 - abs(answer - truth))


def made(**changes: Any) -> Any:
    known: dict[str, Any] = {"metric": "close", "datasets": ("my-set",), "decode": decode, "score": score}
    return function_task("mine", **(known | changes))


def pipeline(task: Any, **changes: Any) -> FunctionPipeline:
    plain = InputSpec("data", None, "rgb", (0.0,) * 3, (1.0,) * 3)
    dataset = DatasetSpec("d", "my-set", None, Path("zoo.quant.yaml"))
    model = ModelSpec("m", Path("zoo.quant.yaml"), "mine", dataset, {}, changes.get("input", plain), ("out",))
    found = task.pipeline(model)
    assert isinstance(found, FunctionPipeline)
    return found


def samples(*truths: float) -> list[Sample]:
    return [Sample(f"s{index}", truth, index) for index, truth in enumerate(truths)]


def test_it_is_a_public_name() -> None:
    assert "function_task" in pytest_quant.__all__
    with pytest.raises(AttributeError, match="no attribute 'function_tasks'"):
        pytest_quant.function_tasks  # noqa: B018


@pytest.mark.parametrize(
    ("changes", "unit", "maximum"),
    [
        ({}, "fraction", 1.0),
        ({"unit": "%"}, "%", 100.0),
        ({"maximum": None}, "", None),
        ({"unit": "px", "maximum": None}, "px", None),
        ({"unit": "px", "maximum": 255.0}, "px", 255.0),
        ({"maximum": 2.0}, "", 2.0),
    ],
)
def test_unit_and_maximum(changes: dict[str, Any], unit: str, maximum: float | None) -> None:
    metric = made(**changes).metrics["close"]
    assert metric == Metric("close", unit, maximum=maximum, is_mean_of_scores=True)
    assert metric.is_mean_of_bounded == (maximum is not None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"decode": None}, r"function_task\('mine'\): decode is nothing, expected a function"),
        ({"prepare": 3}, r"prepare is 3 \(int\), expected a function"),
        ({"metric": "mean score"}, "metric is 'mean score'"),
        ({"metric": "agreement"}, "other than agreement and sqnr_db"),
        ({"datasets": "my-set"}, "datasets is 'my-set'"),
        ({"datasets": ()}, r"datasets is \(\)"),
        ({"unit": "%", "maximum": 2.0}, "the unit '%' means a maximum of 100, not 2"),
        ({"maximum": 0.0}, r"maximum is 0\.0, expected a finite number above 0"),
    ],
)
def test_what_cannot_be_made_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        made(**changes)


def test_scores_become_evidence() -> None:
    found = pipeline(made()).compare(samples(1.0, 1.0, 0.0), [1.0, 0.75, 0.0], [1.0, 0.5, 0.25])
    pair = found.metrics["close"]
    assert isinstance(pair.evidence, SampleScores)
    assert pair.fp32 == pytest.approx(2.75 / 3)
    assert pair.int8 == pytest.approx(2.25 / 3)
    assert pair.drop == pytest.approx(0.5 / 3)
    assert (found.flips.only_fp32_right, found.flips.only_int8_right) == (2, 0)
    assert found.flips.agreement_pct == pytest.approx(100 / 3)
    assert [moved.sample for moved in found.moved] == ["s1", "s2"]


def test_lower_is_better_turns_drop_and_flips_round() -> None:
    task = made(score=lambda answer, truth: abs(answer - truth), higher_is_better=False)
    found = pipeline(task).compare(samples(0.0, 0.0), [0.25, 0.5], [0.5, 0.0])
    assert found.metrics["close"].drop == pytest.approx(-0.125)
    assert (found.flips.only_fp32_right, found.flips.only_int8_right) == (1, 1)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (1.5, r"sample s0: `score` of the task mine gave 1\.5, expected 0 to 1: give function_task the `maximum`"),
        (float("nan"), "gave nan, expected a finite number"),
        ("high", r"gave 'high' \(str\), expected a number"),
    ],
)
def test_scores_that_are_none_are_named(value: Any, message: str) -> None:
    with pytest.raises(RunnerError, match=message):
        pipeline(made(score=lambda answer, truth: value)).compare(samples(1.0), [1.0], [1.0])


def test_an_error_in_a_users_function_says_where() -> None:
    def failing(answer: Any, truth: Any) -> float:
        return float(answer["absent"])

    with pytest.raises(
        RunnerError,
        match=r"sample s0: `score` of the task mine failed: KeyError: 'absent' \(test_function_task\.py:\d+\)",
    ):
        pipeline(made(score=failing)).compare(samples(1.0), [{}], [{}])


def test_an_answer_that_cannot_be_kept_is_named() -> None:
    task = made(decode=lambda outputs: object())
    work = pipeline(task)
    prepared = work.prepare(np.zeros((4, 4, 3), np.uint8), samples(1.0)[0])
    with pytest.raises(RunnerError, match=r"`decode` of the task mine: the answer is of type builtins\.object"):
        work.predict(lambda tensor: {"out": tensor}, prepared)


def test_prepare_makes_the_input() -> None:
    work = pipeline(made(prepare=lambda pixels: pixels.transpose(2, 0, 1) / 255))
    tensor = work.prepare(np.full((2, 3, 3), 255, np.uint8), samples(1.0)[0]).tensor
    assert tensor.dtype == np.float32
    assert tensor.shape == (3, 2, 3)
    assert tensor.max() == 1.0
    mean = InputSpec("data", None, "rgb", (1.0,) * 3, (1.0,) * 3)
    with pytest.raises(ConfigError, match="input: found mean, which nothing reads: `prepare` of the task mine"):
        pipeline(made(prepare=lambda pixels: pixels), input=mean)
    with pytest.raises(RunnerError, match="`prepare` of the task mine gave 'x'"):
        pipeline(made(prepare=lambda pixels: "x")).prepare(np.zeros((2, 2, 3), np.uint8), samples(1.0)[0])


def identity(function: Callable[..., Any]) -> str:
    return UserFunction("mine", "decode", function).identity


def bound(value: Any) -> Callable[..., Any]:
    return lambda outputs: (outputs, value)


class Decoder:
    def __init__(self, threshold: float) -> None:
        self.threshold = threshold

    def decode(self, outputs: Any) -> Any:
        return outputs > self.threshold

    __call__ = decode


@pytest.mark.parametrize(
    "make", [bound, lambda value: functools.partial(decode, value), lambda value: Decoder(value).decode, Decoder]
)
def test_bound_values_are_part_of_a_functions_identity(make: Callable[[Any], Callable[..., Any]]) -> None:
    assert identity(make(0.5)) == identity(make(0.5))
    assert identity(make(0.5)) != identity(make(0.25))
    assert identity(make(np.zeros(3))) != identity(make(np.ones(3)))
    assert identity(make({"a", "b"})) == identity(make({"b", "a"}))


def test_the_source_and_the_version_are_part_of_a_functions_identity(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for index, body in enumerate(("return 1", "return 2")):
        (tmp_path / f"module_{index}.py").write_text(f"def decode(outputs):\n    {body}\n")
        monkeypatch.syspath_prepend(tmp_path)
        found.append(__import__(f"module_{index}").decode)
    assert identity(found[0]) != identity(found[1])
    for function in found:
        function.version = "2"
    assert identity(found[0]) == identity(found[1]) == "version 2"


def test_score_changes_no_prediction() -> None:
    assert made().version == made(score=lambda answer, truth: 0.0).version
    assert made().version != made(decode=lambda outputs: 1).version
