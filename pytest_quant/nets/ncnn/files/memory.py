"""How much of a net's blobs lives at the same time, at the least.

ncnn computes what an output needs, depth first, the inputs of a layer in their order, and frees a blob when the layer
that reads it has run. Where a layer may work in place, or hand on the memory that it reads, this counts as if it did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from heapq import heappop, heappush
from typing import NamedTuple

from pytest_quant.nets.ncnn.files.arrays import CONVOLUTIONS
from pytest_quant.nets.ncnn.files.blob_shape import MaybeShape, values
from pytest_quant.nets.ncnn.files.element_types import Stored, stored_types
from pytest_quant.nets.ncnn.files.param import Layer, Param

MOST_BYTES_AT_ONCE = 8 << 30
"""Of all blobs that live at one time."""
_GIB = 1 << 30
_TOLD = 4

_BYTES: dict[Stored, int] = {"float32": 4, "float16": 2, "bfloat16": 2, "int8": 1}

_MAKING = CONVOLUTIONS | {
    *("Convolution1D", "ConvolutionDepthWise1D", "Deconvolution1D", "DeconvolutionDepthWise1D", "InnerProduct"),
    *("Convolution3D", "ConvolutionDepthWise3D", "Deconvolution3D", "DeconvolutionDepthWise3D", "MatMul"),
    *("Pooling", "Pooling1D", "Pooling3D", "DeformableConv2D", "Unfold"),
}
"""Their output lies beside what they read."""
_BESIDE_IF_SEVERAL = frozenset({"BinaryOp", "Concat", "Eltwise", "Slice"})
"""Likewise, where they read or write several blobs."""
_CHANGING = frozenset(
    {
        *("AbsVal", "BNLL", "BatchNorm", "Bias", "CELU", "Clip", "Dropout", "ELU", "Erf", "Exp", "GELU", "HardSigmoid"),
        *("HardSwish", "LRN", "Log", "MVN", "Mish", "PReLU", "Power", "ReLU", "SELU", "Scale", "Shrink", "Sigmoid"),
        *("Softmax", "Softplus", "Swish", "TanH", "Threshold", "UnaryOp"),
    }
)
"""They write over what they read, or over a copy where somebody else is to read it too."""


class _Memory:
    """A piece of memory and the blobs that lie in it, or are counted as if they did."""

    def __init__(self) -> None:
        self.blobs: dict[str, int] = {}
        self._largest: list[tuple[int, str]] = []

    def add(self, blob: str, size: int) -> None:
        self.blobs[blob] = size
        heappush(self._largest, (-size, blob))

    def largest(self) -> tuple[int, str]:
        """Bytes and name of its largest blob; (0, "") where none is left."""
        while self._largest and self._largest[0][1] not in self.blobs:
            heappop(self._largest)
        return (-self._largest[0][0], self._largest[0][1]) if self._largest else (0, "")


class _Living:
    """What lives at a moment of a run."""

    def __init__(self) -> None:
        self._of_blob: dict[str, _Memory] = {}
        self._pieces: dict[int, _Memory] = {}
        self.size = 0

    def add(self, blob: str, size: int, beside: str | None = None) -> None:
        """A blob begins to live, in memory of its own or in that of another."""
        piece = _Memory() if beside is None else self._of_blob[beside]
        before = piece.largest()[0]
        piece.add(blob, size)
        self._of_blob[blob] = self._pieces[id(piece)] = piece
        self.size += piece.largest()[0] - before

    def room(self, blob: str) -> int:
        """How large the memory of a blob is; 0 where it does not live."""
        return self._of_blob[blob].largest()[0] if blob in self._of_blob else 0

    def free(self, blob: str) -> None:
        """It was read for the last time."""
        piece = self._of_blob.pop(blob, None)
        if piece is None:
            return
        before = piece.largest()[0]
        del piece.blobs[blob]
        if not piece.blobs:
            del self._pieces[id(piece)]
        self.size += piece.largest()[0] - before

    def words(self) -> str:
        """The largest with their sizes."""
        found = sorted((piece.largest() for piece in self._pieces.values()), key=lambda one: (-one[0], one[1]))
        told = " and ".join(f"{name!r} {_gib(size)}" for size, name in found[:_TOLD])
        return f"{told} and {len(found) - _TOLD} more" if len(found) > _TOLD else told


def check_memory(
    param: Param,
    shapes: Mapping[str, MaybeShape],
    outputs: Sequence[str],
    most_bytes: int = MOST_BYTES_AT_ONCE,
) -> None:
    """Raise `ModelFileError` at the layer where a net certainly takes more than it may.

    Args:
        param: the net.
        shapes: of its blobs, as far as they are known.
        outputs: the blobs that are asked for; what these do not need is not computed.
        most_bytes: how much all blobs that live at one time may take, as floats where the net does not say otherwise.

    """
    sizes = _sizes(param, shapes)
    living = _Living()
    for layer in _in_order(param, outputs):
        if _is_changing(layer):
            living.free(layer.bottoms[0])
        place = None if _is_beside(layer, sizes) else _place(layer, living)
        for top in layer.tops:
            living.add(top, sizes[top].certain, place)
        _check(param, layer, living, most_bytes)
        for bottom in layer.bottoms:
            living.free(bottom)


class _Size(NamedTuple):
    """Of a blob in bytes."""

    certain: int
    """At the least; 0 where its shape is not known."""
    possible: int | None
    """At the most; None: not known."""


def _sizes(param: Param, shapes: Mapping[str, MaybeShape]) -> dict[str, _Size]:
    """Of floats a layer makes floats; of what nobody knows a value has a byte at the least."""
    stored = stored_types(param)
    width: dict[str, int] = {}
    for layer in param.layers:
        of_others = 4 if layer.bottoms and all(width[bottom] == 4 for bottom in layer.bottoms) else 1
        for top in layer.tops:
            kind = stored.get(top)
            width[top] = of_others if kind is None else _BYTES[kind]
    counts = {blob: values(shapes.get(blob)) for blob in width}
    return {
        blob: _Size(0, None) if count is None else _Size(width[blob] * count, 4 * count)
        for blob, count in counts.items()
    }


def _check(param: Param, layer: Layer, living: _Living, most_bytes: int) -> None:
    if living.size > most_bytes:
        raise param.error(
            layer,
            f"when it runs, blobs take {_gib(living.size)} at once ({living.words()}); those of a net may take "
            f"{_gib(most_bytes)}",
        )


def _is_changing(layer: Layer) -> bool:
    return layer.type in _CHANGING and len(layer.bottoms) == 1


def _is_beside(layer: Layer, sizes: Mapping[str, _Size]) -> bool:
    """Whether a layer's outputs certainly lie beside what it reads, or what it has read is gone."""
    if not layer.bottoms or layer.type in _MAKING or _is_changing(layer):
        return True
    if layer.type in _BESIDE_IF_SEVERAL and len(layer.bottoms) + len(layer.tops) > 2:
        return True
    if len(layer.tops) != 1:
        return False
    read = [sizes[bottom].possible for bottom in layer.bottoms]
    return all(size is not None and size < sizes[layer.tops[0]].certain for size in read)


def _place(layer: Layer, living: _Living) -> str | None:
    """The blob in whose memory those lie that a layer may have made of it."""
    return max(layer.bottoms, key=living.room) if any(map(living.room, layer.bottoms)) else None


def _in_order(param: Param, outputs: Sequence[str]) -> list[Layer]:
    """The layers that outputs need, as ncnn runs them."""
    order: list[Layer] = []
    done: set[str] = set()
    wanted = set(outputs)
    for output in (blob for blob in param.blobs if blob in wanted):
        pending = [(param.producer[output], 0)]
        while pending:
            layer, at = pending.pop()
            if layer.tops[0] in done:
                continue
            if at < len(layer.bottoms):
                pending += [(layer, at + 1), (param.producer[layer.bottoms[at]], 0)]
                continue
            done.add(layer.tops[0])
            order.append(layer)
    return order


def _gib(size: int) -> str:
    """One digit behind the point.

    >>> _gib(5 << 29)
    '2.5 GiB'
    """
    return f"{size / _GIB:.1f} GiB"
