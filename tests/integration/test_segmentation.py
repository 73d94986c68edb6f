"""Semantic segmentation from a zoo file to a verdict, with nets of one convolution."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from tests import exports, tiny
from tests.integration.runs import Run, run_quant
from tests.integration.test_other_tasks import write_convolution
from tests.unit.report.volatile import without_volatile

IMAGES, WIDTH, HEIGHT = 6, 48, 32
VOID = 7
DATASET = {"type": "segmentation", "images": "images", "masks": "masks", "classes": ["dark", "bright"]}

EXACT = {"identical": "int8 represents the weights and inputs of this net exactly"}


def write_pictures(folder: Path) -> None:
    """A bright bar on black; below it a row that is void."""
    for kind in ("images", "masks"):
        (folder / kind).mkdir(exist_ok=True)
    for index in range(1, IMAGES + 1):
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        mask[4 : 8 + 2 * index, 6 : 10 + 3 * index] = 1
        pixels = np.repeat(mask[:, :, np.newaxis] * 255, 3, axis=2)
        mask[-1] = VOID
        pixels[-1] = 255
        cv2.imwrite(str(folder / "images" / f"{index}.png"), pixels)
        cv2.imwrite(str(folder / "masks" / f"{index}.png"), mask)


def write_zoo(
    folder: Path, *, int8_scale: float = tiny.GOOD_SCALE, dataset: dict[str, Any] | None = None, **changes: Any
) -> None:
    write_pictures(folder)
    weights, bias = np.array([[0, 0, 0], [1, 1, 1]], np.float32), np.array([1.0, 0.0], np.float32)
    model: dict[str, Any] = {
        "task": "semantic-segmentation",
        "dataset": "bars",
        "fp32": write_convolution(folder, "bars", weights, bias, "ReLU", scale=None),
        "int8": write_convolution(folder, "bars-int8", weights, bias, "ReLU", scale=int8_scale),
        "input": {"blob": "in0", "std": [255.0] * 3},
        "output": "out0",
        "tolerance": {"mIoU": 1.0},
        "waive": EXACT,
    }
    datasets = {"bars": {**DATASET, "ignore_index": VOID, **(dataset or {})}}
    content = {"version": 1, "datasets": datasets, "models": {"bars": model | changes}}
    (folder / "zoo.quant.yaml").write_text(yaml.safe_dump(content))


def entry(run: Run) -> dict[str, Any]:
    assert run.report is not None
    found: dict[str, Any] = run.report["models"]["bars"]
    return found


def test_a_whole_run(pytester: pytest.Pytester) -> None:
    write_zoo(
        pytester.path,
        tolerance={"mIoU": 1.0, "mAcc": 1.0, "aAcc": 0.5},
        floor={"mIoU": 99.0},
        require={"void": "ignored", "ignore_index": VOID},
    )
    run = run_quant(pytester, "--quant-report", "report.md")
    assert set(run.verdicts.values()) == {"pass"}
    assert {"bars::mIoU", "bars::mAcc", "bars::aAcc", "bars::floor[mIoU]"} <= run.verdicts.keys()
    assert run.metric("bars", "mIoU")["fp32"] == 100.0
    assert entry(run)["details"]["iou_per_class"] == {
        "dark": {"fp32": 100.0, "int8": 100.0},
        "bright": {"fp32": 100.0, "int8": 100.0},
    }
    assert entry(run)["details"]["labelled_pixels"] == IMAGES * WIDTH * (HEIGHT - 1)
    assert "bars: void pixels ignored, logits resized to the label image" in run.text
    assert "mIoU" in (pytester.path / "report.md").read_text()


def test_void_as_false_positives(pytester: pytest.Pytester) -> None:
    """The void row is bright: 6 * 48 pixels that are taken for the bar."""
    write_zoo(pytester.path, metric={"mIoU": {"void": "false-positive"}}, tolerance={"mIoU": 1.0, "aAcc": 1.0})
    run = run_quant(pytester)
    bright = sum((4 + 2 * index) * (4 + 3 * index) for index in range(1, IMAGES + 1))
    iou = 100 * bright / (bright + IMAGES * WIDTH)
    assert run.metric("bars", "mIoU")["fp32"] == pytest.approx((100 + iou) / 2)
    assert run.metric("bars", "aAcc")["fp32"] == 100.0
    assert "void pixels counted as false positives" in run.text


def test_an_int8_net_that_sees_nothing(pytester: pytest.Pytester) -> None:
    """Its activation scale clips white to a hundredth: everything is dark."""
    write_zoo(pytester.path, int8_scale=12700.0)
    run = run_quant(pytester)
    assert run.verdicts["bars::mIoU"] == "fail"
    assert run.cases["bars::mIoU"]["reason"].startswith("drop = 100.00 - ")
    assert entry(run)["details"]["iou_per_class"]["bright"] == {"fp32": 100.0, "int8": 0.0}
    bright = sum((4 + 2 * index) * (4 + 3 * index) for index in range(1, IMAGES + 1))
    assert entry(run)["flips"]["only_fp32_right"] == bright
    assert entry(run)["moved"][0]["sample"] == "6.png"
    assert "moved most" in run.text


def test_stretched_and_padded_inputs(pytester: pytest.Pytester) -> None:
    write_zoo(
        pytester.path,
        input={"blob": "in0", "std": [255.0] * 3, "size": [96, 96]},
        preprocess={"resize": {"keep_ratio": [96, 96]}, "pad_value": 0.0, "backend": "opencv"},
        postprocess={"output": "logits", "resize": "labels"},
    )
    run = run_quant(pytester)
    assert run.verdicts["bars::mIoU"] == "pass"
    assert run.metric("bars", "mIoU")["fp32"] > 90.0
    assert entry(run)["conditions"]["output_resize"] == "labels"


def test_the_same_report_in_parallel(pytester: pytest.Pytester) -> None:
    write_zoo(pytester.path, int8_scale=12700.0)
    serial, parallel = run_quant(pytester), run_quant(pytester, "-n", "2")
    assert serial.report is not None
    assert parallel.report is not None
    assert serial.verdicts == {"bars::int8": "pass", "bars::mIoU": "fail"}
    assert without_volatile(serial.report) == without_volatile(parallel.report)


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        ({"ignore_index": 255}, "holds 7 in 3.1 % of its pixels, which is not a class: there are 2"),
        ({"classes": ["a", "b", "c"]}, "the net has 2 outputs for each pixel, the dataset 3 classes"),
        ({"masks": "images"}, "is a colour image (RGB); expected one number per pixel"),
    ],
)
def test_bad_input(pytester: pytest.Pytester, dataset: dict[str, Any], message: str) -> None:
    write_zoo(pytester.path, dataset=dataset)
    run = run_quant(pytester)
    assert run.verdicts["bars::mIoU"] == "error"
    assert message in run.cases["bars::mIoU"]["reason"]


def test_a_mask_of_another_size(pytester: pytest.Pytester) -> None:
    write_zoo(pytester.path)
    cv2.imwrite(str(pytester.path / "masks" / "3.png"), np.zeros((HEIGHT, WIDTH + 1), np.uint8))
    run = run_quant(pytester)
    assert run.verdicts["bars::mIoU"] == "error"
    assert "'3.png': the image has the size [48, 32] (width, height)" in run.cases["bars::mIoU"]["reason"]


def export_zoo(folder: Path, generation: str, **keys: Any) -> None:
    """An export folder with the nets, and published numbers and tolerances in OpenMMLab's files."""
    write_zoo(folder)
    work_dir = folder / "work_dir"
    work_dir.mkdir()
    for suffix in ("param", "bin"):
        (folder / f"bars.{suffix}").rename(work_dir / f"end2end.{suffix}")
        (folder / f"bars-int8.{suffix}").rename(work_dir / f"end2end_int8.{suffix}")
    name, transforms, after = exports.segmentor(generation, size=(WIDTH, HEIGHT), num_classes=2)
    transforms[2] = {"type": "Normalize", "mean": [0.0] * 3, "std": [255.0] * 3, "to_rgb": True}
    exports.write_export(work_dir, (name, transforms, after), generation, blobs=("in0", ["out0"]))
    result = {"Task": "Semantic Segmentation", "Dataset": "Bars", "Metrics": {"mIoU": 100.0, "mIoU(ms+flip)": 73.0}}
    (folder / "metafile.yaml").write_text(yaml.safe_dump({"Models": [{"Name": "fcn", "Results": [result]}]}))
    info = {"mIoU": {"metric_key": "mIoU", "tolerance": 1, "multi_value": 1, "dataset": ["Bars"]}}
    (folder / "mmseg.yml").write_text(yaml.safe_dump({"globals": {"metric_info": info}}))
    entry = {"mmdeploy": "work_dir", "dataset": "bars", "waive": EXACT, **keys}
    content = {"version": 1, "datasets": {"bars": {**DATASET, "ignore_index": VOID}}, "models": {"bars": entry}}
    (folder / "zoo.quant.yaml").write_text(yaml.safe_dump(content))


