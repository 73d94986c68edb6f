"""A graph in OpenVINO's CPU plugin, on one thread, with its errors in this project's classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray

from pytest_quant.nets.binding import Binding
from pytest_quant.spec.errors import ModelFileError, RunnerError
from pytest_quant.spec.net import Runtime
from pytest_quant.spec.text import shown

_ONE_THREAD = {"NUM_STREAMS": "1", "INFERENCE_NUM_THREADS": 1, "ENABLE_CPU_PINNING": False}
"""Each worker thread compiles its own; pinned, all of them would sit on one core."""
_FLOAT = {"INFERENCE_PRECISION_HINT": "f32", "DYNAMIC_QUANTIZATION_GROUP_SIZE": 0}
"""Otherwise the plugin computes in bfloat16 or half precision where the processor can, and quantizes what nobody
quantized."""


class OpenvinoSession:
    """A compiled graph."""

    def __init__(self, path: Path, runtime: Runtime, binding: Binding) -> None:
        """Raises `ModelFileError` when OpenVINO cannot read or compile the file."""
        self._what = shown(path)
        options = {**_ONE_THREAD, **(_FLOAT if runtime == "reference" else {})}
        try:
            core = openvino.Core()
            self._compiled = core.compile_model(core.read_model(path), "CPU", options)
            self._request = self._compiled.create_infer_request()
            self._inputs = {bound.port.name: self._input(bound.port.name) for bound in binding.inputs.values()}
            self._outputs = {port.name: self._output(port.name) for port in binding.outputs.values()}
        except RuntimeError as error:
            raise ModelFileError(f"{self._what}: {_runtime()} cannot load it: {_words(error)}") from None

    def _input(self, name: str) -> Any:
        """By its name; the only input may have none."""
        return self._compiled.input(0) if len(self._compiled.inputs) == 1 else self._compiled.input(name)

    def _output(self, name: str) -> Any:
        """By a name of its tensor; without one it goes by that of its layer."""
        for port in self._compiled.outputs:
            if name in port.get_names() or name == port.get_node().get_friendly_name():
                return port
        return self._compiled.output(name)

    def run(self, feeds: Mapping[str, NDArray[Any]], outputs: Sequence[str]) -> list[NDArray[Any]]:
        """One forward pass; raises `RunnerError` when the graph does not take the input."""
        try:
            self._request.infer({self._inputs[name]: array for name, array in feeds.items()}, share_inputs=True)
            return [np.array(self._request.get_tensor(self._outputs[name]).data) for name in outputs]
        except RuntimeError as error:
            raise RunnerError(f"{self._what}: {_runtime()} cannot run it: {_words(error)}") from None

    def close(self) -> None:
        """Free it."""
        del self._request, self._compiled


def _runtime() -> str:
    return f"openvino {version('openvino')}"


def _words(error: Exception) -> str:
    """What OpenVINO says, in one line, without the places in its own source."""
    lines = (line.strip() for line in str(error).splitlines())
    told = [line for line in lines if line and not line.startswith(("Exception from", "Check '"))]
    return " ".join(told) or type(error).__name__
