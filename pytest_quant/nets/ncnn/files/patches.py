"""Layers that take patches of an image, or values at places that another blob names.

ncnn takes the number of patches and places from the parameters or from one of the blobs, and reads the others as far.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_quant.nets.ncnn.files.blob_shape import MaybeShape, Shape, Size, extents, values, words
from pytest_quant.nets.ncnn.files.param import Layer
from pytest_quant.nets.ncnn.files.windows import kernel_and_channels, other_channels, over_image, too_large


def unfold_shape(layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    """Of an Unfold: a row for each channel and place of the kernel, a column for each patch."""
    channels, _, height, width = extents(bottoms[0])
    across, down = over_image(layer, (channels, height, width))
    return values((channels, _taps(layer))), values((down.outputs, across.outputs))


def check_unfold(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    """A kernel that does not fit."""
    channels, _, height, width = extents(bottoms[0])
    yield from too_large(layer, over_image(layer, (channels, height, width)))


def _taps(layer: Layer) -> int:
    width = layer.get_int(1)
    return width * layer.get_int(11, width)


def _image_of(layer: Layer) -> tuple[int, int]:
    """Height and width of what a Fold puts together."""
    width = layer.get_int(20)
    return layer.get_int(21, width), width


def fold_shape(layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    """Of a Fold."""
    rows, taps = extents(bottoms[0])[2], _taps(layer)
    return None if rows is None or taps < 1 else rows // taps, *_image_of(layer)


def check_fold(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    """Rows for other channels, and columns for other patches."""
    channels, _, rows, columns = extents(bottoms[0])
    taps, name = _taps(layer), layer.bottoms[0]
    windows = over_image(layer, (channels, *_image_of(layer)))
    patches = values((windows[0].outputs, windows[1].outputs))
    if taps < 1 or patches is None:
        yield "has a kernel that does not fit into its output (parameters 1, 11, 20, 21)"
    elif channels is not None and channels > 1:
        yield f"reads a blob of several matrices from {name!r} ({words(bottoms[0])}), it takes one"
    elif rows is not None and rows % taps:
        yield f"has a kernel of {taps} places, and reads {rows} rows from {name!r} ({words(bottoms[0])})"
    elif columns is not None and columns != patches:
        yield f"puts {patches} patches together, and reads {columns} columns from {name!r} ({words(bottoms[0])})"


def deformable_shape(layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    """Of a DeformableConv2D."""
    bottom = bottoms[0]
    if bottom is None or len(bottom) != 3:
        return layer.get_int(0), None, None
    across, down = over_image(layer, bottom)
    return layer.get_int(0), down.outputs, across.outputs


def check_deformable(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    """Channels, and what is given for each place of the kernel: two offsets and a factor."""
    bottom = bottoms[0]
    if bottom is None or len(bottom) != 3:
        return
    yield from too_large(layer, over_image(layer, bottom))
    yield from other_channels(layer, bottom, bottom[0], kernel_and_channels(layer)[2])
    shape = deformable_shape(layer, bottoms) or ()
    for name, found, count, what in zip(layer.bottoms[1:], bottoms[1:], (2, 1), ("offsets", "factors"), strict=False):
        wanted = (count * _taps(layer), *shape[1:])
        if found is not None and not _may_be(found, wanted):
            yield f"takes {what} of {words(wanted)}, and reads {words(found)} from {name!r}"


def _may_be(found: Shape, wanted: Sequence[Size]) -> bool:
    if len(found) != len(wanted):
        return False
    return all(None in pair or pair[0] == pair[1] for pair in zip(found, wanted, strict=True))


def grid_sample_shape(layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    """Of a GridSample: the channels of the image, the places of the grid."""
    bottom, grid = bottoms[0], bottoms[1]
    if bottom is None or grid is None or len(bottom) != len(grid) or len(bottom) not in (3, 4):
        return None
    return bottom[0], *(grid[1:] if layer.get_int(3) else grid[:-1])


def check_grid_sample(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    """A grid without a coordinate for each axis of the image."""
    bottom, grid = bottoms[0], bottoms[1]
    if bottom is None or grid is None or len(bottom) not in (3, 4):
        return
    axis = 0 if layer.get_int(3) else -1
    found = grid[axis] if len(grid) == len(bottom) else 0
    if found not in (None, len(bottom) - 1):
        where = "first" if axis == 0 else "last"
        yield (
            f"takes {len(bottom) - 1} coordinates along the {where} of {len(bottom)} axes of the grid, and "
            f"{layer.bottoms[1]!r} is {words(grid)}"
        )
