"""Nets of OpenVINO and LiteRT as fp32, as int8 and beside others; each test says what it needs where it is absent."""

from __future__ import annotations

import builtins
from contextlib import suppress
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import pytest

from pytest_quant.extending.known import get_format
from tests import tiny_litert, tiny_onnx, tiny_openvino
from tests.integration.runs import forget_import, run_quant
from tests.integration.test_nets import INPUT, WORKERS, same_report, write_onnx_zoo, write_with_nets

MODULES = {"openvino": "openvino", "litert": "ai_edge_litert"}
for _module in MODULES.values():  # a run inside this process forgets what it imports, and these load only once
    with suppress(ImportError):
        import_module(_module)

QUANTIZED = {
    "openvino": "quantized layers: Convolution 1 of 1 (FakeQuantize)",
    "litert": "quantized layers: CONV_2D 1 of 1 (full integer)",
}
RUNTIMES = pytest.mark.parametrize("runtime", MODULES)


def needs(*runtimes: str) -> None:
    for runtime in runtimes:
        pytest.importorskip(MODULES[runtime], reason=f'needs the extra: pip install "pytest-quant[{runtime}]"')


def write_net(folder: Path, runtime: str, *, int8: bool = False, **changes: Any) -> dict[str, str]:
    """A net of a runtime, as its entry; ``scale`` is that of its input."""
    if runtime == "openvino":
        name = tiny_openvino.write_ir(folder, f"net{'-int8' * int8}.xml", int8=int8, **changes)
    else:
        form: Any = {"form": "int8" if int8 else "float"}
        name = tiny_litert.write_tflite(folder, f"net{'-int8' * int8}.tflite", **{**form, **changes})
    return {runtime: name}


def version(runtime: str) -> str:
    return f"{runtime} {get_format(runtime).version()}"


@RUNTIMES
def test_a_model_without_any_file_of_ncnn(pytester: pytest.Pytester, runtime: str) -> None:
    """Serially and on two processes, in every report."""
    needs(runtime)
    folder = pytester.path
    sides = {"fp32": write_net(folder, runtime), "int8": write_net(folder, runtime, int8=True)}
    write_onnx_zoo(folder, **sides, floor={"top1": 80.0, "agreement": 90.0, "sqnr_db": 20.0})
    run = same_report(pytester, "--quant-report", "report.md", "--quant-report", "report.html")
    cases = ("top1", "floor[top1]", "floor[agreement]", "floor[sqnr_db]", "int8")
    assert run.verdicts == {f"tiny::{case}": "pass" for case in cases}
    assert run.cases["tiny::int8"]["reason"] == QUANTIZED[runtime]
    assert run.report is not None
    model = run.report["models"]["tiny"]
    assert model["runtimes"] == dict.fromkeys(("fp32", "int8"), version(runtime))
    assert run.report["environment"]["runtimes"][runtime] == get_format(runtime).version()
    assert f"tiny: fp32 by {version(runtime)}, int8 by {version(runtime)}" in run.text
    assert "| tiny | colours | top1 | 86.67 |" in (folder / "report.md").read_text()
    assert version(runtime) in (folder / "report.html").read_text()


@RUNTIMES
def test_its_baseline_and_its_kept_predictions(pytester: pytest.Pytester, runtime: str) -> None:
    needs(runtime)
    folder = pytester.path
    write_onnx_zoo(folder, fp32=write_net(folder, runtime), int8=write_net(folder, runtime, int8=True))
    args = ("--quant-baseline", "b.json", "--quant-cache", "kept")
    assert run_quant(pytester, *args, "--quant-update-baseline").status == 0
    run = run_quant(pytester, *args)
    assert run.verdicts["tiny::baseline[top1]"] == "pass"
    assert run.report is not None
    assert run.report["models"]["tiny"]["timing"]["cached"] == {"fp32": True, "int8": True}
    write_net(folder, runtime, int8=True, scale=1 / 4000)
    assert run_quant(pytester, *args).verdicts["tiny::baseline[top1]"] == "fail"


@RUNTIMES
def test_deploy_is_another_runtime_setting(pytester: pytest.Pytester, runtime: str) -> None:
    """Its predictions are kept apart."""
    needs(runtime)
    folder = pytester.path
    sides = {"fp32": write_net(folder, runtime), "int8": write_net(folder, runtime, int8=True)}
    for setting in ("reference", "deploy"):
        write_onnx_zoo(folder, **sides, runtime=setting)
        run = run_quant(pytester, "--quant-cache", "kept")
        assert run.status == 0
        assert run.report is not None
        assert run.report["models"]["tiny"]["timing"]["cached"] == {"fp32": False, "int8": False}


