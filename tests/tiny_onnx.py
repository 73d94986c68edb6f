"""The net of `tests.tiny` as ONNX files: float, QDQ, with quantized operators, and broken in ways that users meet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from tests import tiny, tiny_arrays

OPSET, IR = 17, 8
FLOATS: dict[int, Any] = {TensorProto.FLOAT: np.float32, TensorProto.FLOAT16: np.float16}


def write_onnx(
    folder: Path,
    name: str = "tiny.onnx",
    *,
    shape: Sequence[int | str] | None = (1, 3, tiny.SIDE, tiny.SIDE),
    noise: float = 0.0,
    shift: float = 0.0,
    dtype: int = TensorProto.FLOAT,
    more_outputs: bool = False,
    keep_map: bool = False,
    opset: int = OPSET,
    ir: int = IR,
) -> str:
    """Write the float net and give its name; ``noise`` changes its weights, ``shift`` moves the last class's bias.

    ``more_outputs`` gives the label first, ``keep_map`` the convolution's output instead of probabilities.
    """
    channels = shape[1] if shape is not None and len(shape) == 4 and isinstance(shape[1], int) else 3
    weights = _weights(channels, noise)
    bias = tiny._BIAS + np.array([0, 0, 0, shift], np.float32)
    constants = {"w": weights[:, :, None, None], "b": bias}
    nodes = [
        helper.make_node("Conv", ["image", "w", "b"], ["conv"], kernel_shape=[1, 1]),
        *_head("conv", "probabilities"),
    ]
    outputs: list[tuple[str, int, Sequence[int | str]]] = [("probabilities", dtype, ["batch", tiny.CLASSES])]
    if keep_map:
        nodes[1:], outputs = [], [("conv", dtype, ["batch", tiny.CLASSES, "h", "w"])]
    if more_outputs:
        nodes.append(helper.make_node("ArgMax", ["probabilities"], ["label"], axis=1, keepdims=0))
        outputs = [("label", TensorProto.INT64, ["batch"]), *outputs]
    arrays = {key: value.astype(FLOATS[dtype]) for key, value in constants.items()}
    _write(folder / name, nodes, outputs, arrays, shape, dtype, opset, ir)
    return name


def write_without_batch(folder: Path, name: str = "tiny.onnx") -> str:
    """The float net over (channels, height, width), which gives (classes,)."""
    nodes = [
        helper.make_node("Unsqueeze", ["image", "axis"], ["batched"]),
        helper.make_node("Conv", ["batched", "w", "b"], ["conv"], kernel_shape=[1, 1]),
        *_head("conv", "rows"),
        helper.make_node("Squeeze", ["rows", "axis"], ["probabilities"]),
    ]
    arrays: dict[str, NDArray[Any]] = {
        "w": _weights(3, 0)[:, :, None, None],
        "b": tiny._BIAS,
        "axis": np.array([0], np.int64),
    }
    outputs = [("probabilities", TensorProto.FLOAT, [tiny.CLASSES])]
    _write(folder / name, nodes, outputs, arrays, (3, tiny.SIDE, tiny.SIDE), TensorProto.FLOAT, OPSET, IR)
    return name


def write_qdq(folder: Path, name: str = "tiny-qdq.onnx", *, scale: float = 1 / 127) -> str:
    """The net in QDQ form: input and weights go through int8; ``scale`` is the input's."""
    weights = _weights(3, 0)
    weight_scale = np.abs(weights).max() / 127
    arrays: dict[str, NDArray[Any]] = {
        "scale": np.array(scale, np.float32),
        "zero": np.array(0, np.int8),
        "w_q": np.round(weights / weight_scale).astype(np.int8)[:, :, None, None],
        "w_scale": np.array(weight_scale, np.float32),
        "b": tiny._BIAS,
    }
    nodes = [
        helper.make_node("QuantizeLinear", ["image", "scale", "zero"], ["image_q"]),
        helper.make_node("DequantizeLinear", ["image_q", "scale", "zero"], ["image_f"]),
        helper.make_node("DequantizeLinear", ["w_q", "w_scale", "zero"], ["w"]),
        helper.make_node("Conv", ["image_f", "w", "b"], ["conv"], kernel_shape=[1, 1]),
        *_head("conv", "probabilities"),
    ]
    _write_float(folder / name, nodes, arrays)
    return name


