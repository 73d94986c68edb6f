"""Object detection from a zoo file to a verdict, with nets of one convolution."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import tiny, tiny_detector
from tests.integration.runs import Run, run_quant
from tests.unit.report.volatile import without_volatile


def write_zoo(folder: Path, models: dict[str, Any], **dataset: Any) -> None:
    tiny_detector.write_dataset(folder)
    tiny.write_zoo(folder, models, datasets={"squares": {**tiny_detector.DATASET, **dataset}})


def reason(run: Run, case: str) -> str:
    return str(run.cases[case]["reason"])


def test_a_whole_run_with_a_good_and_a_bad_net(pytester: pytest.Pytester) -> None:
    folder = pytester.path
    good = tiny_detector.model_entry(folder, tolerance={"mAP": 0.02, "mAP50": 0.02}, floor={"mAP": 0.5})
    bad = tiny_detector.model_entry(folder, "bad", bad=True)
    rows: dict[str, Any] = {"fp32": tiny_detector.write_rows_net(folder, "rows")}
    rows["int8"] = tiny_detector.write_rows_net(folder, "rows-int8", int8=True)
    itself = tiny_detector.model_entry(folder, "itself", postprocess={"decoder": "detection-output"}, **rows)
    write_zoo(folder, {"good": good, "bad": bad, "itself": itself})
    run = run_quant(pytester, "--quant-report", "report.md")
    verdicts = {name: verdict for name, verdict in run.verdicts.items() if not name.endswith(("int8", "sanity"))}
    assert verdicts == {
        "good::mAP": "pass",
        "good::mAP50": "pass",
        "good::floor[mAP]": "pass",
        "bad::mAP": "fail",
        "itself::mAP": "pass",
    }
    assert "bad: images stretched to 32x32, scores from 0.01, at most 100 detections of an image" in run.text
    assert "moved most, found by fp32 -> int8: " in run.text
    assert "worst layers, by the SQNR of the output when they alone are int8: conv" in run.text
    assert run.report is not None
    entry = run.report["models"]["good"]
    assert 0.5 < entry["metrics"]["mAP"]["fp32"] < 1
    assert set(entry["details"]["classes"]) == {"red", "green", "blue"}
    assert entry["details"]["fp32"]["AR100"] > 0.5
    assert entry["conditions"]["decoder"] == "yolox"
    assert run.report["models"]["itself"]["metrics"]["mAP"]["fp32"] > 0.5
    markdown = (folder / "report.md").read_text()
    assert "| good | squares | mAP50 |" in markdown
    parallel = run_quant(pytester, "-n", "2")
    assert without_volatile(parallel.report or {}) == without_volatile(run.report)


@pytest.mark.parametrize(
    ("dataset", "changes", "case", "says"),
    [
        ({"classes": ["red", "green"]}, {}, "m::mAP", "scores of 3 classes beside .* but the dataset lists 2"),
        ({"classes": ["red", "green", "bleu"]}, {}, "m::mAP", "'bleu'. Did you mean `blue`?"),
        (
            {},
            {"postprocess": {"decoder": "dfl", "strides": [8]}},
            "m::mAP",
            "has 8 columns; expected the classes and 32",
        ),
        ({}, {"postprocess": {"decoder": "yolox"}}, "m::mAP", r"has shape \(8, 16\); expected \(21, columns\)"),
        ({}, {"postprocess": {"decoder": "yolov5"}}, "m::config", "postprocess.decoder: found 'yolov5'"),
        ({}, {"postprocess": {}}, "m::config", "decoder"),
        ({}, {"tolerance": {"AP": 0.01}}, "m::config", "AP"),
        (
            {},
            {"preprocess": {"resize": {"letterbox": [64, 64]}}},
            "m::config",
            r"letterbox \[64, 64\] .* is \[32, 32\]",
        ),
    ],
)
def test_bad_input(
    pytester: pytest.Pytester, dataset: dict[str, Any], changes: dict[str, Any], case: str, says: str
) -> None:
    write_zoo(pytester.path, {"m": tiny_detector.model_entry(pytester.path, **changes)}, **dataset)
    run = run_quant(pytester)
    assert run.status == 1
    assert run.cases[case]["verdict"] == "error"
    assert re.search(says, reason(run, case)), reason(run, case)


def test_a_net_that_decodes_itself_has_as_many_classes_as_the_dataset_lists(pytester: pytest.Pytester) -> None:
    folder = pytester.path
    rows: dict[str, Any] = {"fp32": tiny_detector.write_rows_net(folder, "rows")}
    rows["int8"] = tiny_detector.write_rows_net(folder, "rows-int8", int8=True)
    entry = tiny_detector.model_entry(folder, postprocess={"decoder": "detection-output"}, **rows)
    write_zoo(folder, {"m": entry}, classes=["red", "green"])
    says = "output blob 'rows' has scores of 3 classes, as its layer says, but the dataset lists 2"
    assert says in reason(run_quant(pytester), "m::mAP")


def test_damaged_annotations_are_an_error_that_names_the_row(pytester: pytest.Pytester) -> None:
    folder = pytester.path
    write_zoo(folder, {"m": tiny_detector.model_entry(folder)})
    content = json.loads((folder / "squares.json").read_text())
    content["annotations"][3]["bbox"] = [1, 2]
    (folder / "squares.json").write_text(json.dumps(content))
    assert "annotations[3]: found `bbox` with 2 values" in reason(run_quant(pytester), "m::mAP")


def test_a_baseline_and_a_subset(pytester: pytest.Pytester) -> None:
    folder = pytester.path
    write_zoo(folder, {"m": tiny_detector.model_entry(folder)})
    run_quant(pytester, "--quant-baseline", "base.json", "--quant-update-baseline")
    again = run_quant(pytester, "--quant-baseline", "base.json")
    assert again.cases["m::baseline[mAP]"]["verdict"] == "pass"
    subset = run_quant(pytester, "--quant-samples", "20")
    assert subset.report is not None
    assert subset.report["models"]["m"]["samples"]["evaluated"] == 20
    low, high = subset.metric("m", "mAP")["ci"]
    assert low < high


def test_calibrated_from_images_through_the_same_preprocessing(pytester: pytest.Pytester) -> None:
    folder = pytester.path
    entry = tiny_detector.model_entry(folder)
    entry["int8"] = {"calibrate": {"images": "calibration"}}
    write_zoo(folder, {"m": entry})
    tiny_detector.write_dataset(folder / "other", seed=1)
    (folder / "other" / "squares").rename(folder / "calibration")
    run = run_quant(pytester)
    assert run.cases["m::mAP"]["verdict"] == "pass", reason(run, "m::mAP")


@pytest.mark.parametrize("labelled", [False, True], ids=["images", "labels"])
def test_a_repair_by_images_alone_or_by_labels(pytester: pytest.Pytester, labelled: bool) -> None:
    folder = pytester.path
    tiny_detector.write_dataset(folder)
    tiny_detector.write_dataset(folder / "other", seed=1)
    other = {**tiny_detector.DATASET, "images": "other/squares", "annotations": "other/squares.json"}
    rescue = {"dataset": "others"} if labelled else {"images": "other/squares"}
    bad = tiny_detector.model_entry(folder, "bad", bad=True, rescue=rescue)
    tiny.write_zoo(folder, {"bad": bad}, datasets={"squares": tiny_detector.DATASET, "others": other})
    run = run_quant(pytester, "--quant-rescue")
    assert run.report is not None
    found = run.report["models"]["bad"]["rescue"]
    assert found["found"] is True
    assert found["evaluation"]["mAP"]["verdict"] == "pass"
    assert found["evaluation"]["mAP"]["drop"] <= 0.05


EXAMPLE = Path(__file__).parents[2] / "examples" / "detectors.quant.yaml"


def test_the_examples_hold_what_a_zoo_file_takes(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """With stand-ins of the right blobs; without COCO each limit skips and names the variable."""
    folder = pytester.path
    monkeypatch.setenv("QUANT_MODELS", str(folder))
    monkeypatch.delenv("COCO_ROOT", raising=False)
    text = EXAMPLE.read_text(encoding="utf-8")
    models = yaml.safe_load(text)["models"]
    for entry in models.values():
        outputs = [entry["output"]] if isinstance(entry["output"], str) else entry["output"]
        for side in ("fp32", "int8"):
            name = entry[side]["param"].rpartition("/")[2].removesuffix(".param")
            tiny_detector.write_stand_in(folder, name, outputs, int8=side == "int8")
    tiny.write_zoo(folder).write_text(text)
    run = run_quant(pytester)
    found = {name: case["verdict"] for name, case in run.cases.items() if not name.endswith(("::int8", "::sanity"))}
    assert {name.split("::")[0] for name in found} == set(models)
    assert set(found.values()) == {"skipped"}, {case["reason"] for case in run.cases.values()}
    assert all("COCO_ROOT" in run.cases[name]["reason"] for name in found)
