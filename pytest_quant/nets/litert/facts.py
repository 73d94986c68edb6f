"""What a `.tflite` file tells without running it: inputs, outputs, their scales, quantized layers, custom operators."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pytest_quant.nets.file_stamp import FileStamp
from pytest_quant.nets.layers import QuantizedLayers
from pytest_quant.nets.litert.layers import quantized_layers
from pytest_quant.nets.litert.tables import GraphTables, read_tables
from pytest_quant.nets.ports import Port, Scaling
from pytest_quant.spec.errors import ModelFileError
from pytest_quant.spec.text import listed, shown

_KNOWN_CUSTOM = frozenset({"TFLite_Detection_PostProcess", "Mfcc", "AudioSpectrogram"})
"""Custom operators that LiteRT has kernels for."""
_INTEGERS = frozenset({"int8", "uint8", "int16"})


@dataclass(frozen=True)
class TfliteFacts:
    """Static facts of a `.tflite` file."""

    path: Path
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    layers: QuantizedLayers
    custom: tuple[str, ...]
    """Custom operators that LiteRT has no kernel for."""

    @property
    def files(self) -> tuple[Path, ...]:
        """It is one file."""
        return (self.path,)

    def check_runs(self) -> None:
        """Raise `ModelFileError` for operators that LiteRT has no kernel for."""
        flex = [name for name in self.custom if name.startswith("Flex")]
        if flex:
            raise ModelFileError(
                f"{shown(self.path)}: has operators of TensorFlow that LiteRT does not run ({listed(flex)}): convert "
                "the model with LiteRT's own operators only (TFLITE_BUILTINS)"
            )
        if self.custom:
            raise ModelFileError(
                f"{shown(self.path)}: has custom operators, and LiteRT has no kernel for them: {listed(self.custom)}. "
                "Export the model without them, for instance cut before its postprocessing"
            )


def inspect_tflite(path: Path) -> TfliteFacts:
    """Read a `.tflite` file; raises `ModelFileError` for one that cannot be read or is damaged."""
    return _inspect(FileStamp.of(path))


@lru_cache(maxsize=64)
def _inspect(stamp: FileStamp) -> TfliteFacts:
    graph = read_tables(stamp.path, stamp.content())
    return TfliteFacts(
        path=stamp.path,
        inputs=tuple(_port(graph, index) for index in graph.inputs),
        outputs=tuple(_port(graph, index) for index in graph.outputs),
        layers=quantized_layers(graph),
        custom=tuple(name for name in graph.custom if name not in _KNOWN_CUSTOM),
    )


def _port(graph: GraphTables, index: int) -> Port:
    tensor = graph.tensors[index]
    named = graph.signature.get(index, tensor.name)
    scaling = None
    if tensor.dtype in _INTEGERS and len(tensor.scales) == 1 and tensor.scales[0] > 0:
        scaling = Scaling(tensor.scales[0], tensor.zero_points[0] if tensor.zero_points else 0)
    aliases = () if named == tensor.name else (named,)
    return Port(tensor.name, tensor.dtype, tensor.shape, aliases, scaling)
