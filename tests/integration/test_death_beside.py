"""A worker that dies of what it computes beforehand, while a test runs in it that has nothing to do with that."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from tests import tiny
from tests.integration import counting
from tests.integration.runs import Run, run_quant

CONFTEST = """
import os
import time
from pathlib import Path

from pytest_quant.nets.ncnn.ncnn_net import NcnnRunner
from pytest_quant.run.beside import Beside

BEGUN, DIED = (Path(__file__).with_name(name) for name in ("begun", "died"))
begin, forward = Beside.begin, NcnnRunner.run


def wait_for(path):
    until = time.monotonic() + 20
    while not path.exists() and time.monotonic() < until:
        time.sleep(0.01)


def is_here():
    return BEGUN.exists() and BEGUN.read_text() == str(os.getpid())


def begin_in_time(beside, model):
    if model == "mortal":
        wait_for(BEGUN)
        if not is_here():
            wait_for(DIED)
    return begin(beside, model)


def run(net, array):
    if net._setup.files.param.stem.startswith("mortal") and is_here():
        DIED.touch()
        os._exit(9)
    return forward(net, array)


def pytest_runtest_setup(item):
    if item.nodeid.endswith("innocent::int8") and not BEGUN.exists():
        part = BEGUN.with_name("part")
        part.write_text(str(os.getpid()))
        part.rename(BEGUN)
        time.sleep(20)
    elif "mortal" in item.nodeid:
        wait_for(DIED)


Beside.begin, NcnnRunner.run = begin_in_time, run
"""
INNOCENT = "innocent::int8"
ALL = {f"{model}::{case}" for model in ("innocent", "mortal") for case in ("top1", "int8", "sanity")}


@pytest.fixture(autouse=True)
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    root = pytester.path
    (root / "pytest.ini").write_text("[pytest]\n")
    tiny.write_images(root, count=60)
    names = ("innocent", "mortal")
    tiny.write_zoo(root, {name: tiny.model_entry(root, name) for name in names})
    counting.make_distinct(root, names)
    (root / "conftest.py").write_text(CONFTEST)
    return root


def run(pytester: pytest.Pytester, *args: str) -> Run:
    return run_quant(pytester, "-n2", "--quant-jobs=2", "--no-quant-diagnose", *args)


@pytest.mark.parametrize("dist", ["load", "worksteal"])
def test_the_innocent_test_runs_again(pytester: pytest.Pytester, dist: str) -> None:
    found = run(pytester, "--dist", dist, "--junitxml", "junit.xml")
    assert {name: case["verdict"] for name, case in found.cases.items()} == dict.fromkeys(ALL, "pass")
    assert found.status == pytest.ExitCode.OK
    assert "replacing crashed worker" in found.text
    found.result.stdout.re_match_lines([r"=+ 6 passed, 1 rerun in .*"])
    cases = ElementTree.parse(pytester.path / "junit.xml").iter("testcase")  # noqa: S314 - our own
    names = [f"{case.get('classname')}::{case.get('name')}".removeprefix("zoo.quant.yaml.") for case in cases]
    assert sorted(names) == sorted(ALL)


def test_where_it_cannot_run_again_the_reason_says_what_ran_beside_it(pytester: pytest.Pytester) -> None:
    found = run(pytester, "--dist", "loadfile")
    assert found.status == pytest.ExitCode.TESTS_FAILED
    case = found.cases[INNOCENT]
    assert (case["verdict"], case["outcome"]) == ("crashed", "failed")
    assert case["reason"].endswith(
        "crashed while running 'zoo.quant.yaml::innocent::int8' and computing samples of 'mortal' beforehand: either "
        "may have ended it (--dist load and worksteal find out, not loadfile)"
    )
    others = {name: case["verdict"] for name, case in found.cases.items() if name != INNOCENT}
    assert others == dict.fromkeys(ALL - {INNOCENT}, "pass")


def test_a_run_that_has_no_worker_left_for_it_fails(pytester: pytest.Pytester) -> None:
    found = run(pytester, "--max-worker-restart=0", "-k", "top1 or int8")
    assert found.status == pytest.ExitCode.TESTS_FAILED
    case = found.cases[INNOCENT]
    assert (case["verdict"], case["outcome"]) == ("crashed", "failed")
    assert case["reason"].endswith(
        "and computing samples of 'mortal' beforehand; it was to run again, and the run ended before it did"
    )
    assert "1 tests whose worker died could not run again" in found.text