@pytest.mark.parametrize("generation", ["0.x", "1.x"])
def test_an_export_folder_with_published_numbers(pytester: pytest.Pytester, generation: str) -> None:
    export_zoo(
        pytester.path,
        generation,
        metafile={"path": "metafile.yaml", "model": "fcn", "dataset": "Bars"},
        regression={"path": "mmseg.yml", "dataset": "Bars"},
    )
    run = run_quant(pytester)
    assert run.verdicts == {"bars::int8": "pass", "bars::mIoU": "pass", "bars::published[fp32.mIoU]": "pass"}
    assert run.cases["bars::mIoU"]["limit"] == 1.0
    conditions = entry(run)["conditions"]
    assert conditions["resize"] == {"size": [WIDTH, HEIGHT]}
    assert conditions["output"] == "logits", "the net has two maps, as the head says"


def test_an_export_folder_of_another_net(pytester: pytest.Pytester) -> None:
    export_zoo(pytester.path, "1.x", tolerance={"mIoU": 1.0})

    def edit(data: dict[str, Any]) -> None:
        data["pipeline"]["tasks"][2]["params"]["num_classes"] = 19

    exports.change(pytester.path / "work_dir" / "pipeline.json", edit)
    case = run_quant(pytester).cases["bars::config"]
    assert "describes a network of 19 classes, but work_dir/end2end.param has 2" in case["reason"]


