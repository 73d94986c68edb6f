"""The work of object detection for one model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import cv2
import numpy as np

from pytest_quant.datasets.base import Image, Sample
from pytest_quant.datasets.coco_detection import DetectionTruth, truth_of
from pytest_quant.nets.ncnn.files.facts import row_classes
from pytest_quant.nets.ncnn.files.param import read_param
from pytest_quant.nets.ncnn.net_files import NcnnFiles
from pytest_quant.spec.errors import ConfigError, DatasetError, ModelFileError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.tasks.base import Arrays, Comparison, Facts, Prepared, Run
from pytest_quant.tasks.coco.curves import precision_curves
from pytest_quant.tasks.drawing import Curve, Drawing, Scene
from pytest_quant.tasks.object_detection.decoders import make_decoder
from pytest_quant.tasks.object_detection.drawing import draw_answer, draw_truth
from pytest_quant.tasks.object_detection.geometry import Geometry
from pytest_quant.tasks.object_detection.levels import check_classes
from pytest_quant.tasks.object_detection.metric import compare_sides
from pytest_quant.tasks.object_detection.options import PostprocessOptions, PreprocessOptions
from pytest_quant.tasks.object_detection.prediction import Detections, pack_predictions, unpack_predictions
from pytest_quant.tasks.object_detection.preprocess import Preprocess
from pytest_quant.tasks.object_detection.reference import found_objects, image_without_truth

PROTOCOL_VERSION = 1
"""Part of the fingerprint: raise it when preprocessing or decoding gives other predictions than before."""


class ObjectDetectionPipeline:
    """Preprocessing, decoding and scoring of one detector; see `Pipeline`."""

    def __init__(self, model: ModelSpec) -> None:
        """Raise `ConfigError` for options that contradict each other, or ``output`` blobs the decoder does not take."""
        if not isinstance(model.postprocess, PostprocessOptions):
            raise ConfigError("postprocess: is missing; a detector needs its `decoder`")
        self._input = model.input
        self._outputs = model.outputs
        self._preprocess = Preprocess(model.preprocess or PreprocessOptions(), model.input)
        self._postprocess = model.postprocess
        self._decode = make_decoder(model.postprocess, model.outputs)
        self._row_classes = _row_classes(model)
        self._wanted = frozenset(limit.metric.name for limit in model.limits if limit.metric is not None)

    def prepare(self, image: Image, sample: Sample) -> Prepared:
        """RGB pixels to the net's input; raises `DatasetError` for an image of another size than annotated."""
        if isinstance(sample.truth, DetectionTruth):
            _check_size(image, sample.truth, sample)
        tensor, geometry = self._preprocess(image)
        return Prepared(tensor, sample, geometry)

    def predict(self, run: Run, prepared: Prepared) -> Detections:
        """One forward pass and the decoder; raises `RunnerError` for outputs that the decoder does not take."""
        truth, geometry = prepared.sample.truth, prepared.geometry
        assert isinstance(geometry, Geometry), "prepared here"  # noqa: S101
        classes = len(truth.classes) if isinstance(truth, DetectionTruth) else 0
        if classes and self._row_classes is not None:  # the rows of one image need not hold every class
            check_classes(self._outputs[0], self._row_classes, classes, ", as its layer says")
        return self._decode(run(prepared.tensor), geometry, classes or None)

    def without_truth(self, sample: Sample, image: Image) -> Sample:
        """The sample as an image without objects."""
        return image_without_truth(sample, image)

    def with_truth(self, sample: Sample, prediction: Detections) -> Sample:
        """The sample with what was found, at a score of 0.5 or more, as its objects."""
        return found_objects(sample, truth_of(sample), prediction)

    def pack(self, predictions: Sequence[Detections]) -> Arrays:
        """Predictions as arrays; see `pack_predictions`."""
        return pack_predictions(predictions)

    def unpack(self, arrays: Arrays) -> list[Detections]:
        """The reverse of `pack`."""
        return unpack_predictions(arrays)

    def compare(self, samples: Sequence[Sample], fp32: Sequence[Detections], int8: Sequence[Detections]) -> Comparison:
        """COCO's numbers for both sides; see `compare_sides`."""
        return compare_sides(samples, fp32, int8, self._wanted)

    def draw_truth(self, sample: Sample, scene: Scene) -> Drawing:
        """The objects."""
        return draw_truth(sample, scene)

    def draw_answer(self, sample: Sample, prediction: Detections, scene: Scene) -> Drawing:
        """The objects with a fair score."""
        return draw_answer(sample, prediction, scene)

    def curves(self, comparison: Comparison) -> Sequence[Curve]:
        """Precision over recall."""
        return tuple(precision_curves(comparison, "mAP", "IoU"))

    def conditions(self) -> Facts:
        """What the report shows of the evaluation; the same keys for every detector with the same decoder."""
        return {**self._preprocess_json(), **self._postprocess_json(), "opencv": cv2.__version__}

    def fingerprint(self) -> Mapping[str, object]:
        """What can change a prediction."""
        return {
            "protocol": PROTOCOL_VERSION,
            "numpy": np.__version__,
            "outputs": list(self._outputs),
            **self.conditions(),
        }

    def _preprocess_json(self) -> dict[str, object]:
        return {
            "resize_backend": self._preprocess.backend,
            "resize": self._preprocess.resize_json(),
            "pad_divisor": self._preprocess.pad_divisor,
            **self._input.pixel_conditions,
        }

    def _postprocess_json(self) -> dict[str, object]:
        options = self._postprocess
        return {
            "decoder": options.decoder,
            "decoder_profile": options.profile_name,
            **{key: _plain(value) for key, value in asdict(options.parameters).items()},
        }


def _row_classes(model: ModelSpec) -> int | None:
    """How many classes a net of ncnn that decodes itself knows; None for other nets, and for files that are not there.

    What is wrong with the files is said where they are checked.
    """
    entry = model.nets["fp32"].entry
    if model.postprocess.decoder != "detection-output" or not isinstance(entry, NcnnFiles) or not entry.param.is_file():
        return None
    try:
        return row_classes(read_param(entry.param), model.outputs[0])
    except ModelFileError:
        return None


def _plain(value: object) -> object:
    """Tuples as the lists that they are in a report."""
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _check_size(image: Image, truth: DetectionTruth, sample: Sample) -> None:
    """Boxes are in pixels of the annotated size; mmdet, too, takes a file that EXIF turns by a quarter."""
    height, width = image.shape[:2]
    annotated = (truth.image.width, truth.image.height)
    if annotated not in ((width, height), (height, width)):
        raise DatasetError(
            f"sample {sample.id!r}: {truth.image.file_name} has {width} by {height} pixels, but its annotations say "
            f"{annotated[0]} by {annotated[1]}: are the images those of the annotations, in their original size?"
        )
