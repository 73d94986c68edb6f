"""Limits that take no labels: ``agreement`` and ``sqnr_db``, on images alone and beside labels."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import cv2
import ncnn
import numpy as np
import pytest
import yaml

from tests import tiny, tiny_detector
from tests.integration import test_object_detection as detection
from tests.integration import test_other_tasks as other_tasks
from tests.integration import test_recognition as recognition
from tests.integration import test_segmentation as segmentation
from tests.integration.runs import ZOO, Run, run_quant
from tests.unit.report.volatile import without_volatile

COUNT = 40
IMAGES = {"colours": {"type": "images", "root": "images"}}
FLOORS = {"agreement": 90.0, "sqnr_db": 20}


@pytest.fixture
def folder(pytester: pytest.Pytester) -> Path:
    tiny.write_images(pytester.path, COUNT)
    (pytester.path / "list.txt").unlink()  # nobody is to know the labels
    return pytester.path


def entry(folder: Path, name: str, *, bad: bool = False, **changes: Any) -> dict[str, Any]:
    make = tiny.write_bad_model if bad else tiny.model_entry
    return make(folder, name, **{"tolerance": None, "floor": FLOORS, **changes})


def outputs(folder: Path, net: str) -> np.ndarray[Any, Any]:
    """Every image's raw output, from a loop over ncnn itself."""
    model = ncnn.Net()
    model.opt.num_threads = 1
    model.opt.use_fp16_packed = model.opt.use_fp16_storage = model.opt.use_fp16_arithmetic = False
    assert model.load_param(str(folder / f"{net}.param")) == 0
    assert model.load_model(str(folder / f"{net}.bin")) == 0
    rows = []
    for path in sorted((folder / "images").iterdir()):
        image = cv2.imread(str(path))
        assert image is not None
        array = ((image[:, :, ::-1].astype(np.float32) - 127.5) / 127.5).transpose(2, 0, 1)
        with model.create_extractor() as extractor:
            extractor.input("data", ncnn.Mat(np.ascontiguousarray(array)).clone())
            rows.append(np.array(extractor.extract("prob")[1]))
    return np.array(rows, np.float64)


def test_a_classifier_is_gated_on_its_own_float_net(pytester: pytest.Pytester, folder: Path) -> None:
    models = {"good": entry(folder, "good"), "bad": entry(folder, "bad", bad=True)}
    tiny.write_zoo(folder, models, datasets=IMAGES, defaults={"tolerance": {"top1": 1.0}})
    serial = run_quant(pytester, "--quant-report", "report.md")
    assert serial.report is not None
    assert serial.cases["good::sanity"]["verdict"] == serial.cases["bad::sanity"]["verdict"] == "pass"
    for name, verdict in (("good", "pass"), ("bad", "fail")):
        assert serial.verdicts[f"{name}::floor[agreement]"] == verdict
        assert serial.verdicts[f"{name}::floor[sqnr_db]"] == verdict
        fp32, int8 = outputs(folder, name), outputs(folder, f"{name}-int8")
        same_pct = 100 * float((fp32.argmax(axis=1) == int8.argmax(axis=1)).mean())
        sqnr_db = 10 * np.log10((fp32**2).sum() / ((int8 - fp32) ** 2).sum())
        metrics = serial.report["models"][name]["metrics"]
        assert list(metrics) == ["agreement"]
        assert (metrics["agreement"]["fp32"], metrics["agreement"]["unit"]) == (100.0, "%")
        assert metrics["agreement"]["int8"] == pytest.approx(same_pct)
        assert serial.cases[f"{name}::floor[agreement]"]["value"] == pytest.approx(same_pct)
        assert serial.cases[f"{name}::floor[sqnr_db]"]["value"] == pytest.approx(sqnr_db, abs=1e-3)
        noise = serial.report["models"][name]["outputs"]
        assert (noise["worst"], noise["samples"]) == ("prob", COUNT)
    assert "int8 sqnr_db = " in serial.cases["bad::floor[sqnr_db]"]["reason"]
    assert "agreement: int8 scored with fp32's own answers as the truth" in serial.text
    row = next(line.split() for line in serial.text.splitlines() if line.startswith("good ") and "sqnr_db" in line)
    assert row[:5] == ["good", "colours", "sqnr_db", "-", f"{serial.cases['good::floor[sqnr_db]']['value']:.1f}"]
    lost = serial.report["models"]["bad"]["flips"]["only_fp32_right"]
    assert any(line.endswith(f"-{lost} +0  FAIL (floor)") for line in serial.text.splitlines() if "agreement" in line)
    markdown = (folder / "report.md").read_text()
    assert "| good | colours | agreement | 100.00 | " in markdown
    assert "| good | colours | sqnr_db | - | " in markdown
    for args in (("-n", "2"), ()):
        assert without_volatile(run_quant(pytester, *args).report or {}) == without_volatile(serial.report)


