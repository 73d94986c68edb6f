"""``class_tolerance`` from a zoo file to a verdict and every report."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import tiny, tiny_detector
from tests.integration import test_object_detection as detection
from tests.integration import test_segmentation as segmentation
from tests.integration.runs import ZOO, run_quant
from tests.integration.test_xdist import comparable
from tests.unit.report.volatile import without_volatile

COUNT = 120


@pytest.fixture
def folder(pytester: pytest.Pytester) -> Path:
    root = pytester.path
    tiny.write_images(root, COUNT)
    return root


def test_a_class_that_int8_loses_is_named_in_every_report(pytester: pytest.Pytester, folder: Path) -> None:
    tiny.write_zoo(
        folder,
        {
            "bad": tiny.write_bad_model(folder, "bad", tolerance=None, class_tolerance={"top1": 10.0}),
            "good": tiny.model_entry(folder, "good", class_tolerance={"top1": 40}),
        },
    )
    serial = run_quant(pytester, "--quant-report", "report.md")
    assert serial.report is not None
    assert serial.verdicts["bad::classes[top1]"] == "fail"
    assert serial.verdicts["good::classes[top1]"] == serial.verdicts["good::top1"] == "pass"
    case = serial.cases["bad::classes[top1]"]
    assert (case["kind"], case["metric"], case["limit"]) == ("classes", "top1", 10.0)
    classes = serial.report["models"]["bad"]["classes"]["top1"]
    worst = classes["worst"][0]
    assert case["value"] == worst["drop"] == pytest.approx(worst["fp32"] - worst["int8"])
    assert classes["judged"] == 4
    assert sum(one["samples"] for one in classes["worst"]) == COUNT
    for side in ("fp32", "int8"):  # the classes together are the metric
        hits = sum(one[side] * one["samples"] for one in classes["worst"])
        assert hits / COUNT == pytest.approx(serial.metric("bad")[side])
    formula = f"{worst['name']}: {worst['fp32']:.2f} - {worst['int8']:.2f} = {worst['drop']:.2f}"
    assert formula in case["reason"]
    assert f"bad: {case['reason']}" in serial.text
    assert "class drop <= 10.00" in serial.text
    markdown = (folder / "report.md").read_text()
    assert "## Classes that lose most" in markdown
    assert f"| bad | top1 | {worst['name']} | {worst['samples']} |" in markdown
    parallel = run_quant(pytester, "-n", "2")
    assert comparable(parallel) == comparable(serial)


def test_a_subset_is_judged_with_a_correction_over_the_classes(pytester: pytest.Pytester, folder: Path) -> None:
    bad = tiny.write_bad_model(folder, "bad", tolerance=None, class_tolerance={"top1": 10.0})
    tight = tiny.model_entry(folder, "tight", tolerance=None, class_tolerance={"top1": 1.0})
    tiny.write_zoo(folder, {"bad": bad, "tight": tight})
    run = run_quant(pytester, "--quant-samples", "60")
    assert run.verdicts["bad::classes[top1]"] == "fail"
    assert run.verdicts["tight::classes[top1]"] == "inconclusive"
    assert "% over all 4 classes together, Holm)" in run.cases["bad::classes[top1]"]["reason"]
    assert "60 of 120 samples do not decide it" in run.cases["tight::classes[top1]"]["reason"]
    early = run_quant(pytester, "--quant-early-stop")
    assert early.report is not None
    assert early.report["models"]["tight"]["samples"]["evaluated"] == COUNT, "its classes are judged together"
    assert early.verdicts["tight::classes[top1]"] in ("pass", "fail")


def test_classes_of_a_segmenter(pytester: pytest.Pytester) -> None:
    segmentation.write_zoo(pytester.path, class_tolerance={"mIoU": 5.0, "mAcc": "5%"})
    run = run_quant(pytester)
    assert run.verdicts["bars::classes[mIoU]"] == run.verdicts["bars::classes[mAcc]"] == "pass"
    segmentation.write_zoo(pytester.path, int8_scale=0.2, class_tolerance={"mIoU": 5.0})
    run = run_quant(pytester)
    assert run.verdicts["bars::classes[mIoU]"] == "fail"
    assert run.report is not None
    found = {one["name"]: one for one in run.report["models"]["bars"]["classes"]["mIoU"]["worst"]}
    details = run.report["models"]["bars"]["details"]["iou_per_class"]
    assert {name: {side: one[side] for side in ("fp32", "int8")} for name, one in found.items()} == details
    assert run.cases["bars::classes[mIoU]"]["value"] == max(one["drop"] for one in found.values())


def test_categories_of_a_detector(pytester: pytest.Pytester) -> None:
    limits = {"class_tolerance": {"mAP": 0.1, "mAP50": "50%"}}
    good, bad = (
        tiny_detector.model_entry(pytester.path, name, bad=name == "bad", **limits) for name in ("good", "bad")
    )
    detection.write_zoo(pytester.path, {"good": good, "bad": bad})
    run = run_quant(pytester)
    assert run.report is not None
    assert run.verdicts["good::classes[mAP]"] == run.verdicts["good::classes[mAP50]"] == "pass"
    assert run.verdicts["bad::classes[mAP]"] == "fail"
    model = run.report["models"]["bad"]
    assert set(model["classes"]) == {"mAP", "mAP50"}
    for one in model["classes"]["mAP"]["worst"]:
        known = model["details"]["classes"][one["name"]]
        assert (one["fp32"], one["int8"]) == pytest.approx((known["fp32"], known["int8"]), abs=1e-6)
        assert 5 <= one["samples"] <= known["objects"]
    assert run_quant(pytester, "--quant-samples", "8").verdicts["bad::classes[mAP]"] in ("fail", "inconclusive")


def test_classes_of_a_further_net(pytester: pytest.Pytester, folder: Path) -> None:
    other = tiny.write_net(folder, "other", int8=True, bottom_scale=tiny.BAD_SCALE)
    good = tiny.model_entry(folder, "good", nets={"other": {**other, "class_tolerance": {"top1": 10}}}, tolerance=None)
    good["floor"] = {"top1": 10.0}
    tiny.write_zoo(folder, {"good": good})
    run = run_quant(pytester, "--quant-report", "report.md", "--quant-report", "report.html")
    assert run.report is not None
    case = run.cases["good::classes[other.top1]"]
    assert (case["kind"], case["verdict"], case["limit"]) == ("classes", "fail", 10.0)
    worst = run.report["models"]["good"]["nets"]["other"]["classes"]["top1"]["worst"][0]
    assert case["value"] == worst["drop"]
    assert f"good: {case['reason']}" in run.text
    assert f"| good, other | top1 | {worst['name']} |" in (folder / "report.md").read_text()
    assert "top1 of other" in (folder / "report.html").read_text()
    assert without_volatile(run_quant(pytester, "-n", "2").report or {}) == without_volatile(run.report)
    bad = {"other": {**other, "class_tolerance": {"top1": 100}}}
    tiny.write_zoo(folder, {"good": {**good, "nets": bad}})
    reason = run_quant(pytester).cases["good::config"]["reason"]
    assert "models.good.nets.other.class_tolerance.top1: found 100, which allows a class to lose everything" in reason


def test_classes_have_the_names_that_the_dataset_knows(pytester: pytest.Pytester, folder: Path) -> None:
    (folder / "classes.txt").write_text("red\ngreen\nblue\nbright\n")
    tiny.write_zoo(folder, {"bad": tiny.write_bad_model(folder, "bad", class_tolerance={"top1": 10.0})})
    run = run_quant(pytester, "--quant-report", "report.md", "--quant-report", "report.html")
    assert run.report is not None
    worst = run.report["models"]["bad"]["classes"]["top1"]["worst"]
    assert {one["name"] for one in worst} == {"red", "green", "blue", "bright"}
    reason = run.cases["bad::classes[top1]"]["reason"]
    assert f"{worst[0]['name']}: " in reason
    assert reason in run.text
    for file in ("report.md", "report.html"):
        assert worst[0]["name"] in (folder / file).read_text()
    sampled = run_quant(pytester, "--quant-samples", "60")
    assert sampled.verdicts["bad::classes[top1]"] in ("fail", "inconclusive"), "counted in the whole by the same names"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"class_tolerance": {"top1": 100}}, "allows a class to lose everything"),
        ({"class_tolerance": {"hmean": 0.1}}, "has no metric 'hmean'"),
        ({"class_tolerance": 5}, "expected keys and values"),
    ],
)
def test_what_is_no_class_tolerance(
    pytester: pytest.Pytester, folder: Path, changes: dict[str, object], message: str
) -> None:
    tiny.write_zoo(folder, {"m": tiny.model_entry(folder, "m", **changes)})
    run = run_quant(pytester)
    assert run.verdicts == {"m::config": "error"}
    reason = run.cases["m::config"]["reason"]
    assert message in reason
    assert "class_tolerance" in reason
    assert ZOO in reason


def test_pixels_together_have_no_class(pytester: pytest.Pytester) -> None:
    segmentation.write_zoo(pytester.path, class_tolerance={"aAcc": 5.0})
    reason = run_quant(pytester).cases["bars::config"]["reason"]
    assert "aAcc of the task semantic-segmentation has no value of single classes" in reason
    assert "mIoU, mAcc" in reason
