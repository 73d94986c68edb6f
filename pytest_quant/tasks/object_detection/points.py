"""FCOS: cells without anchors, distances to the four sides, and centerness."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pytest_quant.tasks.object_detection.boxes import from_distances, sigmoid
from pytest_quant.tasks.object_detection.decoder import Decoder, area, edges_of
from pytest_quant.tasks.object_detection.geometry import Geometry
from pytest_quant.tasks.object_detection.levels import Outputs, are_joined, check_classes, joined_rows, level_rows
from pytest_quant.tasks.object_detection.parameters import PointsParameters
from pytest_quant.tasks.object_detection.prediction import Detections
from pytest_quant.tasks.object_detection.selection import class_scores, select

Array = NDArray[np.float32]


class PointsDecoder(Decoder[PointsParameters]):
    """Class scores, distances and, where there is such an output, centerness of every cell."""

    def takes(self) -> dict[int, str]:
        """Two or three blobs, or as many for each level."""
        levels = len(self.parameters.strides)
        rows = {
            2: "two blobs, scores and distances, with a row for each cell",
            3: "three, those and centerness",
        }
        if levels == 1:
            return rows
        return {
            **rows,
            2 * levels: f"{2 * levels}, the maps of the scores of each level and then those of the distances",
            3 * levels: f"{3 * levels}, and then those of centerness",
        }

    def found(self, outputs: Outputs, geometry: Geometry, classes: int | None) -> Detections:
        """Boxes of classes above the threshold; centerness lowers the score afterwards, as in mmdet."""
        parameters, cells = self.parameters, self.cells(geometry)
        counts = [area(level) for level in cells]
        logits, distances, *centerness = self._rows(outputs, geometry, counts)
        scores = class_scores(logits, parameters.activation)
        check_classes(self.blobs[0], scores.shape[1], classes, "")
        chosen = select(scores, parameters, edges_of(counts))
        points, strides = self.grid(cells, parameters.offset)
        reach = distances[chosen.rows]
        if parameters.norm_on_bbox:
            reach = reach * strides[chosen.rows, np.newaxis]
        found = chosen.scores
        if centerness:
            found = found * sigmoid(centerness[0][chosen.rows, 0])
        return Detections(from_distances(reach, points[chosen.rows]), found, chosen.labels)

    def _rows(self, outputs: Outputs, geometry: Geometry, counts: list[int]) -> list[Array]:
        levels, cells = len(counts), self.cells(geometry)
        if are_joined(outputs, self.blobs, (2, 3), cells):
            what = "a row for each cell of all strides"
            return [joined_rows(outputs, blob, sum(counts), what) for blob in self.blobs]
        kinds = (self.blobs[start : start + levels] for start in range(0, len(self.blobs), levels))
        return [level_rows(outputs, blobs, [1] * levels, cells) for blobs in kinds]
