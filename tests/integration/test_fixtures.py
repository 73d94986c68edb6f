"""Fixtures for tests in Python."""

from __future__ import annotations

import pytest

from pytest_quant.nets.base import Array
from pytest_quant.nets.ncnn.ncnn_net import NcnnRunner
from tests import tiny
from tests.integration.runs import Run, run_quant


@pytest.fixture(autouse=True)
def zoo(pytester: pytest.Pytester) -> None:
    tiny.write_images(pytester.path)
    tiny.write_zoo(pytester.path, {"good": tiny.model_entry(pytester.path, "good", floor={"top1": 10.0})})


def run(pytester: pytest.Pytester, code: str, *args: str) -> Run:
    (pytester.path / "test_it.py").write_text(f"import numpy as np\nimport pytest\n{code}")
    return run_quant(pytester, "test_it.py", *args)


def test_nets_run_arrays_and_predict_samples(pytester: pytest.Pytester) -> None:
    found = run(
        pytester,
        """
def test_run(ncnn_fp32, ncnn_int8):
    image = np.zeros((3, 8, 8), np.float32)
    image[1] = 1.0
    for net in (ncnn_fp32, ncnn_int8):
        outputs = net.run(image)
        assert list(outputs) == ["prob"]
        assert outputs["prob"].dtype == np.float32
        assert outputs["prob"].shape == (4,)
        assert outputs["prob"].argmax() == 1
    assert not np.array_equal(ncnn_fp32.run(image)["prob"], ncnn_int8.run(image)["prob"])
    assert repr(ncnn_fp32) == "<fp32 of good>"

def test_predict(ncnn_fp32, ncnn_int8, quant_dataset, quant_scores):
    right = same = 0
    for sample in quant_dataset.samples:
        one, other = ncnn_fp32.predict(sample), ncnn_int8.predict(sample)
        right += one.label == sample.truth
        same += one.label == other.label
    assert 100 * right / len(quant_dataset.samples) == pytest.approx(quant_scores.fp32.top1)
    assert 100 * same / len(quant_dataset.samples) == pytest.approx(quant_scores.flips.agreement_pct)
""",
    )
    found.result.assert_outcomes(passed=2)


def test_an_input_that_is_not_usable_is_refused_before_ncnn_sees_it(pytester: pytest.Pytester) -> None:
    found = run(
        pytester,
        """
GOOD = np.zeros((3, 8, 8), np.float32)

@pytest.mark.parametrize(("bad", "words"), [
    (GOOD.astype(np.float64), "dtype float64, expected float32"),
    (GOOD.astype(np.uint8), "dtype uint8, expected float32"),
    (GOOD[None], "no batch dimension"),
    (GOOD.transpose(1, 2, 0), "with 3 channels"),
    (GOOD[:, :4], "expected width 8 and height 8"),
    (GOOD * np.nan, "not finite"),
    ([1.0], "expected a numpy array"),
])
def test_it(ncnn_int8, bad, words):
    with pytest.raises(Exception, match=words) as caught:
        ncnn_int8.run(bad)
    assert type(caught.value).__name__ == "RunnerError"
    assert "good-int8.param" in str(caught.value)
    assert ncnn_int8.run(GOOD)["prob"].size == 4
""",
    )
    found.result.assert_outcomes(passed=7)


def test_spec_and_dataset_are_those_of_the_zoo(pytester: pytest.Pytester) -> None:
    found = run(
        pytester,
        """
def test_it(quant_spec, quant_dataset):
    assert quant_spec.name == "good"
    assert quant_spec.task == "classification"
    assert quant_spec.nets["fp32"].entry.param.name == "good.param"
    assert quant_spec.nets["int8"].entry.bin.name == "good-int8.bin"
    assert quant_spec.input.size == (8, 8)
    assert [limit.name for limit in quant_spec.limits] == ["top1", "floor[top1]", "sanity", "int8"]
    assert len(quant_dataset.samples) == 60
    pixels = quant_dataset.read(quant_dataset.samples[0])
    assert pixels.shape == (8, 8, 3)
    assert pixels.dtype == np.uint8
""",
    )
    found.result.assert_outcomes(passed=1)


