from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_quant.building.workbench import open_workbench
from pytest_quant.evaluation.agreement import OutputAgreement
from pytest_quant.evaluation.measurement import Measurement
from pytest_quant.judging.assess import Assessor
from pytest_quant.judging.evidence import drop_interval, score_interval
from pytest_quant.judging.limits.floor import Floor
from pytest_quant.judging.limits.int8 import Quantized
from pytest_quant.judging.limits.net import NetTolerance
from pytest_quant.judging.limits.onnx import Parity
from pytest_quant.judging.limits.published import Published
from pytest_quant.judging.limits.require import Requirement
from pytest_quant.judging.limits.table import SoundTable
from pytest_quant.judging.limits.tolerance import Tolerance
from pytest_quant.spec.condition import Untold
from pytest_quant.spec.errors import ConfigError, ModelFileError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.verdict import Decision, Verdict
from pytest_quant.zoo.reader import read_zoo
from tests import tiny
from tests.unit.measurements import measured, outcomes, some_model
from tests.unit.metrics import METRICS

CONFIDENCE = 0.95
TOP1 = METRICS["top1"]
hits = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=24)
quick = settings(deadline=None, max_examples=40)


def of_pairs(pairs: list[tuple[bool, bool]], **changes: Any) -> Measurement:
    return measured([pair[0] for pair in pairs], [pair[1] for pair in pairs], **changes)


def tolerance(amount: float, measurement: Measurement, *, relative: bool = False, metric: str = "top1") -> Verdict:
    return Tolerance(METRICS[metric], amount, relative).of_measured(measurement, CONFIDENCE)


def floor(value: float, measurement: Measurement, metric: str = "top1") -> Verdict:
    return Floor(METRICS[metric], value).of_measured(measurement, CONFIDENCE)


def published(measurement: Measurement, value: float, within: float, samples: int | None = None) -> Verdict:
    return Published(TOP1, "fp32", value, within, samples).of_measured(measurement, CONFIDENCE)


# The whole dataset


@quick
@given(st.lists(st.booleans(), min_size=1, max_size=24), st.floats(0, 9.99), st.booleans())
def test_two_equal_nets_have_no_drop_and_pass_any_tolerance(right: list[bool], amount: float, relative: bool) -> None:
    share = amount / 100 if relative else amount
    verdict = tolerance(share, measured(right, right), relative=relative)
    assert (verdict.decision, verdict.value) == ("pass", 0.0)


@quick
@given(hits, st.integers(0, 9))
def test_the_whole_dataset_passes_up_to_the_tolerance_exactly(pairs: list[tuple[bool, bool]], samples: int) -> None:
    measurement = of_pairs(pairs)
    lost = sum(fp32 for fp32, _ in pairs) - sum(int8 for _, int8 in pairs)
    verdict = tolerance(100 * samples / len(pairs), measurement)
    assert verdict.decision == ("pass" if lost <= samples else "fail")
    assert verdict.value == pytest.approx(100 * lost / len(pairs))


@pytest.mark.parametrize(("lost", "written"), [(3, 0.3), (7, 0.7), (29, 2.9), (57, 5.7), (58, 5.8)])
def test_a_tolerance_written_in_decimals_is_met_exactly(lost: int, written: float) -> None:
    at = measured(*outcomes(900 - lost, lost, 0, 100))
    beyond = measured(*outcomes(900 - lost - 1, lost + 1, 0, 100))
    assert tolerance(written, at).decision == "pass"
    assert tolerance(written, beyond).decision == "fail"


@quick
@given(hits, st.integers(0, 99))
def test_a_relative_tolerance_is_a_share_of_fp32(pairs: list[tuple[bool, bool]], permille: int) -> None:
    verdict = tolerance(permille / 1000, of_pairs(pairs), relative=True)
    fp32, int8 = sum(pair[0] for pair in pairs), sum(pair[1] for pair in pairs)
    kept = (1 - Fraction(permille, 1000)) * fp32 <= int8
    assert verdict.decision == ("pass" if kept else "fail")
    assert verdict.limit == pytest.approx(100 * fp32 / len(pairs) * permille / 1000)


