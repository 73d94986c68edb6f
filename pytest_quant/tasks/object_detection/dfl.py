"""NanoDet-Plus and the YOLOv8 family: distances that are means of distributions (Generalized Focal Loss)."""

from __future__ import annotations

import numpy as np

from pytest_quant.spec.errors import RunnerError
from pytest_quant.tasks.object_detection.boxes import expected_bins, from_centers, from_distances
from pytest_quant.tasks.object_detection.decoder import Decoder, area, edges_of
from pytest_quant.tasks.object_detection.geometry import Geometry
from pytest_quant.tasks.object_detection.levels import Array, Outputs, check_classes, joined_rows
from pytest_quant.tasks.object_detection.parameters import DflParameters
from pytest_quant.tasks.object_detection.prediction import Boxes, Detections
from pytest_quant.tasks.object_detection.selection import Selected, select_logits


class DflDecoder(Decoder[DflParameters]):
    """One blob: for each cell the classes and the distributions of the four sides, in either order."""

    def takes(self) -> dict[int, str]:
        """One blob."""
        return {1: "one blob of a row for each cell: the classes and the distributions of the four sides"}

    def found(self, outputs: Outputs, geometry: Geometry, classes: int | None) -> Detections:
        """Boxes of classes above the threshold."""
        blob, parameters = self.blobs[0], self.parameters
        counts = [area(level) for level in self.cells(geometry)]
        rows = joined_rows(outputs, blob, sum(counts), "a row for each cell of all strides")
        width = 4 * max(1, parameters.bins)
        if rows.shape[1] <= width:
            raise RunnerError(
                f"output blob {blob!r} has {rows.shape[1]} columns; expected the classes and {width} of the box "
                f"(`bins: {parameters.bins}`)"
            )
        check_classes(blob, rows.shape[1] - width, classes, f" beside {width} columns of the box")
        if parameters.order == "classes-first":
            logits, sides = rows[:, :-width], rows[:, -width:]
        else:
            logits, sides = rows[:, width:], rows[:, :width]
        chosen = select_logits(logits, parameters, edges_of(counts))
        return Detections(self._boxes(sides, chosen, geometry), chosen.scores, chosen.labels)

    def _boxes(self, sides: Array, chosen: Selected, geometry: Geometry) -> Boxes:
        rows, each = np.unique(chosen.rows, return_inverse=True)  # a row may be there for several classes
        if self.parameters.bins == 0:
            return from_centers(sides[rows])[each]
        points, strides = self.grid(self.cells(geometry), self.parameters.offset)
        distances = expected_bins(sides[rows], self.parameters.bins) * strides[rows, np.newaxis]
        return from_distances(distances, points[rows])[each]