def write_qlinear(folder: Path, name: str = "tiny-qlinear.onnx") -> str:
    """The net with QLinearConv: integers in and out of the convolution."""
    weights = _weights(3, 0)
    scale, weight_scale, out_scale = 1 / 127, np.abs(weights).max() / 127, 4 / 127
    arrays: dict[str, NDArray[Any]] = {
        "scale": np.array(scale, np.float32),
        "zero": np.array(0, np.int8),
        "w_q": np.round(weights / weight_scale).astype(np.int8)[:, :, None, None],
        "w_scale": np.array(weight_scale, np.float32),
        "b": np.round(tiny._BIAS / (scale * weight_scale)).astype(np.int32),
        "out_scale": np.array(out_scale, np.float32),
    }
    nodes = [
        helper.make_node("QuantizeLinear", ["image", "scale", "zero"], ["image_q"]),
        helper.make_node(
            "QLinearConv",
            ["image_q", "scale", "zero", "w_q", "w_scale", "zero", "out_scale", "zero", "b"],
            ["conv_q"],
            kernel_shape=[1, 1],
        ),
        helper.make_node("DequantizeLinear", ["conv_q", "out_scale", "zero"], ["conv"]),
        *_head("conv", "probabilities"),
    ]
    _write_float(folder / name, nodes, arrays)
    return name


def write_dynamic(folder: Path, name: str = "tiny-dynamic.onnx") -> str:
    """The net with ConvInteger: the scale of each image is found while it runs.

    Its weights are unsigned: onnxruntime 1.23, the last for Python 3.10, takes no others there.
    """
    weights = _weights(3, 0)
    weight_scale = np.abs(weights).max() / 127
    arrays: dict[str, NDArray[Any]] = {
        "w_q": (np.round(weights / weight_scale) + 128).astype(np.uint8)[:, :, None, None],
        "w_zero": np.array(128, np.uint8),
        "w_scale": np.array(weight_scale, np.float32),
        "b": tiny._BIAS[:, None, None],
    }
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["image"], ["image_q", "scale", "zero"]),
        helper.make_node("ConvInteger", ["image_q", "w_q", "zero", "w_zero"], ["sums"], kernel_shape=[1, 1]),
        helper.make_node("Cast", ["sums"], ["sums_f"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["scale", "w_scale"], ["product"]),
        helper.make_node("Mul", ["sums_f", "product"], ["scaled"]),
        helper.make_node("Add", ["scaled", "b"], ["conv"]),
        *_head("conv", "probabilities"),
    ]
    _write_float(folder / name, nodes, arrays)
    return name


def write_convolution(
    folder: Path, name: str, weights: NDArray[np.float32], bias: NDArray[np.float32], last: str
) -> str:
    """A 1x1 convolution with ``weights`` (outputs, channels) over images of any size, and an operator behind it."""
    nodes = [
        helper.make_node("Conv", ["image", "w", "b"], ["conv"], kernel_shape=[1, 1]),
        helper.make_node(last, ["conv"], ["maps"]),
    ]
    shape = (1, weights.shape[1], "h", "w")
    outputs = [("maps", TensorProto.FLOAT, (1, len(weights), "h", "w"))]
    arrays: dict[str, NDArray[Any]] = {"w": weights[:, :, None, None], "b": bias}
    _write(folder / name, nodes, outputs, arrays, shape, TensorProto.FLOAT, OPSET, IR)
    return name


def write_two_inputs(folder: Path, name: str = "two.onnx") -> str:
    """The sum of two inputs."""
    values = [helper.make_tensor_value_info(key, TensorProto.FLOAT, [1, 3, 8, 8]) for key in ("a", "b", "sum")]
    graph = helper.make_graph([helper.make_node("Add", ["a", "b"], ["sum"])], "graph", values[:2], values[2:])
    _save(folder / name, graph, OPSET, IR)
    return name


def put_weights_beside(path: Path, weights: str = "tiny.weights") -> Path:
    """Move the weights of an ONNX file into a file of their own."""
    model = onnx.load(path)
    onnx.save_model(model, path, save_as_external_data=True, location=weights, size_threshold=0)
    return path.parent / weights


