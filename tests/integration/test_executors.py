"""The fixture `quant_executor`, and workers of pytest-xdist that help each other: who runs the nets of a run."""

from __future__ import annotations

import os
from pathlib import Path
from textwrap import dedent

import pytest

from tests import tiny
from tests.integration.clusters import readers, write_conftest
from tests.integration.runs import run_quant

FIXTURE = """
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import pytest


@pytest.fixture(scope="session")
def quant_executor():
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        yield pool
"""


@pytest.fixture
def folder(pytester: pytest.Pytester) -> Path:
    """One model over images whose reading is noted."""
    tiny.write_images(pytester.path, 200)
    tiny.write_zoo(pytester.path, datasets=write_conftest(pytester.path))
    return pytester.path


def override(folder: Path, text: str) -> None:
    file = folder / "conftest.py"
    file.write_text(file.read_text() + text)


def test_processes_of_the_fixture_run_the_nets(pytester: pytest.Pytester, folder: Path) -> None:
    """Of zoo files and of tests in Python, with what the ``conftest.py`` registers; it is made and ended once."""
    here = run_quant(pytester)
    (folder / "readers").unlink()
    override(folder, FIXTURE)
    pytester.makepyfile(
        """
        from pytest_quant import quant_floor


        @quant_floor(top1=50.0)
        def test_scores(quant_scores, quant_executor):
            assert quant_scores.int8.top1 > 50
            assert type(quant_executor).__name__ == "ProcessPoolExecutor"
        """
    )
    there = run_quant(pytester)
    assert there.status == 0, there.text
    assert there.metric("tiny") == here.metric("tiny")
    assert os.getpid() not in set(readers(folder)) - {os.getpid()}
    assert readers(folder).total() - readers(folder)[os.getpid()] == 200, "each image once, in other processes"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (FIXTURE.replace('(scope="session")', ""), "has the scope 'function', expected @pytest.fixture(scope="),
        (FIXTURE.replace("yield pool", "yield 4"), "gives 4, expected a concurrent.futures.Executor"),
        (
            FIXTURE.replace("yield pool", "pool.shutdown()\n        yield pool"),
            "the executor of the run takes no more work: cannot schedule new futures after shutdown",
        ),
    ],
)
def test_an_executor_that_cannot_be_used(pytester: pytest.Pytester, folder: Path, text: str, says: str) -> None:
    override(folder, text)
    run = run_quant(pytester)
    assert run.status == 1
    assert says in run.cases["tiny::top1"]["reason"] + run.text
    assert run.cases["tiny::top1"]["verdict"] == "error"


def test_an_executor_that_drops_a_shard(pytester: pytest.Pytester, folder: Path) -> None:
    """It is not taken for a smaller subset."""
    dropping = """

    class Dropping(ThreadPoolExecutor):
        count = 0

        def submit(self, *args):
            self.count += 1
            future = super().submit(*args)
            while self.count == 3 and not future.cancel():
                future = super().submit(time.sleep, 0.1)
            return future


    """
    text = FIXTURE.replace('ProcessPoolExecutor(2, mp_context=get_context("spawn"))', "Dropping(1)")
    override(folder, "import time\n" + text.replace("import pytest\n", "import pytest\n" + dedent(dropping), 1))
    case = run_quant(pytester).cases["tiny::top1"]
    assert case["verdict"] == "error"
    assert "the executor of the run has dropped shards" in case["reason"]


def test_a_process_of_the_executor_that_dies(pytester: pytest.Pytester, folder: Path) -> None:
    override(folder, FIXTURE)
    file = folder / "conftest.py"
    file.write_text(file.read_text().replace("time.sleep(0.005)", "os._exit(3)"))
    (folder / "slow").write_text(str(os.getpid()))
    run = run_quant(pytester)
    assert "the executor of the run is broken" in run.cases["tiny::top1"]["reason"]
    assert run.verdicts["tiny::int8"] == "pass"


def test_workers_that_have_nothing_to_do_help(pytester: pytest.Pytester, folder: Path) -> None:
    """One case for two workers: both evaluate its samples."""
    (folder / "slow").write_text("everywhere")
    tiny.write_images(folder, 900)
    run = run_quant(pytester, "-n", "2", "-k", "top1")
    assert run.status == 0, run.text
    read = readers(folder)
    assert read.total() <= 900 + 20, "each image once, but for those that say what an input looks like"
    assert len([process for process in read if read[process] > 10]) == 2
