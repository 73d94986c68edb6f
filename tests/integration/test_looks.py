"""``--quant-early-stop`` for hmean, AP, mAP and mIoU: a few looks, and every report says so."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import tiny, tiny_detector
from tests.integration import test_other_tasks, test_segmentation
from tests.integration.runs import Run, run_quant
from tests.unit.report.volatile import without_volatile

IMAGES = 160
LOOKS = [120, 160]
"""A quarter, and a half, would be fewer than 100 images."""
BAD = 12700.0
EARLY = ("--quant-early-stop", "--quant-report", "report.md", "--quant-report", "report.html")


def copied(folder: Path, form: str, made: int) -> None:
    """A file and its annotation so often that there are `IMAGES` of them."""
    for number in range(made + 1, IMAGES + 1):
        shutil.copy(folder / form.format((number - 1) % made + 1), folder / form.format(number))


def renamed(folder: Path, **models: dict[str, Any]) -> None:
    """The zoo file of a folder with its one model so often, each with other entries."""
    path = folder / "zoo.quant.yaml"
    content = yaml.safe_load(path.read_text())
    (model,) = content["models"].values()
    content["models"] = {name.replace("_", "-"): model | changes for name, changes in models.items()}
    path.write_text(yaml.safe_dump(content))


def write_text(folder: Path) -> None:
    folder.mkdir()
    test_other_tasks.text_zoo(folder, BAD)
    copied(folder, "images/img_{}.png", test_other_tasks.IMAGES)
    copied(folder, "gt/gt_img_{}.txt", test_other_tasks.IMAGES)
    renamed(folder, text_bad={"tolerance": {"hmean": 0.01, "recall": 0.01}, "floor": {"hmean": 0.9}})


def write_pose(folder: Path) -> None:
    folder.mkdir()
    test_other_tasks.pose_zoo(folder, "ground-truth")
    copied(folder, "images/{}.png", test_other_tasks.IMAGES)
    truth = json.loads((folder / "truth.json").read_text())
    made = len(truth["images"])
    for number in range(made + 1, IMAGES + 1):
        image, person = (truth[key][(number - 1) % made] for key in ("images", "annotations"))
        truth["images"].append(image | {"id": number, "file_name": f"{number}.png"})
        truth["annotations"].append(person | {"id": number, "image_id": number})
    (folder / "truth.json").write_text(json.dumps(truth))
    renamed(folder, pose={"tolerance": {"AP": 0.09}})


def write_segments(folder: Path) -> None:
    folder.mkdir()
    test_segmentation.write_zoo(folder, int8_scale=BAD)
    copied(folder, "images/{}.png", test_segmentation.IMAGES)
    copied(folder, "masks/{}.png", test_segmentation.IMAGES)
    renamed(folder, segments_bad={}, classes_too={"class_tolerance": {"mIoU": 10.0}})


def write_detectors(folder: Path) -> None:
    """The further net has looks of its own."""
    folder.mkdir()
    tiny_detector.write_dataset(folder, images=IMAGES)
    bad = tiny_detector.model_entry(folder, "boxes-bad", bad=True)
    good = tiny_detector.model_entry(folder, "boxes", tolerance={"mAP": "9%"}, floor={"agreement": 0.8})
    good["nets"] = {"worse": {**bad["int8"], "tolerance": {"mAP": 0.05}}}
    datasets = {"squares": tiny_detector.DATASET}
    tiny.write_zoo(folder, {"boxes": good, "boxes-bad": bad}, datasets=datasets)


@pytest.fixture
def folder(pytester: pytest.Pytester) -> Path:
    write_text(pytester.path / "text")
    write_pose(pytester.path / "pose")
    write_segments(pytester.path / "segments")
    write_detectors(pytester.path / "detectors")
    return pytester.path


def samples(run: Run) -> dict[str, dict[str, Any]]:
    assert run.report is not None
    return {name: model["samples"] for name, model in run.report["models"].items()}


def test_every_task_in_every_report(pytester: pytest.Pytester, folder: Path) -> None:
    run = run_quant(pytester, *EARLY)
    found, verdicts = samples(run), {name.partition("::")[2]: verdict for name, verdict in run.verdicts.items()}
    for name in ("text-bad", "segments-bad", "boxes-bad"):
        assert found[name]["evaluated"] == 120, name
        assert found[name]["look"] == {"number": 1, "planned": LOOKS, "evidence": "approximate"}
    assert verdicts["text-bad::hmean"] == verdicts["text-bad::recall"] == verdicts["text-bad::floor[hmean]"] == "fail"
    assert verdicts["segments-bad::mIoU"] == verdicts["boxes-bad::mAP"] == "fail"
    assert verdicts["pose::AP"] == verdicts["boxes::mAP"] == verdicts["boxes::floor[agreement]"] == "pass"
    assert found["pose"]["stopped_early"]
    assert found["boxes"]["stopped_early"]
    assert found["classes-too"]["evaluated"] == IMAGES, "its classes are judged together"
    assert "look" not in found["classes-too"]
    _the_reason_and_the_interval(run)
    _the_further_net(run)
    notes = "text-bad: stopped early at look 1 of 2, at 120 of 160 samples; approximate: bounds of a bootstrap"
    page = (folder / "report.html").read_text(encoding="utf-8")
    for text in (run.text, (folder / "report.md").read_text(), page):
        assert notes in text
    assert 'aria-label="Early stop: the drop of hmean and its bounds at 1 of 2 looks"' in page
    parallel = run_quant(pytester, "--quant-early-stop", "-n", "2")
    assert without_volatile(parallel.report or {}) == without_volatile(run.report or {})


def _the_reason_and_the_interval(run: Run) -> None:
    metric = run.metric("text-bad", "hmean")
    assert metric["method"].endswith("repeated at look 1 of 2, alpha spending")
    assert metric["ci_level"] == 0.9
    assert 0.01 < metric["ci"][0] < metric["drop"] == 1.0
    reason = run.cases["text/zoo.quant.yaml::text-bad::hmean"]["reason"]
    assert ", look 1 of 2, approximate, n = 120 of 160) > 0.0100" in reason


def _the_further_net(run: Run) -> None:
    assert run.report is not None
    assert run.verdicts["detectors/zoo.quant.yaml::boxes::worse[mAP]"] == "fail"
    net = run.report["models"]["boxes"]["nets"]["worse"]["samples"]
    assert (net["evaluated"], net["look"]["number"]) == (120, 1)
    assert "boxes: worse stopped early at look 1 of 2, at 120 of 160 samples" in run.text


def test_what_was_kept_comes_to_the_same(pytester: pytest.Pytester) -> None:
    """A second run reads what the looks of the first came to; ``--quant-jobs`` changes nothing."""
    write_segments(pytester.path / "segments")
    first = run_quant(pytester, "--quant-early-stop", "--quant-jobs", "1", cached=True)
    second = run_quant(pytester, "--quant-early-stop", "--quant-jobs", "2", cached=True)
    assert without_volatile(second.report or {}) == without_volatile(first.report or {})
    assert second.report is not None
    assert second.report["models"]["segments-bad"]["timing"]["cached"] == {"fp32": True, "int8": True}
    uncached = run_quant(pytester, "--quant-early-stop", "--quant-no-cache")
    assert without_volatile(uncached.report or {}) == without_volatile(first.report or {})


def test_a_subset_may_come_to_its_end_undecided(pytester: pytest.Pytester) -> None:
    """The last look is one like the others there: it is at a part of the dataset, with its share of the error."""
    tiny_detector.write_dataset(pytester.path, images=240)
    entry = tiny_detector.model_entry(pytester.path, "boxes", tolerance={"mAP": 0.001})
    tiny.write_zoo(pytester.path, {"boxes": entry}, datasets={"squares": tiny_detector.DATASET})
    run = run_quant(pytester, "--quant-early-stop", "--quant-samples", "200")
    assert run.verdicts["boxes::mAP"] == "inconclusive"
    assert samples(run)["boxes"]["look"] == {"number": 3, "planned": [100, 150, 200], "evidence": "approximate"}
    assert samples(run)["boxes"]["stopped_early"] is False
    assert "look 3 of 3, approximate, n = 200 of 240)" in run.cases["boxes::mAP"]["reason"]
    assert "stopped early" not in run.text