@quick
@given(hits, st.integers(0, 24))
def test_a_floor_is_met_at_the_value_itself(pairs: list[tuple[bool, bool]], needed: int) -> None:
    right = sum(int8 for _, int8 in pairs)
    verdict = floor(100 * needed / len(pairs), of_pairs(pairs))
    assert verdict.decision == ("pass" if right >= needed else "fail")
    assert verdict.value == pytest.approx(100 * right / len(pairs))


def test_the_formula_of_a_tolerance() -> None:
    measurement = measured(*outcomes(7100, 86, 43, 2771))
    verdict = tolerance(1.0, measurement)
    pair = measurement.comparison.metrics["top1"]
    interval = drop_interval(pair, population=None, confidence=CONFIDENCE)
    assert (verdict.decision, verdict.value, verdict.limit) == ("pass", 0.43, 1.0)
    assert verdict.reason == (
        f"drop = 71.86 - 71.43 = 0.43 points (90% CI {interval.low:.2f} to {interval.high:.2f}, n = 10000 of 10000) "
        "<= 1.00"
    )
    assert tolerance(0.4, measurement).reason.endswith(", n = 10000 of 10000) > 0.40")


def test_the_formula_of_a_relative_tolerance() -> None:
    verdict = tolerance(0.01, measured(*outcomes(78, 2, 0, 20)), relative=True)
    assert verdict.decision == "fail"
    assert verdict.reason.startswith(
        "drop = 80.00 - 78.00 = 2.00 points > 1 % of fp32 = 0.80 points; 0.99 * fp32 - int8 = "
    )
    assert verdict.reason.endswith(", n = 100 of 100) > 0")
    assert verdict.value == 2.0
    assert verdict.limit == pytest.approx(0.8)


def test_the_formula_of_a_floor() -> None:
    verdict = floor(79.0, measured(*outcomes(78, 2, 0, 20)))
    assert verdict.decision == "fail"
    assert verdict.reason.startswith("int8 top1 = 78.00 (90% CI ")
    assert verdict.reason.endswith(", n = 100 of 100) < 79.00")


def test_fractions_have_four_digits_and_no_points() -> None:
    measurement = measured(*outcomes(78, 2, 0, 20), metric="hmean")
    assert tolerance(0.01, measurement, metric="hmean").reason.startswith("drop = 0.8000 - 0.7800 = 0.0200 (90% CI ")
    assert tolerance(0.01, measurement, metric="hmean").reason.endswith("> 0.0100")
    assert floor(0.5, measurement, "hmean").reason.startswith("int8 hmean = 0.7800 (90% CI ")


# A subset


@settings(deadline=None, max_examples=25)
@given(hits, st.integers(1, 40), st.floats(0, 9.99))
def test_a_subset_is_decided_by_the_bounds_of_the_drop(
    pairs: list[tuple[bool, bool]], unseen: int, amount: float
) -> None:
    measurement = of_pairs(pairs, total=len(pairs) + unseen)
    interval = drop_interval(
        measurement.comparison.metrics["top1"], population=measurement.total, confidence=CONFIDENCE
    )
    decision = tolerance(amount, measurement).decision
    assert decision == bounded(interval.low - amount, interval.high - amount)
    assert (decision == "pass") <= (tolerance(amount + 1, measurement).decision == "pass")


@settings(deadline=None, max_examples=25)
@given(hits, st.integers(1, 40), st.floats(1.01, 100))
def test_a_subset_is_decided_by_the_bounds_of_the_score(
    pairs: list[tuple[bool, bool]], unseen: int, value: float
) -> None:
    measurement = of_pairs(pairs, total=len(pairs) + unseen)
    pair = measurement.comparison.metrics["top1"]
    interval = score_interval(pair, "int8", population=measurement.total, confidence=CONFIDENCE)
    assert floor(value, measurement).decision == bounded(value - interval.high, value - interval.low)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.booleans(), min_size=1, max_size=24), st.integers(1, 40), st.floats(0, 9.99))
