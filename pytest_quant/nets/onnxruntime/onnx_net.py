"""An ONNX file as a runner: fed like every net, its outputs named as the model's decoder knows them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pytest_quant.nets.base import Array, check_input, check_outputs
from pytest_quant.nets.onnxruntime.binding import OnnxBinding, bind
from pytest_quant.nets.onnxruntime.facts import inspect_onnx
from pytest_quant.nets.onnxruntime.session import Session
from pytest_quant.spec.errors import RunnerError
from pytest_quant.spec.net import ModelNet
from pytest_quant.spec.text import shown


def open_onnx(path: Path, net: ModelNet) -> OnnxRunner:
    """Load an ONNX file of a model; raises `ModelFileError`, or `ConfigError` where it does not fit the entry."""
    return OnnxRunner(path, bind(net, inspect_onnx(path)), net.input.channels)


class OnnxRunner:
    """One loaded ONNX file; see `Runner`. A half-precision input is cast to, and every output comes as float32."""

    def __init__(self, path: Path, binding: OnnxBinding, channels: int) -> None:
        """``channels`` of the input array. Raises `ModelFileError` when the runtime cannot load the file."""
        self._what = shown(path)
        self._binding = binding
        self._channels = channels
        self._session = Session(path)

    def run(self, array: Array) -> dict[str, Array]:
        """One forward pass: a float32 array (channels, height, width) to output blobs by name, without batch."""
        binding = self._binding
        held = check_input(self._what, array, channels=self._channels, size=None)
        self._check_size(held)
        given = (held[np.newaxis] if binding.has_batch else held).astype(binding.input.dtype, copy=False)
        found = self._session.run(list(binding.outputs.values()), {binding.input.name: given})
        outputs = {}
        for (blob, name), output in zip(binding.outputs.items(), found, strict=True):
            if binding.has_batch and output.shape[:1] != (1,):
                raise RunnerError(
                    f"{self._what}: the output {name!r} has shape {output.shape}, expected a batch of 1 in front"
                )
            outputs[blob] = np.array(output[0] if binding.has_batch else output, np.float32)
        check_outputs(self._what, outputs)
        return outputs

    def _check_size(self, array: Array) -> None:
        """Raise `RunnerError` for a height or width other than the file fixes."""
        shape = self._binding.input.shape
        if shape is None:
            return
        height, width = shape[-2:]
        if height not in (array.shape[1], None) or width not in (array.shape[2], None):
            raise RunnerError(
                f"{self._what}: found an input of width {array.shape[2]} and height {array.shape[1]}, the file fixes "
                f"them to {[width, height]}: export it with dynamic axes, or resize every image to that size"
            )

    def close(self) -> None:
        """Free the net."""
        del self._session
