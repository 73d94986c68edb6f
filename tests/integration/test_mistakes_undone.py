"""The usual mistakes that are tried, one test each on small files; those of colour and scale on a real net, too.

See ``test_usual_mistakes.py``. Softmax: it moves a score only where scores are held against a number, which are the
profile mmpretrain of top-1 and the thresholds of a detector.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests import tiny, tiny_detector, tiny_heads
from tests.integration.runs import Run, run_quant

RED, GREEN, BLUE = (220, 30, 30), (30, 220, 30), (30, 30, 220)
COLORS = np.array([RED, GREEN, BLUE], np.uint8)
COUNT = 60


def write_labelled(folder: Path, pictures: list[np.ndarray[Any, Any]], labels: list[int]) -> None:
    (folder / "images").mkdir(exist_ok=True)
    lines = []
    for index, (pixels, label) in enumerate(zip(pictures, labels, strict=True)):
        cv2.imwrite(str(folder / "images" / f"{index:03d}.png"), np.ascontiguousarray(pixels[:, :, ::-1]))
        lines.append(f"images/{index:03d}.png {label}")
    (folder / "list.txt").write_text("\n".join(lines) + "\n")


def noisy(pixels: np.ndarray[Any, Any], seed: int) -> np.ndarray[Any, Any]:
    """Every image is one of its own."""
    noise = np.random.default_rng(seed).integers(-9, 10, pixels.shape)
    noised: np.ndarray[Any, Any] = np.clip(pixels.astype(np.int16) + noise, 0, 255).astype(np.uint8)
    return noised


def sanity(run: Run, case: str = "tiny::sanity") -> str:
    assert run.cases[case]["verdict"] == "fail", run.cases[case]
    reason: str = run.cases[case]["reason"]
    assert reason.splitlines()[0] in run.text
    return reason


def test_resize_rule_of_a_classifier(pytester: pytest.Pytester) -> None:
    """The class is the colour in the middle; stretched, the sides outshine it."""
    pictures, labels = [], []
    for index in range(COUNT):
        label = index % 3
        pixels = np.empty((16, 48, 3), np.uint8)
        pixels[:] = COLORS[(label + 1 + index // 3 % 2) % 3]
        pixels[:, 16:32] = COLORS[label]
        pictures.append(noisy(pixels, index))
        labels.append(label)
    write_labelled(pytester.path, pictures, labels)
    tiny.write_zoo(pytester.path)
    reason = sanity(run_quant(pytester))
    assert "with `resize: {short_side: 9}, crop: [8, 8]` fp32 scores " in reason


@pytest.mark.parametrize(("backend", "other"), [("pillow", "opencv"), ("opencv", "pillow")])
def test_pillow_and_opencv(pytester: pytest.Pytester, backend: str, other: str) -> None:
    """Reduced eight times, OpenCV looks at four pixels of 64 and Pillow at all of them."""
    pictures, labels = [], []
    for index in range(COUNT):
        few, all_others = index % 3, (index % 3 + 1 + index // 3 % 2) % 3
        pixels = np.empty((8, 8, 3), np.uint8)
        pixels[:] = COLORS[all_others]
        pixels[3:5, 3:5] = COLORS[few]
        pictures.append(noisy(np.tile(pixels, (8, 8, 1)), index))
        labels.append(few if other == "opencv" else all_others)
    write_labelled(pytester.path, pictures, labels)
    tiny.write_zoo(pytester.path, {"tiny": tiny.model_entry(pytester.path, preprocess={"backend": backend})})
    assert f"with `backend: {other}` fp32 scores 100.00 in top1" in sanity(run_quant(pytester))


def write_logits(folder: Path, name: str, *, int8: bool) -> dict[str, str]:
    """The net of `tests.tiny` without its softmax, and with logits that are below 0."""
    entry = tiny.write_net(folder, name, int8=int8)
    param = folder / f"{name}.param"
    lines = [line for line in param.read_text().splitlines() if not line.startswith("Softmax")]
    lines[1] = "3 3"
    param.write_text("\n".join(lines).replace("1 1 conv pool 0=1", "1 1 conv prob 0=1") + "\n")
    data = bytearray((folder / f"{name}.bin").read_bytes())
    start = 4 + (12 if int8 else 48)
    bias = np.frombuffer(bytes(data[start : start + 16]), np.float32) - 2000
    data[start : start + 16] = struct.pack("<4f", *bias.tolist())
    (folder / f"{name}.bin").write_bytes(bytes(data))
    return entry


def test_softmax_of_mmpretrains_top1(pytester: pytest.Pytester) -> None:
    """That profile wants a score above 0: without the softmax that its head applies no logit below 0 counts."""
    tiny.write_images(pytester.path, COUNT)
    fp32, int8 = (write_logits(pytester.path, net, int8=net == "int8") for net in ("fp32", "int8"))
    entry = tiny.model_entry(pytester.path, metric={"top1": {"profile": "mmpretrain"}}, fp32=fp32, int8=int8)
    tiny.write_zoo(pytester.path, {"tiny": entry})
    reason = sanity(run_quant(pytester))
    assert "with `softmax` at the end of the net, or `metric: {top1: {profile: rank}}` fp32 scores " in reason
    tiny.write_zoo(pytester.path, {"tiny": entry | {"metric": {}}})
    assert run_quant(pytester).verdicts["tiny::top1"] == "pass"
    assert run_quant(pytester).cases["tiny::sanity"]["verdict"] == "pass", "an order of classes is none of scores"


def write_wide_squares(folder: Path) -> None:
    """Images twice as wide as high, so that stretching to a square distorts what is in them."""
    tiny_detector.write_dataset(folder)
    path = folder / "squares.json"
    content = json.loads(path.read_text())
    half = tiny_detector.SIDE // 2
    for image in content["images"]:
        file = folder / "squares" / image["file_name"]
        pixels = cv2.imread(str(file))
        assert pixels is not None
        cv2.imwrite(str(file), pixels[:half])
        image["height"] = half
    kept = [one for one in content["annotations"] if one["bbox"][1] < half]
    path.write_text(json.dumps({**content, "annotations": kept}))


def test_a_letterbox_that_is_stretched_instead(pytester: pytest.Pytester) -> None:
    write_wide_squares(pytester.path)
    right: dict[str, Any] = {"preprocess": {"resize": {"letterbox": [32, 32], "place": "top-left", "pad_value": 0}}}
    models = {"right": tiny_detector.model_entry(pytester.path, **right)}
    tiny.write_zoo(pytester.path, models, datasets={"squares": tiny_detector.DATASET})
    run = run_quant(pytester)
    published = {"fp32": {"mAP": round(run.metric("right", "mAP")["fp32"], 4)}}
    models = {name: models["right"] | {"published": published} for name in ("right", "wrong")}
    models["wrong"] = {key: value for key, value in models["wrong"].items() if key != "preprocess"}
    tiny.write_zoo(pytester.path, models, datasets={"squares": tiny_detector.DATASET})
    run = run_quant(pytester)
    assert run.verdicts["right::published[fp32.mAP]"] == "pass"
    reason = sanity(run, "wrong::published[fp32.mAP]")
    assert "with `resize: {letterbox: [32, 32], place: top-left}` fp32 scores " in reason


def test_stretched_images_that_are_letterboxed_instead(pytester: pytest.Pytester) -> None:
    """The other way round; the squares of the dataset are as high as wide once they are stretched."""
    tiny_detector.write_dataset(pytester.path)
    path = pytester.path / "squares.json"
    content = json.loads(path.read_text())
    for image in content["images"]:
        file = pytester.path / "squares" / image["file_name"]
        pixels = cv2.imread(str(file))
        assert pixels is not None
        cv2.imwrite(str(file), cv2.resize(pixels, (64, 32), interpolation=cv2.INTER_NEAREST))
        image["width"] = 64
    for one in content["annotations"]:
        left, top, width, height = one["bbox"]
        one["bbox"] = [2 * left, top, 2 * width, height]
    path.write_text(json.dumps(content))
    wrong: dict[str, Any] = {"preprocess": {"resize": {"letterbox": [32, 32]}}, "published": {"fp32": {"mAP": 0.5}}}
    entry = tiny_detector.model_entry(pytester.path, **wrong)
    tiny.write_zoo(pytester.path, {"wrong": entry}, datasets={"squares": tiny_detector.DATASET})
    reason = sanity(run_quant(pytester), "wrong::published[fp32.mAP]")
    assert "with `resize: {size: [32, 32]}` fp32 scores " in reason


def test_sigmoid_of_a_detector(pytester: pytest.Pytester) -> None:
    """Logits that are taken for probabilities: faint objects, below a half, are below 0 and so below the threshold."""
    tiny_detector.write_dataset(pytester.path)
    right = tiny_detector.model_entry(pytester.path, **tiny_heads.heads_entry(pytester.path, "fcos-faint"))
    wrong = right | {"postprocess": right["postprocess"] | {"activation": "none"}}
    datasets = {"squares": tiny_detector.DATASET}
    tiny.write_zoo(pytester.path, {"right": right}, datasets=datasets)
    published = {"fp32": {"mAP": round(run_quant(pytester).metric("right", "mAP")["fp32"], 4)}}
    tiny.write_zoo(pytester.path, {"wrong": wrong | {"published": published}}, datasets=datasets)
    reason = sanity(run_quant(pytester), "wrong::published[fp32.mAP]")
    assert "with `activation: sigmoid` fp32 scores " in reason
