"""A further net whose files are missing or damaged: its own cases say so, everything else is decided."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import tiny, tiny_onnx, tiny_openvino
from tests.integration.runs import run_quant
from tests.integration.test_nets import same_report, write_with_nets

BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "ir_alone": ({"openvino": "alone.xml"}, "nets.ir_alone: alone.xml: its weights stand in alone.bin, which does not"),
    "ir_cut": ({"openvino": "cut.xml"}, "nets.ir_cut: cut.xml: its weights stand in cut.bin, which has 64 bytes"),
    "ir_absent": ({"openvino": "absent.xml"}, "nets.ir_absent.openvino: absent.xml does not exist"),
    "ir_other": ({"openvino": "text.onnx"}, "nets.ir_other: text.onnx: is not an ONNX"),
    "onnx_absent": ({"onnxruntime": "absent.onnx"}, "nets.onnx_absent.onnxruntime: absent.onnx does not exist"),
    "onnx_other": ({"onnxruntime": "tiny.param"}, "nets.onnx_other: tiny.param: is not an ONNX file"),
    "onnx_cut": ({"onnxruntime": "cut.onnx"}, "nets.onnx_cut: cut.onnx: "),
    "onnx_folder": ({"onnxruntime": {"file": "images"}}, "nets.onnx_folder.onnxruntime.file: images is a folder"),
    "lite_absent": ({"litert": "absent.tflite"}, "nets.lite_absent.litert: absent.tflite does not exist"),
    "lite_other": ({"litert": "alone.xml"}, "nets.lite_other: alone.xml: is not a .tflite file"),
    "ncnn_alone": ({"param": "tiny.param", "bin": "no.bin"}, "nets.ncnn_alone.bin: no.bin does not exist"),
    "ncnn_cut": ({"param": "tiny.param", "bin": "cut-ncnn.bin"}, "nets.ncnn_cut: cut-ncnn.bin: "),
    "ncnn_other": ({"param": "text.onnx", "bin": "tiny.bin"}, "nets.ncnn_other: text.onnx"),
    "unset": ({"onnxruntime": "${NOBODY_SETS_IT}/m.onnx"}, "nets.unset.onnxruntime: the environment variable NOBODY_"),
}
"""Name to the entry of a net and the beginning of what is said of it."""


def write_broken(folder: Path, names: tuple[str, ...], **nets: Any) -> None:
    """A model with these broken nets, and others."""
    for name in ("alone.xml", "cut.xml"):
        tiny_openvino.write_ir(folder, name)
    (folder / "alone.bin").unlink()
    (folder / "cut.bin").write_bytes((folder / "cut.bin").read_bytes()[:64])
    (folder / "text.onnx").write_text("7767517\n")
    tiny_onnx.write_onnx(folder)
    (folder / "cut.onnx").write_bytes((folder / "tiny.onnx").read_bytes()[:100])
    tiny.write_net(folder, "tiny")
    (folder / "cut-ncnn.bin").write_bytes((folder / "tiny.bin").read_bytes()[:20])
    write_with_nets(folder, {**{name: BROKEN[name][0] for name in names}, **nets})


def test_each_says_what_is_wrong_and_the_others_are_decided(pytester: pytest.Pytester) -> None:
    """Serially and on two processes; none of it needs a runtime. An fp32 or int8 like this is its whole model."""
    folder = pytester.path
    floors = {"floor": {"sqnr_db": 20.0, "agreement": 90.0}}
    write_broken(folder, tuple(BROKEN), good={"onnxruntime": tiny_onnx.write_qdq(folder), **floors})
    models = yaml.safe_load((folder / "zoo.quant.yaml").read_text())["models"]
    models["short"] = tiny.model_entry(folder, onnx_int8="absent.onnx")
    for side in ("fp32", "int8"):
        models[f"bad-{side}"] = tiny.model_entry(folder) | {side: {"openvino": "alone.xml"}}
    tiny.write_zoo(folder, models)
    run = same_report(pytester, "--quant-report", "report.md")
    good = ("tiny::good[top1]", "tiny::floor[good.sqnr_db]", "tiny::floor[good.agreement]")
    assert run.verdicts == {
        **dict.fromkeys((*good, "tiny::top1", "tiny::int8", "short::top1", "short::int8"), "pass"),
        **{f"tiny::{name}[top1]": "error" for name in BROKEN},
        **dict.fromkeys(
            ("short::int8[onnx_int8]", "short::onnx_int8[top1]", "bad-fp32::config", "bad-int8::config"), "error"
        ),
    }
    assert run.cases["tiny::sanity"]["verdict"] == "pass"
    for name, (_, words) in BROKEN.items():
        case = run.cases[f"tiny::{name}[top1]"]
        assert case["net"] == name
        assert words in case["reason"]
        assert case["reason"].startswith("zoo.quant.yaml:")
        assert "\n" not in case["reason"]
    assert "onnx_int8: absent.onnx does not exist" in run.cases["short::onnx_int8[top1]"]["reason"]
    for side in ("fp32", "int8"):
        reason = run.cases[f"bad-{side}::config"]["reason"]
        assert f"{side}: alone.xml: its weights stand in alone.bin, which does not exist" in reason
    assert "Traceback" not in run.text
    assert "tiny ir_alone" in (folder / "report.md").read_text()


def test_all_cases_of_the_net_say_so_and_the_message_is_told_once(pytester: pytest.Pytester) -> None:
    limits = {"floor": {"top1": 50.0, "sqnr_db": 9.0}, "class_tolerance": {"top1": 50.0}, "published": {"top1": 80.0}}
    write_broken(pytester.path, (), bad={"openvino": "alone.xml", **limits})
    for args in (
        (),
        ("--quant-samples", "40", "--quant-family", "holm"),
        ("--quant-early-stop",),
        ("--quant-diagnose",),
    ):
        run = run_quant(pytester, "--quant-inconclusive", "pass", *args)
        names = ("bad[top1]", "floor[bad.top1]", "floor[bad.sqnr_db]", "classes[bad.top1]", "published[bad.top1]")
        assert {name for name, said in run.verdicts.items() if said == "error"} == {f"tiny::{name}" for name in names}
        assert run.verdicts["tiny::int8"] == "pass"
        failures = run.text.partition("accuracy of quantized models")[0]
        assert failures.count("alone.bin, which does not exist") == 1


def test_other_ways_to_the_net(pytester: pytest.Pytester) -> None:
    """A fixture of a test in Python, a baseline, a part of a run."""
    write_broken(pytester.path, ("ir_alone",))
    pytester.makepyfile(
        test_it="""
        import pytest
        from pytest_quant import quant_tolerance
        from pytest_quant.spec.errors import ModelFileError

        @quant_tolerance(top1=5.0)
        def test_nets(quant_nets):
            assert list(quant_nets) == ["fp32", "int8"]
            with pytest.raises(ModelFileError, match="alone.bin, which does not exist"):
                quant_nets["ir_alone"]
        """
    )
    run_quant(pytester, "test_it.py").result.assert_outcomes(passed=1)
    (pytester.path / "test_it.py").unlink()
    for _ in range(2):
        run = run_quant(pytester, "--quant-baseline", "b.json", "--quant-update-baseline")
        assert run.verdicts["tiny::ir_alone[top1]"] == "error"
        assert run.verdicts["tiny::baseline[ir_alone.top1]"] == "skipped"
    assert run.verdicts["tiny::baseline[top1]"] == "pass"
    part = run_quant(pytester, "--quant-shard", "1/2")
    assert part.verdicts["tiny::ir_alone[top1]"] == "error"
    assert part.verdicts["tiny::top1"] == "skipped"
