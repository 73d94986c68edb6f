"""A net's outputs as one row for each cell or anchor, whether they come joined or level by level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pytest_quant.spec.errors import RunnerError
from pytest_quant.tasks.object_detection.priors import Cells

Array = NDArray[np.float32]
Outputs = Mapping[str, Array]


def joined_rows(outputs: Outputs, blob: str, rows: int, what: str) -> Array:
    """A blob of shape (rows, columns) or (columns, rows), as (rows, columns); dimensions of length 1 do not matter.

    Raises `RunnerError` when neither length is ``rows``: then it is another blob, or an input of another size.
    """
    array = outputs[blob]
    flat = array.reshape([side for side in array.shape if side != 1] or [1])
    if flat.ndim == 1 and rows in (1, len(flat)):
        flat = flat[np.newaxis] if rows == 1 else flat[:, np.newaxis]
    if flat.ndim != 2 or rows not in flat.shape:
        raise RunnerError(
            f"output blob {blob!r} has shape {array.shape}; expected ({rows}, columns) or (columns, {rows}), {what}: "
            "is it the blob of this decoder, and are `strides` and the input's size those of this net?"
        )
    return flat if len(flat) == rows else np.ascontiguousarray(flat.T)


def level_rows(outputs: Outputs, blobs: Sequence[str], anchors: Sequence[int], cells: Sequence[Cells]) -> Array:
    """Maps of shape (anchors * columns, height, width), one for each level, as one array of (anchors in all, columns).

    ``anchors``: of a cell of each level. Raises `RunnerError` for a map of another shape.
    """
    found = []
    for blob, each, (width, height) in zip(blobs, anchors, cells, strict=True):
        array = outputs[blob]
        maps = array[np.newaxis] if array.ndim == 2 else array
        if maps.ndim != 3 or maps.shape[1:] != (height, width) or len(maps) % each:
            raise RunnerError(
                f"output blob {blob!r} has shape {array.shape}; expected (channels, {height}, {width}) with {each} "
                "times as many channels as an anchor has: are `strides` in the order of the outputs, and is the "
                "input's size that of this net?"
            )
        found.append(maps.transpose(1, 2, 0).reshape(-1, len(maps) // each))
    if len({rows.shape[1] for rows in found}) > 1:
        shapes = [outputs[blob].shape for blob in blobs]
        raise RunnerError(f"output blobs {list(blobs)} have shapes {shapes}, which are not those of one kind of map")
    return np.concatenate(found)


def are_joined(outputs: Outputs, blobs: Sequence[str], kinds: Sequence[int], cells: Sequence[Cells]) -> bool:
    """Whether each blob has rows of all levels, rather than the maps of one.

    ``kinds``: numbers of blobs that joined rows come as. With a single level only the shape tells: a map ends in the
    height and width of its cells.
    """
    if len(blobs) not in kinds:
        return False
    (width, height), *more = cells
    return bool(more) or any(outputs[blob].shape[-2:] != (height, width) for blob in blobs)


def check_finite(outputs: Outputs, blobs: Sequence[str]) -> None:
    """Raise `RunnerError` where a blob is not among the outputs, or holds NaN or infinity."""
    for blob in blobs:
        if blob not in outputs:
            shapes = {name: array.shape for name, array in outputs.items()}
            raise RunnerError(f"the net gave the output blobs {shapes}; expected {blob!r} among them")
        bad = int(np.count_nonzero(~np.isfinite(outputs[blob])))
        if bad:
            raise RunnerError(f"output blob {blob!r} holds {bad} values that are not finite")


def check_classes(blob: str, found: int, classes: int | None, also: str) -> None:
    """Raise `RunnerError` when a net has another number of classes than the dataset lists."""
    if classes is not None and found != classes:
        raise RunnerError(
            f"output blob {blob!r} has scores of {found} classes{also}, but the dataset lists {classes}: expected "
            "`classes` of the dataset to name every class of the net, in the order of its outputs"
        )
