"""Where Crop reads and CopyTo writes: ncnn takes any place, and reads or overwrites what lies beside the blob.

Along each axis the region begins at an offset (or a start, which counts from the end where it is negative). Only Crop
without a reference blob cuts its region down to what is there, and only at its end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeGuard

from pytest_quant.nets.ncnn.files.blob_shape import MaybeShape, Shape, Size, axes_of
from pytest_quant.nets.ncnn.files.param import Layer

_OFFSETS, _WANTED, _BEHIND = (2, 1, 0), (5, 4, 3), (8, 7, 6)
"""Parameters by axis of (channels, height, width): where it begins, how much it has, how much is left out behind it."""
_STARTS, _ENDS, _AXES = 9, 10, 11
_EXPRESSIONS = frozenset({19, 20, 21})
_FROM_ZERO = -233
_MOST_AXES = 3


def check_crop(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    """What a Crop would read beside its blob."""
    whole = bottoms[0]
    if not _is_usable(whole):
        return
    reference = bottoms[1] if len(bottoms) == 2 else None
    if len(bottoms) > 2 or (len(bottoms) == 2 and not _is_usable(reference)):
        return
    yield from _outside(layer, whole, reference, "reads")
    if reference is None and _STARTS not in layer.params:
        keys = _BEHIND[_MOST_AXES - len(whole) :]
        yield from (f"leaves out {layer.get_int(key)} values ({key}=)" for key in keys if layer.get_int(key) < 0)


def check_copy(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    """What a CopyTo would overwrite beside its blob."""
    whole, source = bottoms[:2]
    if _is_usable(whole) and _is_usable(source):
        if len(source) > len(whole):
            yield f"copies a blob of {len(source)} axes into one of {len(whole)}"
        else:
            yield from _outside(layer, whole, (*[1] * (len(whole) - len(source)), *source), "writes")


def crop_shape(layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    """What a Crop of one input gives."""
    whole = bottoms[0]
    if len(bottoms) != 1 or not _is_usable(whole) or _EXPRESSIONS & layer.params.keys():
        return None
    if _STARTS in layer.params:
        begins, ends = _along(layer, len(whole), _STARTS), _along(layer, len(whole), _ENDS)
        return tuple(_between(size, begins.get(axis, 0), ends.get(axis)) for axis, size in enumerate(whole))
    skipped = _MOST_AXES - len(whole)
    sizes: list[Size] = []
    for size, offset, wanted, behind in zip(
        whole, _OFFSETS[skipped:], _WANTED[skipped:], _BEHIND[skipped:], strict=True
    ):
        room = None if size is None else size - layer.get_int(offset) - layer.get_int(behind)
        own = layer.get_int(wanted)
        sizes.append(None if room is None else room if own == _FROM_ZERO else min(own, room))
    return tuple(sizes)


def _between(size: Size, begin: int, end: int | None) -> Size:
    """From a start to an end, both counting from the end where they are negative, an end of 0 too."""
    if size is None:
        return None
    last = size if end is None or end == _FROM_ZERO else min(size, end if end > 0 else size + end)
    return last - (0 if begin == _FROM_ZERO else begin if begin >= 0 else size + begin)


def _is_usable(shape: MaybeShape) -> TypeGuard[Shape]:
    return shape is not None and len(shape) <= _MOST_AXES


def _outside(layer: Layer, whole: Shape, region: MaybeShape, what: str) -> Iterator[str]:
    """``region``: its size along each axis; None: cut down to what there is."""
    parts = (None,) * len(whole) if region is None else _aligned(whole, region)
    for axis, (size, part) in enumerate(zip(whole, parts, strict=True)):
        begin = _begin(layer, whole, axis)
        if begin is None:
            continue
        where = f"{('channels', 'height', 'width')[axis + _MOST_AXES - len(whole)]} of {layer.bottoms[0]!r}"
        if begin < 0:
            yield f"{what} from {begin} on along the {where}"
        elif size is not None and part is None and begin >= size:
            yield f"{what} from {begin} on along the {where}, which has {size}"
        elif size is not None and part is not None and begin + part > size:
            yield f"{what} {part} values from {begin} on along the {where}, which has {size}"


def _aligned(whole: Shape, region: Shape) -> Shape:
    """A reference of fewer axes leaves the first ones whole."""
    missing = len(whole) - len(region)
    return (*[None] * missing, *region) if missing >= 0 else (None,) * len(whole)


def _begin(layer: Layer, whole: Shape, axis: int) -> int | None:
    """Where the region begins along an axis; None: not known."""
    if _STARTS not in layer.params:
        return layer.get_int(_OFFSETS[axis + _MOST_AXES - len(whole)])
    start = _along(layer, len(whole), _STARTS).get(axis, 0)
    start, size = 0 if start == _FROM_ZERO else start, whole[axis]
    if start >= 0:
        return start
    return None if size is None else size + start


def _along(layer: Layer, axes: int, key: int) -> Mapping[int, int]:
    """The numbers of a parameter by the axes that are named."""
    named = [axis + axes if axis < 0 else axis for axis in axes_of(layer, _AXES)] or range(axes)
    return dict(zip(named, axes_of(layer, key), strict=False))
