"""A net that answers zeros, ones and noise, and ends its process with one image of the data set."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from tests import tiny
from tests.integration.runs import PLAIN, UNCACHED, ZOO, Run

SITE = """
import signal
from pytest_quant.nets.ncnn.ncnn_net import NcnnRunner

forward = NcnnRunner.run

def run(net, array):
    if net._setup.files.param.stem == "deadly" and array.max() < -0.99:  # the black image
        signal.raise_signal(signal.SIGSEGV)  # of this thread, which gets no further
    return forward(net, array)

NcnnRunner.run = run
"""
"""Python loads it at its start, in children too: as a runtime has its faults in every process."""
OTHERS = {"deadly::int8": "pass", "sound::top1": "pass", "sound::int8": "pass", "sound::sanity": "pass"}


@pytest.fixture(autouse=True)
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = pytester.path
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    (root / "pytest.ini").write_text("[pytest]\n")
    (root / "site").mkdir()
    (root / "site" / "sitecustomize.py").write_text(SITE)
    monkeypatch.setenv("PYTHONPATH", f"{root / 'site'}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    tiny.write_images(root, 60)
    tiny.write_flat_image(root / "images" / "037.png", (0, 0, 0))
    tiny.write_zoo(root, {name: tiny.model_entry(root, name) for name in ("deadly", "sound")})
    path = root / "deadly.bin"  # not the same net as sound
    path.write_bytes(path.read_bytes()[:-1] + b"\x3f")
    return root


def run(pytester: pytest.Pytester, *args: str) -> Run:
    report = pytester.path / "report.json"
    report.unlink(missing_ok=True)
    loaded = ("-W", "ignore::pytest.PytestAssertRewriteWarning")
    given = (*loaded, "--quant-cache", "kept", "--no-quant-diagnose", "--quant-report", str(report), *args)
    result = pytester.runpytest_subprocess("--quant", *PLAIN, *UNCACHED, *given)
    return Run(result, json.loads(report.read_text()) if report.exists() else None)


def check(found: Run) -> None:
    """The model's error names signal and sample; all others are decided."""
    case = found.cases["deadly::top1"]
    assert case["verdict"] == "error"
    assert case["reason"].startswith(
        "deadly.param with deadly.bin: a trial run in a child process died of SIGSEGV: the files are damaged, or do "
        "not fit each other or this runtime (it printed: nothing); it was given sample images/037.png"
    )
    assert {name: found.verdicts.get(name, "pass") for name in OTHERS} == OTHERS
    assert found.status == pytest.ExitCode.TESTS_FAILED


def test_one_process_dies_once(pytester: pytest.Pytester, project: Path) -> None:
    assert run(pytester).status == -signal.SIGSEGV
    told = pytester.path / "report.json"
    until = time.monotonic() + 60
    while not told.exists():  # somebody else writes it
        assert time.monotonic() < until
        time.sleep(0.01)
    verdicts = {case["id"]: case["verdict"] for case in json.loads(told.read_text())["cases"]}
    assert list(verdicts.values()).count("crashed") == 1
    assert verdicts[f"{ZOO}::deadly::top1"] == "crashed"
    check(run(pytester))
    check(run(pytester))  # what is known stays known
    tiny.write_net(project, "deadly")
    (project / "site" / "sitecustomize.py").unlink()
    assert run(pytester).verdicts["deadly::top1"] == "pass"
    assert list((project / "kept").rglob("*.begun")) != []  # of the net as it was


def test_one_worker_dies_and_the_others_know(pytester: pytest.Pytester) -> None:
    found = run(pytester, "-n2")
    told = {name: case["verdict"] for name, case in found.cases.items()}
    assert {name: told[name] for name in OTHERS} == OTHERS
    deadly = [told["deadly::top1"], told["deadly::sanity"]]
    # A worker that died of the shard beside its case gave that to another, and has none of its own.
    assert sorted(deadly) in (["crashed", "error"], ["error", "error"]), "the same shard kills no second worker"
    assert found.text.count("node down: ") == 1
    assert found.status == pytest.ExitCode.TESTS_FAILED
    check(run(pytester))


def test_the_first_sample_is_part_of_the_trial(pytester: pytest.Pytester, project: Path) -> None:
    """A net that dies of every image, and of no zeros, ones and noise, ends no process of the run."""
    site = SITE.replace("array.max() < -0.99:  # the black image", "array.min() < 0 and array.max() <= 1:")
    assert site != SITE
    (project / "site" / "sitecustomize.py").write_text(site)
    found = run(pytester)
    assert found.cases["deadly::top1"]["reason"].startswith(
        "deadly.param with deadly.bin: a trial run in a child process died of SIGSEGV"
    )
    assert {name: found.verdicts.get(name, "pass") for name in OTHERS} == OTHERS
    assert found.status == pytest.ExitCode.TESTS_FAILED
