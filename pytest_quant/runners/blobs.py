"""Inner blobs of an ncnn net: one forward pass, every named blob."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import ncnn
import numpy as np

from pytest_quant.errors import ModelFileError, RunnerError
from pytest_quant.runners.base import Array, check_input
from pytest_quant.runners.ncnn_net import is_empty, runtime_options
from pytest_quant.text import shown


class BlobExtractor:
    """One ncnn net, loaded with the reference options (no half precision, one thread); one per Python thread.

    The files are trusted to be what they say: check them first with `pytest_quant.ncnn_files.inspect_net`.

    Raises:
        ModelFileError: ncnn cannot load a file.

    """

    def __init__(self, param_path: Path | str, bin_path: Path | str, *, channels: int | None = None) -> None:
        self._what = shown(Path(param_path))
        self._channels = channels
        self._net = ncnn.Net()
        self._net.opt.num_threads = 1
        for name, value in runtime_options("reference").items():
            setattr(self._net.opt, name, value)
        for load, path in ((self._net.load_param, param_path), (self._net.load_model, bin_path)):
            code = load(str(path))
            if code != 0:
                self._net.clear()
                raise ModelFileError(f"{path}: ncnn {ncnn.__version__} cannot load it (return code {code})")
        # An earlier blob would be gone when a later one has been computed.
        self._positions = {blob.name: position for position, blob in enumerate(self._net.blobs())}

    def __call__(self, array: Array, blobs: Sequence[str]) -> Iterator[tuple[str, Array]]:
        """Run one float32 input (channels, height, width) and give the named blobs, each as an array of its own.

        They come in the order in which the net computes them, and a blob that is not named is freed as soon as its
        reader has run: many blobs cost little more than the last one alone.

        An int8 blob (between two requantizing convolutions) comes as float32 whole numbers, not descaled.

        Raises:
            RunnerError: the input is not usable, or the net has no such blob.

        """
        # ncnn.Mat neither copies the array nor keeps it alive, and a first layer that works in place crashes on memory
        # that ncnn did not allocate: hence the clone, made while `held` lives.
        held = check_input(self._what, array, channels=self._channels, size=None)
        mat = ncnn.Mat(held).clone()
        with self._net.create_extractor() as extractor:
            if extractor.input(self._net.input_names()[0], mat) != 0:
                raise RunnerError(f"{self._what}: ncnn does not take the input")
            for blob in sorted(blobs, key=self._position):
                code, found = extractor.extract(blob)
                if code != 0 or is_empty(found):
                    raise RunnerError(
                        f"{self._what}: ncnn gave no blob {blob!r} (return code {code}) for an input of shape "
                        f"{held.shape}: is that a size the net can take?"
                    )
                yield blob, np.array(found.numpy(), np.float32)

    def _position(self, blob: str) -> int:
        try:
            return self._positions[blob]
        except KeyError:
            raise RunnerError(f"{self._what}: has no blob {blob!r}") from None
