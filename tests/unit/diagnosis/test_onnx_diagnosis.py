"""Layers of quantized ONNX files: a known fault has to be found where it is, in each form of quantization."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper

from pytest_quant.building.workbench import open_workbench
from pytest_quant.diagnosis.diagnose import Diagnosis, diagnose
from pytest_quant.nets.onnxruntime.format import onnx_net
from pytest_quant.spec.errors import QuantError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.zoo.reader import find_model, read_zoo

FIXTURES = Path(__file__).parents[3] / "fixtures"
FOLDER = FIXTURES / "models" / "resnet18"
BROKEN = "/0/blocks/blocks.3/first/conv/Conv"


def resnet(fp32: Path, int8: Path) -> ModelSpec:
    model = find_model(read_zoo(FIXTURES / "runtimes.quant.yaml"), "resnet18-everywhere")
    outputs = ("output",)
    nets = {"fp32": onnx_net(fp32, outputs=outputs), "int8": onnx_net(int8, outputs=outputs)}
    return replace(model, nets=nets, input=replace(model.input, blob="input"), outputs=outputs)


def diagnosed(folder: Path, int8: Path, fp32: Path = FOLDER / "resnet18.onnx") -> Diagnosis:
    return diagnose(resnet(fp32, int8), open_workbench(folder / "bench", cores=1), samples=2)


def with_broken_weights(path: Path, target: Path) -> Path:
    """One convolution's weights stand for values that are five times too large."""
    model = onnx.load(path)
    conv = next(node for node in model.graph.node if node.name.startswith(BROKEN))
    if conv.op_type == "QLinearConv":
        name = conv.input[4]
    else:
        name = next(node for node in model.graph.node if conv.input[1] in node.output).input[1]
    tensor = next(tensor for tensor in model.graph.initializer if tensor.name == name)
    tensor.CopyFrom(numpy_helper.from_array((numpy_helper.to_array(tensor) * 5).astype(np.float32), name))
    onnx.save(model, target)
    return target


def in_operator_form(target: Path) -> Path:
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            made = np.random.default_rng(0).normal(size=(8, 1, 3, 32, 32)).astype(np.float32)
            self.left = iter(made)

        def get_next(self) -> dict[str, NDArray[Any]] | None:
            found = next(self.left, None)
            return None if found is None else {"input": found}

    quantize_static(
        FOLDER / "resnet18.onnx",
        target,
        Reader(),
        quant_format=QuantFormat.QOperator,
        per_channel=True,
        reduce_range=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )
    return target


def test_a_sound_net(tmp_path: Path) -> None:
    found = diagnosed(tmp_path, FOLDER / "resnet18-qdq.onnx")
    assert found.unmatched == ()
    assert sum(error.type == "Conv" for error in found.layers) == 20
    assert found.output_sqnr_db > 30
    for error in found.layers:
        assert error.own_sqnr_db > 25
        assert error.own_sqnr_db >= error.accumulated_sqnr_db - 1
    stem = found.layers[0]
    assert (stem.layer, stem.blob, stem.macs) == ("/0/stem/conv/Conv", "/0/Relu_output_0", 8 * 27 * 1024)


def test_the_broken_layer_of_a_qdq_file(tmp_path: Path) -> None:
    found = diagnosed(tmp_path, with_broken_weights(FOLDER / "resnet18-qdq.onnx", tmp_path / "broken.onnx"))
    worst, second = found.worst[:2]
    assert worst.layer == BROKEN
    assert worst.own_sqnr_db < 5
    assert worst.output_sqnr_db is not None
    assert second.output_sqnr_db is not None
    assert second.output_sqnr_db > worst.output_sqnr_db + 10


def test_the_broken_layer_of_a_file_of_quantized_operators(tmp_path: Path) -> None:
    sound = in_operator_form(tmp_path / "operators.onnx")
    assert "QLinearConv" in {node.op_type for node in onnx.load(sound).graph.node}
    found = diagnosed(tmp_path, with_broken_weights(sound, tmp_path / "broken.onnx"))
    assert found.worst[0].layer.startswith(BROKEN)
    assert found.worst[0].own_sqnr_db < 5


def test_names_that_differ(tmp_path: Path) -> None:
    """Neither by name nor by order, which the quantizer changed here: nothing is guessed."""
    model = onnx.load(FOLDER / "resnet18.onnx")
    own = {name: f"t{place}" for place, node in enumerate(model.graph.node) for name in node.output if name != "output"}
    for node in model.graph.node:
        node.input[:] = [own.get(name, name) for name in node.input]
        node.output[:] = [own.get(name, name) for name in node.output]
    del model.graph.value_info[:]
    onnx.save(model, tmp_path / "renamed.onnx")
    broken = with_broken_weights(in_operator_form(tmp_path / "operators.onnx"), tmp_path / "broken.onnx")
    with pytest.raises(QuantError, match="layers cannot be compared"):
        diagnosed(tmp_path, broken, tmp_path / "renamed.onnx")


def test_a_float_file_has_no_error_of_quantization(tmp_path: Path) -> None:
    with pytest.raises(QuantError, match=r"resnet18\.onnx has no quantized layer"):
        diagnosed(tmp_path, FOLDER / "resnet18.onnx")


def test_nets_of_two_runtimes(tmp_path: Path) -> None:
    model = find_model(read_zoo(FIXTURES / "runtimes.quant.yaml"), "resnet18-everywhere")
    with pytest.raises(QuantError, match="two of onnxruntime, and fp32 is a net of ncnn, litert_int8 is a net of"):
        diagnose(model, open_workbench(tmp_path, cores=1), net="litert_int8")


def test_the_float_net_of_the_same_runtime(tmp_path: Path) -> None:
    model = find_model(read_zoo(FIXTURES / "runtimes.quant.yaml"), "resnet18-everywhere")
    found = diagnose(model, open_workbench(tmp_path, cores=1), 1, net="onnx_qdq")
    assert found.layers[0].layer == "/0/stem/conv/Conv"
    assert not math.isnan(found.output_sqnr_db)
