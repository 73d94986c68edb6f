"""What each kind of case decides, on numbers that are counted here independently."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import ncnn
import numpy as np
import pytest

from tests import tiny
from tests.integration.runs import ZOO, run_quant

COUNT = 60
SCALES = {"a": 127.0, "b": 180.0, "c": 220.0, "d": 260.0, "e": 300.0, "f": 340.0, "g": 400.0}
"""Ever smaller inputs saturate in int8: drops from none to many."""


@pytest.fixture
def folder(pytester: pytest.Pytester) -> Path:
    tiny.write_images(pytester.path, COUNT)
    return pytester.path


def right_answers(folder: Path, net: str) -> int:
    """How many samples a net gets right, counted with a loop over ncnn itself."""
    model = ncnn.Net()
    model.opt.num_threads = 1
    model.opt.use_fp16_packed = model.opt.use_fp16_storage = model.opt.use_fp16_arithmetic = False
    assert model.load_param(str(folder / f"{net}.param")) == 0
    assert model.load_model(str(folder / f"{net}.bin")) == 0
    right = 0
    for line in (folder / "list.txt").read_text().splitlines():
        name, label = line.split()
        image = cv2.imread(str(folder / name))
        assert image is not None
        pixels = image[:, :, ::-1].astype(np.float32)
        array = np.ascontiguousarray(((pixels - 127.5) / 127.5).transpose(2, 0, 1))
        with model.create_extractor() as extractor:
            extractor.input("data", ncnn.Mat(array).clone())
            scores = np.array(extractor.extract("prob")[1])
        right += int(scores.argmax()) == int(label)
    return right


def entry_of_scale(folder: Path, name: str, scale: float, **changes: Any) -> dict[str, Any]:
    entry = tiny.model_entry(folder, name, **changes)
    entry["int8"] = tiny.write_net(folder, f"{name}-int8", int8=True, bottom_scale=scale)
    return entry


def a_small_drop(pytester: pytest.Pytester, folder: Path) -> tuple[float, Mapping[str, Any]]:
    """The activation scale of a net that is a little worse in int8, and what was measured of it."""
    tiny.write_zoo(folder, {name: entry_of_scale(folder, name, scale) for name, scale in SCALES.items()})
    run = run_quant(pytester)
    found = [(scale, run.metric(name)) for name, scale in SCALES.items() if 0 < run.metric(name)["drop"] < 9]
    assert found, "no scale gives a small drop on this machine"
    return found[-1]


def test_the_numbers_are_those_of_a_loop_over_ncnn(pytester: pytest.Pytester, folder: Path) -> None:
    tiny.write_zoo(folder, {name: entry_of_scale(folder, name, SCALES[name]) for name in "ae"})
    run = run_quant(pytester)
    for name in "ae":
        fp32, int8 = right_answers(folder, name), right_answers(folder, f"{name}-int8")
        measured = run.metric(name)
        assert measured["fp32"] == pytest.approx(100 * fp32 / COUNT)
        assert measured["int8"] == pytest.approx(100 * int8 / COUNT)
        assert measured["drop"] == pytest.approx(100 * (fp32 - int8) / COUNT)
        assert run.cases[f"{name}::top1"]["value"] == measured["drop"]


def test_a_tolerance_holds_up_to_the_drop_itself(pytester: pytest.Pytester, folder: Path) -> None:
    scale, measured = a_small_drop(pytester, folder)
    samples = round(measured["drop"] * COUNT / 100)
    drop = 100 * samples / COUNT
    tiny.write_zoo(
        folder,
        {
            "at": entry_of_scale(folder, "at", scale, tolerance={"top1": drop}),
            "below": entry_of_scale(folder, "below", scale, tolerance={"top1": drop - 0.01}),
            "none": entry_of_scale(folder, "none", scale, tolerance={"top1": 0}),
            "share": entry_of_scale(folder, "share", scale, tolerance={"top1": "9.9%"}),
            "half-share": entry_of_scale(folder, "half-share", scale, tolerance={"top1": f"{50 * drop / 100}%"}),
        },
    )
    run = run_quant(pytester)
    assert {name: verdict for name, verdict in run.verdicts.items() if name.endswith("top1")} == {
        "at::top1": "pass",
        "below::top1": "fail",
        "half-share::top1": "fail",
        "none::top1": "fail",
        "share::top1": "pass" if drop <= 0.099 * measured["fp32"] else "fail",
    }
    formula = f"drop = {measured['fp32']:.2f} - {measured['int8']:.2f} = {drop:.2f} points (90% CI "
    assert run.cases["at::top1"]["reason"].startswith(formula)
    assert run.cases["at::top1"]["reason"].endswith(f", n = {COUNT} of {COUNT}) <= {drop:.2f}")
    assert run.cases["below::top1"]["reason"].endswith(f", n = {COUNT} of {COUNT}) > {drop - 0.01:.2f}")
    assert f"FAIL: {run.cases['below::top1']['reason']}" in run.text
    assert "% of fp32 = " in run.cases["share::top1"]["reason"]
    assert run.status == pytest.ExitCode.TESTS_FAILED


def test_int8_may_be_better_by_any_amount(pytester: pytest.Pytester, folder: Path) -> None:
    entry = tiny.model_entry(folder, tolerance={"top1": 0})
    weights = (folder / "tiny.bin").read_bytes()
    (folder / "tiny.bin").write_bytes(weights[:4] + np.roll(np.frombuffer(weights[4:], "<f4"), 3).tobytes())
    tiny.write_zoo(folder, {"tiny": entry})
    run = run_quant(pytester)
    assert run.metric("tiny")["drop"] < -20
    assert run.verdicts["tiny::top1"] == "pass"


def test_a_floor_holds_at_the_int8_value_itself(pytester: pytest.Pytester, folder: Path) -> None:
    entry = tiny.model_entry(folder)
    int8 = 100 * right_answers(folder, "tiny-int8") / COUNT
    tiny.write_zoo(folder, {"at": entry | {"floor": {"top1": int8}}, "above": entry | {"floor": {"top1": int8 + 0.01}}})
    run = run_quant(pytester)
    assert run.verdicts["at::floor[top1]"] == "pass"
    assert run.verdicts["above::floor[top1]"] == "fail"
    assert run.cases["at::floor[top1]"]["reason"].endswith(f", n = {COUNT} of {COUNT}) >= {int8:.2f}")
    assert run.cases["above::floor[top1]"]["value"] == pytest.approx(int8)
    assert f"FAIL: int8 top1 = {int8:.2f} (90% CI " in run.text


def test_a_published_value_has_the_digits_it_was_printed_with(pytester: pytest.Pytester, folder: Path) -> None:
    entry = tiny.model_entry(folder)
    measured = 100 * right_answers(folder, "tiny") / COUNT
    value = round(measured) - 0.4
    within = abs(value - measured) - 0.03  # and half of 0.1 would make up for the 0.03, half of 0.01 would not
    printed = {"one-digit": f"{value:.1f}", "two-digits": f"{value:.2f}"}
    models = {
        name: entry | {"published": {"fp32": {"top1": {"value": text, "within": within}}}}
        for name, text in printed.items()
    }
    zoo = tiny.write_zoo(folder, models)
    zoo.write_text(zoo.read_text().replace("value: '", "value: ").replace("'\n", "\n"))
    run = run_quant(pytester)
    assert run.verdicts["one-digit::published[fp32.top1]"] == "pass"
    assert run.verdicts["two-digits::published[fp32.top1]"] == "fail"
    assert run.cases["two-digits::published[fp32.top1]"]["reason"] == (
        f"fp32 top1 = {measured:.2f} (n = {COUNT} of {COUNT}), published {value:.2f}: they differ by "
        f"{abs(value - measured):.2f} points > {within + 0.005:.2f}"
    )
    assert run.metric("two-digits")["published"] == {"fp32": pytest.approx(value)}


def test_a_published_value_must_be_met_in_both_directions(pytester: pytest.Pytester, folder: Path) -> None:
    entry = tiny.model_entry(folder)
    int8 = 100 * right_answers(folder, "tiny-int8") / COUNT
    values = {"below": int8 - 2, "at": int8, "above": int8 + 2}
    tiny.write_zoo(folder, {name: entry | {"published": {"int8": {"top1": value}}} for name, value in values.items()})
    verdicts = run_quant(pytester).verdicts
    assert [verdicts[f"{name}::published[int8.top1]"] for name in values] == ["fail", "pass", "fail"]


def test_a_value_published_on_a_subset_is_held_against_the_interval(pytester: pytest.Pytester, folder: Path) -> None:
    entry = tiny.model_entry(folder)
    fp32 = 100 * right_answers(folder, "tiny") / COUNT
    values = {
        "near": {"value": fp32 - 2, "samples": COUNT // 2},
        "far": {"value": 20.0, "samples": COUNT // 2},
        "whole": {"value": fp32 - 2, "samples": COUNT},
    }
    tiny.write_zoo(folder, {name: entry | {"published": {"fp32": {"top1": value}}} for name, value in values.items()})
    run = run_quant(pytester)
    assert [run.verdicts[f"{name}::published[fp32.top1]"] for name in values] == ["pass", "fail", "fail"]
    assert f" on {COUNT // 2} samples: they differ by 2.00 points" in run.cases["near::published[fp32.top1]"]["reason"]
    assert run.cases["near::published[fp32.top1]"]["reason"].endswith(": inside")
    assert run.cases["far::published[fp32.top1]"]["reason"].endswith(": outside")


def test_required_conditions(pytester: pytest.Pytester, folder: Path) -> None:
    require = {"resize_backend": "opencv", "runtime": "deploy", "samples": COUNT, "mean": [127.5] * 3, "crop": None}
    tiny.write_zoo(folder, {"tiny": tiny.model_entry(folder, require=require, runtime="deploy")})
    run = run_quant(pytester)
    assert {name: verdict for name, verdict in run.verdicts.items() if "require" in name} == {
        "tiny::require[resize_backend]": "fail",
        "tiny::require[runtime]": "pass",
        "tiny::require[samples]": "pass",
        "tiny::require[mean]": "pass",
        "tiny::require[crop]": "pass",
    }
    reason = "condition resize_backend: found 'pillow', required 'opencv'"
    assert run.cases["tiny::require[resize_backend]"]["reason"] == reason
    assert f"FAIL: {reason}" in run.text


def test_a_float_net_under_int8_fails_and_no_other_model(pytester: pytest.Pytester, folder: Path) -> None:
    entry = tiny.model_entry(folder)
    tiny.write_zoo(folder, {"fake": entry | {"int8": entry["fp32"]}, "tiny": entry})
    run = run_quant(pytester)
    assert run.verdicts == {
        "fake::int8": "fail",
        "fake::sanity": "fail",  # the two nets are one
        "fake::top1": "pass",
        "tiny::int8": "pass",
        "tiny::top1": "pass",
    }
    reason = (
        "tiny.param has no quantized layer: it is a float net under `int8` (layers that could be int8: 1 Convolution)"
    )
    assert run.cases["fake::int8"]["reason"] == reason
    assert reason in run.text
    assert run.cases["tiny::int8"]["reason"] == "quantized layers: Convolution 1 of 1"
    assert run.status == pytest.ExitCode.TESTS_FAILED


def test_the_row_of_a_float_net_under_int8_does_not_say_pass(pytester: pytest.Pytester, folder: Path) -> None:
    entry = tiny.model_entry(folder)
    tiny.write_zoo(folder, {"fake": entry | {"int8": entry["fp32"]}, "tiny": entry})
    run_quant(pytester).result.stdout.fnmatch_lines(["fake * 0.00 * FAIL (int8)", "tiny * PASS"])


@pytest.mark.parametrize(
    ("table", "verdict", "says"),
    [
        ("conv_param_0 63.5 63.5 63.5 1270\nconv 127\n", "pass", "1 layers, every scale is usable"),
        ("conv_param_0 63.5 63.5 63.5 1270\nconv inf\n", "fail", "conv: the input scale is infinite"),
        (
            "conv_param_0 63.5 0 63.5 1270\nconv 127\n",
            "fail",
            "conv: the scale of 1 of 4 channels erases weights of up to 2",
        ),
        ("conv_param_0 63.5 63.5\nconv 127\n", "fail", "2 weight scales for 4 outputs: another model's table"),
        ("fc_param_0 1 2\nfc 3\n", "fail", "none of the table's layers (fc, ...) is in "),
        (
            "conv_param_0 many\n",
            "error",
            "tiny.table:1: entry 'conv_param_0': found 'many'; expected numbers separated by blanks",
        ),
        ("", "error", "tiny.table: the calibration table is empty"),
    ],
)
def test_tables(pytester: pytest.Pytester, folder: Path, table: str, verdict: str, says: str) -> None:
    entry = tiny.model_entry(folder)
    entry["int8"]["table"] = "tiny.table"
    (folder / "tiny.table").write_text(table)
    tiny.write_zoo(folder, {"tiny": entry})
    run = run_quant(pytester)
    assert run.verdicts == {"tiny::top1": "pass", "tiny::int8": "pass", "tiny::table": verdict}
    assert says in run.cases["tiny::table"]["reason"]
    assert (says in run.text) is (verdict != "pass")


def test_xfail_covers_a_broken_limit(pytester: pytest.Pytester, folder: Path) -> None:
    tiny.write_zoo(folder, {"bad": tiny.write_bad_model(folder, xfail={"top1": "known: issue 7"})})
    run = run_quant(pytester, "-rx")
    assert run.verdicts == {"bad::top1": "fail xfailed", "bad::int8": "pass"}
    run.result.stdout.fnmatch_lines(["bad * FAIL (xfailed)", f"XFAIL {ZOO}::bad::top1 - known: issue 7"])
    assert run.status == pytest.ExitCode.OK


def test_xfail_that_passes_fails_the_run(pytester: pytest.Pytester, folder: Path) -> None:
    tiny.write_zoo(folder, {"tiny": tiny.model_entry(folder, xfail={"top1": "known: issue 7"})})
    run = run_quant(pytester)
    assert run.verdicts == {"tiny::top1": "pass xpassed", "tiny::int8": "pass"}
    run.result.stdout.fnmatch_lines(["?XPASS(strict)? known: issue 7", "tiny * PASS (xpassed)"])
    assert run.status == pytest.ExitCode.TESTS_FAILED


def test_xfail_covers_no_error(pytester: pytest.Pytester, folder: Path) -> None:
    (folder / "images" / "000.png").write_bytes(b"no image")
    tiny.write_zoo(folder, {"bad": tiny.write_bad_model(folder, xfail={"top1": "known: issue 7"})})
    run = run_quant(pytester)
    assert run.verdicts == {"bad::top1": "error", "bad::int8": "pass"}
    assert run.status == pytest.ExitCode.TESTS_FAILED


def test_xfail_of_one_case_leaves_the_others_alone(pytester: pytest.Pytester, folder: Path) -> None:
    entry = tiny.write_bad_model(folder, floor={"top1": 70.0}, xfail={"floor[top1]": "known: issue 7"})
    tiny.write_zoo(folder, {"bad": entry})
    run = run_quant(pytester)
    assert run.verdicts == {"bad::top1": "fail", "bad::floor[top1]": "fail xfailed", "bad::int8": "pass"}
    assert run.status == pytest.ExitCode.TESTS_FAILED


def test_a_tolerance_below_one_sample_gets_a_warning(pytester: pytest.Pytester, folder: Path) -> None:
    models = {
        "below": tiny.model_entry(folder, "below", tolerance={"top1": 1.6}),
        "one": tiny.model_entry(folder, "one", tolerance={"top1": 1.7}),
        "none": tiny.model_entry(folder, "none", tolerance={"top1": 0}),
    }
    tiny.write_zoo(folder, models)
    text = run_quant(pytester, "-W", "always").text
    assert "  warning: below: the tolerance 1.6 of top1 is smaller than one sample of 60 (1.67 points)" in text
    assert text.count("smaller than one sample") == 1


def test_a_broken_limit_says_its_warnings_itself(pytester: pytest.Pytester, folder: Path) -> None:
    tiny.write_zoo(folder, {"bad": tiny.write_bad_model(folder, tolerance={"top1": 1.6})})
    run = run_quant(pytester, "-W", "error::pytest_quant.spec.errors.QuantWarning")
    assert "\nFAIL: drop = " in run.text
    assert "\n  warning: bad: the tolerance 1.6 of top1 is smaller than one sample" in run.text


def test_a_required_value_that_json_cannot_hold_is_reported_in_words(pytester: pytest.Pytester, folder: Path) -> None:
    require = {"scale": float("nan"), "crop": [1, {"a": None}], "color": "größer"}
    tiny.write_zoo(folder, {"tiny": tiny.model_entry(folder, require=require)})
    run = run_quant(pytester)
    assert {
        name: (verdict, run.cases[name]["limit"]) for name, verdict in run.verdicts.items() if "require" in name
    } == {
        "tiny::require[scale]": ("fail", "nan"),
        "tiny::require[crop]": ("fail", "[1, {'a': None}]"),
        "tiny::require[color]": ("fail", "größer"),
    }