def test_a_list_of_images_and_a_subset(pytester: pytest.Pytester, folder: Path) -> None:
    names = sorted(path.name for path in (folder / "images").iterdir())
    (folder / "images" / "some.txt").write_text("\n".join(names[:30]))
    datasets = {"colours": {"type": "images", "list": "images/some.txt"}}
    low = entry(folder, "low", floor={"agreement": 40.0, "sqnr_db": 3})
    tiny.write_zoo(folder, {"low": low, "bad": entry(folder, "bad", bad=True)}, datasets=datasets)
    run = run_quant(pytester, "--quant-samples", "20")
    assert run.verdicts["low::floor[agreement]"] == run.verdicts["low::floor[sqnr_db]"] == "pass"
    assert run.verdicts["bad::floor[agreement]"] == run.verdicts["bad::floor[sqnr_db]"] == "fail"
    assert "90% CI" in run.cases["bad::floor[sqnr_db]"]["reason"]
    assert "n = 20 of 30" in run.cases["bad::floor[sqnr_db]"]["reason"]
    early = run_quant(pytester, "--quant-early-stop", "-k", "agreement and bad")
    assert early.report is not None
    assert early.report["models"]["bad"]["samples"]["stopped_early"]


def test_raw_outputs_need_no_task(pytester: pytest.Pytester, folder: Path) -> None:
    good, bad = (entry(folder, name, bad=name == "bad", task="outputs") for name in ("good", "bad"))
    tiny.write_zoo(folder, {"good": good, "bad": bad}, datasets=IMAGES, defaults={"tolerance": {"top1": 1.0}})
    run = run_quant(pytester)
    assert run.report is not None
    assert {name: verdict for name, verdict in run.verdicts.items() if "floor" in name} == {
        "good::floor[agreement]": "pass",
        "good::floor[sqnr_db]": "pass",
        "bad::floor[agreement]": "fail",
        "bad::floor[sqnr_db]": "fail",
    }
    fp32, int8 = outputs(folder, "bad"), outputs(folder, "bad-int8")
    same_pct = 100 * float((fp32.argmax(axis=1) == int8.argmax(axis=1)).mean())
    assert run.metric("bad", "agreement")["int8"] == pytest.approx(same_pct)
    assert without_volatile(run_quant(pytester, "-n", "2").report or {}) == without_volatile(run.report)
    assert run_quant(pytester, "--quant-baseline", "b.json", "--quant-update-baseline").status == 1
    again = run_quant(pytester, "--quant-baseline", "b.json")
    assert again.verdicts["good::baseline[agreement]"] == "pass"
    assert again.verdicts["good::baseline[sqnr_db]"] == "pass"
    tiny.write_net(folder, "good-int8", int8=True, bottom_scale=5.0)  # coarse steps
    worse = run_quant(pytester, "--quant-baseline", "b.json", "--quant-report", "report.md")
    case = worse.cases["good::baseline[sqnr_db]"]
    assert case["verdict"] == "fail"
    assert case["reason"].startswith("baseline - int8 = ")
    assert "dB (n = 40 of 40, the same samples) > 0." in case["reason"]
    assert case["reason"] in worse.text
    assert "baseline - int8 = " in (folder / "report.md").read_text()


def test_floors_beside_labels_and_for_further_nets(pytester: pytest.Pytester) -> None:
    folder = pytester.path
    tiny.write_images(folder, COUNT)
    good = tiny.model_entry(folder, "good", floor={**FLOORS, "top1": 50.0})
    good["nets"] = {
        "other": {**tiny.write_net(folder, "bad8", int8=True, bottom_scale=tiny.BAD_SCALE), "floor": FLOORS}
    }
    tiny.write_zoo(folder, {"good": good})
    run = run_quant(pytester)
    assert run.verdicts["good::top1"] == run.verdicts["good::floor[top1]"] == "pass"
    assert run.verdicts["good::floor[agreement]"] == run.verdicts["good::floor[sqnr_db]"] == "pass"
    assert run.verdicts["good::floor[other.agreement]"] == run.verdicts["good::floor[other.sqnr_db]"] == "fail"
    assert run.report is not None
    model = run.report["models"]["good"]
    assert model["metrics"]["agreement"]["int8"] == model["flips"]["agreement"]
    assert model["nets"]["other"]["outputs"]["worst"] == "prob"
    assert without_volatile(run_quant(pytester, "-n", "2").report or {}) == without_volatile(run.report)