@WORKERS
def test_one_model_in_four_runtimes(pytester: pytest.Pytester, workers: tuple[str, ...]) -> None:
    needs("openvino", "litert")
    folder = pytester.path
    nets: dict[str, dict[str, Any]] = {
        "onnx_int8": {"onnxruntime": tiny_onnx.write_qdq(folder)},
        "openvino_int8": {**write_net(folder, "openvino", int8=True), "floor": {"top1": 80.0, "sqnr_db": 20.0}},
        "litert_int8": {**write_net(folder, "litert", int8=True), "tolerance": {"top1": 2.0}},
    }
    write_net(folder, "litert", int8=True, scale=1 / 4000)
    (folder / "net-int8.tflite").rename(folder / "broken.tflite")
    nets["broken"] = {"litert": "broken.tflite", "output": "probabilities"}
    write_net(folder, "litert", int8=True)
    write_with_nets(folder, nets)
    run = run_quant(pytester, "--quant-report", "report.md", *workers)
    assert run.verdicts == {
        "tiny::top1": "pass",
        "tiny::int8": "pass",
        **{f"tiny::int8[{name}]": "pass" for name in ("onnx_int8", "openvino_int8", "litert_int8")},
        "tiny::onnx_int8[top1]": "pass",
        "tiny::openvino_int8[top1]": "pass",
        "tiny::floor[openvino_int8.top1]": "pass",
        "tiny::floor[openvino_int8.sqnr_db]": "pass",
        "tiny::litert_int8[top1]": "pass",
        "tiny::broken[top1]": "fail",
    }
    assert run.cases["tiny::litert_int8[top1]"]["limit"] == 2.0
    assert run.report is not None
    nets_found = run.report["models"]["tiny"]["nets"]
    assert nets_found["openvino_int8"]["runtime"] == version("openvino")
    assert nets_found["openvino_int8"]["flips"]["agreement"] > 90
    assert nets_found["openvino_int8"]["outputs"]["blobs"]["prob"]["sqnr_db"] > 30
    assert nets_found["litert_int8"]["metrics"]["top1"]["ci"] is not None
    rows = [line.split() for line in run.text.splitlines() if line.startswith("tiny ") and line.split()[-1].isupper()]
    assert {(row[1], row[-2], row[-1]) for row in rows} == {
        ("colours", "ncnn", "PASS"),
        ("onnx_int8", "onnxruntime", "PASS"),
        ("openvino_int8", "openvino", "PASS"),
        ("litert_int8", "litert", "PASS"),
        ("broken", "litert", "FAIL"),
    }
    assert "| flips | runtime | verdict |" in (folder / "report.md").read_text()


def test_the_column_is_left_out_where_all_runtimes_are_the_same(pytester: pytest.Pytester) -> None:
    write_with_nets(pytester.path, {"again": {"param": "tiny-int8.param", "bin": "tiny-int8.bin"}})
    assert " runtime " not in run_quant(pytester).text


@RUNTIMES
def test_fp32_in_ncnn_and_int8_elsewhere(pytester: pytest.Pytester, runtime: str) -> None:
    needs(runtime)
    write_with_nets(pytester.path, {}, int8=write_net(pytester.path, runtime, int8=True))
    run = run_quant(pytester)
    assert run.verdicts == {"tiny::top1": "pass", "tiny::int8": "pass"}
    assert f"int8 by {version(runtime)}" in run.text


@WORKERS
def test_an_operator_that_the_runtime_lacks(pytester: pytest.Pytester, workers: tuple[str, ...]) -> None:
    """One clear message, and the other cases run."""
    needs("litert", "openvino")
    folder = pytester.path
    tiny_openvino.write_ir(folder, "nobody.xml", last="Nobody")
    tiny_litert.write_tflite(folder, "custom.tflite", custom="MyOp")
    write_with_nets(folder, {"ir": {"openvino": "nobody.xml"}, "lite": {"litert": "custom.tflite"}})
    run = run_quant(pytester, *workers)
    errors = dict.fromkeys(("tiny::ir[top1]", "tiny::lite[top1]"), "error")
    assert run.verdicts == {"tiny::top1": "pass", "tiny::int8": "pass", **errors}
    reasons = {net: run.cases[f"tiny::{net}[top1]"]["reason"] for net in ("ir", "lite")}
    assert reasons["lite"].startswith("custom.tflite")
    assert "has custom operators, and LiteRT has no kernel for them: MyOp" in reasons["lite"]
    assert reasons["ir"].startswith("nobody.xml")
    assert "Nobody" in reasons["ir"]
    assert "Traceback" not in run.text


@RUNTIMES
def test_a_runtime_that_is_not_installed(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, runtime: str
) -> None:
    """One clear message with the command, and the other cases run. This is what it looks like without the extra."""
    needs(*(["litert"] if runtime == "litert" else []))  # which writes the file
    net = write_net(pytester.path, runtime, int8=True)
    without(monkeypatch, runtime)
    write_with_nets(pytester.path, {"other": net})
    run = run_quant(pytester)
    assert run.verdicts == {"tiny::top1": "pass", "tiny::int8": "pass", "tiny::other[top1]": "error"}
    distribution = get_format(runtime).distribution  # type: ignore[attr-defined]
    assert run.cases["tiny::other[top1]"]["reason"] == (
        f'{net[runtime]}: {distribution} runs it and is not installed: pip install "pytest-quant[{runtime}]"'
    )
    assert run.report is not None
    assert runtime not in run.report["environment"]["runtimes"]
    assert "Traceback" not in run.text


