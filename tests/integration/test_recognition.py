"""Text recognition from a zoo file to a verdict, with nets of one convolution that read coloured pixels."""

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

WORDS = ("ab", "ba", "aab", "abba", "bbaa", "aBba", "ab\u00e9")
CLIPPED = 12700.0
"""An activation scale with which nothing is bright enough: every step is the blank."""

EXACT = {"identical": "int8 represents the weights and inputs of this net exactly"}


def write_words(folder: Path) -> None:
    """One row of pixels: red is an a, green a b, black nothing."""
    (folder / "images").mkdir(exist_ok=True)
    lines = []
    for index, word in enumerate(WORDS):
        pixels = np.zeros((1, 16, 3), np.uint8)
        for place, char in enumerate(word.lower()):
            pixels[0, 1 + 2 * place] = {"a": (0, 0, 255), "b": (0, 255, 0)}.get(char, (0, 0, 0))
        cv2.imwrite(str(folder / "images" / f"word_{index}.png"), pixels)
        lines.append(f'word_{index}.png, "{word}"')
    (folder / "gt.txt").write_text("\n".join(lines), encoding="utf-8")
    (folder / "keys.txt").write_text("a\nb")


def write_zoo(folder: Path, *, int8_scale: float = tiny.GOOD_SCALE, **changes: Any) -> None:
    write_words(folder)
    weights, bias = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32), np.array([0.5, 0, 0], np.float32)
    model: dict[str, Any] = {
        "task": "text-recognition",
        "dataset": "words",
        "fp32": write_convolution(folder, "words", weights, bias, "ReLU", scale=None),
        "int8": write_convolution(folder, "words-int8", weights, bias, "ReLU", scale=int8_scale),
        "input": {"blob": "in0", "std": [255.0] * 3},
        "output": "out0",
        "preprocess": {"resize": {"height": 1}},
        "postprocess": {"keys": "keys.txt"},
        "tolerance": {"word_acc": 0.01},
        "waive": EXACT,
    }
    dataset = {"type": "text-lines", "images": "images", "annotations": "gt.txt"}
    content = {"version": 1, "datasets": {"words": dataset}, "models": {"words": model | changes}}
    (folder / "zoo.quant.yaml").write_text(yaml.safe_dump(content))


def entry(run: Run) -> dict[str, Any]:
    assert run.report is not None
    found: dict[str, Any] = run.report["models"]["words"]
    return found


def test_a_whole_run(pytester: pytest.Pytester) -> None:
    names = ("word_acc", "word_acc_ignore_case", "word_acc_ignore_case_symbol", "one_minus_ned")
    write_zoo(
        pytester.path,
        preprocess={"resize": {"height": 1, "max_width": 20, "rounding": "ceil"}, "pad": {"to": 20, "value": 0.0}},
        postprocess={"decoder": "ctc", "keys": "keys.txt", "blank": "first", "valid_ratio": True},
        tolerance=dict.fromkeys(names, 0.01),
        floor={"word_acc": 0.7},
        require={"blank": "first", "characters": 2},
    )
    run = run_quant(pytester)
    assert set(run.verdicts.values()) == {"pass"}
    assert {f"words::{name}" for name in names} <= run.verdicts.keys()
    assert run.metric("words", "word_acc")["fp32"] == pytest.approx(5 / 7)
    assert run.metric("words", "word_acc_ignore_case")["fp32"] == pytest.approx(6 / 7)
    assert run.metric("words", "word_acc_ignore_case_symbol")["fp32"] == 1.0
    assert run.metric("words", "cer")["higher_is_better"] is False
    assert run.metric("words", "cer")["fp32"] == pytest.approx(2 / sum(map(len, WORDS)), abs=1e-8)
    assert entry(run)["details"]["unwritable"]["samples"] == 2
    assert "words: 2 texts hold characters that the net cannot write (B\u00e9): wrong in word_acc" in run.text


def test_an_int8_net_that_reads_nothing(pytester: pytest.Pytester) -> None:
    write_zoo(pytester.path, int8_scale=CLIPPED)
    run = run_quant(pytester, "--quant-report", "report.md")
    assert run.verdicts["words::word_acc"] == "fail"
    assert run.cases["words::word_acc"]["reason"].startswith("drop = 0.7143 - 0.0000 = 0.7143 (90% CI ")
    assert "moved most, read by fp32 -> int8: word_3.png ('abba' -> ''), word_4.png ('bbaa' -> '')" in run.text
    assert entry(run)["moved"][0] == {
        "sample": "word_3.png",
        "fp32": 1.0,
        "int8": 0.0,
        "texts": {"truth": "abba", "fp32": "abba", "int8": ""},
    }
    assert run.metric("words", "cer")["int8"] == 1.0
    assert run.metric("words", "cer")["drop"] > 0
    assert "`word_3.png` 'abba' -> ''" in (pytester.path / "report.md").read_text()


