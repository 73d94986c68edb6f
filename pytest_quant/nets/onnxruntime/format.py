"""The format ``onnxruntime``: ``{onnxruntime: model.onnx}``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pytest_quant.nets.base import Runner
from pytest_quant.nets.format import NetFormat, OneFile, StaticFacts
from pytest_quant.spec.environment import version_of
from pytest_quant.spec.errors import ConfigError, RunnerError
from pytest_quant.spec.net import ModelNet, NetSpec
from pytest_quant.spec.text import listed, shown

ONNXRUNTIME = "onnxruntime"
"""The name of the format."""


def onnx_net(path: Path, *, outputs: tuple[str, ...] | None = None) -> NetSpec:
    """A net of this file."""
    return NetSpec(ONNXRUNTIME, OneFile(file=path), outputs=outputs)


class OnnxruntimeFormat(NetFormat):
    """ONNX files in ONNX Runtime: float, QDQ, quantized operators, dynamic quantization."""

    def version(self) -> str:
        """Of ONNX Runtime."""
        return version_of("onnxruntime")

    def files(self, net: ModelNet) -> Mapping[str, Path]:
        """The file, and those beside it that hold its weights."""
        from pytest_quant.nets.onnxruntime.facts import inspect_onnx  # onnx is imported only where a model has a file

        first, *external = inspect_onnx(net.entry.file).files
        return {"": first, **{f":{path.name}": path for path in external}}

    def key(self, net: ModelNet, digests: Mapping[str, str]) -> Mapping[str, object]:
        """There are no options, and ``runtime`` is about ncnn's float arithmetic."""
        return {"onnxruntime": self.version(), "names": net.output_names, "files": dict(digests)}

    def inspect(self, net: ModelNet) -> StaticFacts:
        """Let onnx's checker judge the file, and hold inputs, outputs, channels and sizes against the entry."""
        from pytest_quant.nets.onnxruntime.binding import bind
        from pytest_quant.nets.onnxruntime.facts import inspect_onnx

        facts = inspect_onnx(net.entry.file)
        bind(net, facts)
        self._check_name(net, facts.quantized)
        layers = facts.layers
        return StaticFacts(quantized=layers.quantized, quantizable=layers.quantizable, form=layers.form)

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

    def open(self, net: ModelNet) -> Runner:
        """Load it on one thread."""
        try:
            from pytest_quant.nets.onnxruntime.onnx_net import open_onnx
        except ImportError as error:
            raise RunnerError(
                f"{shown(net.entry.file)}: onnxruntime is installed but cannot be imported: {error}. Install it anew"
            ) from None
        return open_onnx(net.entry.file, net)