def test_runtimes_that_are_not_installed_on_two_processes(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs("litert")
    nets = {runtime: write_net(pytester.path, runtime, int8=True) for runtime in MODULES}
    distributions = [get_format(runtime).distribution for runtime in MODULES]  # type: ignore[attr-defined]
    for runtime in MODULES:
        without(monkeypatch, runtime)
    write_with_nets(pytester.path, nets)
    pytester.makeconftest(f"""
        import os, sys
        from importlib import metadata

        if "PYTEST_XDIST_WORKER" in os.environ:
            import pytest_quant.nets.graph_format as formats

            def version(name, known=metadata.version):
                if name in {distributions}:
                    raise metadata.PackageNotFoundError(name)
                return known(name)

            formats.version = version
            sys.modules |= dict.fromkeys({list(MODULES.values())})
        """)
    run = run_quant(pytester, "-n", "2")
    errors = {f"tiny::{runtime}[top1]": "error" for runtime in MODULES}
    assert run.verdicts == {"tiny::top1": "pass", "tiny::int8": "pass", **errors}
    for runtime in MODULES:
        reason = run.cases[f"tiny::{runtime}[top1]"]["reason"]
        assert reason.endswith(f'is not installed: pip install "pytest-quant[{runtime}]"')
    assert "Traceback" not in run.text


def without(monkeypatch: pytest.MonkeyPatch, runtime: str) -> None:
    """As if its extra were not installed."""
    distribution = get_format(runtime).distribution  # type: ignore[attr-defined]
    known, importing = metadata.version, builtins.__import__

    def version(name: str) -> str:
        if name == distribution:
            raise metadata.PackageNotFoundError(name)
        return known(name)

    def found(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.partition(".")[0] == MODULES[runtime]:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return importing(name, *args, **kwargs)

    monkeypatch.setattr("pytest_quant.nets.graph_format.version", version)
    monkeypatch.setattr(builtins, "__import__", found)
    forget_import(monkeypatch, f"pytest_quant.nets.{runtime}.session")


@pytest.mark.parametrize(
    ("nets", "words"),
    [
        ({"a": {"openvino": {"file": "whole.xml", "layout": "nwhc"}}}, "nets.a.openvino.layout: found 'nwhc'"),
        (
            {"a": {"openvino": {"file": "whole.xml", "layout": "nhwc"}}},
            "takes 8 channels, input.color rgb gives 3: its layout is nhwc",
        ),
        ({"a": {"openvino": "whole.xml", "output": "scores"}}, "whole.xml has no output 'scores'"),
    ],
)
def test_what_does_not_fit_is_said_before_anything_runs(
    pytester: pytest.Pytester, nets: dict[str, Any], words: str
) -> None:
    """None of it needs the runtime."""
    folder = pytester.path
    tiny_openvino.write_ir(folder, "whole.xml")
    write_with_nets(folder, nets)
    run = run_quant(pytester)
    reason = run.cases["tiny::config"]["reason"]
    assert run.verdicts == {"tiny::config": "error"}
    assert words in reason
    assert reason.startswith("zoo.quant.yaml:")


def test_channels_last_by_the_shape_and_by_the_entry(pytester: pytest.Pytester) -> None:
    needs("openvino")
    folder = pytester.path
    tiny_openvino.write_ir(folder, nhwc=True)
    fp32 = {"openvino": "tiny.xml"}
    int8 = {"openvino": {"file": tiny_openvino.write_ir(folder, "q.xml", int8=True, nhwc=True), "layout": "nhwc"}}
    write_onnx_zoo(folder, fp32=fp32, int8=int8, input=INPUT)
    assert run_quant(pytester).verdicts == {"tiny::top1": "pass", "tiny::int8": "pass"}


def test_fixtures_of_python_tests(pytester: pytest.Pytester) -> None:
    needs("openvino", "litert")
    folder = pytester.path
    nets = {runtime: write_net(folder, runtime) for runtime in MODULES}
    write_with_nets(folder, nets)
    pytester.makepyfile(
        test_it="""
        import numpy as np
        from pytest_quant import quant_tolerance

        @quant_tolerance(top1=5.0)
        def test_nets(quant_nets):
            image = np.random.default_rng(0).uniform(-1, 1, (3, 8, 8)).astype(np.float32)
            one = quant_nets["fp32"].run(image)["prob"]
            for name in ("openvino", "litert"):
                np.testing.assert_allclose(quant_nets[name].run(image)["prob"], one, rtol=1e-4)
        """
    )
    run_quant(pytester, "test_it.py").result.assert_outcomes(passed=1)
