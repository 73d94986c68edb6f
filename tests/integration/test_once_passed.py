"""What once passed without a word, each as a whole run of pytest: it is red now, or says what is doubtful.

Row of the list to the test that has it:

===========================================================  ==========================================================
ResNet without mean and std; 0-to-1 values on 0-to-255       `test_a_normalization_that_is_wrong`, and on a real net
pixels                                                       ``test_usual_mistakes.py``
labels off by one                                            ``test_sanity.py::test_labels_off_by_one``, and on a real
                                                             net ``test_usual_mistakes.py::test_labels_off_by_one``
classes in another order                                     `test_classes_in_another_order`
labels shuffled                                              `test_labels_shuffled`
labels by rank on a subset of the class folders              `test_labels_by_rank_of_some_of_the_class_folders`
int8 can never answer one class                              `test_a_class_that_int8_can_never_answer`
both nets constant                                           `test_both_nets_constant`
a float net with a dead int8 branch                          `test_a_float_net_with_a_dead_int8_branch`
half of the images duplicates                                `test_half_of_the_images_are_duplicates`
12-bit values in 16-bit PNG                                  `test_12_bit_values_in_16_bit_images`
don't-care in another form                                   `test_dont_care_in_another_form`
all keypoint visibilities 0                                  `test_all_keypoint_visibilities_0`
persons, text lines, objects annotated twice                 `test_everything_annotated_twice`
COCO boxes as x1 y1 x2 y2                                    `test_boxes_as_x1_y1_x2_y2`
more labels than outputs                                     `test_more_labels_than_outputs`
annotation ``area: 0``                                       `test_area_0`
images at half size with unscaled polygons                   `test_images_at_half_size`
portrait pixels rotated without EXIF                         `test_pixels_rotated_without_exif`
fp32 5 %, int8 92 %                                          `test_a_damaged_float_net`
NaN inside the float net, hidden by a softmax                `test_nan_hidden_by_a_softmax`
===========================================================  ==========================================================
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from numpy.typing import ArrayLike

from pytest_quant.report.markdown_text import plain
from tests import tiny, tiny_detector
from tests.integration import test_object_detection as detection
from tests.integration.runs import ZOO, Run, run_quant
from tests.integration.test_other_tasks import pose_zoo, text_zoo
from tests.unit.judging.sanity.looking import COLOURS, OFFSETS, classifier, idle_branch, labels, pair, relabel


@pytest.fixture
def folder(pytester: pytest.Pytester) -> Path:
    tiny.write_images(pytester.path)
    return pytester.path


def run(pytester: pytest.Pytester, *args: str) -> Run:
    return run_quant(pytester, "--quant-report", "report.md", *args)


def told(pytester: pytest.Pytester, found: Run, check: str, severity: str, says: str, model: str = "tiny") -> None:
    """One finding, with its words, below the table of the terminal and in Markdown; an error makes the run red."""
    assert found.report is not None
    entries = [one for one in found.report["models"][model]["sanity"]["findings"] if one["check"] == check]
    assert [one["severity"] for one in entries] == [severity], found.report["models"][model]["sanity"]
    assert says in entries[0]["found"]
    line = f"{model}: sanity {severity}: {check}: {entries[0]['found']}: {entries[0]['advice']}"
    assert line in found.text
    assert f"- {plain(line)}" in (pytester.path / "report.md").read_text()
    if severity == "error":
        assert found.status == pytest.ExitCode.TESTS_FAILED
        assert found.verdicts[f"{model}::sanity"] == "fail"
    else:
        assert run_quant(pytester, "--quant-strict").verdicts[f"{model}::sanity"] == "fail"


@pytest.mark.parametrize(
    "values", [{}, {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}], ids=["none", "0 to 1"]
)
def test_a_normalization_that_is_wrong(pytester: pytest.Pytester, folder: Path, values: dict[str, list[float]]) -> None:
    """A net whose last class is that of bright images; without a mean every image is bright."""
    weights, offsets = np.array([*COLOURS[:3].tolist(), [1, 1, 1]]), np.array([0, 0, 0, 0.5])
    pixels = np.array([cv2.imread(str(path)) for path in sorted((folder / "images").iterdir())])
    scores = ((pixels.mean(axis=(1, 2))[:, ::-1] - 127.5) / 127.5) @ weights.T + offsets
    relabel(folder, scores.argmax(axis=1).tolist())
    entry = {"blob": "data", "size": [tiny.SIDE] * 2}
    pair(folder, weights, offsets, tolerance={"top1": 9.0}, input={**entry, **values})
    found = run(pytester)
    assert found.verdicts["tiny::top1"] == "pass"
    told(pytester, found, "guessing", "error", "cannot be told from guessing among 4 classes")
    assert "with `mean: [127.5, 127.5, 127.5], std: [127.5, 127.5, 127.5]` fp32 scores 100.00 in top1" in found.text
    assert ("sanity warning: normalization: " in found.text) is bool(values)


def test_classes_in_another_order(pytester: pytest.Pytester, folder: Path) -> None:
    order = [1, 2, 0, 3]
    pair(folder, COLOURS[order], OFFSETS[order])
    told(pytester, run(pytester), "guessing", "error", "cannot be told from guessing among 4 classes")


def test_labels_shuffled(pytester: pytest.Pytester, folder: Path) -> None:
    relabel(folder, np.random.default_rng(0).permutation(labels(folder)).tolist())
    pair(folder)
    told(pytester, run(pytester), "guessing", "error", "cannot be told from guessing among 4 classes")


@pytest.mark.parametrize("is_lucky", [False, True])
def test_labels_by_rank_of_some_of_the_class_folders(pytester: pytest.Pytester, folder: Path, is_lucky: bool) -> None:
    """10 folders of a net with 100 classes; with luck all their ranks are right, and it is doubtful all the same."""
    rows = np.zeros((100, 3))
    rows[:4] = COLOURS
    offsets = np.full(100, -10.0)
    offsets[:4] = OFFSETS
    shown = np.arange(100) if is_lucky else np.r_[50:100, 0:50]
    for number, label in enumerate(labels(folder)):
        target = folder / "data/val" / f"n{label:03d}" / f"{number}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / f"images/{number:03d}.png", target)
    pair(folder, rows[shown], offsets[shown])
    zoo = yaml.safe_load((folder / ZOO).read_text())
    zoo["datasets"]["colours"] = {"type": "imagenet", "root": "data"}
    (folder / ZOO).write_text(yaml.safe_dump(zoo))
    found = run(pytester)
    says = "labels are the ranks of 4 class folders, and the net has 100 classes"
    told(pytester, found, "class-folders", "warning", says)
    if not is_lucky:
        told(pytester, found, "guessing", "warning", "fp32 is right on 0 of 60 samples")


def test_more_labels_than_outputs(pytester: pytest.Pytester, folder: Path) -> None:
    relabel(folder, [*labels(folder)[:-1], 4])
    pair(folder)
    found = run(pytester)
    assert found.status == pytest.ExitCode.TESTS_FAILED
    for case in ("tiny::sanity", "tiny::top1"):
        assert found.cases[case]["verdict"] == "error"
        assert "has label 4, but the net has 4 classes, 0 to 3: do the labels belong" in found.cases[case]["reason"]


def test_a_class_that_int8_can_never_answer(pytester: pytest.Pytester, folder: Path) -> None:
    pair(folder, int8=classifier(folder, "dead", COLOURS, [-1000, 0, 0, 0.4], int8=True), tolerance={"top1": 9.9})
    told(pytester, run(pytester), "silent-classes", "warning", "int8 never answers 1 of 4 classes (0)")


def test_both_nets_constant(pytester: pytest.Pytester, folder: Path) -> None:
    pair(folder, np.zeros((4, 3)), OFFSETS)
    found = run(pytester)
    assert found.verdicts["tiny::top1"] == "pass"
    assert found.verdicts["tiny::sanity"] == "fail"
    for net in ("fp32", "int8"):
        assert f"tiny: sanity error: constant: {net} gives the same output for each of 60 samples" in found.text


def test_a_float_net_with_a_dead_int8_branch(pytester: pytest.Pytester, folder: Path) -> None:
    pair(folder, int8=idle_branch(folder))
    says = "the outputs depend on 0 of 1 quantized layers of int8; nothing reads idle"
    told(pytester, run(pytester), "unread-layers", "warning", says)


def test_half_of_the_images_are_duplicates(pytester: pytest.Pytester, folder: Path) -> None:
    for number in range(0, 60, 2):
        shutil.copy(folder / f"images/{number:03d}.png", folder / f"images/{number + 1:03d}.png")
    relabel(folder, [labels(folder)[number - number % 2] for number in range(60)])
    pair(folder)
    told(pytester, run(pytester), "duplicates", "warning", "30 of 60 samples are copies of another one by content")


def test_12_bit_values_in_16_bit_images(pytester: pytest.Pytester, folder: Path) -> None:
    for path in (folder / "images").glob("*.png"):
        pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert pixels is not None
        cv2.imwrite(str(path), pixels.astype(np.uint16) * 16)
    pair(folder)
    found = run(pytester)
    told(pytester, found, "bit-depth", "warning", "images are stored in 16 bits, and the largest value of 20 of them")
    assert found.verdicts["tiny::sanity"] == "fail", "nearly black, and so guessing"


@pytest.mark.parametrize("text", ["Latin,###", "#", "*", '"###"'])
def test_dont_care_in_another_form(pytester: pytest.Pytester, text: str) -> None:
    text_zoo(pytester.path, tiny.GOOD_SCALE)
    for path in (pytester.path / "gt").iterdir():
        plain = path.read_text().strip()
        language = "Latin," if text.startswith("Latin") else ""
        path.write_text(plain.replace("a, b", f"{language}EXIT") + f"\n1,50,20,50,20,60,1,60,{text}\n")
    found = run(pytester)
    if text == '"###"':  # the official rule: the quotes are stripped
        assert found.report is not None
        assert [one["check"] for one in found.report["models"]["bars"]["sanity"]["findings"]] == ["identical"], "waived"
        assert found.metric("bars", "hmean")["fp32"] == 1.0
        return
    says = "begin with a language" if text.startswith("Latin") else f"transcriptions are ['{text}']"
    told(pytester, found, "dont-care", "warning", says, "bars")


def change_truth(folder: Path, change: Callable[[dict[str, Any]], object], name: str = "truth.json") -> None:
    """Change each annotation of a COCO file."""
    path = folder / name
    content = json.loads(path.read_text())
    for one in content["annotations"]:
        change(one)
    path.write_text(json.dumps(content))


def test_all_keypoint_visibilities_0(pytester: pytest.Pytester) -> None:
    pose_zoo(pytester.path, "ground-truth")
    change_truth(pytester.path, lambda one: one.update(keypoints=[*one["keypoints"][:2], 0] * 17))
    says = "`num_keypoints` of 6 of 6 persons is not the number of their keypoints with a visibility above 0"
    told(pytester, run(pytester), "ground-truth", "error", says, "spots")


def twice(folder: Path, name: str) -> None:
    path = folder / name
    content = json.loads(path.read_text())
    first = len(content["annotations"])
    content["annotations"] += [one | {"id": first + n} for n, one in enumerate(content["annotations"], 1)]
    path.write_text(json.dumps(content))


@pytest.mark.parametrize("task", ["keypoints", "text-detection", "object-detection"])
def test_everything_annotated_twice(pytester: pytest.Pytester, task: str) -> None:
    folder = pytester.path
    if task == "keypoints":
        pose_zoo(folder, "ground-truth")
        twice(folder, "truth.json")
        model = "spots"
    elif task == "object-detection":
        detection.write_zoo(folder, {"squares": tiny_detector.model_entry(folder)})
        twice(folder, "squares.json")
        model = "squares"
    else:
        text_zoo(folder, tiny.GOOD_SCALE)
        for path in (folder / "gt").iterdir():
            path.write_text(path.read_text() * 2)
        model = "bars"
    told(pytester, run(pytester), "annotated-twice", "warning", "annotated regions repeat another one of their", model)


@pytest.mark.parametrize("task", ["keypoints", "object-detection"])
def test_boxes_as_x1_y1_x2_y2(pytester: pytest.Pytester, task: str) -> None:
    def corners(one: dict[str, Any]) -> None:
        left, top, width, height = one["bbox"]
        one["bbox"] = [left, top, left + width, top + height]

    folder = pytester.path
    if task == "keypoints":
        pose_zoo(folder, "ground-truth")
        change_truth(folder, corners)
        model = "spots"
    else:
        detection.write_zoo(folder, {"squares": tiny_detector.model_entry(folder)})
        change_truth(folder, corners, "squares.json")
        model = "squares"
    told(pytester, run(pytester), "outside", "warning", "annotated regions lie outside their image in part", model)


@pytest.mark.parametrize("task", ["keypoints", "object-detection"])
def test_area_0(pytester: pytest.Pytester, task: str) -> None:
    folder = pytester.path
    if task == "keypoints":
        pose_zoo(folder, "ground-truth")
        change_truth(folder, lambda one: one.update(area=0))
        model = "spots"
    else:
        detection.write_zoo(folder, {"squares": tiny_detector.model_entry(folder)})
        change_truth(folder, lambda one: one.update(area=0), "squares.json")
        model = "squares"
    told(pytester, run(pytester), "ground-truth", "error", "annotations have `area: 0` though their box is not", model)


def test_images_at_half_size(pytester: pytest.Pytester) -> None:
    text_zoo(pytester.path, tiny.GOOD_SCALE)
    for path in (pytester.path / "images").iterdir():
        pixels = cv2.imread(str(path))
        assert pixels is not None
        cv2.imwrite(str(path), cv2.resize(pixels, None, fx=0.5, fy=0.5))
    told(pytester, run(pytester), "outside", "warning", "annotated regions lie outside their image in part", "bars")


def test_pixels_rotated_without_exif(pytester: pytest.Pytester) -> None:
    """COCO's file has the size before; a square image, whose size tells nothing, is found by its score alone."""
    pose_zoo(pytester.path, "ground-truth")
    path = pytester.path / "truth.json"
    content = json.loads(path.read_text())
    for one in content["images"]:
        image = pytester.path / "images" / one["file_name"]
        pixels = cv2.imread(str(image))
        assert pixels is not None
        cv2.imwrite(str(image), np.rot90(pixels[:, :-8]))
        one["width"] -= 8
    path.write_text(json.dumps(content))
    says = "6 of 6 images that were looked at have another size than their annotations say"
    told(pytester, run(pytester), "image-size", "warning", says, "spots")