def test_rescue_without_labels(pytester: pytest.Pytester) -> None:
    """By the probabilities of fp32, since an int8 segmenter changes far more pixels than it loses."""
    write_zoo(pytester.path, int8_scale=12700.0, rescue={"images": "images2"})
    (pytester.path / "images2").mkdir()
    for index in range(4):
        pixels = np.full((HEIGHT, WIDTH, 3), 40 * index, np.uint8)
        pixels[index : index + 9, 5:30] = 200
        cv2.imwrite(str(pytester.path / "images2" / f"{index}.png"), pixels)
    run = run_quant(pytester, "--quant-rescue")
    found = entry(run)["rescue"]
    assert found["labelled"] is False
    assert "the loss that is expected where each answer is right with the probability" in found["decided_by"]
    assert run.verdicts["bars::mIoU"] == "fail", "a repair is an offer"
    assert found["found"] is True


def test_calibrated_from_images_diagnosed_and_held_against_a_baseline(pytester: pytest.Pytester) -> None:
    write_zoo(pytester.path, int8={"calibrate": {"images": "calibration", "method": "minmax"}})
    (pytester.path / "calibration").mkdir()
    for index in range(3):
        pixels = np.full((HEIGHT, WIDTH, 3), 60 * index, np.uint8)
        pixels[5:20, 3 : 9 + index] = 255
        cv2.imwrite(str(pytester.path / "calibration" / f"{index}.png"), pixels)
    made = run_quant(pytester, "--quant-baseline", "baseline.json", "--quant-update-baseline", "--quant-diagnose")
    assert made.verdicts["bars::mIoU"] == "pass"
    assert made.verdicts["bars::table"] == "pass"
    assert entry(made)["calibration"]["images"] == 3
    assert entry(made)["diagnosis"]["layers"][0]["layer"] == "conv"
    again = run_quant(pytester, "--quant-baseline", "baseline.json")
    assert again.verdicts["bars::baseline[mIoU]"] == "pass"