def test_two_equal_nets_never_fail_on_a_subset(right: list[bool], unseen: int, amount: float) -> None:
    verdict = tolerance(amount, measured(right, right, total=len(right) + unseen))
    assert verdict.decision in ("pass", "inconclusive")


def bounded(low: float, high: float) -> Decision:
    return "pass" if high <= 0 else "fail" if low > 0 else "inconclusive"


def test_a_subset_in_words() -> None:
    fine = tolerance(5.0, measured(*outcomes(390, 2, 2, 6), total=2000))
    assert fine.decision == "pass"
    assert fine.reason.endswith(", n = 400 of 2000) <= 5.00")
    worse = tolerance(1.0, measured(*outcomes(300, 60, 0, 40), total=2000))
    assert worse.decision == "fail"
    assert worse.reason.endswith(", n = 400 of 2000) > 1.00")
    open_ = tolerance(1.0, measured(*outcomes(380, 6, 2, 12), total=2000))
    assert open_.decision == "inconclusive"
    assert " ? 1.00: 400 of 2000 samples do not decide it at 95 % confidence" in open_.reason


def test_the_bounds_of_a_nearly_whole_dataset_are_nearly_the_drop_itself() -> None:
    measurement = measured(*outcomes(95, 2, 0, 2), total=100)
    assert tolerance(3.1, measurement).decision == "pass"
    assert tolerance(0.9, measurement).decision == "fail"


def test_a_relative_tolerance_on_a_subset_is_the_contrast() -> None:
    fine = measured(*outcomes(390, 2, 2, 6), total=2000)
    worse = measured(*outcomes(300, 60, 0, 40), total=2000)
    assert tolerance(0.05, fine, relative=True).decision == "pass"
    assert tolerance(0.05, worse, relative=True).decision == "fail"
    assert tolerance(0.0, fine, relative=True).decision == "inconclusive"
    assert " ? 0: 400 of 2000 samples do not decide it" in tolerance(0.0, fine, relative=True).reason


# Published values


@pytest.mark.parametrize(
    ("value", "within", "decision"),
    [
        (78.2, 0.1 + 0.005, "pass"),
        (78.305, 0.1 + 0.005, "pass"),
        (78.31, 0.1 + 0.005, "fail"),
        (78.1, 0.1 + 0.005, "pass"),
        (78.09, 0.1 + 0.005, "fail"),
        (78.3, 0.1, "pass"),
    ],
)
def test_published_on_whole_datasets(value: float, within: float, decision: str) -> None:
    verdict = published(measured(*outcomes(782, 0, 0, 218)), value, within)
    assert verdict.decision == decision
    assert (verdict.value, verdict.limit) == (78.2, value)
    assert verdict.reason.startswith("fp32 top1 = 78.20 (n = 1000 of 1000), published ")
    assert "on a subset" not in verdict.reason


@pytest.mark.parametrize(
    ("value", "samples", "decision"),
    [(78.2, 4000, "pass"), (77.0, 400, "pass"), (60.0, 400, "fail"), (77.0, 1000, "fail"), (77.0, 4000, "fail")],
)
def test_a_value_published_on_a_subset(value: float, samples: int, decision: str) -> None:
    measurement = measured(*outcomes(782, 0, 0, 218))
    interval = score_interval(
        measurement.comparison.metrics["top1"], "fp32", population=None, confidence=(1 + CONFIDENCE) / 2
    )
    verdict = published(measurement, value, 0.105, samples)
    assert verdict.decision == decision
    if samples < 1000:
        assert (value in interval) is (decision == "pass")
        assert f"published {value:.2f} on {samples} samples" in verdict.reason
        span = f"{interval.low:.2f} to {interval.high:.2f}"
        assert verdict.reason.endswith(f"{span}: {'inside' if decision == 'pass' else 'outside'}")


def test_a_value_measured_on_a_subset_is_held_against_the_interval_for_the_dataset() -> None:
    measurement = measured(*outcomes(80, 0, 0, 20), total=10000)
    assert published(measurement, 76.0, 0.105).decision == "pass"
    assert published(measurement, 60.0, 0.105).decision == "fail"
    nearly_whole = measured(*outcomes(80, 0, 0, 19), total=100)
    assert published(nearly_whole, 76.0, 0.105).decision == "fail"


