"""The work of semantic segmentation for one model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
import PIL
from numpy.typing import NDArray

from pytest_quant.datasets.base import Image, Sample
from pytest_quant.datasets.masks import Labels, MaskFile, read_labels
from pytest_quant.datasets.segmentation import SegmentationOptions, class_names
from pytest_quant.spec.errors import ConfigError, DatasetError, RunnerError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.tasks.base import Arrays, Comparison, Facts, Prepared, Run
from pytest_quant.tasks.drawing import Drawing, Scene
from pytest_quant.tasks.semantic_segmentation.comparison import compare_sides
from pytest_quant.tasks.semantic_segmentation.decoder import decode
from pytest_quant.tasks.semantic_segmentation.drawing import draw_answer, draw_truth
from pytest_quant.tasks.semantic_segmentation.options import IouOptions, PostprocessOptions, PreprocessOptions
from pytest_quant.tasks.semantic_segmentation.prediction import (
    NoTruth,
    ReferenceAnswers,
    SegmentationPrediction,
    make_prediction,
    pack_predictions,
    unpack_predictions,
)
from pytest_quant.tasks.semantic_segmentation.preprocess import Geometry, Preprocess

PROTOCOL_VERSION = 1
"""Part of the fingerprint: raise it when preprocessing or decoding gives other predictions than before."""


@dataclass(frozen=True)
class _Prepared:
    """Sizes, and the name of the sample for messages."""

    geometry: Geometry
    name: str


class SegmentationPipeline:
    """Preprocessing, decoding and scoring of one segmenter; see `Pipeline`."""

    def __init__(self, model: ModelSpec) -> None:
        """Raise `ConfigError` for options that contradict each other or an ``output`` that is not one blob."""
        if len(model.outputs) != 1:
            raise ConfigError(
                f"output: found {list(model.outputs)}; a segmenter has one output blob, that of its logits or labels"
            )
        self._output = model.outputs[0]
        self._input = model.input
        self._preprocess = Preprocess(model.preprocess or PreprocessOptions(), model.input)
        self._postprocess: PostprocessOptions = model.postprocess or PostprocessOptions()
        iou: IouOptions = model.metric_options.get("mIoU") or IouOptions()
        self._void = iou.void
        found = model.dataset.options
        self._dataset = (
            found if isinstance(found, SegmentationOptions) else SegmentationOptions(images=Path(), masks=Path())
        )

    @cached_property
    def _names(self) -> tuple[str, ...] | None:
        return class_names(self._dataset)

    def prepare(self, image: Image, sample: Sample) -> Prepared:
        """RGB pixels to the net's input; raises `DatasetError` for an image that does not fit into it."""
        name = f"sample {sample.id!r}"
        tensor, geometry = self._preprocess(image, name)
        return Prepared(tensor, sample, _Prepared(geometry, name))

    def predict(self, run: Run, prepared: Prepared) -> SegmentationPrediction:
        """One forward pass, and the answers counted against the label image.

        Raises:
            RunnerError: The output is not what ``postprocess.output`` says, or has another number of classes than the
                dataset.
            DatasetError: The label image has another size than its image, or values that are not classes.

        """
        outputs = run(prepared.tensor)
        if list(outputs) != [self._output]:
            shapes = {blob: array.shape for blob, array in outputs.items()}
            raise RunnerError(f"the net gave the output blobs {shapes}; expected {self._output!r} alone")
        place: _Prepared = prepared.geometry
        found = decode(outputs[self._output], self._output, place.geometry, self._postprocess)
        count = _class_count(self._names, self._dataset, found.class_count)
        self._check_answers(found.answers, count)
        return make_prediction(found.answers, self._labels(prepared.sample, place, count), count, found.likely)

    def _labels(self, sample: Sample, place: _Prepared, count: int) -> Labels | None:
        if not isinstance(sample.truth, MaskFile):
            return None
        labels = read_labels(sample.truth, count, place.name)
        size = (labels.shape[1], labels.shape[0])
        if size != place.geometry.image:
            raise DatasetError(
                f"{place.name}: the image has the size {list(place.geometry.image)} (width, height), its label image "
                f"{list(size)}; expected equal sizes: are they of the same sample, and of the same release of the data?"
            )
        return labels

    def _check_answers(self, answers: NDArray[np.uint16], count: int) -> None:
        most = int(answers.max())
        if self._postprocess.output == "labels" and most >= count and most != self._dataset.ignore_index:
            raise RunnerError(
                f"output blob {self._output!r} answers class {most}, but there are {count} classes, 0 to {count - 1}"
            )

    def without_truth(self, sample: Sample, image: Image) -> Sample:
        """The sample as if all of its pixels were void."""
        return replace(sample, truth=NoTruth())

    def with_truth(self, sample: Sample, prediction: SegmentationPrediction) -> Sample:
        """The sample with the answers of a net at the lattice of its pixels as ground truth."""
        return replace(sample, truth=ReferenceAnswers(prediction.answers))

    @property
    def estimates_truth(self) -> bool:
        """Whether the net gives logits: labels say nothing of how sure it is."""
        return self._postprocess.output == "logits"

    def with_likely_truth(self, sample: Sample, prediction: SegmentationPrediction) -> Sample:
        """The sample with the probabilities of a net at the lattice of its pixels as ground truth."""
        if prediction.likely is None:
            raise TypeError("the prediction was kept, and how likely its answers are is not")
        return replace(sample, truth=prediction.likely)

    def pack(self, predictions: Sequence[SegmentationPrediction]) -> Arrays:
        """Predictions as arrays; see `pack_predictions`."""
        return pack_predictions(predictions)

    def unpack(self, arrays: Arrays) -> list[SegmentationPrediction]:
        """The reverse of `pack`."""
        return unpack_predictions(arrays)

    def compare(
        self, samples: Sequence[Sample], fp32: Sequence[SegmentationPrediction], int8: Sequence[SegmentationPrediction]
    ) -> Comparison:
        """mIoU, mAcc and aAcc of both sides; see `compare_sides`."""
        return compare_sides(samples, fp32, int8, self._void, self._names)

    def draw_truth(self, sample: Sample, scene: Scene) -> Drawing:
        """The label image."""
        return draw_truth(sample, replace(scene, class_names=self._names))

    def draw_answer(self, sample: Sample, prediction: SegmentationPrediction, scene: Scene) -> Drawing:
        """The class of each place."""
        return draw_answer(prediction, replace(scene, class_names=self._names))

    def conditions(self) -> Facts:
        """What the report shows of the evaluation; the same keys for every segmenter."""
        return {
            **self._processing(),
            "void": self._void,
            "ignore_index": self._dataset.ignore_index,
            "reduce_zero_label": self._dataset.reduce_zero_label,
            "opencv": cv2.__version__,
        }

    def fingerprint(self) -> Mapping[str, object]:
        """What can change a prediction; how the counts are added up cannot."""
        return {
            "protocol": PROTOCOL_VERSION,
            "opencv": cv2.__version__,
            "pillow": PIL.__version__,
            "numpy": np.__version__,
            "classes": None if self._names is None else len(self._names),
            "ignore_index": self._dataset.ignore_index,
            "output_blob": self._output,
            **self._processing(),
        }

    def _processing(self) -> dict[str, object]:
        return {
            **self._preprocess.conditions(),
            **self._input.pixel_conditions,
            "output": self._postprocess.output,
            "output_resize": self._postprocess.resized,
            "align_corners": self._postprocess.align_corners,
            "threshold": self._postprocess.threshold,
        }


def _class_count(names: tuple[str, ...] | None, dataset: SegmentationOptions, found: int | None) -> int:
    """How many classes are scored; a net may have one more output, for the pixels that do not count."""
    ignored = dataset.ignore_index
    if names is None and found is None:
        raise ConfigError(
            "the dataset has no `classes` and the net gives labels, so nothing tells how many classes there are: "
            "give the dataset its `classes`"
        )
    if names is None or found is None:
        return len(names) if names is not None else (found or 0) - (ignored == (found or 0) - 1)
    has_void = found == len(names) + 1 and (ignored == len(names) or dataset.palette is not None)
    if found != len(names) and not has_void:
        raise RunnerError(
            f"the net has {found} outputs for each pixel, the dataset {len(names)} classes ({names[0]} to "
            f"{names[-1]}); expected as many, or one more for pixels without a class when ignore_index is "
            f"{len(names)}: are the `classes` those that the net was trained on?"
        )
    return len(names)