def _weights(channels: int, noise: float) -> NDArray[np.float32]:
    weights = np.resize(tiny._WEIGHTS, (tiny.CLASSES, channels)).astype(np.float32)
    change = noise * np.random.default_rng(0).standard_normal(weights.shape)
    return np.asarray(weights + change, np.float32)


def _head(name: str, output: str) -> list[onnx.NodeProto]:
    return [
        helper.make_node("GlobalAveragePool", [name], ["pool"]),
        helper.make_node("Flatten", ["pool"], ["scores"]),
        helper.make_node("Softmax", ["scores"], [output], axis=1),
    ]


def _write_float(path: Path, nodes: list[onnx.NodeProto], arrays: dict[str, NDArray[Any]]) -> None:
    outputs = [("probabilities", TensorProto.FLOAT, [1, tiny.CLASSES])]
    _write(path, nodes, outputs, arrays, (1, 3, tiny.SIDE, tiny.SIDE), TensorProto.FLOAT, OPSET, IR)


def _write(
    path: Path,
    nodes: list[onnx.NodeProto],
    outputs: Sequence[tuple[str, int, Sequence[int | str]]],
    arrays: dict[str, NDArray[Any]],
    shape: Sequence[int | str] | None,
    dtype: int,
    opset: int,
    ir: int,
) -> None:
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("image", dtype, shape)],
        [helper.make_tensor_value_info(*output) for output in outputs],
        [numpy_helper.from_array(array, key) for key, array in arrays.items()],
    )
    _save(path, graph, opset, ir)


def _save(path: Path, graph: onnx.GraphProto, opset: int, ir: int) -> None:
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir), path)


def write_features_and_ids(
    folder: Path, name: str = "two.onnx", *, qdq: bool = False, inputs: tuple[str, str] = ("features", "token_ids")
) -> str:
    """The net of `tests.tiny_arrays`: features (1, 3, 4, 4), and int64 ids (1, steps)."""
    weights = tiny_arrays.WEIGHTS
    scale = np.float32(np.abs(weights).max() / 127)
    arrays: dict[str, NDArray[Any]] = {
        "b": tiny_arrays.BIAS,
        "table": tiny_arrays.TABLE,
        "head": np.ascontiguousarray(tiny_arrays.HEAD.T),
    }
    nodes = []
    data = inputs[0]
    if qdq:
        arrays |= {
            "scale": np.array(1 / tiny_arrays.SCALE, np.float32),
            "zero": np.array(0, np.int8),
            "w_q": np.round(weights / scale).astype(np.int8)[:, :, None, None],
            "w_scale": np.array(scale, np.float32),
        }
        nodes += [
            helper.make_node("QuantizeLinear", [data, "scale", "zero"], ["x_q"]),
            helper.make_node("DequantizeLinear", ["x_q", "scale", "zero"], ["x"]),
            helper.make_node("DequantizeLinear", ["w_q", "w_scale", "zero"], ["w"]),
        ]
        data = "x"
    else:
        arrays["w"] = weights[:, :, None, None]
    nodes += [
        helper.make_node("Conv", [data, "w", "b"], ["conv"], kernel_shape=[1, 1]),
        helper.make_node("GlobalAveragePool", ["conv"], ["pool"]),
        helper.make_node("Flatten", ["pool"], ["seen"]),
        helper.make_node("Gather", ["table", inputs[1]], ["words"]),
        helper.make_node("ReduceMean", ["words"], ["named"], axes=[1], keepdims=0),
        helper.make_node("Add", ["seen", "named"], ["both"]),
        helper.make_node("MatMul", ["both", "head"], ["scores"]),
    ]
    given = [
        helper.make_tensor_value_info(inputs[0], TensorProto.FLOAT, [1, 3, "h", "w"]),
        helper.make_tensor_value_info(inputs[1], TensorProto.INT64, ["batch", "steps"]),
    ]
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, tiny_arrays.CLASSES])
    constants = [numpy_helper.from_array(array, key) for key, array in arrays.items()]
    _save(folder / name, helper.make_graph(nodes, "graph", given, [scores], constants), OPSET, IR)
    return name