def test_the_int8_value_has_its_own_published_value() -> None:
    measurement = measured(*outcomes(78, 2, 0, 20))
    verdict = Published(TOP1, "int8", 78.0, 0.1).of_measured(measurement, CONFIDENCE)
    assert verdict.decision == "pass"
    assert verdict.reason.startswith("int8 top1 = 78.00 (n = 100 of 100), published 78.00: they differ by 0.00 points")


# The rest


def test_a_metric_that_was_not_measured() -> None:
    with pytest.raises(ConfigError, match="top5 was not measured"):
        Tolerance(METRICS["top5"], 1.0).of_measured(measured([True], [True]), CONFIDENCE)


@pytest.mark.parametrize(
    ("found", "required", "decision"),
    [
        ("opencv", "opencv", "pass"),
        ("pillow", "opencv", "fail"),
        (False, False, "pass"),
        (0, False, "fail"),
        (1, True, "fail"),
        (True, 1, "fail"),
        (1, 1.0, "pass"),
        (None, None, "pass"),
        (None, False, "fail"),
        ([127.5, 127.5], [127.5, 127.5], "pass"),
        ({"size": [8, 8]}, {"size": [8, 8]}, "pass"),
        ({"size": [8, 8]}, {"size": [8, 9]}, "fail"),
    ],
)
def test_requirements(found: Any, required: Any, decision: str) -> None:
    verdict = Requirement("x", required).of_conditions({"x": found, "y": required}, some_model())
    assert verdict == Verdict(decision, f"condition x: found {found!r}, required {required!r}")  # type: ignore[arg-type]


def int8_of(folder: Path, model: ModelSpec) -> Verdict:
    return Assessor(open_workbench(folder / "run", cores=1), confidence=CONFIDENCE).assess(model, Quantized())


def table_of(folder: Path, model: ModelSpec) -> Verdict:
    return Assessor(open_workbench(folder / "run", cores=1), confidence=CONFIDENCE).assess(model, SoundTable())


def read(folder: Path, entry: dict[str, Any]) -> Any:
    return read_zoo(tiny.write_zoo(folder, {"tiny": entry})).models[0]


def test_int8_counts_the_quantized_layers(tmp_path: Path) -> None:
    entry = tiny.model_entry(tmp_path)
    verdict = int8_of(tmp_path, read(tmp_path, entry))
    assert verdict == Verdict("pass", "quantized layers: Convolution 1 of 1", value=1.0)
    verdict = int8_of(tmp_path, read(tmp_path, entry | {"int8": entry["fp32"]}))
    assert (verdict.decision, verdict.value) == ("fail", 0.0)
    assert "tiny.param has no quantized layer" in verdict.reason


def test_a_table_that_belongs_to_the_model(tmp_path: Path) -> None:
    entry = tiny.model_entry(tmp_path)
    entry["int8"]["table"] = "t.table"
    (tmp_path / "t.table").write_text("conv_param_0 63.5 63.5 63.5 1270\nconv 127\n")
    assert table_of(tmp_path, read(tmp_path, entry)).decision == "pass"
    (tmp_path / "t.table").write_text("conv_param_0 63.5 inf 63.5 1270\nconv 0\n")
    verdict = table_of(tmp_path, read(tmp_path, entry))
    assert (verdict.decision, verdict.value) == ("fail", 2.0)
    assert "conv: the scale of 1 of 4 channels clips weights at 0 times the largest" in verdict.reason
    assert "conv: the input scale is zero" in verdict.reason
    (tmp_path / "t.table").write_text("conv_param_0\n")
    with pytest.raises(ModelFileError, match="has no scale"):
        table_of(tmp_path, read(tmp_path, entry))


def test_a_model_without_a_table_has_none_to_judge(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="m names no table"):
        table_of(tmp_path, some_model())


