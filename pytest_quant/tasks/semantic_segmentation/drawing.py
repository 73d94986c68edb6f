"""What there is to see of a segmented image: the class of each place."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pytest_quant.datasets.base import Sample
from pytest_quant.datasets.masks import VOID, MaskFile, read_labels
from pytest_quant.tasks.drawing import Drawing, Mask, Scene
from pytest_quant.tasks.semantic_segmentation.lattice import lattice
from pytest_quant.tasks.semantic_segmentation.prediction import SegmentationPrediction

_NAMED = 3
_ANY_COUNT = 1 << 16
"""The labels were checked when they were scored."""


def draw_truth(sample: Sample, scene: Scene) -> Drawing:
    """The label image at the lattice that answers are kept at."""
    if not isinstance(sample.truth, MaskFile):
        return Drawing("none")
    labels = read_labels(sample.truth, _ANY_COUNT, f"sample {sample.id!r}")
    return _drawing(labels.reshape(-1)[lattice(*labels.shape)], scene)


def draw_answer(prediction: SegmentationPrediction, scene: Scene) -> Drawing:
    """The answers at the lattice."""
    counted = np.count_nonzero(prediction.counted)
    right = 100 * np.count_nonzero(prediction.right) / counted if counted else 0.0
    drawn = _drawing(prediction.answers.astype(np.int32), scene)
    return Drawing(f"{right:.1f} % of the pixels right: {drawn.caption}", drawn.shapes)


def _drawing(classes: NDArray[np.int32], scene: Scene) -> Drawing:
    """The classes of a lattice, and the names of the most frequent ones."""
    columns = np.unique(lattice(scene.height_px, scene.width_px) % scene.width_px).size
    places = np.where(classes == VOID, -1, classes)
    values, counts = np.unique(places[places >= 0], return_counts=True)
    most = values[np.argsort(-counts, kind="stable")][:_NAMED].tolist()
    return Drawing(", ".join(scene.name_of(label) for label in most) or "nothing", (Mask(places.reshape(-1, columns)),))
