"""``--quant-baseline`` and ``--quant-update-baseline``."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from tests import tiny
from tests.integration.runs import run_quant

FILE = "baseline.json"


@pytest.fixture
def folder(pytester: pytest.Pytester) -> Path:
    tiny.write_images(pytester.path, 200)
    tiny.write_zoo(pytester.path)
    return pytester.path


def accepted(pytester: pytest.Pytester, *args: str, cached: bool = False) -> dict[str, Any]:
    """Write the baseline and give its content."""
    run_quant(pytester, "--quant-baseline", FILE, "--quant-update-baseline", *args, cached=cached)
    content: dict[str, Any] = json.loads((pytester.path / FILE).read_text())
    return content


def change_entry(folder: Path, **changes: Any) -> None:
    content = json.loads((folder / FILE).read_text())
    content["models"]["tiny"].update(changes)
    (folder / FILE).write_text(json.dumps(content))


def test_the_same_model_passes(pytester: pytest.Pytester, folder: Path) -> None:
    content = accepted(pytester)
    run = run_quant(pytester, "--quant-baseline", FILE)
    assert run.verdicts["tiny::baseline[top1]"] == "pass"
    assert run.status == 0
    assert content["models"]["tiny"]["metrics"]["top1"]["int8"] == run.metric("tiny")["int8"]
    assert content["schema"] == 1


def test_without_a_file_the_case_is_skipped_with_the_command(pytester: pytest.Pytester, folder: Path) -> None:
    run = run_quant(pytester, "--quant-baseline", FILE, "-rs")
    assert run.verdicts["tiny::baseline[top1]"] == "skipped"
    assert run.status == 0
    assert f"pytest --quant --quant-baseline {FILE} --quant-update-baseline" in run.text
    strict = run_quant(pytester, "--quant-baseline", FILE, "--quant-strict")
    assert strict.cases["tiny::baseline[top1]"]["outcome"] == "failed"
    assert strict.status == 1
    assert not (folder / FILE).exists(), "only an update writes"


def test_a_worse_model_fails_and_says_which_samples_changed(pytester: pytest.Pytester, folder: Path) -> None:
    accepted(pytester, cached=True)
    tiny.write_zoo(folder, {"tiny": tiny.model_entry(folder, tolerance=None, floor={"top1": 2.0})})
    tiny.write_net(folder, "tiny-int8", int8=True, bottom_scale=tiny.BAD_SCALE)
    run = run_quant(pytester, "--quant-baseline", FILE, cached=True)
    case = run.cases["tiny::baseline[top1]"]
    assert (case["verdict"], case["outcome"], case["kind"]) == ("fail", "failed", "baseline")
    assert "right only in the baseline" in case["reason"], "its predictions are still in the cache"
    assert "> 0.10" in case["reason"]
    uncached = run_quant(pytester, "--quant-baseline", FILE)
    assert uncached.verdicts["tiny::baseline[top1]"] == "fail"
    assert "right only in the baseline" not in uncached.cases["tiny::baseline[top1]"]["reason"]


def test_an_update_does_not_turn_a_failing_limit_green(pytester: pytest.Pytester, folder: Path) -> None:
    accepted(pytester)
    tiny.write_net(folder, "tiny-int8", int8=True, bottom_scale=tiny.BAD_SCALE)
    run = run_quant(pytester, "--quant-baseline", FILE, "--quant-update-baseline")
    assert run.verdicts["tiny::top1"] == run.verdicts["tiny::baseline[top1]"] == "fail"
    assert run.status == 1
    again = run_quant(pytester, "--quant-baseline", FILE)
    assert again.verdicts["tiny::baseline[top1]"] == "pass", "the values of the last run are the baseline now"
    assert again.verdicts["tiny::top1"] == "fail"


def test_a_better_model_passes_and_says_how_to_accept(pytester: pytest.Pytester, folder: Path) -> None:
    content = accepted(pytester)
    metrics = content["models"]["tiny"]["metrics"]
    metrics["top1"]["int8"] -= 10.0
    change_entry(folder, metrics=metrics)
    run = run_quant(pytester, "--quant-baseline", FILE)
    case = run.cases["tiny::baseline[top1]"]
    assert case["verdict"] == "pass"
    assert "better than the baseline: pytest --quant" in case["reason"]


@pytest.mark.parametrize(("drop", "within", "verdict"), [(0.4, "0.5", "pass"), (0.6, "0.5", "fail")])
def test_how_much_worse_is_an_ini_option(
    pytester: pytest.Pytester, folder: Path, drop: float, within: str, verdict: str
) -> None:
    metrics = accepted(pytester)["models"]["tiny"]["metrics"]
    metrics["top1"]["int8"] += drop
    change_entry(folder, metrics=metrics)
    run = run_quant(pytester, "--quant-baseline", FILE, "-o", f"quant_baseline_within={within}")
    assert run.verdicts["tiny::baseline[top1]"] == verdict


def test_other_samples_cannot_be_compared(pytester: pytest.Pytester, folder: Path) -> None:
    accepted(pytester)
    run = run_quant(pytester, "--quant-baseline", FILE, "--quant-samples", "100", "--quant-inconclusive", "pass")
    case = run.cases["tiny::baseline[top1]"]
    assert case["verdict"] == "skipped"
    assert "on other samples (200 of 200, seed 0) than now (100 of 200, seed 0)" in case["reason"]


def test_another_environment_is_named(pytester: pytest.Pytester, folder: Path) -> None:
    written = accepted(pytester)["models"]["tiny"]["environment"]
    assert (written["numpy"], written["opencv"]) == (version("numpy"), version("opencv-python-headless"))
    change_entry(folder, environment={"ncnn": "1.0.2", "isa": ["neon"], "numpy": "1.2.3", "opencv": "4.1.2.3"})
    case = run_quant(pytester, "--quant-baseline", FILE).cases["tiny::baseline[top1]"]
    assert case["verdict"] == "pass"
    assert "measured with ncnn 1.0.2" in case["reason"]
    assert f"measured with NumPy 1.2.3, this is {version('numpy')}" in case["reason"]
    assert f"measured with OpenCV 4.1.2.3, this is {version('opencv-python-headless')}" in case["reason"]
    assert "measured on neon" in case["reason"]


def test_a_baseline_from_before_numpy_and_opencv_were_named(pytester: pytest.Pytester, folder: Path) -> None:
    environment = accepted(pytester)["models"]["tiny"]["environment"]
    change_entry(folder, environment={key: environment[key] for key in ("ncnn", "isa")})
    case = run_quant(pytester, "--quant-baseline", FILE).cases["tiny::baseline[top1]"]
    assert case["verdict"] == "pass"
    assert "the baseline was measured with" not in case["reason"]


def test_other_layouts_of_int8_are_named(pytester: pytest.Pytester, folder: Path) -> None:
    """What x86 computed with packed layouts before is not what the reference is now."""
    accepted(pytester)
    change_entry(folder, int8_packing=False)
    reason = run_quant(pytester, "--quant-baseline", FILE).cases["tiny::baseline[top1]"]["reason"]
    assert "the baseline was measured without packed layouts, this is with them" in reason


def test_an_update_touches_the_selected_models_only(pytester: pytest.Pytester, folder: Path) -> None:
    models = {name: tiny.model_entry(folder, name) for name in ("one", "two")}
    tiny.write_zoo(folder, models)
    before = accepted(pytester)["models"]
    tiny.write_net(folder, "one-int8", int8=True, bottom_scale=tiny.BAD_SCALE)
    tiny.write_net(folder, "two-int8", int8=True, bottom_scale=tiny.BAD_SCALE)
    after = accepted(pytester, "-k", "one")["models"]
    assert after["two"] == before["two"]
    assert after["one"]["metrics"] != before["one"]["metrics"]
    text = (folder / FILE).read_text()
    assert text == json.dumps(json.loads(text), indent=2, sort_keys=True) + "\n", "sorted and reviewable"


@pytest.mark.parametrize("content", ["", "[]", '{"schema": 2, "models": {}}', '{"schema": 1, "models": {"m": {}}}'])
def test_a_damaged_file_is_a_usage_error(pytester: pytest.Pytester, folder: Path, content: str) -> None:
    (folder / FILE).write_text(content)
    run = run_quant(pytester, "--quant-baseline", FILE)
    assert run.status == 4
    assert f"--quant-baseline: {FILE}: " in run.errors


def test_usage(pytester: pytest.Pytester, folder: Path) -> None:
    assert run_quant(pytester, "--quant-update-baseline").status == 4
    assert run_quant(pytester, "--quant-baseline", ".").status == 4
    assert run_quant(pytester, "-o", "quant_baseline_within=-1").status == 4


def test_in_parallel(pytester: pytest.Pytester, folder: Path) -> None:
    run_quant(pytester, "--quant-baseline", FILE, "--quant-update-baseline", "-n", "2")
    assert "tiny" in json.loads((folder / FILE).read_text())["models"]


def test_xfail_can_name_the_case(pytester: pytest.Pytester, folder: Path) -> None:
    accepted(pytester)
    reasons = {"top1": "known", "baseline[top1]": "known"}
    tiny.write_zoo(folder, {"tiny": tiny.model_entry(folder, xfail=reasons)})
    tiny.write_net(folder, "tiny-int8", int8=True, bottom_scale=tiny.BAD_SCALE)
    run = run_quant(pytester, "--quant-baseline", FILE)
    assert run.verdicts["tiny::baseline[top1]"] == "fail xfailed"
    assert run.status == 0


def test_the_intervals_of_the_two_comparisons_are_their_own(pytester: pytest.Pytester, folder: Path) -> None:
    """int8 equals its baseline exactly, and differs from fp32: two intervals, whichever is asked for first."""
    entry = tiny.model_entry(folder, int8=tiny.write_net(folder, "x", int8=True, bottom_scale=340.0))
    tiny.write_zoo(folder, {"tiny": entry})
    accepted(pytester, cached=True)
    plain = run_quant(pytester, cached=True).metric("tiny")["ci"]
    alone = run_quant(pytester, "--quant-baseline", FILE, "-k", "baseline", cached=True)
    together = run_quant(pytester, "--quant-baseline", FILE, cached=True)
    assert alone.metric("tiny")["ci"] == together.metric("tiny")["ci"] == plain
    reason = together.cases["tiny::baseline[top1]"]["reason"]
    assert "right only in the baseline 0, only now 0" in reason
    assert reason == alone.cases["tiny::baseline[top1]"]["reason"]
    assert f"CI {plain[0]:.2f} to {plain[1]:.2f}" not in reason
