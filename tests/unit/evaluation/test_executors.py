"""The work of every task, of calibration, diagnosis and rescue, in other processes: the same to the last bit."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import pytest

from pytest_quant.building.workbench import open_workbench
from pytest_quant.diagnosis.diagnose import diagnose
from pytest_quant.evaluation.evaluate import PredictionWork, Shard
from pytest_quant.evaluation.sampling import Sampling
from pytest_quant.evaluation.workbench import Workbench
from pytest_quant.extending.finding import register_found
from pytest_quant.extending.known import in_use, with_builtins
from pytest_quant.quantize.from_images import calibrate_model
from pytest_quant.rescue.search_set import open_search_set
from pytest_quant.spec.model import ModelSpec
from pytest_quant.zoo.reader import read_zoo
from tests import tiny
from tests.unit.quantize.models import write_model

FIXTURES = Path(__file__).parents[3] / "fixtures" / "zoo.quant.yaml"
SAMPLES = 4


@pytest.fixture(scope="module")
def processes() -> Iterator[Executor]:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        yield pool


def one_of_each_task() -> list[ModelSpec]:
    found: dict[str, ModelSpec] = {}
    for model in read_zoo(FIXTURES).models:
        assert isinstance(model, ModelSpec)
        decoder = getattr(model.postprocess, "decoder", "")
        found.setdefault(f"{model.task} {decoder}", model)
    return list(found.values())


def on(executor: Executor | None, bench: Workbench) -> Workbench:
    """The same workbench with another executor."""
    resources = bench.resources
    return replace(bench, resources=replace(resources, engine=replace(resources.engine, executor=executor)))


def silent(what: str) -> None:
    """Nobody listens."""


@pytest.mark.parametrize("model", one_of_each_task(), ids=lambda model: model.name)
class TestEveryTask:
    def bench(self, folder: Path, executor: Executor | None = None) -> Workbench:
        return on(executor, open_workbench(folder, cores=2, sampling=Sampling(samples=SAMPLES)))

    def test_work_and_shard_survive_a_pickle(self, tmp_path: Path, model: ModelSpec) -> None:
        bench = self.bench(tmp_path)
        samples = bench.selection(model)[0]
        evaluation = bench.on_samples(model, samples).evaluation(("fp32", "int8"))
        travelled = pickle.loads(pickle.dumps((evaluation.work, evaluation.shards)))  # noqa: S301 - our own
        assert len(pickle.dumps((evaluation.work, evaluation.shards[0]))) < 50_000
        assert self.packed(*travelled) == self.packed(evaluation.work, evaluation.shards)

    @staticmethod
    def packed(work: PredictionWork, shards: Sequence[Shard]) -> list[tuple[object, ...]]:
        worker = work.open()
        found: list[tuple[object, ...]] = [
            (shard.index, net, name, array.dtype, array.tobytes())
            for shard in shards
            for net, stored in worker.run(shard, silent).items()
            for name, array in stored.arrays.items()
        ]
        worker.close()
        return found

    def test_other_processes_give_the_same(self, tmp_path: Path, model: ModelSpec, processes: Executor) -> None:
        here = self.bench(tmp_path / "here").measure(model)
        there = self.bench(tmp_path / "there", processes).measure(model)
        assert not any(there.timing.cached.values())
        assert there.comparison.flips == here.comparison.flips
        for name, pair in here.comparison.metrics.items():
            other = there.comparison.metrics[name]
            assert (other.fp32, other.int8) == (pair.fp32, pair.int8)


def test_any_executor_of_the_standard_library_will_do(tmp_path: Path) -> None:
    model = write_model(tmp_path)
    here = open_workbench(tmp_path / "here", cores=2)
    with ThreadPoolExecutor(3) as pool:
        there = open_workbench(tmp_path / "there", cores=2)
        there = on(pool, there)
        assert there.measure(model).comparison.flips == here.measure(model).comparison.flips


def test_calibration_diagnosis_and_search_set_in_other_processes(tmp_path: Path, processes: Executor) -> None:
    model = write_model(tmp_path)
    here = open_workbench(tmp_path / "here", cores=2)
    there = open_workbench(tmp_path / "there", cores=2)
    there = on(processes, there)
    dataset = here.dataset(model.dataset)
    assert calibrate_model(model, dataset, engine=there.engine) == calibrate_model(model, dataset, engine=here.engine)
    assert diagnose(model, there, samples=3) == diagnose(model, here, samples=3)
    nowhere = replace(model, dataset=replace(model.dataset, name="absent", missing="not here"))
    sets = [open_search_set(nowhere, bench, tmp_path / "images") for bench in (here, there)]
    assert sets[0].reference.samples == sets[1].reference.samples
    assert len(sets[0].reference.samples) == 20


CONFTEST = """
from pathlib import Path

import numpy as np
from pydantic import BaseModel

from pytest_quant import function_task
from pytest_quant.datasets.base import Sample


class Options(BaseModel, frozen=True):
    root: Path


class Shades:
    def __init__(self, spec):
        self.samples = [Sample(f"{index}", 0.5, index) for index in range(8)]

    def read(self, sample, *, orient=True):
        return np.full((8, 8, 3), 20 * sample.source, np.uint8)

    def content(self, sample):
        return bytes([sample.source])


def decode(outputs):
    return float(outputs["prob"].ravel()[0])


def score(answer, truth):
    return abs(answer - truth)


def pytest_quant_register(registry):
    registry.dataset("shades", Options, Shades)
    registry.task(function_task("share", metric="error", datasets=("shades",), decode=decode, score=score,
                                higher_is_better=False))
"""


def test_what_a_conftest_registers_reaches_other_processes(tmp_path: Path, processes: Executor) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    entry = tiny.model_entry(tmp_path, task="share", dataset="mine", tolerance={"error": 0.05})
    mine = {"type": "shades", "root": "."}
    zoo = tiny.write_zoo(tmp_path, {"tiny": entry}, datasets={"mine": mine})
    with in_use(with_builtins()) as registry:
        register_found(registry, zoo)
        (model,) = read_zoo(zoo).models
        assert isinstance(model, ModelSpec), model
        here = open_workbench(tmp_path / "here", cores=2).measure(model)
        there = on(processes, open_workbench(tmp_path / "there", cores=2)).measure(model)
        assert not any(there.timing.cached.values())
        assert there.comparison.metrics["error"].int8 == here.comparison.metrics["error"].int8
