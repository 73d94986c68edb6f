"""An ONNX file in ONNX Runtime, on one thread, with its errors in this project's classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state

from pytest_quant.nets.given import AnyArray
from pytest_quant.spec.environment import version_of
from pytest_quant.spec.errors import ModelFileError, RunnerError
from pytest_quant.spec.text import shown

_QUIET = 3
"""onnxruntime's log severity: errors only, since they are raised anyway."""


class OnnxSession:
    """A loaded ONNX graph."""

    def __init__(self, path: Path, model: bytes | None = None) -> None:
        """Raises `ModelFileError` when the runtime cannot load the file; ``model``: what was made of it, instead."""
        self._what = shown(path)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = _QUIET
        try:
            self._session = onnxruntime.InferenceSession(
                str(path) if model is None else model, options, providers=["CPUExecutionProvider"]
            )
        except _errors() as error:
            raise ModelFileError(f"{self._what}: {_runtime()} cannot load it: {_words(error)}") from None

    def run(self, feeds: Mapping[str, AnyArray], outputs: Sequence[str]) -> list[AnyArray]:
        """One forward pass; raises `RunnerError` when the graph does not take the input."""
        try:
            return list(self._session.run(list(outputs), dict(feeds)))
        except _errors() as error:
            raise RunnerError(f"{self._what}: {_runtime()} cannot run it: {_words(error)}") from None

    def inputs(self) -> list[str]:
        """The names of what is fed."""
        return [one.name for one in self._session.get_inputs()]

    def output_types(self) -> dict[str, str]:
        """Output to its type, as ONNX Runtime writes it: ``tensor(float)``."""
        return {one.name: one.type for one in self._session.get_outputs()}

    def close(self) -> None:
        """Free it."""
        del self._session


@cache
def _errors() -> tuple[type[Exception], ...]:
    """The classes have no base of their own in common."""
    found = vars(onnxruntime_pybind11_state).values()
    return tuple(kind for kind in found if isinstance(kind, type) and issubclass(kind, Exception))


def _runtime() -> str:
    return f"onnxruntime {version_of('onnxruntime')}"


def _words(error: Exception) -> str:
    """What a runtime says, in one line."""
    return " ".join(str(error).split()) or type(error).__name__
