"""What a network's files tell without running it: inputs, outputs, sizes, which layers are quantized."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pytest_quant.nets.ncnn.files.arity import check_arity
from pytest_quant.nets.ncnn.files.arrays import (
    CONVOLUTIONS,
    INT8_LAYER_TYPES,
    QUANTIZABLE_TYPES,
    array_specs,
    int8_term,
    is_known,
    kernel_size,
)
from pytest_quant.nets.ncnn.files.element_types import check_stored
from pytest_quant.nets.ncnn.files.flow import check_flow
from pytest_quant.nets.ncnn.files.input_hints import InputHint, input_hint
from pytest_quant.nets.ncnn.files.param import Layer, Param, ParameterError, read_param
from pytest_quant.nets.ncnn.files.weights import Weights, walk

T = TypeVar("T")

# One input and one output of the same number of channels (Split: several copies).
_KEEPS_CHANNELS = frozenset(
    {
        *("AbsVal", "BNLL", "BatchNorm", "Bias", "CELU", "Cast", "Clip", "DeepCopy", "Dequantize", "Dropout"),
        *("ELU", "Erf", "Exp", "GELU", "HardSigmoid", "HardSwish", "InstanceNorm", "Interp", "LRN", "Log"),
        *("MVN", "Mish", "Noop", "PReLU", "Packing", "Pooling", "Power", "Quantize", "ReLU", "Requantize"),
        *("SELU", "Scale", "Shrink", "ShuffleChannel", "Sigmoid", "Softmax", "Softplus", "Split", "Swish"),
        *("TanH", "Threshold", "UnaryOp"),
    }
)


ROW_LAYERS = frozenset({"DetectionOutput", "Yolov3DetectionOutput", "YoloDetectionOutput"})
"""Layers that give a row for each object they find: as many as there are, and an empty blob for none."""


@dataclass(frozen=True)
class NetFacts:
    """Static facts of a network.

    Attributes:
        inputs: blobs that ``Input`` layers write.
        outputs: blobs that no layer reads.
        blobs: all blob names, in file order.
        input_channels: input blob to its number of channels, where the weights of the first layer prove it.
        input_hints: input blob to what its ``Input`` layer says of its size, which binds nothing.
        output_features: output blob to the number of channels or classes of the layer behind it, where that is plain.
        quantized: layer type to the names of its int8 layers, and of explicit Quantize, Dequantize, Requantize layers.
        quantizable: layer type to the names of all layers that ncnn could run in int8, the quantized ones included.
        storage: number of tagged arrays by storage (fp32, fp16, int8, table); empty without a ``.bin``.
        rows: blobs of `ROW_LAYERS`.
        unknown_types: layer types of which the format is not known, in file order.
        notes: what is odd in the ``.param`` and harmless in ncnn.

    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    blobs: tuple[str, ...]
    input_channels: Mapping[str, int]
    input_hints: Mapping[str, InputHint]
    output_features: Mapping[str, int]
    quantized: Mapping[str, tuple[str, ...]]
    quantizable: Mapping[str, tuple[str, ...]]
    storage: Mapping[str, int]
    unknown_types: tuple[str, ...]
    rows: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()

    @property
    def is_quantized(self) -> bool:
        """Whether any layer runs in int8."""
        return bool(self.quantized)


def inspect_net(param_path: Path | str, bin_path: Path | str | None, *, follow: bool = True) -> NetFacts:
    """Read and check a network's two files (``bin_path=None``: the ``.param`` alone) and return their facts.

    ``follow``: see `net_facts`.

    Raises:
        ModelFileError: a file is missing, damaged or of another model.

    """
    param = read_param(param_path)
    return net_facts(param, None if bin_path is None else walk(param, bin_path), follow=follow)


def net_facts(param: Param, weights: Weights | None = None, *, follow: bool = True) -> NetFacts:
    """Return the facts of a network that is read already.

    ``follow``: whether shapes are followed through the layers; not where the caller does it, who knows the input.

    Raises:
        ModelFileError: a layer's parameters are impossible, or layers do not fit each other whatever the input.

    """
    try:
        return _facts(param, weights, follow=follow)
    except ParameterError as error:
        raise param.error(error.layer, str(error)) from None