@pytest.mark.parametrize(
    ("trained", "required", "decision", "said"),
    [
        (False, False, "pass", "hg.py sets False"),
        (True, False, "fail", "hg.py sets True"),
        (True, True, "fail", "hg.py sets True"),
    ],
)
def test_a_training_config_must_agree(trained: bool, required: bool, decision: str, said: str) -> None:
    model = some_model(config=Path("/zoo/hg.py"), config_conditions={"flip_test": trained})
    verdict = Requirement("flip_test", required).of_conditions({"flip_test": False}, model)
    assert verdict.decision == decision
    assert said in verdict.reason


def test_what_a_training_config_leaves_open_is_no_verdict() -> None:
    model = some_model(config=Path("/zoo/hg.py"), config_conditions={"flip_test": Untold("it calls f()")})
    with pytest.raises(ConfigError, match=r"condition flip_test: it calls f\(\)"):
        Requirement("flip_test", False).of_conditions({"flip_test": False}, model)
    other = Requirement("padding", 1.25).of_conditions({"padding": 1.25}, model)
    assert other.decision == "pass"


def onnx_beside(only_fp32: int, only_onnx: int, **changes: Any) -> Measurement:
    """An ONNX file beside the fp32 net on 1000 samples."""
    fp32, onnx = outcomes(500, only_fp32, only_onnx, 500 - only_fp32 - only_onnx)
    return measured(fp32, onnx, net="onnx", runtime="onnxruntime 1.2", **changes)


@pytest.mark.parametrize(
    ("only_fp32", "only_onnx", "sqnr_db", "decision", "said"),
    [
        (0, 0, 120.0, "pass", "they differ by 0.00 points <= 0.10"),
        (1, 0, 120.0, "pass", "they differ by 0.10 points <= 0.10"),
        (0, 1, 40.0, "pass", "SQNR 40.0 dB >= 40 dB (onnxruntime 1.2)"),
        (0, 2, 120.0, "fail", "they differ by 0.20 points > 0.10"),
        (3, 0, 120.0, "fail", "onnx top1 = 50.00, ncnn fp32 = 50.30 (n = 1000 of 1000)"),
        (9, 9, 120.0, "pass", "they differ by 0.00 points <= 0.10"),
        (0, 0, 39.99, "fail", "< 40 dB"),
        (0, 0, float("inf"), "pass", "SQNR identical >= 40 dB"),
        (0, 0, float("-inf"), "fail", "SQNR noise without a signal < 40 dB"),
    ],
)
def test_parity_takes_metric_and_outputs(
    only_fp32: int, only_onnx: int, sqnr_db: float, decision: str, said: str
) -> None:
    agreement = OutputAgreement(16, {"a": float("inf"), "out0": sqnr_db})
    verdict = Parity(TOP1).of_measured(onnx_beside(only_fp32, only_onnx), agreement)
    assert verdict.decision == decision
    assert said in verdict.reason
    assert "raw outputs on 16 samples, worst output " in verdict.reason


def test_parity_on_a_subset_is_about_its_samples() -> None:
    agreement = OutputAgreement(16, {"out0": 100.0})
    verdict = Parity(TOP1).of_measured(onnx_beside(2, 0, total=50000), agreement)
    assert verdict.decision == "fail"
    assert "(n = 1000 of 50000)" in verdict.reason


def test_limits_know_their_net() -> None:
    limits = (Tolerance(TOP1, 1.0), Parity(TOP1), NetTolerance(TOP1, 1.0))
    assert [limit.net for limit in limits] == ["int8", "onnx", "onnx_int8"]
    assert [limit.name for limit in limits] == ["top1", "onnx[top1]", "onnx_int8[top1]"]


def test_an_int8_net_that_is_better_by_far_is_remarked() -> None:
    (remark,) = tolerance(1.0, measured([False] * 180 + [True] * 20, [True] * 200)).warnings
    assert remark == "int8 is better than fp32 by 90.00 points of top1: look at the fp32 net before you believe either"
    assert tolerance(1.0, measured([True] * 199 + [False], [True] * 200)).warnings == ()


def test_a_score_of_zero_tests_nothing() -> None:
    (remark,) = tolerance(1.0, measured([False] * 200, [False] * 200)).warnings
    assert remark.startswith("fp32 scores 0.00 in top1, so no drop is possible and the limit tests nothing")
