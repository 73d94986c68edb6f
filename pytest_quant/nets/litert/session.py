"""A `.tflite` file in LiteRT's interpreter, on one thread, with its errors in this project's classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

from pytest_quant.nets.binding import Binding
from pytest_quant.spec.errors import ModelFileError, RunnerError
from pytest_quant.spec.net import Runtime
from pytest_quant.spec.text import shown

_KERNELS = {"reference": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES, "deploy": OpResolverType.BUILTIN}
"""``reference``: LiteRT's own kernels, whose integers are those of its quantization specification on every machine.
``deploy``: what LiteRT chooses, XNNPACK."""


class LitertSession:
    """A loaded graph. An interpreter is not for two threads, not even one after the other."""

    def __init__(self, path: Path, runtime: Runtime, binding: Binding) -> None:
        """Raises `ModelFileError` when LiteRT cannot load the file."""
        self._what = shown(path)
        try:
            self._interpreter = Interpreter(
                model_path=str(path), num_threads=1, experimental_op_resolver_type=_KERNELS[runtime]
            )
            self._inputs = {detail["name"]: detail["index"] for detail in self._interpreter.get_input_details()}
            self._outputs = {detail["name"]: detail["index"] for detail in self._interpreter.get_output_details()}
            if all(None not in (bound.port.shape or (None,)) for bound in binding.inputs.values()):
                self._interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            raise ModelFileError(f"{self._what}: {_runtime()} cannot load it: {_words(error)}") from None
        self._shapes: dict[str, tuple[int, ...]] = {}

    def run(self, feeds: Mapping[str, NDArray[Any]], outputs: Sequence[str]) -> list[NDArray[Any]]:
        """One forward pass; raises `RunnerError` when the graph does not take the input."""
        try:
            self._fit({name: array.shape for name, array in feeds.items()})
            for name, array in feeds.items():
                self._interpreter.set_tensor(self._inputs[name], array)
            self._interpreter.invoke()
            return [self._interpreter.get_tensor(self._outputs[name]) for name in outputs]
        except (RuntimeError, ValueError) as error:
            raise RunnerError(f"{self._what}: {_runtime()} cannot run it: {_words(error)}") from None

    def _fit(self, shapes: dict[str, tuple[int, ...]]) -> None:
        """Make room for inputs of these shapes, where those before had others."""
        if shapes == self._shapes:
            return
        for name, shape in shapes.items():
            self._interpreter.resize_tensor_input(self._inputs[name], shape)
        self._interpreter.allocate_tensors()
        self._shapes = shapes

    def close(self) -> None:
        """Free it."""
        del self._interpreter


def _runtime() -> str:
    return f"ai-edge-litert {version('ai-edge-litert')}"


def _words(error: Exception) -> str:
    """What LiteRT says, in one line."""
    return " ".join(str(error).split()) or type(error).__name__
