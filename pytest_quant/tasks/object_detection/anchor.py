"""Nets with anchors: SSD, SSDLite and RetinaNet, which move and stretch them, and YOLOv3, which has its own way."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pytest_quant.tasks.object_detection.boxes import from_deltas, from_yolo, sigmoid
from pytest_quant.tasks.object_detection.decoder import Decoder, area, edges_of
from pytest_quant.tasks.object_detection.geometry import Geometry
from pytest_quant.tasks.object_detection.levels import Outputs, are_joined, check_classes, joined_rows, level_rows
from pytest_quant.tasks.object_detection.parameters import AnchorParameters
from pytest_quant.tasks.object_detection.prediction import Boxes, Detections
from pytest_quant.tasks.object_detection.priors import anchors, base_anchors
from pytest_quant.tasks.object_detection.selection import class_scores, select

Array = NDArray[np.float32]
_BOX = 4


class _OfAnchors(Decoder[AnchorParameters]):
    """What both ways to decode share."""

    def counts(self, geometry: Geometry) -> list[int]:
        """How many anchors each level has."""
        return [area(cells) * each for cells, each in zip(self.cells(geometry), self.of_a_cell(geometry), strict=True)]

    def of_a_cell(self, geometry: Geometry) -> list[int]:
        """How many anchors a cell of each level has."""
        levels = range(len(self.parameters.strides))
        return [len(base_anchors(self.parameters, level, geometry.input_size)) for level in levels]

    def all_anchors(self, geometry: Geometry) -> Boxes:
        """Of all levels."""
        return np.concatenate(
            [
                anchors(self.parameters, level, cells, geometry.input_size)
                for level, cells in enumerate(self.cells(geometry))
            ]
        )


class DeltaDecoder(_OfAnchors):
    """Class scores and deltas of every anchor: joined, or as maps of each level, those of the classes first."""

    def takes(self) -> dict[int, str]:
        """Two blobs, or two for each level."""
        levels = len(self.parameters.strides)
        rows = "two blobs, scores and deltas, with a row for each anchor"
        maps = f"{2 * levels}, the maps of the scores of each level and then those of the deltas"
        return {2: rows} if levels == 1 else {2: rows, 2 * levels: maps}

    def found(self, outputs: Outputs, geometry: Geometry, classes: int | None) -> Detections:
        """Anchors of classes above the threshold, moved and stretched."""
        counts = self.counts(geometry)
        logits, deltas = self._rows(outputs, geometry, counts)
        scores = class_scores(logits, self.parameters.activation, self.parameters.background)
        also = "" if self.parameters.background == "none" else f", the background being {self.parameters.background}"
        check_classes(self.blobs[0], scores.shape[1], classes, also)
        chosen = select(scores, self.parameters, edges_of(counts))
        boxes = from_deltas(deltas[chosen.rows], self.all_anchors(geometry)[chosen.rows], self.parameters.target_stds)
        return Detections(boxes, chosen.scores, chosen.labels)

    def _rows(self, outputs: Outputs, geometry: Geometry, counts: list[int]) -> tuple[Array, Array]:
        levels, cells = len(counts), self.cells(geometry)
        if are_joined(outputs, self.blobs, (2,), cells):
            what = "a row for each anchor of all strides"
            return joined_rows(outputs, self.blobs[0], sum(counts), what), joined_rows(
                outputs, self.blobs[1], sum(counts), what
            )
        each = self.of_a_cell(geometry)
        return (
            level_rows(outputs, self.blobs[:levels], each, cells),
            level_rows(outputs, self.blobs[levels:], each, cells),
        )


class YoloDecoder(_OfAnchors):
    """YOLOv3: one map for each level, of x, y, width, height, objectness and the classes of each anchor."""

    def takes(self) -> dict[int, str]:
        """One blob for each level."""
        levels = len(self.parameters.strides)
        return {levels: f"{levels}, the map of each level in the order of `strides`"}

    def found(self, outputs: Outputs, geometry: Geometry, classes: int | None) -> Detections:
        """Anchors whose objectness and class score are above their thresholds; the score is their product."""
        parameters, counts = self.parameters, self.counts(geometry)
        rows = level_rows(outputs, self.blobs, self.of_a_cell(geometry), self.cells(geometry))
        check_classes(self.blobs[0], rows.shape[1] - _BOX - 1, classes, " beside 4 columns of the box and objectness")
        objectness = sigmoid(rows[:, _BOX])
        scores = class_scores(rows[:, _BOX + 1 :], parameters.activation)
        scores = np.where((objectness >= np.float32(parameters.conf_thr))[:, np.newaxis], scores, np.float32(-1))
        chosen = select(scores, parameters, [0, len(scores)])  # mmdet's ``nms_pre`` is of all levels here
        stride = np.repeat(np.array(parameters.strides, np.float32), counts)
        boxes = from_yolo(rows[chosen.rows, :_BOX], self.all_anchors(geometry)[chosen.rows], stride[chosen.rows])
        return Detections(boxes, chosen.scores * objectness[chosen.rows], chosen.labels)