def _facts(param: Param, weights: Weights | None, *, follow: bool) -> NetFacts:
    check_arity(param)
    check_stored(param)
    if weights is None:  # else the walk has seen that no layer is impossible
        for layer in param.layers:
            array_specs(param, layer)
    if follow:
        check_flow(param, {})
    types = dict.fromkeys(layer.type for layer in param.layers)
    channels = _found({blob: _wanted_channels(param, blob) for blob in param.inputs})
    return NetFacts(
        inputs=param.inputs,
        outputs=param.outputs,
        blobs=param.blobs,
        input_channels=channels,
        input_hints={blob: input_hint(param.producer[blob], channels.get(blob)) for blob in param.inputs},
        output_features=_found({blob: _features(param, blob) for blob in param.outputs}),
        quantized=_names(layer for layer in param.layers if layer.type in INT8_LAYER_TYPES or int8_term(layer)),
        quantizable=_names(layer for layer in param.layers if layer.type in QUANTIZABLE_TYPES),
        storage=Counter(a.storage for a in weights.arrays if a.storage != "bare") if weights else {},
        unknown_types=tuple(name for name in types if not is_known(name)),
        rows=row_blobs(param),
        notes=param.notes,
    )


def row_blobs(param: Param) -> frozenset[str]:
    """The blobs of `ROW_LAYERS`: they differ in length from run to run, and may be empty."""
    return frozenset(top for layer in param.layers if layer.type in ROW_LAYERS for top in layer.tops)


def row_classes(param: Param, blob: str) -> int | None:
    """How many classes the layer behind a blob of `ROW_LAYERS` knows, the background not counted; None: another."""
    layer = param.producer.get(blob)
    if layer is None or layer.type not in ROW_LAYERS:
        return None
    return layer.get_int(0) - (1 if layer.type == "DetectionOutput" else 0)


def _found(values: dict[str, T | None]) -> dict[str, T]:
    return {key: value for key, value in values.items() if value is not None}


def _names(layers: Iterable[Layer]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for layer in layers:
        found.setdefault(layer.type, []).append(layer.name)
    return {layer_type: tuple(names) for layer_type, names in found.items()}


def _wanted_channels(param: Param, blob: str) -> int | None:
    """Follow the blob to the first layer that tells its number of channels."""
    pending = [(blob, 1)]
    while pending:
        blob, times = pending.pop()
        for layer in param.consumers[blob]:
            channels = _channels_in(layer)
            if channels is not None:
                return channels // times
            if _keeps_channels(layer):
                pending.extend((top, times) for top in layer.tops)
            elif layer.type == "Reorg":  # blocks of pixels become channels, as at the start of YOLOX
                pending.extend((top, times * layer.get_int(0, 1) ** 2) for top in layer.tops)
    return None


def _channels_in(layer: Layer) -> int | None:
    if layer.type in CONVOLUTIONS:
        size, outputs = layer.get_int(6), layer.get_int(0)
        group = layer.get_int(7, 1) if "DepthWise" in layer.type else 1
        return size // (outputs * kernel_size(layer)) * group if size else None
    if layer.type == "InnerProduct":
        return None  # it flattens what it reads: its inputs may be channels or pixels
    keys = {"BatchNorm": 0, "InstanceNorm": 0, "GroupNorm": 1}
    return (layer.get_int(keys[layer.type]) or None) if layer.type in keys else None


def _keeps_channels(layer: Layer) -> bool:
    if layer.type == "BinaryOp":
        return layer.get_int(1) != 0  # with a number as its second operand
    if layer.type == "Padding":
        return layer.get_int(7) == 0 and layer.get_int(8) == 0
    return layer.type in _KEEPS_CHANNELS


def _features(param: Param, blob: str) -> int | None:
    """Follow the output back to the layer that sets its number of channels."""
    is_flattened = False
    while True:
        layer = param.producer[blob]
        if layer.type == "InnerProduct" or (layer.type in CONVOLUTIONS and not is_flattened):
            return layer.get_int(0)
        if layer.type == "Gemm":
            return layer.get_int(8) or None
        if layer.type in ("Flatten", "Reshape"):
            is_flattened = True
        elif layer.type == "Pooling" and layer.get_int(4):
            is_flattened = False  # global: one value per channel
        elif not _keeps_channels(layer):
            return None
        blob = layer.bottoms[0]
