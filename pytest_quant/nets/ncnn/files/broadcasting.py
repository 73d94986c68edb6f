"""BinaryOp: two blobs of one shape, or with sizes of 1, or of different numbers of axes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_quant.nets.ncnn.files.blob_shape import MaybeShape, Shape, differs, listed
from pytest_quant.nets.ncnn.files.param import Layer


def binary_shape(layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    """Of a BinaryOp: along each axis the larger size."""
    if layer.get_int(1):
        return bottoms[0]
    pair = _aligned(bottoms)
    if pair is None:
        return None
    return tuple(None if a is None or b is None else max(a, b) for a, b in zip(*pair, strict=True))


def check_binary(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    """Sizes that are neither equal nor 1."""
    pair = None if layer.get_int(1) or len(bottoms) < 2 else _aligned(bottoms)
    if pair is not None and any(differs(sizes) and 1 not in sizes for sizes in zip(*pair, strict=True)):
        yield f"takes blobs of one shape, or with sizes of 1, and reads {listed(bottoms[:2])}"


def _aligned(bottoms: Sequence[MaybeShape]) -> tuple[Shape, Shape] | None:
    """Both with the same number of axes, as ncnn fills them up; None: not known."""
    one, two = bottoms[:2]
    if one is None or two is None:
        return None
    filled = _filled(one, two), _filled(two, one)
    return None if filled[0] is None or filled[1] is None else (filled[0], filled[1])


def _filled(own: Shape, other: Shape) -> MaybeShape:
    """A row goes along the first axis where it has its size, else along the last; other axes are added behind."""
    missing = len(other) - len(own)
    if missing <= 0:
        return own
    if len(own) > 1:
        return (*own, *[1] * missing)
    if own[0] is None or other[0] is None:
        return None
    return (own[0], *[1] * missing) if own[0] == other[0] else (*[1] * missing, own[0])
