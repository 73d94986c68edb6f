"""A net's outputs to keypoints, with their shapes checked, and the average over a mirrored second pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pytest_quant.spec.errors import ConfigError, RunnerError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.tasks.base import Run, Tensor
from pytest_quant.tasks.keypoints.coco import FLIP_INDICES, KEYPOINTS
from pytest_quant.tasks.keypoints.heatmap import Points, decode_heatmaps
from pytest_quant.tasks.keypoints.options import PostprocessOptions
from pytest_quant.tasks.keypoints.simcc import decode_simcc

Array = NDArray[np.float32]
Keypoints = tuple[Points, Array]
"""Coordinates (17, 2) in pixels of the net's input, and scores (17,)."""
Outputs = Mapping[str, Array]
Decode = Callable[[Run, Tensor], Keypoints]
"""Runs the net on one input, once or twice, and decodes what it gives."""


def decoder(model: ModelSpec, options: PostprocessOptions, input_size: tuple[int, int]) -> Decode:
    """The decoder that ``postprocess`` asks for; raises `ConfigError` unless ``output`` names the blobs it takes."""
    if options.decoder == "simcc":
        if len(model.outputs) != 2:
            raise ConfigError(f"output: found {list(model.outputs)}; `decoder: simcc` takes two blobs, x first, then y")
        return SimccDecoder(model.outputs[0], model.outputs[1], input_size, options)
    if len(model.outputs) != 1:
        raise ConfigError(
            f"output: found {list(model.outputs)}; `decoder: heatmap` takes one blob, that of the heatmaps"
        )
    return HeatmapDecoder(model.outputs[0], input_size, options)


@dataclass(frozen=True)
class HeatmapDecoder:
    """One output of 17 heatmaps."""

    blob: str
    input_size: tuple[int, int]
    options: PostprocessOptions

    def __call__(self, run: Run, tensor: Tensor) -> Keypoints:
        """Keypoints for one input; raises `RunnerError` when the output is not 17 heatmaps of the right size."""
        heatmaps = self._heatmaps(run(tensor))
        if self.options.flip_test:
            mirrored = flip_back(self._heatmaps(run(mirror(tensor))), shift=self.options.flip_shift)
            heatmaps = (heatmaps + mirrored) * np.float32(0.5)
        return decode_heatmaps(
            heatmaps,
            self.input_size,
            refine=self.options.refinement,
            profile=self.options.profile,
            blur_kernel=self.options.blur_kernel,
        )

    def _heatmaps(self, outputs: Outputs) -> Array:
        heatmaps = _finite(outputs, self.blob)
        if heatmaps.ndim != 3 or len(heatmaps) != KEYPOINTS:
            raise RunnerError(
                f"output blob {self.blob!r} has shape {heatmaps.shape}; expected ({KEYPOINTS}, height, width), one "
                f"heatmap for each keypoint of COCO{_hint(heatmaps)}"
            )
        size, wanted = (heatmaps.shape[2], heatmaps.shape[1]), self.options.heatmap_size
        if wanted is not None and size != wanted:
            raise RunnerError(
                f"output blob {self.blob!r} has heatmaps of {list(size)} (width, height), but postprocess.heatmap_size "
                f"says {list(wanted)}"
            )
        (width, height), (input_width, input_height) = size, self.input_size
        if width * input_height != height * input_width or min(size) < 2:
            raise RunnerError(
                f"output blob {self.blob!r} has heatmaps of {list(size)} (width, height), which do not have the ratio "
                f"of input.size {list(self.input_size)}: is input.size [width, height], and that of this model?"
            )
        return heatmaps


@dataclass(frozen=True)
class SimccDecoder:
    """Two outputs of 17 vectors each."""

    x: str
    y: str
    input_size: tuple[int, int]
    options: PostprocessOptions

    def __call__(self, run: Run, tensor: Tensor) -> Keypoints:
        """Keypoints for one input; raises `RunnerError` when the outputs lack the sizes that the input asks for."""
        x, y = self._vectors(run(tensor))
        if self.options.flip_test:
            mirrored_x, mirrored_y = self._vectors(run(mirror(tensor)))
            x = (x + mirrored_x[FLIP_INDICES, ::-1]) * np.float32(0.5)
            y = (y + mirrored_y[FLIP_INDICES]) * np.float32(0.5)
        return decode_simcc(x, y, self.options.split_ratio, sigma=self.options.sigma)

    def _vectors(self, outputs: Outputs) -> tuple[Array, Array]:
        found = []
        for blob, axis, pixels in zip((self.x, self.y), ("width", "height"), self.input_size, strict=True):
            vectors = _finite(outputs, blob)
            bins = round(pixels * self.options.split_ratio)
            if vectors.shape != (KEYPOINTS, bins):
                raise RunnerError(
                    f"output blob {blob!r} has shape {vectors.shape}; expected {(KEYPOINTS, bins)}, input {axis} "
                    f"{pixels} times split_ratio {self.options.split_ratio:g} for each keypoint of COCO: are the "
                    "outputs x first, then y?"
                )
            found.append(vectors)
        return found[0], found[1]


def mirror(tensor: Tensor) -> Tensor:
    """The input, left to right."""
    return np.ascontiguousarray(tensor[:, :, ::-1])


def flip_back(heatmaps: Array, *, shift: bool) -> Array:
    """Heatmaps of a mirrored input as heatmaps of the input: mirrored, left and right keypoints exchanged.

    ``shift`` moves them one pixel to the right, with the first column kept: a net with a stride has its mirrored maps
    that much to the left.

    >>> maps = np.zeros((17, 1, 3), np.float32)
    >>> maps[1, 0, 2] = 1
    >>> flip_back(maps, shift=True)[2]
    array([[1., 1., 0.]], dtype=float32)
    """
    back = np.ascontiguousarray(heatmaps[FLIP_INDICES, :, ::-1])
    if shift:
        back[:, :, 1:] = back[:, :, :-1].copy()
    return back


def _finite(outputs: Outputs, blob: str) -> Array:
    if blob not in outputs:
        shapes = {name: array.shape for name, array in outputs.items()}
        raise RunnerError(f"the net gave the output blobs {shapes}; expected {blob!r} among them")
    array = outputs[blob]
    if not np.isfinite(array).all():
        raise RunnerError(f"output blob {blob!r} holds {int((~np.isfinite(array)).sum())} NaN or infinite values")
    return array


def _hint(heatmaps: Array) -> str:
    if heatmaps.ndim == 3 and len(heatmaps) == 3 * KEYPOINTS:
        return "; three maps per keypoint are UDP's combined target, which has no decoder here"
    return ""