@pytest.mark.parametrize("width", [96, 64])
def test_text_in_pixels_rotated_without_exif(pytester: pytest.Pytester, width: int) -> None:
    """Its files say no size: polygons leave the image where they stood on its right, and the score tells the rest."""
    text_zoo(pytester.path, tiny.GOOD_SCALE)
    for index, path in enumerate(sorted((pytester.path / "images").iterdir()), 1):
        pixels = np.zeros((64, width, 3), np.uint8)
        corner = (width - 36, 4 + 3 * index)
        cv2.rectangle(pixels, corner, (corner[0] + 30, corner[1] + 12), (255, 255, 255), -1)
        cv2.imwrite(str(path), np.ascontiguousarray(np.rot90(pixels)))
        left, top, right, bottom = *corner, corner[0] + 30, corner[1] + 12
        points = [left, top, right, top, right, bottom, left, bottom]
        (pytester.path / "gt" / f"gt_{path.stem}.txt").write_text(",".join(map(str, points)) + ",EXIT\n")
    found = run(pytester)
    told(pytester, found, "guessing", "error", "fp32 scores 0.0000 in hmean, next to the worst there is", "bars")
    if width == 96:
        assert "bars: sanity warning: outside: 6 of 6 annotated regions lie outside their image" in found.text


def test_a_damaged_float_net(pytester: pytest.Pytester, folder: Path) -> None:
    pair(folder, fp32=classifier(folder, "damaged", COLOURS[[1, 2, 0, 3]], OFFSETS))
    found = run(pytester, "-W", "default::pytest_quant.spec.errors.QuantWarning")
    told(pytester, found, "guessing", "error", "cannot be told from guessing among 4 classes")
    assert "tiny: sanity warning: better-than-fp32: int8 scores 85.00 in top1 and fp32 " in found.text
    assert "int8 is better than fp32" not in found.text, "it is told once"
    alone = run(pytester, "-k", "top1", "-W", "default::pytest_quant.spec.errors.QuantWarning")
    assert "int8 is better than fp32 by " in alone.text, "where `sanity` is not asked for"