MARKED = """
from pytest_quant import quant_floor, quant_model, quant_tolerance

@quant_model("good")
@quant_floor(agreement=90.0, sqnr_db=20)
def test_good(): ...

@quant_model("bad")
@quant_floor(agreement=90.0, sqnr_db=20)
def test_bad(quant_scores): ...

@quant_model("good")
@quant_floor(agreement=0.9)
def test_unit(): ...

@quant_model("good")
@quant_tolerance(agreement=1.0)
def test_tolerance(): ...
"""


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["serial", "xdist"])
@pytest.mark.parametrize("with_cases", [False, True])
def test_markers(pytester: pytest.Pytester, workers: tuple[str, ...], with_cases: bool) -> None:
    """The zoo file has other limits, so that nobody but the test asks for these."""
    tiny.write_images(pytester.path, COUNT)
    models = {name: entry(pytester.path, name, bad=name == "bad", floor={"top1": 5.0}) for name in ("good", "bad")}
    tiny.write_zoo(pytester.path, models)
    (pytester.path / "test_it.py").write_text(MARKED)
    args = () if with_cases else ("test_it.py",)
    run = run_quant(pytester, *workers, *args, "--quant-report", "report.md")
    assert run.report is not None
    verdicts: dict[str, dict[str, str]] = {}
    for case in run.report["cases"]:
        if "test_it" in case["id"]:
            verdicts.setdefault(case["id"].partition("::")[2], {})[case["metric"]] = case["verdict"]
    assert verdicts["test_good[good]"] == {"agreement": "pass", "sqnr_db": "pass"}
    assert verdicts["test_bad[bad]"] == {"agreement": "fail", "sqnr_db": "fail"}
    assert "agreement" in run.report["models"]["good"]["metrics"]
    assert "probably a unit mistake" in verdicts_text(run, "test_unit")
    told = "has no metric 'agreement'; it has top1, top5, and agreement as a floor (@quant_floor)"
    assert told in verdicts_text(run, "test_tolerance")
    assert "| good | colours | agreement | 100.00 | " in (pytester.path / "report.md").read_text()


def verdicts_text(run: Run, test: str) -> str:
    return "\n".join(str(case["reason"]) for case in run.cases.values() if test in case["id"])


def test_a_marker_for_every_model_of_images(pytester: pytest.Pytester, folder: Path) -> None:
    low = entry(folder, "m", floor={"sqnr_db": 1})
    tiny.write_zoo(folder, {"m": low}, datasets=IMAGES)
    code = "from pytest_quant import quant_floor\n\n@quant_floor(agreement=100.0)\ndef test_all(): ...\n"
    (folder / "test_it.py").write_text(code)
    run = run_quant(pytester, "test_it.py")
    assert [case["metric"] for case in run.cases.values()] == ["agreement"]


def make_zoo(task: str, folder: Path) -> None:
    """A labelled zoo of one model whose two nets answer the same."""
    if task == "semantic-segmentation":
        segmentation.write_zoo(folder)
    elif task == "object-detection":
        detection.write_zoo(folder, {"m": tiny_detector.model_entry(folder)})
    elif task == "text-recognition":
        recognition.write_zoo(folder)
    elif task == "text-detection":
        other_tasks.text_zoo(folder, tiny.GOOD_SCALE)
    else:
        other_tasks.pose_zoo(folder, "ground-truth")


UNITS = {
    "semantic-segmentation": "%",
    "object-detection": "fraction",
    "text-recognition": "fraction",
    "text-detection": "fraction",
    "keypoints": "fraction",
}


