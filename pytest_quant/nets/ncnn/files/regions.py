"""Where Crop reads and CopyTo writes: ncnn takes any place, and reads or overwrites what lies beside the blob.

Along each axis the region begins at an offset (or a start, which counts from the end where it is negative). Only Crop
without a reference blob cuts its region down to what is there, and only at its end. The starts, ends and axes of a Crop
may be expressions, which then go before the numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeGuard

from pytest_quant.nets.ncnn.files.blob_shape import MOST_AXES, MaybeShape, Shape, Size, axes_of
from pytest_quant.nets.ncnn.files.expressions import list_expression
from pytest_quant.nets.ncnn.files.param import Layer

_OFFSETS, _WANTED, _BEHIND = (2, 1, 0), (5, 4, 3), (8, 7, 6)
"""Parameters by axis of (channels, height, width): where it begins, how much it has, how much is left out behind it."""
_STARTS, _ENDS, _AXES = 9, 10, 11
_START_TEXT, _END_TEXT, _AXIS_TEXT = 19, 20, 21
_SIZES = (3, 4, 14, 5, 6, 7, 15, 8)
"""One of them is enough for a Crop to leave its second input alone."""
_FROM_ZERO = -233
_MOST_AXES = 3
_FROM_VALUES = -233
"""In the place of the first offset: the second input holds offsets and sizes."""
_BESIDE = MOST_AXES
"""Stands for an axis that is not known."""


@dataclass(frozen=True)
class _Slices:
    """Starts and ends as NumPy has them, by axis; None for one that is not known."""

    starts: Mapping[int, Size]
    ends: Mapping[int, Size]

    def start(self, axis: int) -> Size:
        """Where the region begins, perhaps counted from the end."""
        return self._of(self.starts, axis)

    def end(self, axis: int) -> Size:
        """Where it ends; what stands for "at the end" where nothing is given."""
        return self._of(self.ends, axis)

    def _of(self, given: Mapping[int, Size], axis: int) -> Size:
        return given.get(axis, None if _BESIDE in given else _FROM_ZERO)


def check_crop(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    """What a Crop would read beside its blob."""
    yield from _faults_of_lists(layer, bottoms)
    whole, slices = bottoms[0], _slices_of_crop(layer, bottoms)
    if not _is_usable(whole):
        return
    by_reference = slices is None and len(bottoms) == 2 and not any(layer.params.get(key, 0) for key in _SIZES)
    reference = bottoms[1] if by_reference else None
    if len(bottoms) > 2 or (by_reference and (layer.get_int(0) == _FROM_VALUES or not _is_usable(reference))):
        return
    yield from _outside(layer, whole, reference, slices, "reads")
    if reference is None and slices is None:
        keys = _BEHIND[_MOST_AXES - len(whole) :]
        yield from (f"leaves out {layer.get_int(key)} values ({key}=)" for key in keys if layer.get_int(key) < 0)


def _faults_of_lists(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    """Starts and ends that ncnn would take from behind their lists."""
    starts, ends, axes = (list_expression(layer, key, bottoms) for key in (_START_TEXT, _END_TEXT, _AXIS_TEXT))
    if starts is not None and ends is not None:
        if axes is None:
            yield "has expressions for starts and ends (parameters 19 and 20), none for axes (21)"
            return
        found, count = [len(starts), len(ends)], len(axes)
    else:
        lists = [axes_of(layer, key) for key in (_STARTS, _ENDS)[: 2 if layer.type == "Crop" else 1]]
        if not all(lists):
            return
        found, count = [len(one) for one in lists], len(axes_of(layer, _AXES)) or len(bottoms[0] or ())
    if count > MOST_AXES:
        yield f"names {count} axes; a blob has {MOST_AXES}"
    elif min(found) < count:
        words = " and ".join(f"{size} {what}" for size, what in zip(found, ("starts", "ends"), strict=False))
        yield f"has {words} for {count} axes"


def check_copy(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    """What a CopyTo would overwrite beside its blob."""
    yield from _faults_of_lists(layer, bottoms)
    whole, source = bottoms[:2]
    if _is_usable(whole) and _is_usable(source):
        if len(source) > len(whole):
            yield f"copies a blob of {len(source)} axes into one of {len(whole)}"
        else:
            region = (*[1] * (len(whole) - len(source)), *source)
            yield from _outside(layer, whole, region, _slices_of_numbers(layer, len(whole)), "writes")


def crop_shape(layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    """What a Crop of one input gives, or of several where expressions say what."""
    whole, slices = bottoms[0], _slices_of_crop(layer, bottoms)
    if not _is_usable(whole) or (len(bottoms) != 1 and _START_TEXT not in layer.params):
        return None
    if slices is not None:
        return tuple(_between(size, slices.start(axis), slices.end(axis)) for axis, size in enumerate(whole))
    skipped = _MOST_AXES - len(whole)
    sizes: list[Size] = []
    for size, offset, wanted, behind in zip(
        whole, _OFFSETS[skipped:], _WANTED[skipped:], _BEHIND[skipped:], strict=True
    ):
        room = None if size is None else size - layer.get_int(offset) - layer.get_int(behind)
        own = layer.get_int(wanted)
        sizes.append(None if room is None else room if own == _FROM_ZERO else min(own, room))
    return tuple(sizes)


def _slices_of_crop(layer: Layer, bottoms: Sequence[MaybeShape]) -> _Slices | None:
    """From expressions or numbers; None: the region is given otherwise."""
    whole = bottoms[0]
    count = 0 if whole is None else len(whole)
    starts, ends, axes = (list_expression(layer, key, bottoms) for key in (_START_TEXT, _END_TEXT, _AXIS_TEXT))
    if starts is None or ends is None:
        return _slices_of_numbers(layer, count) if _ENDS in layer.params else None
    named = [_BESIDE if axis is None else axis + count if axis < 0 else axis for axis in axes or ()]
    return _Slices(dict(zip(named, starts, strict=False)), dict(zip(named, ends, strict=False)))


def _slices_of_numbers(layer: Layer, axes: int) -> _Slices | None:
    if _STARTS not in layer.params:
        return None
    named = [axis + axes if axis < 0 else axis for axis in axes_of(layer, _AXES)] or range(axes)
    starts, ends = axes_of(layer, _STARTS), axes_of(layer, _ENDS)
    return _Slices(dict(zip(named, starts, strict=False)), dict(zip(named, ends, strict=False)))


def _between(size: Size, begin: Size, end: Size) -> Size:
    """From a start to an end, both counting from the end where they are negative, an end of 0 too."""
    if size is None or begin is None or end is None:
        return None
    last = size if end == _FROM_ZERO else min(size, end if end > 0 else size + end)
    return last - (0 if begin == _FROM_ZERO else begin if begin >= 0 else size + begin)


def _is_usable(shape: MaybeShape) -> TypeGuard[Shape]:
    return shape is not None and len(shape) <= _MOST_AXES


def _outside(layer: Layer, whole: Shape, region: MaybeShape, slices: _Slices | None, what: str) -> Iterator[str]:
    """``region``: its size along each axis; None: cut down to what there is."""
    parts = (None,) * len(whole) if region is None else _aligned(whole, region)
    for axis, (size, part) in enumerate(zip(whole, parts, strict=True)):
        begin = _begin(layer, whole, slices, axis)
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


def _begin(layer: Layer, whole: Shape, slices: _Slices | None, axis: int) -> Size:
    """Where the region begins along an axis; None: not known."""
    if slices is None:
        return layer.get_int(_OFFSETS[axis + _MOST_AXES - len(whole)])
    start, size = slices.start(axis), whole[axis]
    if start is None or start == _FROM_ZERO:
        return None if start is None else 0
    return start if start >= 0 else None if size is None else size + start
