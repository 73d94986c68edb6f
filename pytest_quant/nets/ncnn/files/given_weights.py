"""Convolutions that read their weights, and their bias, as blobs instead of from the ``.bin``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_quant.nets.ncnn.files.blob_shape import MaybeShape, extents, values, words
from pytest_quant.nets.ncnn.files.param import Layer

_HAS_BIAS = 5


def takes_weights(layer: Layer) -> bool:
    """Whether the second input of a convolution, or of its reverse, is its weights."""
    return layer.get_int(_key(layer)) != 0


def with_weights(layer: Layer, bottoms: Sequence[MaybeShape]) -> Layer | None:
    """The layer as if its weights were in the ``.bin``; None: their sizes are not known.

    ncnn takes the kernel and the number of outputs from the blob, whatever the ``.param`` says of them.
    """
    if not takes_weights(layer):
        return layer
    weights = bottoms[1] if len(bottoms) > 1 else None
    outputs, depth, height, width = extents(weights)
    count = values(weights)
    if count is None or outputs is None or depth is None or height is None or width is None:
        return None
    if layer.type.startswith("Deconvolution"):  # the inputs come first
        group = layer.get_int(7, 1) if "DepthWise" in layer.type else 1
        outputs = (height if layer.type.endswith("1D") else depth) * group
    return layer._replace(params={**layer.params, 0: outputs, 1: width, 11: height, 6: count, _key(layer): 0})


def _key(layer: Layer) -> int:
    return 28 if layer.type.startswith("Deconvolution") else 19


def check_given_bias(layer: Layer, whole: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    """A bias for other outputs; ``whole``: the layer with its weights."""
    if takes_weights(layer) and layer.get_int(_HAS_BIAS) and len(bottoms) > 2:
        found, outputs = values(bottoms[2]), whole.get_int(0)
        if found is not None and found != outputs:
            yield f"has {outputs} outputs, and reads a bias of {found} from {layer.bottoms[2]!r} ({words(bottoms[2])})"
