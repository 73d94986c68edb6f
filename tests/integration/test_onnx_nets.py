"""ONNX files as int8 and as further nets with every limit that a model can have, and in every form they come in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import helper

from tests import tiny, tiny_litert, tiny_onnx
from tests.integration.runs import run_quant
from tests.integration.test_nets import INPUT, same_report, write_onnx_zoo, write_with_nets
from tests.integration.test_runtimes import needs

BASELINE = ("--quant-baseline", "b.json")
LIMITS: dict[str, Any] = {
    "tolerance": {"top1": 4.0},
    "floor": {"top1": 80.0, "agreement": 90.0, "sqnr_db": 20.0},
    "class_tolerance": {"top1": 20.0},
}


def test_every_limit_on_an_onnx_file_as_int8(pytester: pytest.Pytester) -> None:
    folder = pytester.path
    published = {"fp32": {"top1": 86.67}, "int8": {"top1": {"value": 86.67, "within": 2.0}}}
    write_onnx_zoo(folder, **LIMITS, published=published, require={"runtime": "reference"}, size=0.99)
    assert run_quant(pytester, *BASELINE, "--quant-update-baseline", "-k", "not size").status == 0
    run = same_report(pytester, *BASELINE, "-k", "not size", "--quant-report", "report.md")
    names = ("top1", "int8", "classes[top1]", "published[fp32.top1]", "published[int8.top1]", "require[runtime]")
    floors = ("floor[top1]", "floor[agreement]", "floor[sqnr_db]")
    kept = ("baseline[top1]", "baseline[agreement]", "baseline[sqnr_db]")
    assert run.verdicts == {f"tiny::{name}": "pass" for name in (*names, *floors, *kept)}
    write_onnx_zoo(folder, **LIMITS, published=published)
    tiny_onnx.write_qdq(folder, scale=1 / 4000)
    run = run_quant(pytester, *BASELINE)
    broken = ("top1", "classes[top1]", "published[int8.top1]", *floors, *kept)
    assert {name for name, verdict in run.verdicts.items() if verdict == "fail"} == {f"tiny::{name}" for name in broken}
    assert run.verdicts["tiny::published[fp32.top1]"] == "pass"


@pytest.mark.parametrize("form", ["short", "long", "litert"])
def test_every_limit_on_a_further_net(pytester: pytest.Pytester, form: str) -> None:
    """`onnx_int8` in both its forms, and a net of another runtime."""
    folder = pytester.path
    limits = {**LIMITS, "published": {"top1": {"value": 86.0, "within": 2.0}}}
    name = "onnx_int8"
    changes: dict[str, Any] = {"onnx_int8": {"file": tiny_onnx.write_qdq(folder), **limits}}
    if form == "long":
        changes = {"nets": {name: {"onnxruntime": "tiny-qdq.onnx", **limits}}}
    if form == "litert":
        needs("litert")
        name = "lite_int8"
        changes = {"nets": {name: {"litert": tiny_litert.write_tflite(folder, form="int8"), **limits}}}
    tiny.write_images(folder)
    tiny.write_zoo(folder, {"tiny": tiny.model_entry(folder, **changes)})
    cases = {f"tiny::floor[{name}.{metric}]" for metric in ("top1", "agreement", "sqnr_db")}
    cases |= {f"tiny::{name}[top1]", f"tiny::classes[{name}.top1]", f"tiny::published[{name}.top1]"}
    run = same_report(pytester, "--quant-report", "report.md")
    quantized = {"tiny::int8", f"tiny::int8[{name}]"}
    assert run.verdicts == dict.fromkeys({"tiny::top1", *quantized, *cases}, "pass")
    case = run.cases[f"tiny::int8[{name}]"]
    said = "CONV_2D 1 of 1 (full integer)" if form == "litert" else "Conv 1 of 1 (QDQ)"
    assert (case["kind"], case["net"], case["reason"]) == ("int8", name, f"quantized layers: {said}")
    case = run.cases[f"tiny::published[{name}.top1]"]
    assert (case["net"], case["limit"]) == (name, 86.0)
    assert case["reason"].startswith(f"{name} top1 = ")
    assert run.metric("tiny")["published"] == {name: 86.0}
    if form == "litert":
        tiny_litert.write_tflite(folder, form="int8", scale=1 / 4000)
    else:
        tiny_onnx.write_qdq(folder, scale=1 / 4000)
    run = run_quant(pytester)
    assert {case for case, verdict in run.verdicts.items() if verdict == "fail"} == cases


def write_last(folder: Path, name: str, source: str) -> dict[str, str]:
    """An ONNX file whose input has channels last, and is turned within."""
    model = onnx.load(folder / source)
    given = model.graph.input[0]
    for dim, size in zip(given.type.tensor_type.shape.dim, (1, tiny.SIDE, tiny.SIDE, 3), strict=True):
        dim.dim_value = size
    for node in model.graph.node:
        node.input[:] = ["turned" if one == given.name else one for one in node.input]
    model.graph.node.insert(0, helper.make_node("Transpose", [given.name], ["turned"], perm=[0, 3, 1, 2]))
    onnx.save(model, folder / name)
    return {"onnxruntime": name}


def test_channels_last_as_a_whole_run(pytester: pytest.Pytester) -> None:
    """Of ONNX and of LiteRT, which are the same numbers as with channels first."""
    folder = pytester.path
    tiny_onnx.write_onnx(folder)
    tiny_onnx.write_qdq(folder)
    sides = {"fp32": write_last(folder, "f.onnx", "tiny.onnx"), "int8": write_last(folder, "q.onnx", "tiny-qdq.onnx")}
    nets: dict[str, Any] = {
        "first": {"onnxruntime": "tiny.onnx", "floor": {"sqnr_db": 100}},
    }
    needs("litert")
    nets["lite"] = {"litert": tiny_litert.write_tflite(folder), "floor": {"sqnr_db": 100}}
    nets["lite_int8"] = {"litert": tiny_litert.write_tflite(folder, "q.tflite", form="int8"), "floor": {"sqnr_db": 25}}
    write_onnx_zoo(folder, **sides, nets=nets)
    run = same_report(pytester)
    assert set(run.verdicts.values()) == {"pass"}
    assert "tiny::sanity" not in run.verdicts, "a float net in another layout may give the same outputs"
    said = {"fp32": {"onnxruntime": {"file": "f.onnx", "layout": "nhwc"}}, "int8": sides["int8"]}
    write_onnx_zoo(folder, **said, nets={"again": {"onnxruntime": "f.onnx"}})
    run = run_quant(pytester)
    assert "fp32 and again give the same outputs" in run.cases["tiny::sanity"]["reason"], "it is the same file"
    assert run.verdicts["tiny::top1"] == "pass"
    write_onnx_zoo(folder, **sides, nets={"wrong": {"onnxruntime": {"file": "f.onnx", "layout": "nchw"}}})
    assert "takes 8 channels, input.color rgb gives 3" in run_quant(pytester).cases["tiny::config"]["reason"]


@pytest.mark.parametrize(
    "shape",
    [("batch", 3, "h", "w"), (1, 3, "h", "w"), ("batch", "c", "h", "w"), (1, 3, tiny.SIDE, tiny.SIDE)],
    ids=str,
)
def test_open_and_fixed_shapes(pytester: pytest.Pytester, shape: Any) -> None:
    """A dynamic batch, open sizes, and a fixed batch of 1."""
    write_onnx_zoo(pytester.path, fp32={"onnxruntime": tiny_onnx.write_onnx(pytester.path, "any.onnx", shape=shape)})
    run = run_quant(pytester)
    assert run.verdicts == {"tiny::top1": "pass", "tiny::int8": "pass"}
    assert run.metric("tiny")["fp32"] == pytest.approx(100 * 52 / 60)


def test_images_of_many_sizes(pytester: pytest.Pytester) -> None:
    """Without `input.size`, each image is run at its own; a file that fixes one says so for each that differs."""
    folder = pytester.path
    open_size = {"onnxruntime": tiny_onnx.write_onnx(folder, "open.onnx", shape=(1, 3, "h", "w"))}
    entry = {**{key: value for key, value in INPUT.items() if key != "size"}}
    write_onnx_zoo(folder, fp32=open_size, int8=open_size, input=entry)
    tiny.write_flat_image(folder / "images" / "big.png", (200, 40, 40))
    import cv2
    import numpy as np

    cv2.imwrite(str(folder / "images" / "big.png"), np.full((12, 20, 3), 90, np.uint8))
    with (folder / "list.txt").open("a") as file:
        file.write("images/big.png 0\n")
    run = run_quant(pytester, "-k", "top1")
    assert run.verdicts == {"tiny::top1": "pass"}
    write_onnx_zoo(folder, fp32=open_size, input=entry)
    with (folder / "list.txt").open("a") as file:
        file.write("images/big.png 0\n")
    run = run_quant(pytester, "-k", "top1")
    assert run.verdicts == {"tiny::top1": "error"}
    assert "width 20 and height 12, the file fixes them to [8, 8]" in run.cases["tiny::top1"]["reason"]


@pytest.mark.parametrize("writer", [tiny_onnx.write_qlinear, tiny_onnx.write_dynamic])
def test_forms_of_quantization_beside_ncnn(pytester: pytest.Pytester, writer: Any) -> None:
    net = {"onnxruntime": writer(pytester.path, "q.onnx"), "floor": {"sqnr_db": 20, "agreement": 90}}
    write_with_nets(pytester.path, {"q": net})
    run = same_report(pytester)
    assert set(run.verdicts.values()) == {"pass"}
    assert {"tiny::q[top1]", "tiny::floor[q.sqnr_db]", "tiny::floor[q.agreement]"} <= set(run.verdicts)


@pytest.mark.parametrize("form", ["int8", "int16x8", "dynamic"])
def test_forms_of_tflite_as_int8(pytester: pytest.Pytester, form: Any) -> None:
    needs("litert")
    folder = pytester.path
    sides = {
        "fp32": {"litert": tiny_litert.write_tflite(folder)},
        "int8": {"litert": tiny_litert.write_tflite(folder, "q.tflite", form=form)},
    }
    write_onnx_zoo(folder, **sides, floor={"sqnr_db": 45.0 if form == "int16x8" else 25.0})
    run = same_report(pytester)
    assert run.verdicts == dict.fromkeys(("tiny::top1", "tiny::floor[sqnr_db]", "tiny::int8"), "pass")
    words = {"int8": "full integer"}.get(form, form)
    assert run.cases["tiny::int8"]["reason"].startswith(f"quantized layers: CONV_2D 1 of 1 ({words})")


def test_a_float_net_that_is_called_int8(pytester: pytest.Pytester) -> None:
    """It says so before anything is measured; nets of other names may be float."""
    folder = pytester.path
    net = {"onnxruntime": tiny_onnx.write_onnx(folder)}
    write_with_nets(folder, {"Other-INT8": net, "float": net})
    run = run_quant(pytester, "--quant-report", "report.md", "-k", "not sanity")
    case = run.cases["tiny::int8[Other-INT8]"]
    assert (case["verdict"], case["net"]) == ("fail", "Other-INT8")
    assert case["reason"] == (
        "tiny.onnx has no quantized layer: it is a float net under `Other-INT8` (layers that could be int8: 1 Conv)"
    )
    assert "tiny::int8[float]" not in run.cases
    assert run.verdicts["tiny::Other-INT8[top1]"] == "pass"
    row = next(line for line in run.text.splitlines() if line.startswith("tiny Other-INT8"))
    assert row.endswith("FAIL (int8)")
    alone = run_quant(pytester, "zoo.quant.yaml::tiny::int8[Other-INT8]", "zoo.quant.yaml::tiny::sanity")
    assert alone.report is not None
    assert "nets" not in alone.report["models"]["tiny"], "its files are enough"