@pytest.mark.parametrize("task", UNITS)
def test_every_task_takes_images_without_labels(pytester: pytest.Pytester, task: str) -> None:
    folder = pytester.path
    make_zoo(task, folder)
    path = folder / ZOO
    zoo = yaml.safe_load(path.read_text())
    ((name, dataset),) = zoo["datasets"].items()
    zoo["datasets"] = {name: {"type": "images", "root": dataset["images"]}}
    ((model, entry),) = zoo["models"].items()
    most = 100.0 if UNITS[task] == "%" else 1.0
    entry["floor"] = {"agreement": 0.6 * most, "sqnr_db": 10}
    del entry["tolerance"]
    path.write_text(yaml.safe_dump(zoo))
    run = run_quant(pytester, "--quant-report", "report.md")
    assert run.cases[f"{model}::sanity"]["verdict"] == "pass", run.cases[f"{model}::sanity"]["reason"]
    assert run.verdicts[f"{model}::floor[agreement]"] == run.verdicts[f"{model}::floor[sqnr_db]"] == "pass"
    found = run.metric(model, "agreement")
    assert found["unit"] == UNITS[task]
    assert 0.6 * most <= found["int8"] <= most
    assert "agreement" in (folder / "report.md").read_text()
    assert run.report is not None
    assert without_volatile(run_quant(pytester, "-n", "2").report or {}) == without_volatile(run.report)


FUNCTION_TASK = """
import numpy as np
from pytest_quant import function_task

def decode(outputs): return outputs["prob"].ravel()
def score(answer, truth): return float(np.abs(answer - truth).max())

def pytest_quant_register(registry):
    registry.task(function_task("probabilities", metric="off", datasets=("image-list",), decode=decode, score=score,
                                higher_is_better=False))
"""


def test_a_task_of_functions(pytester: pytest.Pytester, folder: Path) -> None:
    (folder / "conftest.py").write_text(FUNCTION_TASK)
    changes = {"task": "probabilities", "floor": {"agreement": 0.1, "sqnr_db": 20}}
    good, bad = (entry(folder, name, bad=name == "bad", **changes) for name in ("good", "bad"))
    only_noise = entry(folder, "noise", task="probabilities", floor={"sqnr_db": 20})
    tiny.write_zoo(folder, {"good": good, "bad": bad, "noise": only_noise}, datasets=IMAGES)
    run = run_quant(pytester)
    assert run.verdicts["good::floor[agreement]"] == run.verdicts["good::floor[sqnr_db]"] == "pass"
    assert run.verdicts["bad::floor[agreement]"] == run.verdicts["bad::floor[sqnr_db]"] == "fail"
    assert run.verdicts["noise::floor[sqnr_db]"] == "pass"
    fp32, int8 = outputs(folder, "bad"), outputs(folder, "bad-int8")
    assert run.metric("bad", "agreement")["int8"] == pytest.approx(np.abs(fp32 - int8).max(axis=1).mean(), abs=1e-4)


@pytest.mark.parametrize(
    ("dataset", "changes", "message"),
    [
        (IMAGES, {"tolerance": {"top1": 1.0}}, "top1 takes labels, and the dataset `colours` of type images has none"),
        (IMAGES, {"floor": {"top1": 50.0}}, "floor\\[top1\\] takes labels"),
        (IMAGES, {"class_tolerance": {"top1": 50.0}, "floor": None}, "classes\\[top1\\] takes labels"),
        (IMAGES, {"published": {"fp32": {"top1": 90}}}, "takes labels"),
        (IMAGES, {"floor": None}, "has no limit at all"),
        (IMAGES, {"floor": {"agreement": 0.97}}, "probably a unit mistake"),
        (IMAGES, {"floor": {"sqnr_db": "high"}}, "expected a number"),
        (IMAGES, {"task": "outputs", "tolerance": {"agreement": 1.0}}, "takes labels"),
        (IMAGES, {"task": "outputs", "postprocess": {"decoder": "db"}}, "unknown key"),
        ({"colours": {"type": "images"}}, {}, "`root`, a folder of images, and `list`"),
    ],
)
def test_what_takes_labels_is_refused(
    pytester: pytest.Pytester, folder: Path, dataset: dict[str, Any], changes: dict[str, Any], message: str
) -> None:
    tiny.write_zoo(folder, {"m": entry(folder, "m", **changes)}, datasets=dataset)
    run = run_quant(pytester)
    assert run.status == 1
    found = "\n".join(case["reason"] for case in run.cases.values() if case["verdict"] == "error")
    assert re.search(message, found), found


def test_images_that_are_not_there_are_skipped(pytester: pytest.Pytester, folder: Path) -> None:
    tiny.write_zoo(folder, {"m": entry(folder, "m")}, datasets={"colours": {"type": "images", "root": "elsewhere"}})
    run = run_quant(pytester)
    assert run.verdicts["m::floor[agreement]"] == "skipped"
    assert "elsewhere does not exist" in run.cases["m::floor[agreement]"]["reason"]
