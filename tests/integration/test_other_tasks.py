"""Text detection and keypoints from a zoo file to a verdict, with nets of one convolution."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from numpy.typing import NDArray

from tests import tiny
from tests.integration.runs import run_quant
from tests.unit.report.volatile import without_volatile

IMAGES, WIDTH, HEIGHT = 6, 64, 64


def write_convolution(
    folder: Path, name: str, weights: NDArray[np.float32], bias: NDArray[np.float32], end: str, *, scale: float | None
) -> dict[str, str]:
    """A net of one 1x1 convolution and a last layer; ``scale`` makes it int8 with that activation scale."""
    outputs, channels = weights.shape
    term = "" if scale is None else " 8=2"
    lines = [
        "7767517",
        "3 3",
        "Input            in0   0 1 in0",
        f"Convolution      conv  1 1 in0 conv 0={outputs} 1=1 5=1 6={outputs * channels}{term}",
        f"{end}  last  1 1 conv out0",
    ]
    (folder / f"{name}.param").write_text("\n".join(lines) + "\n")
    if scale is None:
        data = struct.pack("<I", 0) + weights.tobytes() + bias.tobytes()
    else:
        scales = (127 / np.maximum(np.abs(weights).max(axis=1), 1e-6)).astype(np.float32)
        quantized = np.round(weights * scales[:, None]).astype(np.int8).tobytes()
        data = struct.pack("<I", tiny.INT8_TAG) + quantized + b"\0" * (-len(quantized) % 4)
        data += bias.tobytes() + scales.tobytes() + struct.pack("<f", scale)
    (folder / f"{name}.bin").write_bytes(data)
    return {"param": f"{name}.param", "bin": f"{name}.bin"}


def write_text_images(folder: Path) -> None:
    """White bars on black: a net that looks at brightness finds them."""
    (folder / "images").mkdir()
    (folder / "gt").mkdir()
    for index in range(1, IMAGES + 1):
        pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        left, top = 6 + 3 * index, 8 + 4 * index
        cv2.rectangle(pixels, (left, top), (left + 30, top + 12), (255, 255, 255), -1)
        cv2.imwrite(str(folder / "images" / f"img_{index}.png"), pixels)
        corners = [left, top, left + 30, top, left + 30, top + 12, left, top + 12]
        (folder / "gt" / f"gt_img_{index}.txt").write_text(f"\ufeff{','.join(map(str, corners))},a, b\n")


def text_zoo(folder: Path, int8_scale: float, **changes: Any) -> None:
    write_text_images(folder)
    weights, bias = np.full((1, 3), 4.0, np.float32), np.full(1, -6.0, np.float32)
    model: dict[str, Any] = {
        "task": "text-detection",
        "dataset": "bars",
        "fp32": write_convolution(folder, "bars", weights, bias, "Sigmoid", scale=None),
        "int8": write_convolution(folder, "bars-int8", weights, bias, "Sigmoid", scale=int8_scale),
        "input": {"blob": "in0", "std": [255.0] * 3},
        "output": "out0",
        "postprocess": {"decoder": "db", "unclip_ratio": 0.1},  # this net does not shrink what it finds
        "tolerance": {"hmean": 0.01},
        "waive": {"identical": "weights that int8 represents exactly, and a sigmoid that is 0 or 1"},
    }
    content = {
        "version": 1,
        "datasets": {"bars": {"type": "icdar2015", "images": "images", "annotations": "gt"}},
        "models": {"bars": model | changes},
    }
    (folder / "zoo.quant.yaml").write_text(yaml.safe_dump(content))


def test_text_detection(pytester: pytest.Pytester) -> None:
    text_zoo(pytester.path, tiny.GOOD_SCALE)
    run = run_quant(pytester)
    assert run.verdicts == {"bars::hmean": "pass", "bars::int8": "pass"}
    assert run.metric("bars", "hmean")["fp32"] == 1.0
    assert run.report is not None
    entry = run.report["models"]["bars"]
    assert entry["conditions"]["hmean_profile"] == "mmocr-0.x"
    assert entry["details"]["fp32"]["regions"] == IMAGES
    assert "moved" not in entry, "nothing moved"
    assert "approximate" in run.metric("bars", "hmean")["method"]


def test_an_int8_net_that_finds_nothing(pytester: pytest.Pytester) -> None:
    """Its activation scale clips white to a hundredth: no pixel is bright enough."""
    text_zoo(pytester.path, 12700.0, metric={"hmean": {"score_threshold": 0.5}})
    run = run_quant(pytester, "--quant-report", "report.md")
    assert run.verdicts["bars::hmean"] == "fail"
    case = run.cases["bars::hmean"]
    assert case["reason"].startswith("drop = 1.0000 - 0.0000 = 1.0000 (90% CI ")
    assert "both at score threshold 0.5" in run.text
    assert "moved most, found by fp32 -> int8: img_1.png (1 -> 0)" in run.text
    assert "## Samples that moved most" in (pytester.path / "report.md").read_text()


def test_a_protocol_without_a_score_threshold(pytester: pytest.Pytester) -> None:
    text_zoo(pytester.path, 12700.0, metric={"hmean": {"profile": "icdar"}})
    run = run_quant(pytester, "--quant-report", "report.md")
    assert run.verdicts["bars::hmean"] == "fail"
    assert run.report is not None
    assert run.report["models"]["bars"]["details"]["score_threshold"] is None
    for text in (run.text, (pytester.path / "report.md").read_text()):
        assert "bars: every text region counts, whatever its score" in text
    assert "at score threshold" not in run.text


def test_early_stop_has_no_look_at_so_few_images(pytester: pytest.Pytester) -> None:
    text_zoo(pytester.path, tiny.GOOD_SCALE)
    run = run_quant(pytester, "--quant-early-stop")
    assert run.report is not None
    assert run.report["models"]["bars"]["samples"]["evaluated"] == IMAGES
    assert run.report["models"]["bars"]["samples"]["stopped_early"] is False


def pose_zoo(folder: Path, boxes: str, **changes: Any) -> None:
    """One bright spot per person, which is where all its keypoints are; the net passes brightness on."""
    (folder / "images").mkdir()
    images, annotations = [], []
    for index in range(1, IMAGES + 1):
        pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        x, y = 20 + 2 * index, 30 + 2 * index
        cv2.circle(pixels, (x, y), 2, (255, 255, 255), -1)
        cv2.imwrite(str(folder / "images" / f"{index}.png"), pixels)
        images.append({"id": index, "file_name": f"{index}.png", "width": WIDTH, "height": HEIGHT})
        annotations.append(
            {
                "id": index,
                "image_id": index,
                "category_id": 1,
                "bbox": [x - 16, y - 16, 32, 32],
                "area": 1200.0,
                "iscrowd": 0,
                "num_keypoints": 17,
                "keypoints": [x, y, 2] * 17,
            }
        )
    truth = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "person"}]}
    (folder / "truth.json").write_text(json.dumps(truth))
    rows = [{"image_id": a["image_id"], "category_id": 1, "bbox": a["bbox"], "score": 0.9} for a in annotations]
    (folder / "boxes.json").write_text(json.dumps(rows))
    weights, bias = np.full((17, 3), 1 / 3, np.float32), np.zeros(17, np.float32)
    model: dict[str, Any] = {
        "task": "keypoints",
        "dataset": "spots",
        "fp32": write_convolution(folder, "spots", weights, bias, "ReLU", scale=None),
        "int8": write_convolution(folder, "spots-int8", weights, bias, "ReLU", scale=tiny.GOOD_SCALE),
        "input": {"blob": "in0", "size": [32, 32], "std": [255.0] * 3},
        "output": "out0",
        "tolerance": {"AP": 0.05},
        "waive": {"identical": "weights that int8 represents exactly"},
        "require": {"flip_test": False},
    }
    dataset = {"type": "coco-keypoints", "images": "images", "annotations": "truth.json", "boxes": boxes}
    content = {"version": 1, "datasets": {"spots": dataset}, "models": {"spots": model | changes}}
    (folder / "zoo.quant.yaml").write_text(yaml.safe_dump(content))


@pytest.mark.parametrize("boxes", ["ground-truth", "boxes.json"])
def test_keypoints(pytester: pytest.Pytester, boxes: str) -> None:
    pose_zoo(pytester.path, boxes)
    run = run_quant(pytester)
    assert run.verdicts == {"spots::AP": "pass", "spots::int8": "pass", "spots::require[flip_test]": "pass"}
    assert run.metric("spots", "AP")["fp32"] > 0.5
    assert run.report is not None
    entry = run.report["models"]["spots"]
    assert (entry["conditions"]["boxes"] == "ground-truth") == (boxes == "ground-truth")
    assert entry["metrics"]["AR"]["ci"] is None, "no limit names it"


def test_a_training_config_with_flip_test(pytester: pytest.Pytester) -> None:
    (pytester.path / "base.py").write_text("model = dict(test_cfg=dict(flip_test=True))\n")
    (pytester.path / "config.py").write_text("_base_ = './base.py'\n")
    pose_zoo(pytester.path, "ground-truth", config="config.py")
    run = run_quant(pytester)
    case = run.cases["spots::require[flip_test]"]
    assert case["verdict"] == "fail"
    assert case["reason"].endswith("found False, required False; but config.py sets True")


def test_a_condition_that_a_config_computes_is_said(pytester: pytest.Pytester) -> None:
    (pytester.path / "config.py").write_text("import os\nmodel = dict(test_cfg=dict(flip_test=bool(os.getpid())))\n")
    pose_zoo(pytester.path, "ground-truth", config="config.py")
    case = run_quant(pytester).cases["spots::require[flip_test]"]
    assert case["verdict"] == "error"
    assert "cannot be told without executing the file" in case["reason"]


def test_a_config_of_a_task_that_reads_none(pytester: pytest.Pytester) -> None:
    tiny.write_images(pytester.path, 20)
    (pytester.path / "config.py").write_text("")
    tiny.write_zoo(pytester.path, {"tiny": tiny.model_entry(pytester.path, config="config.py")})
    case = run_quant(pytester).cases["tiny::config"]
    assert "nothing of a training config is read for the task classification" in case["reason"]


def test_the_same_report_in_parallel(pytester: pytest.Pytester) -> None:
    pose_zoo(pytester.path, "ground-truth")
    serial, parallel = run_quant(pytester), run_quant(pytester, "-n", "2")
    assert serial.report is not None
    assert parallel.report is not None
    assert without_volatile(serial.report) == without_volatile(parallel.report)


def test_all_text_that_counts_in_one_of_two_images(pytester: pytest.Pytester) -> None:
    """Without that image hmean is undefined, so that nothing can be said about how much it varies."""
    text_zoo(pytester.path, tiny.GOOD_SCALE)
    for index in range(3, IMAGES + 1):
        (pytester.path / "images" / f"img_{index}.png").unlink()
        (pytester.path / "gt" / f"gt_img_{index}.txt").unlink()
    truth = pytester.path / "gt" / "gt_img_2.txt"
    truth.write_text(truth.read_text().replace("a, b", "###"))
    run = run_quant(pytester)
    assert run.verdicts == {"bars::hmean": "pass", "bars::int8": "pass"}
    found = run.metric("bars", "hmean")
    assert found["ci"] == [-1.0, 1.0]
    assert found["method"].startswith("unknown: the metric is undefined for 1 of 2 groups")
