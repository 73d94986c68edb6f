"""What is made of predictions is kept by content: a second run scores nothing again, and none is ever stale."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from pytest_quant.diagnosis import diagnoses
from pytest_quant.tasks.classification.pipeline import ClassificationPipeline
from tests import tiny
from tests.integration.runs import ZOO, Run, run_quant

COUNT = 120
TIMES = ("timing", "seconds", "started", "options")

OWN_TASK = """
from pytest_quant import function_task

def score(answer, truth):
    return {score}

def pytest_quant_register(registry):
    registry.task(
        function_task("own", metric="nearness", datasets=("image-list",), decode=decode, score=score)
    )

def decode(outputs):
    return outputs["prob"].reshape(-1)
"""


@pytest.fixture(autouse=True)
def project(pytester: pytest.Pytester) -> Path:
    root = pytester.path
    (root / "pytest.ini").write_text("[pytest]\n")
    tiny.write_images(root, count=COUNT)
    models = {"tiny": tiny.model_entry(root, floor={"top1": 50.0}, class_tolerance={"top1": 50.0})}
    models["bad"] = tiny.write_bad_model(root)
    tiny.write_zoo(root, models)
    return root


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is scored and diagnosed, by name."""
    done: list[str] = []

    def noted(owner: Any, name: str) -> None:
        original: Callable[..., Any] = getattr(owner, name)

        def wrapper(*args: Any, **kwargs: Any) -> Any:
            done.append(name)
            return original(*args, **kwargs)

        monkeypatch.setattr(owner, name, wrapper)

    noted(ClassificationPipeline, "compare")
    noted(diagnoses, "diagnose")
    return done


def run(pytester: pytest.Pytester, *args: str) -> Run:
    return run_quant(pytester, *args, cached=True)


def untimed(value: Any) -> Any:
    """A report apart from what differs from run to run."""
    if isinstance(value, dict):
        return {key: untimed(one) for key, one in value.items() if key not in TIMES}
    return [untimed(one) for one in value] if isinstance(value, list) else value


def edit(project: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the zoo file."""
    path = project / ZOO
    content = yaml.safe_load(path.read_text())
    change(content)
    path.write_text(yaml.safe_dump(content, sort_keys=False))


def test_a_second_run_scores_and_diagnoses_nothing_and_says_the_same(
    pytester: pytest.Pytester, work: list[str]
) -> None:
    first = run(pytester)
    assert "compare" in work
    assert "diagnose" in work
    assert first.report is not None
    assert first.report["models"]["bad"]["diagnosis"]["layers"]
    work.clear()
    second = run(pytester)
    assert work == []
    assert untimed(second.report) == untimed(first.report)
    assert second.verdicts == first.verdicts
    assert second.verdicts["bad::top1"] == "fail"


def test_a_mistake_that_was_looked_for_is_not_looked_for_again(
    pytester: pytest.Pytester, project: Path, work: list[str]
) -> None:
    edit(project, lambda zoo: zoo["models"]["tiny"].update(published={"fp32": {"top1": 99.0}}))
    edit(project, lambda zoo: zoo["models"]["tiny"]["input"].update(color="bgr"))
    first = run(pytester)
    assert "color: rgb" in first.cases["tiny::published[fp32.top1]"]["reason"]
    work.clear()
    assert untimed(run(pytester).report) == untimed(first.report)
    assert work == []


def test_workers_use_what_an_earlier_run_kept(pytester: pytest.Pytester) -> None:
    first = run(pytester)
    second = run(pytester, "-n", "2")
    assert untimed(second.report) == untimed(first.report)
    assert untimed(run(pytester).report) == untimed(first.report)


def test_without_a_cache_everything_is_scored_again(pytester: pytest.Pytester, work: list[str]) -> None:
    first = run(pytester, "--quant-no-cache")
    once = len(work)
    assert untimed(run(pytester, "--quant-no-cache").report) == untimed(first.report)
    assert len(work) == 2 * once


def tolerance(project: Path) -> None:
    edit(project, lambda zoo: zoo["models"]["tiny"].update(tolerance={"top1": 0.5}))


def metric_option(project: Path) -> None:
    edit(project, lambda zoo: zoo["models"]["tiny"].update(metric={"top1": {"profile": "mmpretrain"}}))


def agreement(project: Path) -> None:
    edit(project, lambda zoo: zoo["models"]["tiny"].update(floor={"agreement": 50.0}))


def samples(project: Path) -> None:
    edit(project, lambda zoo: zoo["models"]["tiny"].update(samples=70))


def labels(project: Path) -> None:
    path = project / "list.txt"
    first, *others = path.read_text().splitlines()
    image, label = first.split()
    path.write_text("\n".join([f"{image} {(int(label) + 1) % tiny.CLASSES}", *others]) + "\n")


def images(project: Path) -> None:
    for index in range(40):
        tiny.write_flat_image(project / "images" / f"{index:03d}.png", (200, 60, 60))


def waive(project: Path) -> None:
    edit(project, lambda zoo: zoo["models"]["tiny"].update(waive={"duplicates": "known"}))
    images(project)


def net(project: Path) -> None:
    tiny.write_net(project, "tiny-int8", int8=True, bottom_scale=60.0)


CHANGES = (tolerance, metric_option, agreement, samples, labels, images, waive, net)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_what_is_kept_is_never_stale(pytester: pytest.Pytester, project: Path, change: Callable[[Path], None]) -> None:
    first = run(pytester)
    change(project)
    found = run(pytester)
    assert untimed(found.report) != untimed(first.report)
    assert untimed(found.report) == untimed(run(pytester, "--quant-no-cache").report)


@pytest.mark.parametrize(
    "options",
    [
        ("--quant-samples", "60"),
        ("--quant-samples", "60", "--quant-seed", "3"),
        ("--quant-samples", "60", "--quant-confidence", "0.8"),
        ("--quant-samples", "60", "--quant-family", "holm"),
        ("--quant-early-stop",),
        ("--quant-strict",),
    ],
    ids=" ".join,
)
def test_options_get_results_of_their_own(pytester: pytest.Pytester, options: tuple[str, ...]) -> None:
    run(pytester)
    run(pytester, "--quant-samples", "60")
    found = run(pytester, *options)
    fresh = untimed(run(pytester, *options, "--quant-no-cache").report)
    assert untimed(found.report) == fresh
    assert untimed(run(pytester, *options).report) == fresh


def test_a_damaged_result_is_made_again(pytester: pytest.Pytester, project: Path, work: list[str]) -> None:
    first = run(pytester)
    work.clear()
    files = list((project / ".pytest_cache" / "d" / "quant" / "results").rglob("*.json"))
    assert len(files) > 4
    for path in files:
        path.write_bytes(path.read_bytes()[:-3])
    assert untimed(run(pytester).report) == untimed(first.report)
    assert {"compare", "diagnose"} <= set(work)
    work.clear()
    assert untimed(run(pytester).report) == untimed(first.report)
    assert work == []


def test_a_task_of_ones_own_is_scored_each_time(pytester: pytest.Pytester, project: Path) -> None:
    """Its code may use files that nobody knows of."""
    scores = project / "weights.txt"
    (project / "conftest.py").write_text(OWN_TASK.format(score="float(open('weights.txt').read())"))
    entry = tiny.model_entry(project, "own", task="own", tolerance={"nearness": 0.05})
    tiny.write_zoo(project, {"own": entry})
    scores.write_text("0.25")
    assert run(pytester).metric("own", "nearness")["fp32"] == 0.25
    scores.write_text("0.75")
    assert run(pytester).metric("own", "nearness")["fp32"] == 0.75
