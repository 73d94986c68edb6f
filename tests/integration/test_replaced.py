"""Files of a dataset that are replaced while a run is on: nothing that came of two of them is told, or kept."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_quant.evaluation import model_on_samples
from tests import tiny, tiny_detector
from tests.integration.runs import Run, run_quant
from tests.integration.test_segmentation import entry, write_zoo

CACHE = "--quant-cache=cache"


def replaced_at(monkeypatch: pytest.MonkeyPatch, function: str, replace: Callable[[], object]) -> None:
    """Something is replaced when a function of `model_on_samples` begins, in the next run only."""
    own = getattr(model_on_samples, function)

    def replacing(*args: object) -> object:
        replace()
        return own(*args)

    monkeypatch.setattr(model_on_samples, function, replacing)


def names(run: Run) -> list[str]:
    return list(entry(run)["details"]["iou_per_class"])


def test_names_of_classes_that_are_replaced_before_they_are_read(pytester: pytest.Pytester) -> None:
    folder = pytester.path
    write_zoo(folder, dataset={"classes": "classes.txt"})
    file = folder / "classes.txt"
    file.write_text("dark\nbright\n")
    with pytest.MonkeyPatch.context() as patch:
        replaced_at(patch, "_pipelines", lambda: file.write_text("night\nday\n"))
        run = run_quant(pytester, CACHE)
    assert run.verdicts["bars::mIoU"] == "error"
    assert run.cases["bars::mIoU"]["reason"] == "classes.txt was replaced while the run was on; run again"
    assert names(run_quant(pytester, CACHE)) == ["night", "day"]
    file.write_text("dark\nbright\n")
    assert names(run_quant(pytester, CACHE)) == ["dark", "bright"]


TASK = """
from pytest_quant.tasks.classification.task import TASK as OWN


class Mine(type(OWN)):
    name = "mine"


TASK = Mine()
"""
CONFTEST = """
import os
from pathlib import Path


def pytest_quant_register(registry):
    registry.task("mytask:TASK", name="mine")


def pytest_runtest_setup(item):
    if "PYTEST_XDIST_WORKER" in os.environ:
        Path(__file__).with_name("mytask.py").write_text("def broken(:")
"""


def test_the_module_of_a_task_that_is_replaced_by_a_broken_one(pytester: pytest.Pytester) -> None:
    """The workers have imported it; the controller would, for the words of its tables."""
    folder = pytester.path
    tiny.write_images(folder, 12)
    tiny.write_zoo(folder, {"tiny": tiny.model_entry(folder, task="mine")})
    (folder / "mytask.py").write_text(TASK)
    pytester.makeconftest(CONFTEST)
    pytester.syspathinsert(folder)
    run = run_quant(pytester, "-n", "2", "--quant-report", "report.md")
    assert run.verdicts["tiny::top1"] == "pass"
    assert "INTERNALERROR" not in run.text
    assert "tiny   colours  top1" in run.text
    assert "| tiny |" in (folder / "report.md").read_text()


ROLLING = """
from pathlib import Path

import numpy as np

from pytest_quant.tasks.classification.task import TASK as OWN


class Rolling:
    def __init__(self, own):
        self._own = own

    def __getattr__(self, name):
        return getattr(self._own, name)

    def predict(self, run, prepared):
        return self._own.predict(lambda x: {blob: np.roll(values, ROLL) for blob, values in run(x).items()}, prepared)


class Mine(type(OWN)):
    name = "mine"

    def pipeline(self, model):
        return Rolling(super().pipeline(model))


def pytest_quant_register(registry):
    registry.task(Mine())
"""


def test_a_conftest_that_is_saved_while_a_run_begins(pytester: pytest.Pytester) -> None:
    """It is hashed later than it is read: what it did before counted as what it does now."""
    folder = pytester.path
    tiny.write_images(folder, 12, wrong=0)
    tiny.write_zoo(folder, {"tiny": tiny.model_entry(folder, task="mine")})
    new = f"ROLL = 1\n{ROLLING}"
    file = folder / "conftest.py"
    file.write_text(f"ROLL = 0\n{ROLLING}\nPath(__file__).write_text({new!r})\n")
    first = run_quant(pytester, CACHE)
    assert file.read_text() == new
    second = run_quant(pytester, CACHE)
    assert first.metric("tiny")["fp32"] == 100.0
    assert second.metric("tiny")["fp32"] < 50.0


def test_annotations_that_are_replaced_when_they_were_read(pytester: pytest.Pytester) -> None:
    folder = pytester.path
    tiny_detector.write_dataset(folder)
    models = {"squares": tiny_detector.model_entry(folder)}
    tiny.write_zoo(folder, models, datasets={"squares": tiny_detector.DATASET})
    file = folder / "squares.json"
    own = file.read_text()
    before = run_quant(pytester, CACHE).metric("squares", "mAP")
    with pytest.MonkeyPatch.context() as patch:
        replaced_at(patch, "_pipelines", lambda: file.write_text(own.replace('"iscrowd": 0', '"iscrowd": 1')))
        run = run_quant(pytester, CACHE)
    assert run.cases["squares::mAP"]["reason"] == "squares.json was replaced while the run was on; run again"
    file.write_text(own)
    assert run_quant(pytester, CACHE).metric("squares", "mAP") == before
