"""Inner blobs of an ncnn net: values into any of them, values out of any of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import ncnn
import numpy as np

from pytest_quant.nets.base import Array
from pytest_quant.nets.given import AnyArray, Given
from pytest_quant.nets.ncnn.feeding import Feeding, mat_of
from pytest_quant.nets.ncnn.ncnn_net import is_empty
from pytest_quant.nets.ncnn.options import net_options
from pytest_quant.spec.errors import ModelFileError, RunnerError
from pytest_quant.spec.net import Runtime
from pytest_quant.spec.text import listed, shown


class BlobExtractor:
    """One ncnn net, loaded with one thread; one per Python thread.

    The files are trusted to be what they say: check them first with `pytest_quant.nets.ncnn.files.inspect_net`.

    Args:
        param_path: the net's ``.param``.
        bin_path: its ``.bin``.
        channels: expected input channels; None: any.
        feeding: how what is given becomes blobs; None: one image of so many channels.
        runtime: ``reference``, the default, has no half precision; ``deploy`` is ncnn's own default.
        options_of: another ``.param``, with the options of which the net is run, so that the two are comparable to the
            last bit; None: its own.

    Raises:
        ModelFileError: ncnn cannot load a file.

    """

    def __init__(
        self,
        param_path: Path | str,
        bin_path: Path | str,
        *,
        channels: int | None = None,
        feeding: Feeding | None = None,
        runtime: Runtime = "reference",
        options_of: Path | None = None,
    ) -> None:
        self._what = shown(Path(param_path))
        self._channels = channels
        self._feeding = feeding
        self._net = ncnn.Net()
        self._net.opt.num_threads = 1
        for name, value in net_options(options_of or Path(param_path), runtime).items():
            setattr(self._net.opt, name, value)
        for load, path in ((self._net.load_param, param_path), (self._net.load_model, bin_path)):
            code = load(str(path))
            if code != 0:
                self._net.clear()
                raise ModelFileError(f"{path}: ncnn {ncnn.__version__} cannot load it (return code {code})")
        # An earlier blob would be gone when a later one has been computed.
        self._positions = {blob.name: position for position, blob in enumerate(self._net.blobs())}

    def __call__(self, given: Given, blobs: Sequence[str]) -> Iterator[tuple[str, Array]]:
        """Run one float32 input (channels, height, width), or arrays by name, and give the named blobs, each its own.

        They come in the order in which the net computes them, and a blob that is not named is freed as soon as its
        reader has run: many blobs cost little more than the last one alone.

        An int8 blob (between two requantizing convolutions) comes as float32 whole numbers, not descaled.

        Raises:
            RunnerError: the input is not usable, or the net has no such blob.

        """
        feeding = self._feeding or Feeding(self._net.input_names()[0], self._channels)
        return self.feed(feeding.blobs(self._what, given), blobs)

    def feed(self, given: Mapping[str, AnyArray], blobs: Sequence[str]) -> Iterator[tuple[str, Array]]:
        """Set any blobs of the net and give the named ones as `__call__` does; only the layers between them run.

        A float value given to a blob that holds int8 is quantized on entry, with the scale of the layer that reads it.

        Args:
            given: blob to its value, float32 or int32, in ncnn's order of axes, without a batch dimension.
            blobs: the blobs to give.

        Raises:
            RunnerError: a value is not such an array, or the net has no such blob.

        """
        with self._net.create_extractor() as extractor:
            for blob, value in given.items():
                if value.dtype not in (np.float32, np.int32) or value.size == 0:
                    raise RunnerError(f"{self._what}: blob {blob!r} was given {value.dtype} of shape {value.shape}")
                held = np.ascontiguousarray(value)
                if extractor.input(blob, mat_of(held)) != 0:
                    raise RunnerError(f"{self._what}: has no blob {blob!r} to give a value to")
            for blob in sorted(blobs, key=self._position):
                code, found = extractor.extract(blob)
                if code != 0 or is_empty(found):
                    shapes = listed(str(value.shape) for value in given.values())
                    raise RunnerError(
                        f"{self._what}: ncnn gave no blob {blob!r} (return code {code}) for an input of shape "
                        f"{shapes}: is that a size the net can take?"
                    )
                yield blob, np.array(found.numpy(), np.float32)

    def close(self) -> None:
        """Let go of the net; it is freed when nobody is in the middle of `feed` any more."""
        del self._net  # not cleared: that would pull the memory from under the extractor of a generator

    def _position(self, blob: str) -> int:
        try:
            return self._positions[blob]
        except KeyError:
            raise RunnerError(f"{self._what}: has no blob {blob!r}") from None
