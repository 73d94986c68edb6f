"""Predictions to the results that COCO's evaluation takes: scored, and with poses of the same person suppressed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pytest_quant.datasets.coco_keypoints import PoseTruth
from pytest_quant.tasks.keypoints.coco import KEYPOINTS
from pytest_quant.tasks.keypoints.geometry import region_sizes
from pytest_quant.tasks.keypoints.matching import Poses
from pytest_quant.tasks.keypoints.nms import suppression
from pytest_quant.tasks.keypoints.options import APOptions
from pytest_quant.tasks.keypoints.prediction import PosePrediction
from pytest_quant.tasks.keypoints.rescoring import pose_scores


@dataclass(frozen=True)
class Results:
    """How predictions become results; shared by both sides."""

    options: APOptions
    input_size: tuple[int, int]
    padding: float

    def poses(self, truths: Sequence[PoseTruth], predictions: Sequence[PosePrediction]) -> Poses:
        """The results of all images, in the order given."""
        reported = [self._of_image(*pair) for pair in zip(truths, predictions, strict=True)]
        return Poses(
            image=np.repeat(np.arange(len(truths)), [len(scores) for _, scores, _ in reported]),
            keypoints=np.concatenate([np.zeros((0, KEYPOINTS, 2)), *(keypoints for keypoints, _, _ in reported)]),
            score=np.concatenate([np.zeros(0), *(scores for _, scores, _ in reported)]),
            area=np.concatenate([np.zeros(0), *(areas for _, _, areas in reported)]),
        )

    def person_areas(self, corners: NDArray[np.float32]) -> NDArray[np.float32]:
        """Of the regions that the net saw, in square pixels, for boxes of shape (n, 4): the scale of OKS-NMS."""
        sizes = region_sizes(corners, self.input_size, self.padding)
        return sizes[:, 0] * sizes[:, 1]

    def _of_image(
        self, truth: PoseTruth, prediction: PosePrediction
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Keypoints, scores and areas of the poses that stay."""
        options, corners = self.options, box_corners(truth)
        boxes = np.array([box.score for box in truth.boxes], np.float32)
        scores = pose_scores(boxes, prediction.scores, options.score, options.keypoint_threshold)
        suppress = suppression(options.nms, options.nms_threshold)
        kept = suppress(prediction.keypoints, scores, self.person_areas(corners))
        keypoints = prediction.keypoints[kept].astype(np.float64)
        if options.bbox_in_results:
            extent = (corners[kept, 2:] - corners[kept, :2]).astype(np.float64)
        else:
            extent = np.ptp(keypoints, axis=1)
        return keypoints, scores[kept].astype(np.float64), extent[:, 0] * extent[:, 1]


def box_corners(truth: PoseTruth) -> NDArray[np.float32]:
    """Left, top, right and bottom of the boxes of an image, shape (n, 4)."""
    return np.array([box.corners for box in truth.boxes], np.float32).reshape(-1, 4)
