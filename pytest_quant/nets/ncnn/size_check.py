"""Whether a net whose file hints at another input size can take this one: ncnn reads past a blob where it cannot.

A fully connected layer has weights for so many values; given fewer or more, ncnn computes with what lies behind them
in memory, without a word.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pytest_quant.nets.ncnn.blobs import BlobExtractor
from pytest_quant.nets.ncnn.files.param import Layer, read_param


def check_size(param_path: Path, bin_path: Path, shape: tuple[int, int, int]) -> None:
    """Run the net once, up to each fully connected layer, and count what it would be given.

    ``shape``: channels, height and width of the input. The files are trusted to be what they say.

    Raises:
        ModelFileError: a layer has weights for another number of values.

    """
    param = read_param(param_path)
    readers: dict[str, list[Layer]] = {}
    for layer in param.layers:
        if layer.type == "InnerProduct":
            readers.setdefault(layer.bottoms[0], []).append(layer)
    if not readers:
        return
    extractor = BlobExtractor(param_path, bin_path)
    for blob, values in extractor(np.zeros(shape, np.float32), list(readers)):  # in order: one that fits runs next
        for layer in readers[blob]:
            wanted = layer.get_int(2) // layer.get_int(0)
            is_rowwise = values.ndim == 2 and values.shape[1] == wanted  # the layer takes each row by itself
            if values.size != wanted and not is_rowwise:
                channels, height, width = shape
                raise param.error(
                    layer,
                    f"has weights for {wanted} values, an input of {width}x{height} with {channels} channels gives it "
                    f"{values.size}: the net is made for the size that its Input layer hints at",
                )
