"""Padding: ncnn reads beside a blob that is mirrored by more than it has, and writes beside one that shrinks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_quant.nets.ncnn.files.blob_shape import MaybeShape, Size, extents, words
from pytest_quant.nets.ncnn.files.param import Layer
from pytest_quant.nets.ncnn.files.windows import SAME

_MIRROR = 2
"""Parameter 4."""


def padding_shape(layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    """Of a Padding."""
    bottom = bottoms[0]
    before, after = _pads(layer)
    if bottom is None or not 1 <= len(bottom) <= 4 or any(pad in SAME for pad in (*before, *after)):
        return None
    added = [one + two for one, two in zip(before, after, strict=True)]
    places = ((2,), (1, 2), (0, 1, 2), (0, 1, 2))[len(bottom) - 1]
    padded = [_plus(size, added[place]) for size, place in zip(bottom[-3:], places, strict=True)]
    return (*bottom[:-3], *padded)


def _pads(layer: Layer) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """In front of and behind (channels or depth, height, width)."""
    front, behind = layer.get_int(7), layer.get_int(8)
    return (front, layer.get_int(0), layer.get_int(2)), (behind, layer.get_int(1), layer.get_int(3))


def _plus(size: Size, more: int) -> Size:
    return None if size is None else size + more


def check_padding(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    """Paddings below 0, mirrors of more than there is, values for other channels."""
    bottom, pads = bottoms[0], _pads(layer)
    below = [pad for pad in (*pads[0], *pads[1]) if pad < 0 and pad not in SAME]
    if below:
        yield f"pads by {below[0]}"
    if bottom is None:
        return
    own = extents(bottom)
    sizes = (own[1] if len(bottom) == 4 else own[0], own[2], own[3])
    mirrored = list(zip(("channels or depth", "height", "width"), sizes, *pads, strict=True))
    for axis, size, before, after in mirrored[-len(bottom) :]:
        most = max(before, after)
        if layer.get_int(4) == _MIRROR and most > 0 and size is not None and most >= size:
            yield f"mirrors {most} places along the {axis} of {layer.bottoms[0]!r}, which has {size} ({words(bottom)})"
    count, channels = layer.get_int(6), own[0]
    if len(bottom) > 2 and count > 0 and channels is not None and count < channels:
        yield f"has values for {count} channels, and reads {channels} from {layer.bottoms[0]!r} ({words(bottom)})"
