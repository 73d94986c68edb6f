"""Layers of detectors: regions of interest, prior boxes, and what makes detections of them.

ncnn takes the number of boxes from one input and reads the others as far.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_quant.nets.ncnn.files.blob_shape import MaybeShape, Size, differs, extents, listed, values, words
from pytest_quant.nets.ncnn.files.param import Layer

_NOT_GIVEN = -233
_ANCHORS = 9
"""Of a Proposal: of three sizes and three aspect ratios."""


def region_shape(layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    """Of a ROIPooling or a ROIAlign."""
    return extents(bottoms[0])[0], layer.get_int(1), layer.get_int(0)


def scored_region_shape(layer: Layer, _bottoms: Sequence[MaybeShape]) -> MaybeShape:
    """Of a PSROIPooling."""
    return layer.get_int(3), layer.get_int(1, 7), layer.get_int(0, 7)


def check_region(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    """A region of fewer than four numbers."""
    found = values(bottoms[1])
    if found is not None and found < 4:
        yield f"takes a region of four numbers, and reads {found} from {layer.bottoms[1]!r} ({words(bottoms[1])})"


def check_scored_region(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    """Of a PSROIPooling: a channel for each output and place."""
    yield from check_region(layer, bottoms)
    found, (outputs, height, width) = extents(bottoms[0])[0], scored_region_shape(layer, bottoms) or (0, 0, 0)
    wanted = values((outputs, height, width))
    if found is not None and found != wanted:
        yield (
            f"takes {wanted} channels for {outputs} outputs of {width}x{height}, and reads {found} from "
            f"{layer.bottoms[0]!r} ({words(bottoms[0])})"
        )


def _counts(layer: Layer) -> tuple[int, int, int]:
    """Least sizes, largest sizes and aspect ratios of a PriorBox."""
    return _count(layer, 0), _count(layer, 1), _count(layer, 2)


def _count(layer: Layer, key: int) -> int:
    found = layer.params.get(key, ())
    return len(found) if isinstance(found, tuple) else 0


def _is_of_mxnet(layer: Layer, bottoms: Sequence[MaybeShape]) -> bool:
    is_given = layer.get_int(9) != _NOT_GIVEN or layer.get_int(10) != _NOT_GIVEN
    return len(bottoms) == 1 and not is_given and not _counts(layer)[1]


def prior_box_shape(layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    """Of a PriorBox: four numbers for each box, and four variances below them."""
    _, _, height, width = extents(bottoms[0])
    least, most, ratios = _counts(layer)
    if _is_of_mxnet(layer, bottoms):
        return (values((4, height, width, least - 1 + ratios)),)
    each = least + most + least * ratios * (2 if layer.get_int(7, 1) else 1)
    return 2, values((4, height, width, each))


def check_prior_box(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    """Sizes that are not given, or not for each box."""
    least, most, ratios = _counts(layer)
    if _is_of_mxnet(layer, bottoms):
        if not least or not ratios:
            yield "has no sizes (parameter 0) or no aspect ratios (parameter 2)"
    elif len(bottoms) == 1 and _NOT_GIVEN in (layer.get_int(9), layer.get_int(10)):
        yield "takes the size of the image from a second input, and reads 1"
    elif most not in (0, least):
        yield f"has {least} least sizes (parameter 0) and {most} largest ones (parameter 1)"


def check_detection_output(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    """Fewer numbers of boxes or scores than there are prior boxes."""
    locations, scores, (_, _, rows, columns) = values(bottoms[0]), values(bottoms[1]), extents(bottoms[2])
    is_of_mxnet = layer.get_int(0) == _NOT_GIVEN
    boxes = rows if is_of_mxnet else None if columns is None else columns // 4
    classes = extents(bottoms[1])[2] if is_of_mxnet else layer.get_int(0)
    if is_of_mxnet and columns not in (None, 4):
        yield f"takes prior boxes of four numbers, and reads {words(bottoms[2])} from {layer.bottoms[2]!r}"
    elif not is_of_mxnet and rows is not None and rows < 2:
        yield f"takes prior boxes and their variances, and reads {words(bottoms[2])} from {layer.bottoms[2]!r}"
    for name, found, each, what in (
        (layer.bottoms[0], locations, 4, "numbers of boxes"),
        (layer.bottoms[1], scores, classes, "scores"),
    ):
        wanted: Size = values((boxes, each))
        if found is not None and wanted is not None and found < wanted:
            yield f"has {boxes} prior boxes, for {wanted} {what}, and reads {found} from {name!r}"


def check_proposal(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    """Scores and shifts of other anchors, and less than the size of the image."""
    scores, shifts = extents(bottoms[0]), extents(bottoms[1])
    for found, name, each, what in zip(
        (scores[0], shifts[0]), layer.bottoms, (2, 4), ("scores", "shifts"), strict=False
    ):
        if found is not None and found < each * _ANCHORS:
            yield f"has {_ANCHORS} anchors, for {each * _ANCHORS} channels of {what}, and reads {found} from {name!r}"
    if differs((scores[2], shifts[2])) or differs((scores[3], shifts[3])):
        yield f"takes scores and shifts of one size, and reads {listed(bottoms[:2])}"
    info = values(bottoms[2])
    if info is not None and info < 3:
        yield f"takes height, width and scale of the image, and reads {info} numbers from {layer.bottoms[2]!r}"


def check_yolo(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    """Channels for other boxes and classes."""
    boxes, classes = layer.get_int(1, 5), layer.get_int(0, 20)
    for name, bottom in zip(layer.bottoms, bottoms, strict=True):
        found = extents(bottom)[0]
        if boxes < 1 or (found is not None and found // boxes != 5 + classes):
            yield (
                f"takes {boxes} boxes of {5 + classes} channels for {classes} classes, and reads {found} channels from "
                f"{name!r} ({words(bottom)})"
            )