def test_the_error_rate_is_better_where_it_is_lower(pytester: pytest.Pytester) -> None:
    """A floor of it is a ceiling, and a drop is how much more errors int8 makes."""
    write_zoo(pytester.path, tolerance={"cer": 0.05}, floor={"cer": 0.1})
    good = run_quant(pytester)
    assert good.verdicts == {"words::cer": "pass", "words::floor[cer]": "pass", "words::int8": "pass"}
    write_zoo(pytester.path, int8_scale=CLIPPED, tolerance={"cer": 0.05}, floor={"cer": 0.1})
    bad = run_quant(pytester)
    assert bad.verdicts == {"words::cer": "fail", "words::floor[cer]": "fail", "words::int8": "pass"}
    assert bad.cases["words::cer"]["value"] == pytest.approx(1 - 2 / sum(map(len, WORDS)))
    assert " > 0.0500" in bad.cases["words::cer"]["reason"]


def test_word_accuracy_stops_early(pytester: pytest.Pytester) -> None:
    """Word accuracies are means of hits: the sequential test takes them."""
    write_zoo(pytester.path, tolerance={"word_acc": 0.05})
    run = run_quant(pytester, "--quant-early-stop")
    assert run.verdicts["words::word_acc"] == "pass"
    assert run.metric("words", "word_acc")["method"] != ""


def test_the_same_report_in_parallel(pytester: pytest.Pytester) -> None:
    write_zoo(pytester.path, int8_scale=CLIPPED)
    serial, parallel = run_quant(pytester), run_quant(pytester, "-n", "2")
    assert serial.verdicts["words::word_acc"] == "fail"
    assert serial.report is not None
    assert parallel.report is not None
    assert without_volatile(serial.report) == without_volatile(parallel.report)


@pytest.mark.parametrize(
    ("postprocess", "case", "message"),
    [
        ({"keys": "gone.txt"}, "config", "models.words.postprocess.keys: gone.txt does not exist"),
        ({"keys": "keys.txt", "blank": "middle"}, "config", "expected 'first' or 'last'"),
        ({"keys": "empty.txt"}, "config", "empty.txt: found no key"),
        ({"keys": "short.txt"}, "word_acc", "short.txt has 1 keys, and one output is the blank of CTC"),
        ({}, "config", "keys: is missing"),
    ],
)
def test_bad_input(pytester: pytest.Pytester, postprocess: dict[str, Any], case: str, message: str) -> None:
    write_zoo(pytester.path, postprocess=postprocess)
    (pytester.path / "empty.txt").write_text("")
    (pytester.path / "short.txt").write_text("a\n")
    run = run_quant(pytester)
    assert run.verdicts[f"words::{case}"] == "error"
    assert message in run.cases[f"words::{case}"]["reason"]


