"""ONNX files beside the ncnn nets: cases, table, report, fixture, also under xdist."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from pytest_quant.nets.graph_runner import GraphRunner
from tests import tiny, tiny_onnx
from tests.integration.runs import Run, forget_import, run_quant
from tests.integration.test_other_tasks import IMAGES, pose_zoo, text_zoo
from tests.unit.report.volatile import without_volatile

RUNTIME = f"onnxruntime {onnxruntime.__version__}"


def write_zoo(folder: Path, **changes: Any) -> None:
    """A model with a faithful ONNX file, unless ``changes`` say otherwise."""
    tiny.write_images(folder)
    if "onnx" not in changes:
        changes["onnx"] = tiny_onnx.write_onnx(folder)
    tiny.write_zoo(folder, {"tiny": tiny.model_entry(folder, **{"floor": {"top1": 10.0}, **changes})})


def onnx_block(run: Run, net: str = "onnx") -> dict[str, Any]:
    assert run.report is not None
    block: dict[str, Any] = run.report["models"]["tiny"][net]
    return block


def test_a_faithful_file(pytester: pytest.Pytester) -> None:
    write_zoo(pytester.path)
    run = run_quant(pytester, "--quant-report", "report.md")
    assert run.verdicts == dict.fromkeys(("tiny::top1", "tiny::floor[top1]", "tiny::int8", "tiny::onnx[top1]"), "pass")
    assert run.status == 0
    case = run.cases["tiny::onnx[top1]"]
    assert case["reason"].startswith(
        "onnx top1 = 86.67, ncnn fp32 = 86.67 (n = 60 of 60): they differ by 0.00 points <= 0.10; raw outputs on 16 "
        "samples, worst output prob: SQNR 1"
    )
    assert case["reason"].endswith(f" dB >= 40 dB ({RUNTIME})")
    assert (case["kind"], case["metric"], case["limit"], case["value"]) == ("onnx", "top1", pytest.approx(0.1), 0)
    block = onnx_block(run)
    assert block["metrics"] == {"top1": {"onnx": pytest.approx(86.666667), "fp32": pytest.approx(86.666667), "drop": 0}}
    assert block["flips"] == {"only_onnx_right": 0, "only_fp32_right": 0, "agreement": 100}
    assert (block["outputs"]["samples"], block["outputs"]["worst"]) == (16, "prob")
    assert 100 < block["outputs"]["blobs"]["prob"]["sqnr_db"] < 200
    assert block["runtime"] == RUNTIME
    assert run.report is not None
    assert run.report["models"]["tiny"]["files"]["onnx"]["path"] == "tiny.onnx"
    header, row = (line.split() for line in run.text.splitlines() if line.startswith(("model ", "tiny ")))
    assert header[:5] == ["model", "dataset", "metric", "onnx", "fp32"]
    assert row[:5] == ["tiny", "colours", "top1", "86.67", "86.67"]
    assert f"on the same samples, by {RUNTIME}" in run.text
    assert "| model | dataset | metric | onnx | fp32 |" in (pytester.path / "report.md").read_text()


def test_without_such_a_file_nothing_of_it_is_shown(pytester: pytest.Pytester) -> None:
    write_zoo(pytester.path, onnx=None)
    run = run_quant(pytester)
    assert "onnx" not in run.text
    assert run.report is not None
    assert "onnx" not in run.report["models"]["tiny"]


def test_an_onnxruntime_that_cannot_be_imported_is_told(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    forget_import(monkeypatch, "pytest_quant.nets.onnxruntime.session")
    write_zoo(pytester.path)
    run = run_quant(pytester)
    assert run.verdicts["tiny::onnx[top1]"] == "error"
    assert "onnxruntime is installed but cannot be imported" in run.cases["tiny::onnx[top1]"]["reason"]
    assert "Traceback" not in run.text


def test_another_model(pytester: pytest.Pytester) -> None:
    """Its metric and its outputs are other ones."""
    write_zoo(pytester.path, onnx=tiny_onnx.write_onnx(pytester.path, shift=2.0))
    run = run_quant(pytester)
    assert run.verdicts["tiny::onnx[top1]"] == "fail"
    assert run.verdicts["tiny::top1"] == "pass"
    case = run.cases["tiny::onnx[top1]"]
    assert "points > 0.10; raw outputs on 16 samples" in case["reason"]
    assert " dB < 40 dB" in case["reason"]
    assert "tiny on colours, onnx[top1]: right only in fp32 " in run.text
    assert ", only in onnx " in run.text


def test_the_same_answers_from_other_outputs_fail(pytester: pytest.Pytester) -> None:
    """Small changes of the weights flip no answer, and are seen in the raw outputs."""
    write_zoo(pytester.path, onnx=tiny_onnx.write_onnx(pytester.path, noise=0.04))
    case = run_quant(pytester).cases["tiny::onnx[top1]"]
    assert case["verdict"] == "fail"
    assert "differ by 0.00 points <= 0.10" in case["reason"]
    assert " dB < 40 dB" in case["reason"]


def test_a_known_difference_can_be_expected(pytester: pytest.Pytester) -> None:
    onnx_file = tiny_onnx.write_onnx(pytester.path, shift=2.0)
    write_zoo(pytester.path, onnx=onnx_file, xfail={"onnx[top1]": "issue 7"})
    run = run_quant(pytester)
    assert run.verdicts["tiny::onnx[top1]"] == "fail xfailed"
    assert run.status == 0


@pytest.mark.parametrize("writer", [tiny_onnx.write_qdq, tiny_onnx.write_qlinear])
def test_quantized_onnx_stands_beside_int8(pytester: pytest.Pytester, writer: Any) -> None:
    write_zoo(pytester.path, onnx=None, onnx_int8=writer(pytester.path))
    run = run_quant(pytester, "--quant-report", "report.md")
    assert run.verdicts == dict.fromkeys(
        ("tiny::top1", "tiny::floor[top1]", "tiny::int8", "tiny::int8[onnx_int8]", "tiny::onnx_int8[top1]"), "pass"
    )
    case = run.cases["tiny::onnx_int8[top1]"]
    assert case["reason"].startswith("drop = 86.67 - ")
    assert (case["kind"], case["limit"]) == ("net", 5.0)
    block = onnx_block(run, "onnx_int8")
    numbers = block["metrics"]["top1"]
    assert numbers["fp32"] == run.metric("tiny")["fp32"]
    assert numbers["drop"] == pytest.approx(numbers["fp32"] - numbers["int8"]) == pytest.approx(case["value"])
    assert numbers["ci"][0] <= numbers["drop"] <= numbers["ci"][1]
    lines = run.text.splitlines()
    rows = [line for line in lines if line.startswith("tiny ")]
    assert [row.split()[0:2] for row in rows] == [["tiny", "colours"], ["tiny", "onnx_int8"]]
    assert rows[1].split()[-1] == "PASS"
    assert "drop <= 5.00" in rows[1]
    assert "onnx_int8: the quantized ONNX file in the place of int8" in run.text
    assert "| tiny onnx_int8 | colours | top1 | 86.67 |" in (pytester.path / "report.md").read_text()


def test_a_bad_quantized_onnx_fails_by_itself(pytester: pytest.Pytester) -> None:
    bad = tiny_onnx.write_qdq(pytester.path, scale=1 / 4000)  # saturates every input
    write_zoo(pytester.path, onnx=None, onnx_int8=bad)
    run = run_quant(pytester)
    assert run.verdicts["tiny::onnx_int8[top1]"] == "fail"
    assert run.verdicts["tiny::top1"] == "pass"
    rows = [line for line in run.text.splitlines() if line.startswith("tiny ")]
    assert [row.split()[-1] for row in rows] == ["PASS", "FAIL"]
    assert ", only in onnx_int8 " in run.text


def test_a_tolerance_of_its_own(pytester: pytest.Pytester) -> None:
    bad = {"file": tiny_onnx.write_qdq(pytester.path, scale=1 / 4000), "tolerance": {"top1": 95.0}}
    write_zoo(pytester.path, onnx=None, onnx_int8=bad)
    (pytester.path / "pytest.ini").write_text("[pytest]\nquant_max_tolerance = 100\n")
    case = run_quant(pytester).cases["tiny::onnx_int8[top1]"]
    assert (case["verdict"], case["limit"]) == ("pass", 95.0)


def test_serial_and_parallel_give_the_same_report(pytester: pytest.Pytester) -> None:
    write_zoo(pytester.path, onnx_int8=tiny_onnx.write_qdq(pytester.path))
    serial, parallel = run_quant(pytester), run_quant(pytester, "-n", "2")
    assert serial.report is not None
    assert parallel.report is not None
    assert without_volatile(serial.report) == without_volatile(parallel.report)
    assert {"onnx", "onnx_int8"} <= set(serial.report["models"]["tiny"])


def test_predictions_are_kept_by_content(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    passes: list[object] = []
    forward = GraphRunner.run

    def counted(runner: GraphRunner, array: Any) -> Any:
        passes.append(array)
        return forward(runner, array)

    monkeypatch.setattr(GraphRunner, "run", counted)
    write_zoo(pytester.path)

    def counted_passes() -> int:
        passes.clear()
        assert run_quant(pytester, "--quant-cache", "kept").status == 0
        return len(passes)

    assert counted_passes() == 60 + 16
    assert counted_passes() == 0
    model = onnx.load(pytester.path / "tiny.onnx")
    model.doc_string = "other bytes"
    onnx.save(model, pytester.path / "tiny.onnx")
    assert counted_passes() == 60 + 16


def test_a_subset_is_the_same_for_every_net(pytester: pytest.Pytester) -> None:
    write_zoo(pytester.path, onnx_int8=tiny_onnx.write_qdq(pytester.path))
    run = run_quant(pytester, "--quant-samples", "10", "--quant-inconclusive", "pass")
    assert "(n = 10 of 60)" in run.cases["tiny::onnx[top1]"]["reason"]
    assert "raw outputs on 10 samples" in run.cases["tiny::onnx[top1]"]["reason"]
    assert "n = 10 of 60" in run.cases["tiny::onnx_int8[top1]"]["reason"]
    assert "tiny::onnx_int8[top1]: 10 of 60 samples can prove drop <= 5.00" in run.text


def test_early_stop(pytester: pytest.Pytester) -> None:
    """`onnx` takes the samples of int8; `onnx_int8` has an end of its own, and a clear failure comes early."""
    tiny.write_images(pytester.path, 400)
    entry = tiny.write_bad_model(pytester.path, "tiny", onnx=tiny_onnx.write_onnx(pytester.path))
    entry["onnx_int8"] = tiny_onnx.write_qdq(pytester.path)
    tiny.write_zoo(pytester.path, {"tiny": entry})
    run = run_quant(pytester, "--quant-early-stop")
    assert run.report is not None
    model = run.report["models"]["tiny"]
    assert model["samples"]["stopped_early"] is True
    assert model["onnx"]["evaluated"] == model["samples"]["evaluated"] < 100
    assert model["onnx_int8"]["samples"]["evaluated"] > model["samples"]["evaluated"]
    assert run.verdicts == {
        "tiny::top1": "fail",
        "tiny::int8": "pass",
        "tiny::int8[onnx_int8]": "pass",
        "tiny::onnx[top1]": "pass",
        "tiny::onnx_int8[top1]": "pass",
    }


def test_early_stop_with_only_the_onnx_case(pytester: pytest.Pytester) -> None:
    tiny.write_images(pytester.path, 400)
    entry = tiny.write_bad_model(pytester.path, "tiny", onnx=tiny_onnx.write_onnx(pytester.path))
    tiny.write_zoo(pytester.path, {"tiny": entry})
    run = run_quant(pytester, "--quant-early-stop", "-k", "onnx")
    assert run.verdicts == {"tiny::onnx[top1]": "pass"}
    assert run.report is not None
    assert run.report["models"]["tiny"]["samples"]["evaluated"] < 100


@pytest.mark.parametrize("flip_test", [False, True])
def test_keypoints(pytester: pytest.Pytester, flip_test: bool) -> None:
    """A sample is an image with its persons: several inputs, and mirrored ones."""
    weights, bias = np.full((17, 3), 1 / 3, np.float32), np.zeros(17, np.float32)
    name = tiny_onnx.write_convolution(pytester.path, "spots.onnx", weights, bias, "Relu")
    pose_zoo(pytester.path, "ground-truth", onnx=name, postprocess={"flip_test": flip_test})
    run = run_quant(pytester)
    assert run.verdicts["spots::onnx[AP]"] == "pass"
    assert run.report is not None
    found = run.report["models"]["spots"]["onnx"]
    assert found["metrics"]["AP"]["onnx"] == pytest.approx(run.metric("spots", "AP")["fp32"])
    assert found["outputs"]["samples"] == IMAGES


def test_text_detection_at_a_threshold_of_the_fp32_net(pytester: pytest.Pytester) -> None:
    weights, bias = np.full((1, 3), 4.0, np.float32), np.full(1, -6.0, np.float32)
    name = tiny_onnx.write_convolution(pytester.path, "bars.onnx", weights, bias, "Sigmoid")
    text_zoo(pytester.path, tiny.GOOD_SCALE, onnx=name)
    run = run_quant(pytester)
    assert run.verdicts["bars::onnx[hmean]"] == "pass"
    assert "onnx hmean = 1.0000, ncnn fp32 = 1.0000" in run.cases["bars::onnx[hmean]"]["reason"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"onnx": "absent.onnx"}, "absent.onnx does not exist"),
        ({"onnx": "tiny.param"}, "tiny.param: is not an ONNX file"),
        ({"onnx": {"file": "tiny.onnx", "inputs": "x"}}, "onnx.inputs: goes with `inputs` of the model"),
        ({"onnx": 5}, "onnx: found 5 (int), expected the path of an ONNX file, or the keys file, input and outputs"),
        ({"onnx": "gray.onnx"}, "takes 1 channels, input.color rgb gives 3"),
        ({"onnx": "batch.onnx"}, "fixes the batch to 8"),
        ({"onnx": "small.onnx"}, "fixes width and height to [4, 4], input.size is [8, 8]"),
        ({"onnx": "two.onnx"}, "has 2 inputs (a (float32 1 x 3 x 8 x 8), b"),
        ({"onnx": "many.onnx"}, "which of them the blobs prob are cannot be told"),
        ({"onnx": "new.onnx"}, "has opset 99"),
        ({"onnx": "qdq.onnx"}, "is a quantized model (2 DequantizeLinear, 1 QuantizeLinear)"),
        ({"onnx_int8": "tiny.onnx"}, "has no quantized operator: it is a float model under `onnx_int8`"),
        ({"onnx_int8": {"file": "qdq.onnx", "tolerance": {"hmean": 0.1}}}, "has no metric 'hmean'"),
        ({"onnx_int8": {"file": "qdq.onnx", "tolerance": {"top1": 100}}}, "probably a unit mistake"),
        ({"onnx_int8": "qdq.onnx", "tolerance": None}, "neither it nor the model has a tolerance"),
        (
            {"onnx": "tiny.onnx", "tolerance": None, "floor": None, "require": {"seed": 0}},
            "no limit of the model names",
        ),
    ],
)
def test_what_does_not_fit_is_said_before_anything_runs(
    pytester: pytest.Pytester, changes: dict[str, Any], words: str
) -> None:
    folder = pytester.path
    tiny_onnx.write_qdq(folder, "qdq.onnx")
    tiny_onnx.write_two_inputs(folder, "two.onnx")
    tiny_onnx.write_onnx(folder, "gray.onnx", shape=(1, 1, 8, 8))
    tiny_onnx.write_onnx(folder, "batch.onnx", shape=(8, 3, 8, 8))
    tiny_onnx.write_onnx(folder, "small.onnx", shape=(1, 3, 4, 4))
    tiny_onnx.write_onnx(folder, "many.onnx", more_outputs=True)
    tiny_onnx.write_onnx(folder, "new.onnx", opset=99)
    tiny_onnx.write_onnx(folder)
    write_zoo(folder, **{"onnx": None, **changes})
    run = run_quant(pytester)
    assert run.verdicts == {"tiny::config": "error"}
    reason = run.cases["tiny::config"]["reason"]
    assert words in reason
    assert reason.startswith("zoo.quant.yaml:")


def test_an_output_that_the_entry_names(pytester: pytest.Pytester) -> None:
    name = tiny_onnx.write_onnx(pytester.path, more_outputs=True)
    write_zoo(pytester.path, onnx={"file": name, "input": "image", "outputs": ["probabilities"]})
    assert run_quant(pytester).verdicts["tiny::onnx[top1]"] == "pass"


def test_an_error_of_the_file_leaves_the_other_cases_alone(pytester: pytest.Pytester) -> None:
    """It has open axes and only the wrong number of weights: nothing shows before it runs."""
    name = tiny_onnx.write_onnx(pytester.path, shape=("n", "c", "h", "w"))
    model = onnx.load(pytester.path / name)
    weights = onnx.numpy_helper.to_array(model.graph.initializer[0])[:, :2]
    model.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(weights, "w"))
    onnx.save(model, pytester.path / name)
    write_zoo(pytester.path, onnx=name)
    run = run_quant(pytester)
    assert run.verdicts["tiny::onnx[top1]"] == "error"
    assert "cannot run it: " in run.cases["tiny::onnx[top1]"]["reason"]
    assert run.verdicts["tiny::top1"] == "pass"
    assert "INTERNALERROR" not in run.text


@pytest.mark.parametrize("args", [(), ("-n", "2")], ids=["serial", "parallel"])
def test_the_fixture(pytester: pytest.Pytester, args: tuple[str, ...]) -> None:
    """Without `quant_model` a test that takes it runs for the models that have an ONNX file."""
    write_zoo(pytester.path)
    entry = tiny.model_entry(pytester.path, "other")
    with_file = tiny.model_entry(pytester.path, "tiny", onnx="tiny.onnx")
    tiny.write_zoo(pytester.path, {"tiny": with_file, "other": entry})
    pytester.makepyfile(
        test_it="""
        import numpy as np
        from pytest_quant import quant_model, quant_tolerance

        def test_close(onnx_fp32, ncnn_fp32, quant_dataset):
            image = np.random.default_rng(0).uniform(-1, 1, (3, 8, 8)).astype(np.float32)
            one, other = onnx_fp32.run(image), ncnn_fp32.run(image)
            assert list(one) == list(other) == ["prob"]
            assert one["prob"].shape == other["prob"].shape == (4,)
            np.testing.assert_allclose(one["prob"], other["prob"], rtol=1e-4)
            sample = quant_dataset.samples[0]
            assert onnx_fp32.predict(sample).label == ncnn_fp32.predict(sample).label
            assert repr(onnx_fp32) == "<onnx of tiny>"

        @quant_model("other")
        def test_named(onnx_fp32): raise AssertionError

        @quant_tolerance(AP=0.01)
        def test_none(onnx_fp32): raise AssertionError
        """
    )
    run = run_quant(pytester, "test_it.py", "-W", "ignore::pytest_quant.spec.errors.QuantWarning", *args)
    run.result.assert_outcomes(passed=1, failed=2)
    assert "the fixture onnx_fp32: other has no `onnx` in zoo.quant.yaml" in run.text
    assert "no model of the zoo has a task with the metric AP and the key `onnx`" in run.text