@pytest.mark.parametrize(
    "weights", [[[3e38, -3e38, 3e38], *COLOURS[1:].tolist()], [*COLOURS[:3].tolist(), [2e38, -2e38, 2e38]]]
)
def test_nan_hidden_by_a_softmax(pytester: pytest.Pytester, folder: Path, weights: ArrayLike) -> None:
    """An overflow of one class, and ncnn's softmax gives numbers of any kind for it."""
    pair(folder, fp32=classifier(folder, "broken", weights, OFFSETS))
    found = run(pytester)
    told(pytester, found, "not-finite", "error", "fp32 computes NaN or infinity for ")
    assert " makes numbers of it again" in found.text


def test_further_nets_that_are_constant_or_fp32_itself(pytester: pytest.Pytester, folder: Path) -> None:
    nets = {
        "dead": classifier(folder, "dead", np.zeros((4, 3)), OFFSETS, int8=True) | {"floor": {"top1": 2.0}},
        "again": classifier(folder, "again", COLOURS, OFFSETS) | {"tolerance": {"top1": 5.0}},
    }
    pair(folder, nets=nets)
    for flags in ((), ("-n", "2")):
        found = run(pytester, *flags)
        assert found.status == pytest.ExitCode.TESTS_FAILED
        assert "tiny: sanity error: constant: dead gives the same output for each of 60 samples" in found.text
        assert "tiny: sanity error: identical: fp32 and again give the same outputs for all 60 samples" in found.text
    alone = run(pytester, "-k", "sanity")
    assert alone.verdicts.get("tiny::sanity") != "fail", "no net is run for it that the run does not measure"