def test_keys_by_an_environment_variable(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYS", str(pytester.path))
    write_zoo(pytester.path, postprocess={"keys": "${KEYS}/keys.txt"})
    assert run_quant(pytester).verdicts["words::word_acc"] == "pass"


def export_zoo(folder: Path, generation: str, **keys: Any) -> None:
    """An export folder with the nets and, as 1.x has it, a copy of the dictionary."""
    write_zoo(folder)
    work_dir = folder / "work_dir"
    work_dir.mkdir()
    for suffix in ("param", "bin"):
        (folder / f"words.{suffix}").rename(work_dir / f"end2end.{suffix}")
        (folder / f"words-int8.{suffix}").rename(work_dir / f"end2end_int8.{suffix}")
    if generation == "1.x":
        (folder / "keys.txt").rename(work_dir / "dict_file.txt")
    task = exports.text_recognizer(generation)
    exports.write_export(work_dir, task, generation, blobs=("in0", ["out0"]))
    dataset = {"type": "text-lines", "images": "images", "annotations": "gt.txt"}
    entry = {"mmdeploy": "work_dir", "dataset": "words", "waive": EXACT, **keys}
    content = {"version": 1, "datasets": {"words": dataset}, "models": {"words": entry}}
    (folder / "zoo.quant.yaml").write_text(yaml.safe_dump(content))


COLOURS = {"blob": "in0", "color": "rgb", "mean": [0.0] * 3, "std": [255.0] * 3}


def test_an_export_folder(pytester: pytest.Pytester) -> None:
    """The coloured pixels want another input than a CRNN's, and the blank first: the zoo file's keys win."""
    metafile = {"Models": [{"Name": "crnn", "Results": [{"Dataset": "IIIT5K", "Metrics": {"word_acc": 1.0}}]}]}
    (pytester.path / "metafile.yml").write_text(yaml.safe_dump(metafile))
    export_zoo(
        pytester.path,
        "1.x",
        input=COLOURS,
        preprocess={"resize": {"height": 1}},
        postprocess={"blank": "first"},
        tolerance={"word_acc": 0.01},
        metafile={"path": "metafile.yml", "model": "crnn", "dataset": "IIIT5K"},
    )
    run = run_quant(pytester)
    assert run.verdicts == {
        "words::int8": "pass",
        "words::word_acc": "pass",
        "words::published[fp32.word_acc_ignore_case_symbol]": "pass",
    }


def test_what_an_export_folder_says(pytester: pytest.Pytester) -> None:
    from pytest_quant.zoo.mmdeploy.folder import describe_folder

    export_zoo(pytester.path, "1.x")
    found = describe_folder(pytester.path / "work_dir").entry
    assert found["task"] == "text-recognition"
    assert found["preprocess"]["resize"] == {"height": 32, "rounding": "ceil", "min_width": 32, "width_divisor": 16}
    assert found["input"]["color"] == "gray"
    assert found["postprocess"]["blank"] == "last"
    assert found["postprocess"]["keys"].endswith("dict_file.txt")


def test_an_export_folder_without_the_dictionary(pytester: pytest.Pytester) -> None:
    export_zoo(pytester.path, "0.x", input=COLOURS, tolerance={"word_acc": 0.01})
    case = run_quant(pytester).cases["words::config"]
    assert (
        "work_dir has no dict_file.txt with the characters of the net; work_dir/pipeline.json names DICT36"
        in (case["reason"])
    )


def test_calibrated_from_images_diagnosed_and_held_against_a_baseline(pytester: pytest.Pytester) -> None:
    """The images that calibrate need no texts."""
    write_zoo(
        pytester.path,
        int8={"calibrate": {"images": "calibration", "method": "minmax"}},
        tolerance={"word_acc": 0.01, "cer": 0.01},
    )
    (pytester.path / "calibration").mkdir()
    for index in range(3):
        pixels = np.zeros((1, 16, 3), np.uint8)
        pixels[0, index] = 255
        cv2.imwrite(str(pytester.path / "calibration" / f"{index}.png"), pixels)
    made = run_quant(pytester, "--quant-baseline", "baseline.json", "--quant-update-baseline", "--quant-diagnose")
    assert made.verdicts["words::word_acc"] == made.verdicts["words::cer"] == "pass"
    assert entry(made)["diagnosis"]["layers"][0]["layer"] == "conv"
    again = run_quant(pytester, "--quant-baseline", "baseline.json")
    assert again.verdicts["words::baseline[word_acc]"] == "pass"
    assert again.verdicts["words::baseline[cer]"] == "pass"


def test_rescue_with_labels_and_without(pytester: pytest.Pytester) -> None:
    for rescue in ({"images": "images2"}, {"dataset": "train"}):
        write_zoo(pytester.path, int8_scale=CLIPPED, rescue=rescue, tolerance={"word_acc": 0.0999})
        content = yaml.safe_load((pytester.path / "zoo.quant.yaml").read_text())
        content["datasets"]["train"] = {"type": "text-lines", "images": "images2", "annotations": "train.txt"}
        (pytester.path / "zoo.quant.yaml").write_text(yaml.safe_dump(content))
        (pytester.path / "images2").mkdir(exist_ok=True)
        lines = []
        for index in range(12):
            pixels = np.zeros((1, 16, 3), np.uint8)
            pixels[0, 1 + index] = (0, 0, 255)
            pixels[0, 3 + index] = (0, 255, 0)
            cv2.imwrite(str(pytester.path / "images2" / f"{index}.png"), pixels)
            lines.append(f'{index}.png, "ab"')
        (pytester.path / "train.txt").write_text("\n".join(lines))
        found = entry(run_quant(pytester, "--quant-rescue"))["rescue"]
        assert found["labelled"] is ("dataset" in rescue)
        assert found["found"] is True
