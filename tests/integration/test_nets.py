"""Nets of any format as fp32 and int8, and further nets beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnxruntime
import pytest

from tests import tiny, tiny_onnx
from tests.integration.runs import Run, run_quant
from tests.unit.report.volatile import without_volatile

INPUT = {"blob": "image", "size": [tiny.SIDE, tiny.SIDE], "mean": [127.5] * 3, "std": [127.5] * 3}
RUNTIME = f"onnxruntime {onnxruntime.__version__}"
WORKERS = pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["serial", "xdist"])


def write_onnx_zoo(folder: Path, **changes: Any) -> None:
    """A model of two ONNX files; the folder holds no file of ncnn."""
    tiny.write_images(folder)
    entry: dict[str, Any] = {
        "task": "classification",
        "dataset": "colours",
        "fp32": {"onnxruntime": tiny_onnx.write_onnx(folder)},
        "int8": {"onnxruntime": tiny_onnx.write_qdq(folder)},
        "input": INPUT,
        "output": "probabilities",
        "tolerance": {"top1": 5.0},
        **changes,
    }
    tiny.write_zoo(folder, {"tiny": entry})


def write_with_nets(folder: Path, nets: dict[str, Any], **changes: Any) -> None:
    """A model of ncnn with further nets."""
    tiny.write_images(folder)
    tiny.write_zoo(folder, {"tiny": tiny.model_entry(folder, nets=nets, **changes)})


def same_report(pytester: pytest.Pytester, *args: str) -> Run:
    """A run whose report is the same serially and on two processes."""
    serial, parallel = run_quant(pytester, *args), run_quant(pytester, "-n", "2", *args)
    assert serial.report is not None
    assert parallel.report is not None
    assert without_volatile(serial.report) == without_volatile(parallel.report)
    assert serial.status == parallel.status
    return serial


def test_a_model_without_any_file_of_ncnn(pytester: pytest.Pytester) -> None:
    write_onnx_zoo(pytester.path, floor={"top1": 80.0})
    assert not list(pytester.path.glob("*.param"))
    run = same_report(pytester, "--quant-report", "report.md")
    assert run.verdicts == dict.fromkeys(("tiny::top1", "tiny::floor[top1]", "tiny::int8"), "pass")
    assert run.cases["tiny::int8"]["reason"] == "quantized layers: Conv 1 of 1 (QDQ)"
    assert run.report is not None
    files = run.report["models"]["tiny"]["files"]
    assert {name: file["path"] for name, file in files.items()} == {"fp32": "tiny.onnx", "int8": "tiny-qdq.onnx"}
    assert run.report["environment"]["runtimes"]["onnxruntime"] == onnxruntime.__version__
    assert "tiny   colours  top1    86.67" in run.text
    assert "| tiny | colours | top1 | 86.67 |" in (pytester.path / "report.md").read_text()


def test_its_predictions_are_kept(pytester: pytest.Pytester) -> None:
    write_onnx_zoo(pytester.path)
    cached = []
    for _ in range(2):
        run = run_quant(pytester, "--quant-cache", "kept")
        assert run.report is not None
        cached.append(run.report["models"]["tiny"]["timing"]["cached"])
    assert cached == [{"fp32": False, "int8": False}, {"fp32": True, "int8": True}]


def test_its_baseline(pytester: pytest.Pytester) -> None:
    write_onnx_zoo(pytester.path)
    assert run_quant(pytester, "--quant-baseline", "b.json", "--quant-update-baseline").status == 0
    tiny_onnx.write_qdq(pytester.path, scale=1 / 4000)
    run = run_quant(pytester, "--quant-baseline", "b.json")
    assert run.verdicts["tiny::baseline[top1]"] == "fail"


@pytest.mark.parametrize(
    ("writer", "says"),
    [
        (tiny_onnx.write_qdq, "quantized layers: Conv 1 of 1 (QDQ)"),
        (tiny_onnx.write_qlinear, "quantized layers: Conv 1 of 1 (quantized operators)"),
        (tiny_onnx.write_dynamic, "quantized layers: Conv 1 of 1 (dynamic)"),
    ],
)
def test_what_is_quantized(pytester: pytest.Pytester, writer: Any, says: str) -> None:
    write_onnx_zoo(pytester.path, int8={"onnxruntime": writer(pytester.path, "q.onnx")})
    run = run_quant(pytester)
    assert run.verdicts == {"tiny::top1": "pass", "tiny::int8": "pass"}
    assert run.cases["tiny::int8"]["reason"] == says


def test_a_float_file_under_int8(pytester: pytest.Pytester) -> None:
    write_onnx_zoo(pytester.path, int8={"onnxruntime": "tiny.onnx"})
    run = run_quant(pytester)
    assert run.verdicts == {"tiny::top1": "pass", "tiny::sanity": "fail", "tiny::int8": "fail"}
    assert "identical: fp32 and int8 give the same outputs for all " in run.cases["tiny::sanity"]["reason"]
    assert run.cases["tiny::int8"]["reason"] == (
        "tiny.onnx has no quantized layer: it is a float net under `int8` (layers that could be int8: 1 Conv)"
    )


def test_its_layers(pytester: pytest.Pytester) -> None:
    write_onnx_zoo(pytester.path, int8={"onnxruntime": tiny_onnx.write_qdq(pytester.path, "q.onnx", scale=1 / 4000)})
    run = run_quant(pytester, "--quant-rescue", "--quant-diagnose", "--quant-report", "report.md")
    assert run.report is not None
    assert run.verdicts["tiny::top1"] == "fail"
    (worst,) = run.report["models"]["tiny"]["diagnosis"]["worst"]
    assert worst == "conv"
    assert "worst layers, by the SQNR of the output when they alone are int8: conv " in run.text
    assert "| conv | Conv | " in (pytester.path / "report.md").read_text()
    assert "INTERNALERROR" not in run.text


def test_the_layers_of_a_further_net(pytester: pytest.Pytester) -> None:
    broken = tiny_onnx.write_qdq(pytester.path, "q.onnx", scale=1 / 4000)
    write_onnx_zoo(pytester.path, nets={"also": {"onnxruntime": broken}})
    run = run_quant(pytester, "--quant-report", "report.md", "--quant-report", "report.html")
    assert run.report is not None
    assert run.verdicts["tiny::also[top1]"] == "fail"
    assert run.report["models"]["tiny"]["nets"]["also"]["diagnosis"]["worst"] == ["conv"]
    assert "diagnosis" not in run.report["models"]["tiny"]
    assert "  all layers: pytest-quant diagnose --zoo zoo.quant.yaml --model tiny --net also" in run.text
    assert "tiny, also, SQNR of the output " in (pytester.path / "report.md").read_text()
    assert "<h4>Layers of also</h4>" in (pytester.path / "report.html").read_text()


@WORKERS
def test_fixtures(pytester: pytest.Pytester, workers: tuple[str, ...]) -> None:
    write_onnx_zoo(pytester.path, nets={"also": {"onnxruntime": "tiny-qdq.onnx"}})
    pytester.makepyfile(
        test_it="""
        import numpy as np
        import pytest
        from pytest_quant import quant_tolerance
        from pytest_quant.spec.errors import ConfigError

        @quant_tolerance(top1=5.0)
        def test_nets(quant_nets, ncnn_int8, quant_dataset):
            image = np.random.default_rng(0).uniform(-1, 1, (3, 8, 8)).astype(np.float32)
            assert list(quant_nets) == ["fp32", "int8", "also"]
            found = {name: runner.run(image)["probabilities"] for name, runner in quant_nets.items()}
            assert np.array_equal(found["int8"], found["also"])
            assert not np.array_equal(found["int8"], found["fp32"])
            assert np.array_equal(ncnn_int8.run(image)["probabilities"], found["int8"])
            sample = quant_dataset.samples[0]
            assert quant_nets["also"].predict(sample).label == quant_nets["int8"].predict(sample).label
            with pytest.raises(ConfigError, match="tiny has no net 'alse' .* Did you mean `also`"):
                quant_nets["alse"]
        """
    )
    run = run_quant(pytester, "test_it.py", *workers)
    run.result.assert_outcomes(passed=1)


def test_further_nets_stand_beside_int8(pytester: pytest.Pytester) -> None:
    """Each has its own tolerance, floor, input and output, a row of its own, and does not touch the others."""
    folder = pytester.path
    nets = {
        "small": {
            "onnxruntime": tiny_onnx.write_onnx(folder, "small.onnx", shape=(1, 3, "h", "w")),
            "input": {"blob": "image", "size": [4, 4]},
            "output": "probabilities",
            "tolerance": {"top1": 2.0},
            "floor": {"top1": 60.0},
        },
        "swapped": {"onnxruntime": "small.onnx", "input": {"blob": "image", "color": "bgr"}},
        "again": {"param": "tiny-int8.param", "bin": "tiny-int8.bin"},
    }
    write_with_nets(folder, nets)
    run = same_report(pytester, "--quant-report", "report.md")
    assert run.verdicts == {
        "tiny::top1": "pass",
        "tiny::int8": "pass",
        "tiny::small[top1]": "pass",
        "tiny::floor[small.top1]": "pass",
        "tiny::swapped[top1]": "fail",
        "tiny::again[top1]": "pass",
    }
    case = run.cases["tiny::small[top1]"]
    assert (case["kind"], case["net"], case["limit"]) == ("net", "small", 2.0)
    floor = run.cases["tiny::floor[small.top1]"]
    assert (floor["kind"], floor["net"]) == ("floor", "small")
    assert floor["reason"].startswith("small top1 = 86.67 (")
    assert run.cases["tiny::again[top1]"]["limit"] == 5.0
    assert run.report is not None
    model = run.report["models"]["tiny"]
    assert set(model["nets"]) == {"small", "swapped", "again"}
    assert model["nets"]["small"]["runtime"] == RUNTIME
    assert model["nets"]["again"]["runtime"].startswith("ncnn ")
    assert model["nets"]["again"]["metrics"]["top1"]["int8"] == model["metrics"]["top1"]["int8"]
    assert {"fp32.param", "int8.bin", "small", "again.param"} <= set(model["files"])
    rows = [line.split() for line in run.text.splitlines() if line.startswith("tiny ")]
    assert [(row[1], row[-1]) for row in rows if row[1] != "on"][:4] == [
        ("colours", "PASS"),
        ("again", "PASS"),
        ("small", "PASS"),
        ("swapped", "FAIL"),
    ]
    assert "only in swapped" in run.text
    assert "| tiny small | colours | top1 |" in (folder / "report.md").read_text()


def test_the_short_key_is_a_net(pytester: pytest.Pytester) -> None:
    tiny_onnx.write_qdq(pytester.path)
    write_with_nets(pytester.path, {"onnx_int8": {"onnxruntime": "tiny-qdq.onnx", "tolerance": {"top1": 3.0}}})
    long = run_quant(pytester)
    tiny.write_zoo(
        pytester.path,
        {"tiny": tiny.model_entry(pytester.path, onnx_int8={"file": "tiny-qdq.onnx", "tolerance": {"top1": 3.0}})},
    )
    short = run_quant(pytester)
    assert long.report is not None
    assert short.report is not None
    assert without_volatile(long.report) == without_volatile(short.report)
    assert short.cases["tiny::onnx_int8[top1]"]["kind"] == "net"


def test_nets_of_two_runtimes_in_one_model(pytester: pytest.Pytester) -> None:
    """fp32 in ONNX Runtime, int8 in ncnn, which calls input and output otherwise."""
    names = tiny.write_net(pytester.path, "tiny-int8", int8=True)
    write_onnx_zoo(pytester.path, int8={**names, "input": {"blob": "data"}, "output": "prob"})
    run = run_quant(pytester)
    assert run.verdicts == {"tiny::top1": "pass", "tiny::int8": "pass"}


@WORKERS
def test_a_further_net_that_is_calibrated(pytester: pytest.Pytester, workers: tuple[str, ...]) -> None:
    tiny.write_images(pytester.path / "calibration", 8)
    made = {"calibrate": {"images": "calibration/images", "method": "minmax"}}
    write_with_nets(pytester.path, {"minmax": made})
    run = run_quant(pytester, *workers)
    assert run.verdicts["tiny::minmax[top1]"] == "pass"
    assert run.report is not None
    assert run.report["models"]["tiny"]["files"]["minmax.param"]["path"].endswith("tiny-minmax.param")


def test_a_net_that_breaks_leaves_the_others_alone(pytester: pytest.Pytester) -> None:
    name = tiny_onnx.write_onnx(pytester.path, shift=float("inf"))
    write_with_nets(pytester.path, {"broken": {"onnxruntime": name}, "good": {"onnxruntime": "good.onnx"}})
    tiny_onnx.write_onnx(pytester.path, "good.onnx")
    run = run_quant(pytester)
    assert run.verdicts == {
        "tiny::top1": "pass",
        "tiny::int8": "pass",
        "tiny::broken[top1]": "error",
        "tiny::good[top1]": "pass",
    }


@pytest.mark.parametrize(
    ("nets", "words"),
    [
        ({"a": {"onnxruntme": "tiny.onnx"}}, "nets.a.onnxruntme: unknown key. Did you mean `onnxruntime`?"),
        ({"a": {"param": "tiny.param"}}, "nets.a.bin: is missing: this key is required"),
        ({"a": {}}, "nets.a.param: is missing"),
        ({"a": {"onnxruntime": "tiny.onnx", "param": "tiny.param"}}, "nets.a.param: found it beside onnxruntime"),
        ({"a": {"onnxruntime": 5}}, "nets.a.onnxruntime"),
        ({"a": {"onnxruntime": {"path": "tiny.onnx"}}}, "nets.a.onnxruntime.file: is missing"),
        ({"a": {"onnxruntime": "tiny.onnx", "input": {"blob": "data"}}}, "nets.a: input: found 'data', expected"),
        ({"a": {"onnxruntime": "tiny.onnx", "output": "scores"}}, "has no output 'scores'"),
        ({"a": {"onnxruntime": "tiny.onnx", "input": {"color": "grey"}}}, "nets.a.input.color: found 'grey'"),
        (
            {"a": {"onnxruntime": "tiny.onnx", "input": {"color": "gray"}}},
            "nets.a.input.mean: found 3 values, expected 1",
        ),
        ({"a": {"onnxruntime": "tiny.onnx", "tolerance": {"hmean": 0.1}}}, "nets.a.tolerance.hmean: the task"),
        ({"a": {"onnxruntime": "tiny.onnx", "floor": {"top1": 0.9}}}, "nets.a.floor.top1: "),
        ({"int8": {"onnxruntime": "tiny.onnx"}}, "nets.int8: the name is taken by `int8` of the model"),
        ({"floor": {"onnxruntime": "tiny.onnx"}}, "nets.floor: the name is taken by a kind of case"),
        ({"a b": {"onnxruntime": "tiny.onnx"}}, "found the name 'a b', expected a letter or digit"),
        ({"a": {"onnxruntime": "wide.onnx"}}, "fixes width and height to [4, 4], input.size is [8, 8]"),
    ],
)
def test_what_does_not_fit_is_said_before_anything_runs(
    pytester: pytest.Pytester, nets: dict[str, Any], words: str
) -> None:
    tiny_onnx.write_onnx(pytester.path)
    tiny_onnx.write_onnx(pytester.path, "wide.onnx", shape=(1, 3, 4, 4))
    write_with_nets(pytester.path, nets)
    run = run_quant(pytester)
    assert run.verdicts == {"tiny::config": "error"}
    reason = run.cases["tiny::config"]["reason"]
    assert words in reason
    assert reason.startswith("zoo.quant.yaml:")


def test_only_ncnn_nets_are_made(pytester: pytest.Pytester) -> None:
    tiny.write_images(pytester.path / "calibration", 8)
    write_onnx_zoo(pytester.path, int8={"calibrate": {"images": "calibration/images"}})
    run = run_quant(pytester)
    assert run.verdicts == {"tiny::config": "error"}
    assert "int8.calibrate: fp32 is a net of onnxruntime, and what is made" in run.cases["tiny::config"]["reason"]


def test_names_of_fp32_are_those_of_its_file(pytester: pytest.Pytester) -> None:
    write_onnx_zoo(pytester.path, input={**INPUT, "blob": "imag"})
    reason = run_quant(pytester).cases["tiny::config"]["reason"]
    assert "input: found 'imag', expected the input of tiny.onnx: image" in reason
