"""Fixtures for tests in Python; each imports what it needs when it is used."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from pytest_quant.plugin.state import active_run

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from pytest_quant.datasets.base import Dataset
    from pytest_quant.evaluation.model_runner import ModelRunner, ModelRunners
    from pytest_quant.judging.scores import Scores
    from pytest_quant.run.python_cases import PythonCase
    from pytest_quant.run.quant_run import QuantRun
    from pytest_quant.spec.model import ModelSpec
    from pytest_quant.spec.net import Net

CASE_FIXTURE = "_quant_case"
ONNX_FIXTURE = "onnx_fp32"
USER_FIXTURES = frozenset(
    {"ncnn_fp32", "ncnn_int8", ONNX_FIXTURE, "quant_nets", "quant_spec", "quant_dataset", "quant_scores"}
)


EXECUTOR_FIXTURE = "quant_executor"


@pytest.fixture(scope="session")
def quant_executor() -> Executor | None:
    """Runs the nets of the accuracy cases in the place of this process's threads; override it in a `conftest.py`.

    Give any `concurrent.futures.Executor`, such as a `ProcessPoolExecutor`; this one, None, stands for threads.
    `--quant-executor` beats it.
    """
    return None


@pytest.fixture
def _quant_case(request: pytest.FixtureRequest) -> PythonCase:
    """The model and the limits of this test, filled in by the plugin."""
    case: PythonCase | None = getattr(request, "param", None)
    if case is None:
        raise pytest.fail.Exception(
            "pytest-quant's fixtures must be arguments of the test or of its fixtures", pytrace=False
        )
    return case


@pytest.fixture
def quant_spec(request: pytest.FixtureRequest, _quant_case: PythonCase) -> ModelSpec:
    """The model of this test: files, input, limits, as the zoo file gives them; files that it describes are made."""
    model, run = _quant_case.model, _run(request)
    assert model is not None, "a test without a model is replaced at collection"  # noqa: S101
    with run.explained():
        return model if model.is_built else run.assessor.bench.built(model)
    raise AssertionError("an unexplained error ends the test")


@pytest.fixture
def ncnn_fp32(request: pytest.FixtureRequest, quant_spec: ModelSpec) -> Iterator[ModelRunner]:
    """The fp32 net of this test's model: `run(array)` gives the output blobs, `predict(sample)` a prediction."""
    yield from _runner(request, quant_spec, "fp32")


@pytest.fixture
def ncnn_int8(request: pytest.FixtureRequest, quant_spec: ModelSpec) -> Iterator[ModelRunner]:
    """The int8 net of this test's model: `run(array)` gives the output blobs, `predict(sample)` a prediction."""
    yield from _runner(request, quant_spec, "int8")


@pytest.fixture
def onnx_fp32(request: pytest.FixtureRequest, quant_spec: ModelSpec) -> Iterator[ModelRunner]:
    """The ONNX file of this test's model, run like `ncnn_fp32`: outputs are named after the blobs, without batch."""
    yield from _runner(request, quant_spec, "onnx")


@pytest.fixture
def quant_nets(request: pytest.FixtureRequest, quant_spec: ModelSpec) -> Iterator[ModelRunners]:
    """Every net of this test's model by its name: `quant_nets["fp32"]`, `quant_nets["openvino_int8"]`, ..."""
    from pytest_quant.evaluation.model_runner import ModelRunners

    run = _run(request)
    with run.explained():
        runners = ModelRunners(quant_spec, run.assessor.bench)
    yield runners
    runners.close()


@pytest.fixture
def quant_dataset(request: pytest.FixtureRequest, quant_spec: ModelSpec) -> Dataset:
    """The dataset of this test's model: `samples`, and `read(sample)` for pixels."""
    run = _run(request)
    with run.explained():
        return run.assessor.bench.dataset(quant_spec.dataset)
    raise AssertionError("an unexplained error ends the test")


@pytest.fixture
def quant_scores(request: pytest.FixtureRequest, quant_spec: ModelSpec) -> Scores:
    """The model's numbers, measured when first read: `.fp32.top1`, `.int8.top1`, `.drop.top1`, `.ci.top1`, `.flips`."""
    from pytest_quant.evaluation.measurement import Measurement
    from pytest_quant.judging.scores import Scores

    run = _run(request)

    def measure() -> Measurement:
        with run.explained():
            return run.assessor.measurements.of(quant_spec)
        raise AssertionError("an unexplained error ends the test")

    return Scores(measure, run.settings.confidence)


def _runner(request: pytest.FixtureRequest, model: ModelSpec, net: Net) -> Iterator[ModelRunner]:
    from pytest_quant.evaluation.model_runner import ModelRunner

    run = _run(request)
    with run.explained():
        runner = ModelRunner(model, net, run.assessor.bench)
    yield runner
    runner.close()


def _run(request: pytest.FixtureRequest) -> QuantRun:
    run = active_run(request.config)
    assert run is not None, "without --quant the test was skipped"  # noqa: S101
    return run
