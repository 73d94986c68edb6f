"""``pytest-quant init`` on ONNX, OpenVINO and LiteRT files: which become one model, and what comes out runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_quant.zoo.draft import FILL_IN
from tests import tiny, tiny_arrays, tiny_litert, tiny_onnx, tiny_openvino
from tests.integration.runs import run_quant
from tests.integration.test_init import call, folder, read
from tests.integration.test_runtimes import needs, without

__all__ = ["folder"]
FIXTURES = Path(__file__).parents[2] / "fixtures"
INPUT = {"blob": "image", "size": [8, 8], "mean": FILL_IN, "std": FILL_IN}


def models(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = read(folder / "zoo.quant.yaml")["models"]
    return found


def fill_in(folder: Path, tolerance: str = "5.0") -> None:
    """What only the maintainer knows."""
    path = folder / "zoo.quant.yaml"
    text = path.read_text().replace(f"size: {FILL_IN}", "size: [8, 8]").replace(FILL_IN, "[127.5, 127.5, 127.5]")
    path.write_text(text.replace("top1: 1.0", f"top1: {tolerance}"))


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["serial", "xdist"])
def test_a_folder_of_mixed_files_becomes_a_zoo_that_runs(
    pytester: pytest.Pytester, folder: Path, monkeypatch: pytest.MonkeyPatch, workers: tuple[str, ...]
) -> None:
    """Every habit of the tools that write such files; several runtimes make one model."""
    needs("litert", "openvino")
    for name in ("FP32", "INT8", "net_saved_model"):
        (folder / name).mkdir()
    tiny_openvino.write_ir(folder / "FP32", "net.xml")
    tiny_openvino.write_ir(folder / "INT8", "net.xml", int8=True)
    for name, form in (("float32", "float"), ("full_integer_quant", "int8"), ("dynamic_range_quant", "dynamic")):
        tiny_litert.write_tflite(folder / "net_saved_model", f"net_{name}.tflite", form=form)  # type: ignore[arg-type]
    tiny_onnx.write_onnx(folder, "net.onnx", shape=("batch", 3, "h", "w"))
    tiny_onnx.write_qdq(folder, "net-qdq.onnx")
    (folder / "scene.xml").write_text("<annotation></annotation>")
    tiny.write_images(folder)
    assert call() == 1
    assert models(folder) == {
        "net": {
            "task": "classification",
            "dataset": "image-list",
            "fp32": {"onnxruntime": "net.onnx"},
            "int8": {"onnxruntime": "net-qdq.onnx"},
            "nets": {
                "openvino_fp32": {"openvino": "FP32/net.xml"},
                "litert_float32": {"litert": "net_saved_model/net_float32.tflite"},
                "openvino_int8": {"openvino": "INT8/net.xml"},
                "litert_full_integer_quant": {"litert": "net_saved_model/net_full_integer_quant.tflite"},
                "litert_dynamic_range_quant": {"litert": "net_saved_model/net_dynamic_range_quant.tflite"},
            },
            "input": INPUT,
            "output": "probabilities",
        }
    }
    assert run_quant(pytester).cases["net::config"]["reason"].endswith("still to be filled in: input.mean, input.std")
    fill_in(folder)
    monkeypatch.setenv("IMAGES_ROOT", str(folder))
    run = run_quant(pytester, *workers)
    assert run.verdicts == dict.fromkeys(
        (
            "net::top1",
            "net::int8",
            "net::int8[openvino_int8]",
            *(f"net::{name}[top1]" for name in models(folder)["net"]["nets"]),
        ),
        "pass",
    )


@pytest.mark.parametrize(
    ("fp32", "int8"),
    [
        ("x.onnx", "x_int8.onnx"),
        ("x.onnx", "x-qdq.onnx"),
        ("x.onnx", "x_quant.onnx"),
        ("x.onnx", "x.int8.onnx"),
        ("x_fp32.onnx", "x-INT8.onnx"),
        ("fp32/x.onnx", "int8/x.onnx"),
        ("x/model.onnx", "x/model_quantized.onnx"),
        ("x.onnx", "another_name.onnx"),
    ],
)
def test_pairs_of_onnx_files(folder: Path, fp32: str, int8: str) -> None:
    """By the habits of names; by the layers where there is no other float file."""
    for name in (fp32, int8):
        (folder / name).parent.mkdir(exist_ok=True)
    tiny_onnx.write_onnx(folder, fp32)
    tiny_onnx.write_qdq(folder, int8)
    call()
    assert {name: (model["fp32"], model["int8"]) for name, model in models(folder).items()} == {
        "x": ({"onnxruntime": fp32}, {"onnxruntime": int8})
    }


@pytest.mark.parametrize(
    ("fp32", "int8"),
    [
        ("x_float32.tflite", "x_full_integer_quant.tflite"),
        ("x_float32.tflite", "x_integer_quant.tflite"),
        ("x.tflite", "x_int8.tflite"),
        ("x_float32.tflite", "x_full_integer_quant_with_int16_act.tflite"),
    ],
)
def test_pairs_of_tflite_files(folder: Path, fp32: str, int8: str) -> None:
    needs("litert")
    tiny_litert.write_tflite(folder, fp32)
    tiny_litert.write_tflite(folder, "x_float16.tflite")
    tiny_litert.write_tflite(folder, int8, form="int16x8" if "int16" in int8 else "int8")
    call()
    (model,) = models(folder).values()
    assert (model["fp32"], model["int8"]) == ({"litert": fp32}, {"litert": int8})
    assert model["input"] == INPUT, "width and height of channels last, and the names that the file has"
    assert "nets" not in model


def test_channels_last_and_gray_and_open_sizes(folder: Path) -> None:
    tiny_onnx.write_onnx(folder, "gray.onnx", shape=(1, 1, 8, 16))
    needs("openvino")
    tiny_openvino.write_ir(folder, "last.xml", nhwc=True)
    tiny_onnx.write_onnx(folder, "open.onnx", shape=("n", 3, "h", "w"))
    call()
    found = {name: model["input"] for name, model in models(folder).items()}
    assert found == {
        "gray": {**INPUT, "size": [16, 8], "color": "gray"},
        "last": INPUT,
        "open": {**INPUT, "size": FILL_IN},
    }


def test_nets_beside_those_of_ncnn(
    pytester: pytest.Pytester, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pair of ncnn keeps its keys; a float ONNX file beside an int8 net of ncnn is its fp32."""
    tiny.write_images(folder)
    tiny.write_net(folder, "both")
    tiny.write_net(folder, "both-int8", int8=True)
    tiny_onnx.write_onnx(folder, "both.onnx")
    tiny_onnx.write_qdq(folder, "both-qdq.onnx")
    tiny.write_net(folder, "half")
    tiny_onnx.write_qdq(folder, "half_int8.onnx")
    tiny_onnx.write_onnx(folder, "other.onnx", shape=(1, 3, 8, 8))
    tiny.write_net(folder, "other-int8", int8=True)
    assert call() == 1
    found = models(folder)
    assert {name: {key: model[key] for key in ("fp32", "int8")} for name, model in found.items()} == {
        "both": {
            "fp32": {"param": "both.param", "bin": "both.bin"},
            "int8": {"param": "both-int8.param", "bin": "both-int8.bin"},
        },
        "half": {"fp32": {"param": "half.param", "bin": "half.bin"}, "int8": {"onnxruntime": "half_int8.onnx"}},
        "other": {
            "fp32": {"onnxruntime": "other.onnx"},
            "int8": {
                "param": "other-int8.param",
                "bin": "other-int8.bin",
                "input": {"blob": "data"},
                "output": "prob",
            },
        },
    }
    assert found["both"]["onnx"] == "both.onnx"
    assert found["both"]["nets"] == {"onnx_qdq": {"onnxruntime": "both-qdq.onnx"}}
    assert found["half"]["input"]["size"] == [8, 8], "which the ONNX file fixes"
    assert "# the size that half_int8.onnx takes, and no other" in (folder / "zoo.quant.yaml").read_text()
    told = capsys.readouterr().out
    assert (told.count("no file tells the preprocessing"), told.count("no file tells the size")) == (3, 0)
    fill_in(folder)
    monkeypatch.setenv("IMAGES_ROOT", str(folder))
    run = run_quant(pytester)
    assert set(run.verdicts.values()) == {"pass"}
    assert {"both::top1", "both::onnx[top1]", "both::onnx_qdq[top1]", "half::int8", "other::top1"} <= set(run.verdicts)
    assert "left out" not in capsys.readouterr().out