def test_scores_are_the_report_s(pytester: pytest.Pytester) -> None:
    found = run(
        pytester,
        """
def test_it(quant_scores):
    scores = quant_scores
    assert scores.fp32.top1 == pytest.approx(86.666, abs=0.01)
    assert scores.int8.top1 == pytest.approx(85)
    assert scores.drop.top1 == pytest.approx(scores.fp32.top1 - scores.int8.top1)
    assert scores.ci.top1.low <= scores.drop.top1 <= scores.ci.top1.high
    assert scores.ci.top1.level == pytest.approx(0.9)
    assert (scores.flips.only_fp32_right, scores.flips.only_int8_right) == (1, 0)
    assert scores.flips.agreement_pct == pytest.approx(100 - 100 / 60)
    with pytest.raises(AttributeError, match="no metric 'hmean' was measured; measured: top1"):
        scores.int8.hmean
    assert not hasattr(scores.int8, "AP")
""",
    )
    found.result.assert_outcomes(passed=1)
    assert found.report is not None
    assert found.report["models"]["good"]["metrics"]["top1"]["int8"] == pytest.approx(85)


def test_scores_of_a_subset_are_about_the_whole_dataset(pytester: pytest.Pytester) -> None:
    code = """
def test_it(quant_scores):
    ci = quant_scores.ci.top1
    print("WIDTH", ci.high - ci.low)
"""
    widths = []
    for size in ("59", "20"):
        found = run(pytester, code, "--quant-samples", size, "-s")
        found.result.assert_outcomes(passed=1)
        widths.append(float(next(line for line in found.result.outlines if "WIDTH" in line).split("WIDTH")[1]))
    assert widths[0] < 4  # 59 of 60: what the last one can change
    assert widths[1] > 2 * widths[0]


def test_scores_are_measured_when_first_read_and_once(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes: list[Array] = []
    forward = NcnnRunner.run

    def counted(net: NcnnRunner, array: Array) -> dict[str, Array]:
        passes.append(array)
        return forward(net, array)

    monkeypatch.setattr(NcnnRunner, "run", counted)
    found = run(pytester, "def test_it(quant_scores): quant_scores.drop")
    found.result.assert_outcomes(passed=1)
    assert not passes
    found = run(
        pytester,
        "def test_it(quant_scores): assert quant_scores.drop.top1 < quant_scores.fp32.top1\n"
        "def test_again(quant_scores): assert quant_scores.int8.top1 > 0\n",
    )
    found.result.assert_outcomes(passed=2)
    assert len(passes) == 2 * 60


def test_nets_are_loaded_when_used_and_closed_with_the_test(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    load, close = NcnnRunner.__init__, NcnnRunner.close

    def loading(net: NcnnRunner, setup: object) -> None:
        events.append("load")
        load(net, setup)  # type: ignore[arg-type]

    def closing(net: NcnnRunner) -> None:
        events.append("close")
        close(net)

    monkeypatch.setattr(NcnnRunner, "__init__", loading)
    monkeypatch.setattr(NcnnRunner, "close", closing)
    code = """
X = np.zeros((3, 8, 8), np.float32)
def test_unused(ncnn_fp32, ncnn_int8): pass
def test_one(ncnn_fp32, ncnn_int8):
    ncnn_fp32.run(X); ncnn_fp32.run(X)
def test_failing(ncnn_int8):
    ncnn_int8.run(X)
    assert 0
"""
    run(pytester, code).result.assert_outcomes(passed=2, failed=1)
    assert events == ["load", "close"] * 2


def test_errors_of_a_model_are_told_without_traceback(pytester: pytest.Pytester) -> None:
    (pytester.path / "images" / "007.png").write_bytes(b"no image")
    found = run(
        pytester,
        """
def test_scores(quant_scores): quant_scores.int8.top1

def test_predict(ncnn_int8, quant_dataset):
    for sample in quant_dataset.samples:
        ncnn_int8.predict(sample)
""",
    )
    found.result.assert_outcomes(failed=2)
    scores = found.text.split("test_scores[good]")[1].split("test_predict")[0]
    assert "sample 'images/007.png' (images/007.png)" in scores
    assert "Traceback" not in scores
    assert "During handling" not in scores
    assert "quant_dataset.samples:" in found.text  # the user's own call: pytest shows where
