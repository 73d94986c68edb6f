"""Einsum: ncnn takes the sizes of its indexes from the last blob that has them, and reads all as far."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_quant.nets.ncnn.files.blob_shape import MaybeShape, Size, axes_of, listed, words
from pytest_quant.nets.ncnn.files.param import Layer

_TRACE = "ii"
_INDEXES = "ijklmnopqrstuvwx"
"""Those of the output are the first ones, in this order."""


def _equation(layer: Layer) -> str:
    return "".join(chr(code) for code in axes_of(layer, 0) if 0 < code < 128)


def _tokens(layer: Layer) -> tuple[list[str], str]:
    """The indexes of each input, and of the output."""
    inputs, _, output = _equation(layer).partition("->")
    return [token for token in inputs.split(",") if token], output


def _sizes(layer: Layer, bottoms: Sequence[MaybeShape]) -> dict[str, set[Size]]:
    found: dict[str, set[Size]] = {}
    for token, bottom in zip(_tokens(layer)[0], bottoms, strict=False):
        for index, size in zip(token, bottom or (), strict=False):
            found.setdefault(index, set()).add(size)
    return found


def einsum_shape(layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    """Of an Einsum."""
    if _equation(layer) == _TRACE:
        return (1,)
    output = _tokens(layer)[1]
    if any(bottom is None for bottom in bottoms) or not output or len(output) > 4:
        return None
    sizes = _sizes(layer, bottoms)
    return tuple(
        next((size for size in sizes.get(index, {1}) if size is not None), None) for index in _INDEXES[: len(output)]
    )


def check_einsum(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    """Blobs of other axes than the equation names, and sizes that differ."""
    inputs, output = _tokens(layer)
    if _equation(layer) == _TRACE:
        bottom = bottoms[0]
        if bottom is not None and (len(bottom) != 2 or (None not in bottom and bottom[0] != bottom[1])):
            yield f"sums the diagonal of a square matrix, and {layer.bottoms[0]!r} is {words(bottom)}"
        return
    if len(inputs) != len(bottoms):
        yield f"names the indexes of {len(inputs)} blobs ({_equation(layer)}), and reads {len(bottoms)}"
        return
    for token, name, bottom in zip(inputs, layer.bottoms, bottoms, strict=True):
        if bottom is not None and len(bottom) != len(token):
            yield f"names the indexes {token!r} of {name!r}, which has {len(bottom)} axes ({words(bottom)})"
    for index, sizes in _sizes(layer, bottoms).items():
        if len(sizes - {None}) > 1:
            yield f"reads blobs whose sizes differ along {index!r} ({_equation(layer)}): {listed(bottoms)}"
    used = [_INDEXES.find(index) for token in inputs for index in token]
    if len(output) > max(used, default=-1) + 1:
        yield f"makes an output of the indexes {output!r}, which its inputs lack ({_equation(layer)})"
