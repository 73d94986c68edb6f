"""The runtimes for ONNX files: onnxruntime where it is installed, else onnx's own reference evaluator, in Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pytest_quant.spec.errors import ModelFileError, RunnerError
from pytest_quant.spec.text import shown

if TYPE_CHECKING:
    import onnx

_QUIET = 3
"""onnxruntime's log severity: errors only, since they are raised anyway."""

_QUANTIZING_OPSET = 19
"""The first whose QuantizeLinear and DequantizeLinear the reference evaluator has."""

_EVALUATOR_ERRORS = (ArithmeticError, AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError)
"""What the reference evaluator's operators raise for a graph or an input that they cannot work with."""

REFERENCE_EVALUATOR = "reference evaluator"
"""The last words of `onnx_runtime` where it is slow."""


class Session(Protocol):
    """A loaded ONNX graph."""

    def run(self, outputs: Sequence[str], feeds: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """One forward pass; raises `RunnerError` when the graph does not take the input."""
        ...


def has_onnxruntime() -> bool:
    """Whether the extra ``onnxruntime`` is there."""
    return find_spec("onnxruntime") is not None


def onnx_runtime() -> str:
    """Name and version of what runs ONNX files here."""
    if has_onnxruntime():
        return f"onnxruntime {version('onnxruntime')}"
    return f"onnx {version('onnx')} {REFERENCE_EVALUATOR}"


def open_session(path: Path) -> Session:
    """Load an ONNX file on one thread; raises `ModelFileError` when the runtime cannot."""
    return _Onnxruntime(path) if has_onnxruntime() else _ReferenceEvaluator(path)


class _Onnxruntime:
    def __init__(self, path: Path) -> None:
        self._what = shown(path)
        try:
            import onnxruntime
        except ImportError as error:
            raise RunnerError(
                f"{self._what}: onnxruntime is installed but cannot be imported: {error}. Install it anew, or "
                "uninstall it: then onnx's reference evaluator runs ONNX files"
            ) from None
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = _QUIET
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except _onnxruntime_errors() as error:
            raise ModelFileError(f"{self._what}: {onnx_runtime()} cannot load it: {_words(error)}") from None

    def run(self, outputs: Sequence[str], feeds: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        try:
            return list(self._session.run(list(outputs), dict(feeds)))
        except _onnxruntime_errors() as error:
            raise RunnerError(f"{self._what}: {onnx_runtime()} cannot run it: {_words(error)}") from None


class _ReferenceEvaluator:
    def __init__(self, path: Path) -> None:
        from onnx.reference import ReferenceEvaluator

        self._what = shown(path)
        try:
            self._evaluator = ReferenceEvaluator(_evaluable(path))
        except _EVALUATOR_ERRORS as error:
            raise ModelFileError(f"{self._what}: the {onnx_runtime()} cannot load it: {_words(error)}") from None

    def run(self, outputs: Sequence[str], feeds: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        try:
            with np.errstate(all="ignore"):  # such as exp in a sigmoid: what is not finite in the end is refused there
                found = self._evaluator.run(list(outputs), dict(feeds))
        except _EVALUATOR_ERRORS as error:
            raise RunnerError(f"{self._what}: the {onnx_runtime()} cannot run it: {_words(error)}") from None
        return [np.asarray(array) for array in found]


def _evaluable(path: Path) -> str | onnx.ModelProto:
    """The file, or its model under a newer opset: the evaluator has no older form of the quantizing operators."""
    import onnx
    from onnx.version_converter import convert_version

    from pytest_quant.nets.onnxruntime.facts import inspect_onnx

    facts = inspect_onnx(path)
    if not facts.quantized or facts.opset >= _QUANTIZING_OPSET:
        return str(path)
    return convert_version(onnx.load(path), _QUANTIZING_OPSET)


@cache
def _onnxruntime_errors() -> tuple[type[Exception], ...]:
    """The classes have no base of their own in common."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    return tuple(found for found in vars(state).values() if isinstance(found, type) and issubclass(found, Exception))


def _words(error: Exception) -> str:
    """What a runtime says, in one line."""
    return " ".join(str(error).split()) or type(error).__name__
