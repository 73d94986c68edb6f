"""``fp32: {onnx: ...}``: the float net is converted before the cases run, once, by content."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_quant.cli.main import main
from tests import pnnx_stand_in, tiny, tiny_onnx
from tests.integration.runs import run_quant

INPUT = {"blob": "in0", "size": [tiny.SIDE, tiny.SIDE], "mean": [127.5] * 3, "std": [127.5] * 3}


def write_project(folder: Path, **changes: Any) -> None:
    """The fp32 net from ONNX, the int8 net from files that have pnnx's names, the ONNX file as a third."""
    tiny.write_images(folder)
    name = tiny_onnx.write_onnx(folder)
    int8 = tiny.write_net(folder, "tiny-int8", int8=True)
    entry = tiny.model_entry(folder, **{"fp32": {"onnx": name}, "input": INPUT, "output": "out0", **changes})
    param = folder / int8["param"]
    if entry["int8"] == int8:
        param.write_text(param.read_text().replace("data", "in0").replace("prob", "out0"))
    tiny.write_zoo(folder, {"tiny": entry})


@pytest.mark.parametrize("args", [(), ("-n", "2")], ids=["serial", "parallel"])
def test_it_is_made_once(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, args: tuple[str, ...]) -> None:
    site = pytester.path / "site"
    pnnx_stand_in.install(site, monkeypatch)
    pytester.makeconftest(f"import sys; sys.path.insert(0, {str(site)!r})")  # for workers
    write_project(pytester.path, onnx="tiny.onnx")
    keep = ("--quant-cache", "kept")
    run = run_quant(pytester, *keep, *args)
    assert run.verdicts == {"tiny::top1": "pass", "tiny::int8": "pass", "tiny::onnx[top1]": "pass"}
    assert len(pnnx_stand_in.calls(site)) == 1
    assert run.report is not None
    path = run.report["models"]["tiny"]["files"]["fp32.param"]["path"]
    assert path.startswith("built/")
    assert path.endswith("/tiny.param")
    run_quant(pytester, *keep, *args)
    assert len(pnnx_stand_in.calls(site)) == 1
    tiny_onnx.write_onnx(pytester.path, ir=9)
    run_quant(pytester, *keep, *args)
    assert len(pnnx_stand_in.calls(site)) == 2


def test_int8_is_made_from_what_was_converted(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    pnnx_stand_in.install(pytester.path / "site", monkeypatch)
    tiny.write_images(pytester.path / "calibration", 20, seed=7)
    write_project(pytester.path, int8={"calibrate": {"images": "calibration/images", "method": "minmax"}})
    assert run_quant(pytester).verdicts == {"tiny::top1": "pass", "tiny::int8": "pass", "tiny::table": "pass"}


def test_a_conversion_that_fails_is_said_by_every_case(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pnnx_stand_in.install(pytester.path / "site", monkeypatch, "sys.stderr.write('no such op' + chr(10)); sys.exit(3)")
    write_project(pytester.path)
    run = run_quant(pytester)
    assert run.verdicts == {"tiny::top1": "error", "tiny::int8": "error"}
    assert "pnnx cannot convert it (status 3). It printed: " in run.cases["tiny::top1"]["reason"]
    assert "no such op" in run.cases["tiny::int8"]["reason"]
    failures = run.text[: run.text.index("short test summary info")]
    assert failures.count("no such op") == 1, "it is printed once, the report has it for every case"
    assert "cannot be decided, for the reason that zoo.quant.yaml::tiny::top1 gives" in failures
    assert len(pnnx_stand_in.calls(pytester.path / "site")) == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"input": {**INPUT, "blob": "image"}}, "input.blob: found 'image', expected 'in0': pnnx calls the inputs of"),
        ({"output": "probabilities"}, "output: found 'probabilities', expected out0: pnnx calls the inputs of"),
        ({"output": "out1"}, "output: found 'out1', expected out0"),
        ({"fp32": {"onnx": "tiny.onnx", "param": "tiny.param"}}, "found it beside param; a net is either converted"),
        ({"fp32": {"onnx": "absent.onnx"}}, "absent.onnx does not exist"),
        ({"fp32": {"onnx": "qdq.onnx"}}, "is a quantized model: name the model before quantization"),
        ({"fp32": {}}, "fp32.param: is missing"),
    ],
)
def test_what_does_not_fit_is_said_before_anything_runs(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], words: str
) -> None:
    pnnx_stand_in.install(pytester.path / "site", monkeypatch)
    tiny_onnx.write_qdq(pytester.path, "qdq.onnx")
    tiny.write_net(pytester.path, "tiny")
    write_project(pytester.path, **changes)
    run = run_quant(pytester)
    assert run.verdicts == {"tiny::config": "error"}
    assert words in run.cases["tiny::config"]["reason"]
    assert pnnx_stand_in.calls(pytester.path / "site") == []


def test_without_pnnx(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_quant.nets.ncnn.pnnx.find_spec", lambda name: None)
    write_project(pytester.path)
    run = run_quant(pytester)
    assert run.verdicts == {"tiny::config": "error"}
    assert "which is not installed: pip install 'pytest-quant[pnnx]'" in run.cases["tiny::config"]["reason"]


def test_the_command_line_takes_ncnn_files(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pnnx_stand_in.install(pytester.path / "site", monkeypatch)
    write_project(pytester.path)
    assert main(["calibrate", "--zoo", "zoo.quant.yaml", "--dataset", "colours", "--out", "t.table"]) == 2
    assert "models.tiny.fp32: is converted from ONNX, and this command takes ncnn files" in capsys.readouterr().err
