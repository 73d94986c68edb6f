"""The ncnn runtime, behind checks: it validates neither shapes nor types nor the life of the memory it is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import ncnn
import numpy as np

from pytest_quant.nets.base import Array, check_outputs
from pytest_quant.nets.given import Given
from pytest_quant.nets.ncnn.feeding import FedArray, Feeding, ShapeGuard, mat_of, told
from pytest_quant.nets.ncnn.net_files import NcnnFiles
from pytest_quant.nets.ncnn.options import net_options
from pytest_quant.spec.errors import ModelFileError, RunnerError
from pytest_quant.spec.net import Runtime
from pytest_quant.spec.text import shown

_ROW = 6
"""Columns of a detection: label, score, left, top, right, bottom."""


def is_empty(mat: ncnn.Mat) -> bool:
    """Whether there is nothing in it; an input that is too small for a layer gives sizes below zero as well."""
    return bool(mat.empty()) or min(mat.w, mat.h, mat.d, mat.c) <= 0


@dataclass(frozen=True)
class NetSetup:
    """How a net is loaded and what is known of its input; plain data, so that it can cross a process boundary."""

    files: NcnnFiles
    input_blob: str
    outputs: tuple[str, ...]
    runtime: Runtime
    channels: int | None = None
    """Expected input channels; None: unknown, then any."""
    size: tuple[int, int] | None = None
    """Expected input width and height; None: any."""
    names: tuple[str, ...] | None = None
    """What the runner calls ``outputs``; None: as the net does."""
    rows: frozenset[str] = frozenset()
    """Blobs of detections, a row each: an empty one means that there is none."""
    arrays: tuple[FedArray, ...] = ()
    """Of a net that is fed arrays instead of an image."""

    @property
    def feeding(self) -> Feeding:
        """How what is given becomes blobs."""
        return Feeding(self.input_blob, self.channels, self.size, self.arrays)


class NcnnRunner:
    """One ncnn net, loaded. One per thread: sharing a net is correct but slow.

    The files are trusted to be what they say: `open_ncnn` checks them first.
    """

    def __init__(self, setup: NetSetup, options: Mapping[str, bool] | None = None) -> None:
        """``options`` of ncnn beside one thread; None: those of the setup's runtime."""
        self._setup = setup
        self._what = shown(setup.files.param)
        self._feeding = setup.feeding
        self._guard = ShapeGuard(setup.files.param, setup.outputs) if setup.arrays else None
        self._net = ncnn.Net()
        self._net.opt.num_threads = 1
        chosen = net_options(setup.files.param, setup.runtime) if options is None else options
        for name, value in chosen.items():
            setattr(self._net.opt, name, value)
        self._load(self._net.load_param, str(setup.files.param))
        self._load(self._net.load_model, str(setup.files.bin))
        positions = {blob.name: position for position, blob in enumerate(self._net.blobs())}
        named = zip(setup.outputs, setup.names or setup.outputs, strict=True)
        # A blob is freed when the layer that reads it has run: an output before another one is taken first.
        self._outputs = sorted(named, key=lambda one: positions.get(one[0], len(positions)))

    def _load(self, load: Callable[[str], int], path: str) -> None:
        code = load(path)
        if code != 0:
            self._net.clear()
            raise ModelFileError(f"{shown(Path(path))}: ncnn {ncnn.__version__} cannot load it (return code {code})")

    def run(self, given: Given) -> dict[str, Array]:
        """One forward pass: a float32 array (channels, height, width) to the output blobs by name, as own copies.

        Of a net that is fed arrays: each by its name.
        """
        setup = self._setup
        blobs = self._feeding.blobs(self._what, given)
        if self._guard is not None:
            self._guard.check(blobs)
        outputs: dict[str, Array] = {}
        with self._net.create_extractor() as extractor:
            for blob, array in blobs.items():
                if extractor.input(blob, mat_of(array)) != 0:
                    raise RunnerError(f"{self._what}: has no input blob {blob!r}")
            for blob, name in self._outputs:
                code, mat = extractor.extract(blob)
                if code == 0 and blob in setup.rows and is_empty(mat):
                    outputs[name] = np.zeros((0, _ROW), np.float32)
                    continue
                if code != 0 or is_empty(mat):
                    raise RunnerError(
                        f"{self._what}: ncnn gave no output blob {blob!r} (return code {code}) for {told(blobs)}: is "
                        "that the size the net was made for?"
                    )
                outputs[name] = np.array(mat, dtype=np.float32)
        check_outputs(self._what, outputs)
        return {name: outputs[name] for name in setup.names or setup.outputs}

    def close(self) -> None:
        """Free the net."""
        self._net.clear()


def ncnn_version() -> str:
    """The version of the ncnn wheel."""
    return str(ncnn.__version__)


def ncnn_isa() -> tuple[str, ...]:
    """The instruction sets that ncnn itself can tell it would use here."""
    probes = {
        "avx": ncnn.cpu_support_x86_avx,
        "avx2": ncnn.cpu_support_x86_avx2,
        "neon": ncnn.cpu_support_arm_neon,
        "asimdhp": ncnn.cpu_support_arm_asimdhp,
    }
    return tuple(name for name, supported in probes.items() if supported())
