"""Damaged datasets and nets that give nothing usable: their cases are errors that name the sample or the file."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests import tiny
from tests.integration.runs import run_quant


def check_only_its_samples_fail(pytester: pytest.Pytester, change: Callable[[Path], object], says: str) -> None:
    """Break one of two datasets; the cases of its model that take samples are errors, everything else passes."""
    folder = pytester.path
    for name in ("sound", "broken"):
        tiny.write_images(folder / name, 12)
    change(folder / "broken")
    models = {name: tiny.model_entry(folder, name, dataset=name, floor={"top1": 10}) for name in ("broken", "sound")}
    datasets = {name: {"type": "image-list", "root": name, "list": "list.txt"} for name in ("broken", "sound")}
    tiny.write_zoo(folder, models, datasets=datasets)

    run = run_quant(pytester)

    passed = dict.fromkeys(["broken::int8", "sound::top1", "sound::floor[top1]", "sound::int8"], "pass")
    assert run.verdicts == {"broken::top1": "error", "broken::floor[top1]": "error", **passed}
    for case in ("broken::top1", "broken::floor[top1]"):
        assert says in run.cases[case]["reason"]
    assert run.cases["broken::top1"]["reason"] in run.text
    assert "Traceback" not in run.text
    assert run.report is not None
    assert list(run.report["models"]) == ["sound"]
    assert run.status == pytest.ExitCode.TESTS_FAILED


def rewrite_list(change: Callable[[list[str]], list[str]]) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        lines = change((folder / "list.txt").read_text().splitlines())
        (folder / "list.txt").write_text("".join(f"{line}\n" for line in lines))

    return write


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda lines: [], "broken/list.txt names no samples; expected lines of the form 'relative/path label'"),
        (lambda lines: [*lines, lines[2]], "broken/list.txt, line 13: 'images/002.png' is a duplicate of line 3"),
        (lambda lines: [*lines, "images/099.png 1"], "1 of 13 files named in broken/list.txt do not exist; the first "),
        (
            lambda lines: ["images/000.png 4", *lines[1:]],
            "sample 'images/000.png' has label 4, but the net has 4 classe",
        ),
        (
            lambda lines: ["images/000.png -1", *lines[1:]],
            "broken/list.txt, line 1: the label of 'images/000.png' is '-",
        ),
        (
            lambda lines: ["images/000.png cat", *lines[1:]],
            "is 'cat'; expected a class index, an integer from 0 upwards",
        ),
        (
            lambda lines: ["images/000.png", *lines[1:]],
            "broken/list.txt, line 1: found 'images/000.png'; expected 'rela",
        ),
        (
            lambda lines: ["../list.txt 1", *lines[1:]],
            "broken/list.txt, line 1: '../list.txt' leaves the dataset's folder",
        ),
    ],
)
def test_label_lists(pytester: pytest.Pytester, change: Callable[[list[str]], list[str]], says: str) -> None:
    check_only_its_samples_fail(pytester, rewrite_list(change), says)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty (0 bytes); expected an image"),
        (b"not an image", "does not decode: its 12 bytes are not a complete image"),
    ],
)
def test_images_that_do_not_decode(pytester: pytest.Pytester, content: bytes, says: str) -> None:
    def damage(folder: Path) -> None:
        (folder / "images" / "004.png").write_bytes(content)

    check_only_its_samples_fail(pytester, damage, f"sample 'images/004.png' (broken/images/004.png) {says}")


def test_of_several_bad_samples_serial_and_parallel_runs_name_the_same(pytester: pytest.Pytester) -> None:
    folder = pytester.path
    tiny.write_images(folder, 40)
    for index in range(0, 40, 3):
        (folder / "images" / f"{index:03d}.png").write_bytes(b"damaged")
    tiny.write_zoo(folder)
    reasons = {run_quant(pytester, "--quant-jobs", jobs).cases["tiny::top1"]["reason"] for jobs in ("1", "2", "8")}
    assert len(reasons) == 1


def write_wide_net(
    folder: Path, name: str, weights: np.ndarray[tuple[int, ...], np.dtype[np.float32]]
) -> dict[str, str]:
    """A net of one 3x3 convolution over three channels, with these weights: more of them than the file checks read."""
    text = (
        "7767517\n3 3\nInput data 0 1 data\n"
        f"Convolution conv 1 1 data conv 0=4 1=3 4=1 5=0 6={weights.size}\n"
        "Pooling prob 1 1 conv prob 0=1 4=1\n"
    )
    (folder / f"{name}.param").write_text(text)
    (folder / f"{name}.bin").write_bytes(struct.pack("<I", 0) + weights.astype("<f4").tobytes())
    return {"param": f"{name}.param", "bin": f"{name}.bin"}


@pytest.mark.parametrize("value", [float("nan"), 3e38])
def test_a_net_whose_output_is_not_finite(pytester: pytest.Pytester, value: float) -> None:
    folder = pytester.path
    tiny.write_images(folder, 12)
    weights = np.full(4 * 3 * 9, 0.01, np.float32)
    weights[40:] = value
    entry = tiny.model_entry(folder)
    tiny.write_zoo(folder, {"wild": entry | {"fp32": write_wide_net(folder, "wild", weights)}, "tiny": entry})
    run = run_quant(pytester)
    assert run.verdicts == {"wild::top1": "error", "wild::int8": "pass", "tiny::top1": "pass", "tiny::int8": "pass"}
    reason = run.cases["wild::top1"]["reason"]
    assert reason.startswith("sample images/")
    assert "wild.param: the output blob 'prob' holds " in reason
    assert reason.endswith(" of 4 values that are not finite")
    assert reason in run.text
    assert run.status == pytest.ExitCode.TESTS_FAILED


@pytest.mark.parametrize("side", ["fp32", "int8"])
def test_a_layer_type_that_ncnn_does_not_have(pytester: pytest.Pytester, side: str) -> None:
    folder = pytester.path
    tiny.write_images(folder, 12)
    entry = tiny.model_entry(folder, "strange")
    path = folder / entry[side]["param"]
    path.write_text(path.read_text().replace("Softmax ", "Frobnicate "))
    tiny.write_zoo(folder, {"strange": entry, "tiny": tiny.model_entry(folder)})
    run = run_quant(pytester)
    assert run.verdicts == {
        "strange::top1": "error",
        "strange::int8": "pass",
        "tiny::top1": "pass",
        "tiny::int8": "pass",
    }
    reason = run.cases["strange::top1"]["reason"]
    assert reason.startswith(f"{entry[side]['param']}: ncnn ")
    assert "cannot load it (return code -1) (it printed: " in reason
    assert "layer Frobnicate not exists or registered" in reason
    assert reason in run.text
    assert run.status == pytest.ExitCode.TESTS_FAILED


def test_an_output_blob_that_holds_no_class_scores(pytester: pytest.Pytester) -> None:
    folder = pytester.path
    tiny.write_images(folder, 12)
    tiny.write_zoo(folder, {"tiny": tiny.model_entry(folder, output="conv")})
    run = run_quant(pytester)
    assert run.verdicts == {"tiny::top1": "error", "tiny::int8": "pass"}
    assert "output blob 'conv' has shape (4, 8, 8); expected one score for each" in run.cases["tiny::top1"]["reason"]


def test_a_metric_that_the_net_cannot_have(pytester: pytest.Pytester) -> None:
    folder = pytester.path
    tiny.write_images(folder, 12)
    tiny.write_zoo(folder, {"tiny": tiny.model_entry(folder, tolerance={"top1": 9.0, "top5": 1.0})})
    run = run_quant(pytester)
    assert run.verdicts == {"tiny::top1": "pass", "tiny::top5": "error", "tiny::int8": "pass"}
    assert "top5 takes a net with at least 5 classes, this one has 4" in run.cases["tiny::top5"]["reason"]
    run.result.stdout.fnmatch_lines(["tiny * top1 * PASS", "tiny * top5 * ERROR"])
