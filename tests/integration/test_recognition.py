"""Text recognition from a zoo file to a verdict, with nets of one convolution that read coloured pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from tests import tiny
from tests.integration.runs import Run, run_quant
from tests.integration.test_other_tasks import write_convolution
from tests.unit.report.volatile import without_volatile

WORDS = ("ab", "ba", "aab", "abba", "bbaa", "aBba", "ab\u00e9")
CLIPPED = 12700.0
"""An activation scale with which nothing is bright enough: every step is the blank."""


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