def test_the_fixtures(folder: Path, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """One model in four runtimes, from its folder."""
    needs("litert", "openvino")
    monkeypatch.setenv("CIFAR10_ROOT", str(FIXTURES / "data" / "cifar10-mini"))
    call(str(FIXTURES / "models" / "resnet18"), "--output", str(folder / "zoo.quant.yaml"))
    (model,) = models(folder).values()
    assert list(model["nets"]) == ["onnx_qdq", "openvino_int8", "litert_int8"]
    path = folder / "zoo.quant.yaml"
    text = path.read_text().replace(f"mean: {FILL_IN}", "mean: [125.307, 122.961, 113.8575]")
    path.write_text(text.replace(f"std: {FILL_IN}", "std: [51.5865, 50.847, 51.255]"))
    run = run_quant(pytester, "--quant-samples", "40", "-k", "int8 or onnx_qdq", "--quant-inconclusive", "pass")
    named = {f"resnet18::{name}[top1]" for name in model["nets"]}
    assert {name: verdict for name, verdict in run.verdicts.items() if name in named} == dict.fromkeys(
        named, "inconclusive passed"
    )


def test_inputs_that_are_no_image_are_arrays(
    pytester: pytest.Pytester, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_onnx.write_features_and_ids(folder, "two.onnx")
    tiny_onnx.write_features_and_ids(folder, "two_int8.onnx", qdq=True)
    assert call() == 0
    (model,) = models(folder).values()
    assert model["inputs"] == {"features": "features", "token_ids": "token_ids"}
    assert (model["task"], model["dataset"], model["output"]) == ("outputs", "arrays", "scores")
    (folder / "saved").mkdir()
    for index, (features, ids) in enumerate(tiny_arrays.samples(12)):
        np.savez(folder / "saved" / f"{index}.npz", features=features, token_ids=ids)
    monkeypatch.setenv("ARRAYS_ROOT", str(folder / "saved"))
    assert run_quant(pytester).verdicts == {"two::floor[sqnr_db]": "pass", "two::int8": "pass"}


def test_what_cannot_be_a_model_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiny_onnx.write_onnx(folder, "batch.onnx", shape=(8, 3, 8, 8))
    tiny_openvino.write_ir(folder, "alone.xml")
    (folder / "alone.bin").unlink()
    (folder / "damaged.tflite").write_bytes(b"hello")
    tiny_onnx.write_qdq(folder, "orphan_int8.onnx")
    tiny_onnx.write_onnx(folder, "plain.onnx", keep_map=True)
    tiny_onnx.write_onnx(folder, "plain_sim.onnx", keep_map=True)
    tiny_onnx.write_onnx(folder, "many.onnx", more_outputs=True)
    assert call() == 1
    out = capsys.readouterr().out
    for words in (
        "left out: batch.onnx: the input image (float32 8 x 3 x 8 x 8) fixes the batch to 8",
        "left out: alone.xml: its weights stand in alone.bin, which does not exist",
        "left out: damaged.tflite: is not a .tflite file",
        "left out: orphan_int8.onnx: a quantized net, and no float net is like it",
        "left out: plain_sim.onnx: another form of a float net that is there",
        "no quantized file is called like plain.onnx; found orphan_int8.onnx",
        "many.onnx has the outputs label (int64 ?), probabilities (float32 ? x 4)",
    ):
        assert words in out
    found = models(folder)
    assert set(found) == {"plain", "many"}
    assert found["plain"]["int8"] == found["plain"]["task"] == found["many"]["output"] == FILL_IN


def test_a_further_net_that_does_not_fit_is_left_out(folder: Path) -> None:
    tiny_onnx.write_onnx(folder, "x.onnx")
    tiny_onnx.write_qdq(folder, "x_int8.onnx")
    tiny_openvino.write_ir(folder, "x.xml", nhwc=True)
    text = (folder / "x.xml").read_text().replace("<dim>8</dim>", "<dim>9</dim>")
    (folder / "x.xml").write_text(text)
    call()
    (model,) = models(folder).values()
    assert "nets" not in model
    text = " ".join((folder / "zoo.quant.yaml").read_text().replace("#", "").split())
    assert "openvino_fp32 is left out: x.xml: the input image" in text
    assert "fixes width and height to [9, 9], input.size is [8, 8]" in text


def test_a_runtime_that_is_not_installed_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny_openvino.write_ir(folder, "x.xml")
    tiny_openvino.write_ir(folder, "x_int8.xml", int8=True)
    without(monkeypatch, "openvino")
    call()
    assert models(folder)["x"]["fp32"] == {"openvino": "x.xml"}
    assert 'pip install "pytest-quant[openvino]"' in (folder / "zoo.quant.yaml").read_text()
