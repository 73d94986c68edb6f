"""Nets that decode and suppress themselves: ncnn's DetectionOutput, Yolov3DetectionOutput, mmdeploy's ``end2end``."""

from __future__ import annotations

import numpy as np

from pytest_quant.spec.errors import RunnerError
from pytest_quant.tasks.object_detection.decoder import Decoder
from pytest_quant.tasks.object_detection.geometry import Geometry
from pytest_quant.tasks.object_detection.levels import Outputs
from pytest_quant.tasks.object_detection.parameters import RowsParameters
from pytest_quant.tasks.object_detection.prediction import Detections

_COLUMNS = 6


class RowsDecoder(Decoder[RowsParameters]):
    """One blob: for each detection its label from 1, score, and left, top, right, bottom as shares of the input."""

    def takes(self) -> dict[int, str]:
        """One blob."""
        return {1: "one blob of a row for each detection: label, score, left, top, right, bottom"}

    def found(self, outputs: Outputs, geometry: Geometry, classes: int | None) -> Detections:
        """The rows above the threshold; there may be none."""
        blob = self.blobs[0]
        array = outputs[blob]
        rows = array.reshape(-1, _COLUMNS) if array.size == 0 or array.shape[-1] == _COLUMNS else array
        if rows.ndim != 2 or rows.shape[1] != _COLUMNS:
            raise RunnerError(
                f"output blob {blob!r} has shape {array.shape}; expected (detections, {_COLUMNS}): label from 1, "
                "score, left, top, right and bottom as shares of the input"
            )
        labels = np.rint(rows[:, 0]).astype(np.int32) - 1
        wrong = labels[(labels < 0) | (labels >= (classes or np.inf))]
        is_whole = np.array_equal(labels + 1, rows[:, 0])
        if len(wrong) or not is_whole:
            found = f"the label {wrong[0] + 1}" if is_whole else "labels that are not whole numbers"
            raise RunnerError(
                f"output blob {blob!r} holds {found}; expected 1 to {classes or 'the number of classes'}, as the "
                "dataset lists them: `classes` must name every class of the net, in its order"
            )
        rows, labels = rows[kept := rows[:, 1] >= np.float32(self.parameters.score_threshold)], labels[kept]
        boxes = rows[:, 2:] * np.array(geometry.input_size * 2, np.float32)
        return Detections(boxes, rows[:, 1].copy(), labels)
