"""YOLOX: cells without anchors, objectness times class."""

from __future__ import annotations

from pytest_quant.spec.errors import RunnerError
from pytest_quant.tasks.object_detection.boxes import from_offsets
from pytest_quant.tasks.object_detection.decoder import Decoder, area, edges_of
from pytest_quant.tasks.object_detection.geometry import Geometry
from pytest_quant.tasks.object_detection.levels import Outputs, check_classes, joined_rows
from pytest_quant.tasks.object_detection.parameters import YoloxParameters
from pytest_quant.tasks.object_detection.prediction import Detections
from pytest_quant.tasks.object_detection.selection import class_scores, select

_BOX = 4


class YoloxDecoder(Decoder[YoloxParameters]):
    """One blob: for each cell x, y, width, height, objectness and the classes."""

    def takes(self) -> dict[int, str]:
        """One blob."""
        return {1: "one blob of a row for each cell: x, y, width, height, objectness and the classes"}

    def found(self, outputs: Outputs, geometry: Geometry, classes: int | None) -> Detections:
        """Boxes whose objectness times class score reaches the threshold."""
        blob, cells = self.blobs[0], self.cells(geometry)
        counts = [area(level) for level in cells]
        rows = joined_rows(outputs, blob, sum(counts), "a row for each cell of all strides")
        if rows.shape[1] <= _BOX + 1:
            raise RunnerError(f"output blob {blob!r} has {rows.shape[1]} columns; expected 5 and the classes")
        check_classes(blob, rows.shape[1] - _BOX - 1, classes, " beside 4 columns of the box and objectness")
        scores = class_scores(rows[:, _BOX:], self.parameters.activation)
        chosen = select(scores[:, 1:] * scores[:, :1], self.parameters, edges_of(counts), inclusive=True)
        corners, strides = self.grid(cells, offset=0.0)
        boxes = from_offsets(rows[chosen.rows, :_BOX], corners[chosen.rows], strides[chosen.rows])
        return Detections(boxes, chosen.scores, chosen.labels)
