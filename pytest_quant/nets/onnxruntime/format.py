"""The format ``onnxruntime``: ``{onnxruntime: model.onnx}``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pytest_quant.nets.binding import Binding
from pytest_quant.nets.format import StaticFacts
from pytest_quant.nets.graph_format import GraphFormat, GraphKeys
from pytest_quant.nets.graph_runner import Session
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.net import ModelNet, NetSpec
from pytest_quant.spec.text import listed, shown

if TYPE_CHECKING:
    from pytest_quant.nets.onnxruntime.facts import OnnxFacts

ONNXRUNTIME = "onnxruntime"
"""The name of the format."""


def onnx_net(path: Path, *, outputs: tuple[str, ...] | None = None) -> NetSpec:
    """A net of this file."""
    return NetSpec(ONNXRUNTIME, GraphKeys(file=path), outputs=outputs)


class OnnxruntimeFormat(GraphFormat):
    """ONNX files in ONNX Runtime: float, QDQ, quantized operators, dynamic quantization."""

    distribution: ClassVar[str] = "onnxruntime"
    extra: ClassVar[str] = "onnxruntime"
    suffixes: ClassVar[tuple[str, ...]] = (".onnx",)

    def read(self, net: ModelNet) -> OnnxFacts:
        """Let onnx's checker judge the file."""
        from pytest_quant.nets.onnxruntime.facts import inspect_onnx  # onnx is imported only where a model has a file

        return inspect_onnx(net.entry.file)

    def key(self, net: ModelNet, digests: Mapping[str, str]) -> Mapping[str, object]:
        """``runtime`` is about ncnn's float arithmetic."""
        return {
            "onnxruntime": self.version(),
            "names": [net.input_names, net.output_names],
            "options": self.options(net),
            "files": dict(digests),
        }

    def inspect(self, net: ModelNet) -> StaticFacts:
        """Hold inputs, outputs, channels and sizes against the entry, and the name of the net against what is in it."""
        found = super().inspect(net)
        self._check_name(net, self.read(net).quantized)
        return found

    def _check_name(self, net: ModelNet, operators: Mapping[str, int]) -> None:
        """Raise `ConfigError` for a file under the wrong one of the two keys that say what is in it."""
        found = shown(net.entry.file)
        if net.name == "onnx" and operators:
            counts = listed(f"{count} {name}" for name, count in operators.items())
            raise ConfigError(
                f"{found} is a quantized model ({counts}): `onnx` is the model before conversion and quantization, "
                "name this one under `onnx_int8`"
            )
        if net.name == "onnx_int8" and not operators:
            raise ConfigError(
                f"{found} has no quantized operator: it is a float model under `onnx_int8`, expected the QDQ form "
                "(QuantizeLinear, DequantizeLinear) or quantized operators (QLinearConv, ...)"
            )

    def load(self, net: ModelNet, binding: Binding) -> Session:
        """Load it on one thread."""
        from pytest_quant.nets.onnxruntime.session import OnnxSession

        return OnnxSession(net.entry.file)
