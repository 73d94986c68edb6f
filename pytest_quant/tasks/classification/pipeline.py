"""The work of classification for one model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import cv2
import numpy as np
import PIL

from pytest_quant.datasets.base import Image, Sample
from pytest_quant.spec.errors import ConfigError, RunnerError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.tasks.base import Arrays, Comparison, Facts, Prepared, Run
from pytest_quant.tasks.classification.drawing import draw_answer, draw_truth
from pytest_quant.tasks.classification.metric import DEPTHS, check_label, compare_sides
from pytest_quant.tasks.classification.options import AccuracyOptions, PreprocessOptions
from pytest_quant.tasks.classification.prediction import (
    ClassPrediction,
    decode_scores,
    pack_predictions,
    unpack_predictions,
)
from pytest_quant.tasks.classification.preprocess import Preprocess
from pytest_quant.tasks.drawing import Drawing, Scene

PROTOCOL_VERSION = 1
"""Part of the fingerprint: raise it when preprocessing or decoding gives other predictions than before."""


class ClassificationPipeline:
    """Preprocessing, decoding and scoring of one classifier; see `Pipeline`."""

    def __init__(self, model: ModelSpec) -> None:
        """Raise `ConfigError` for options that contradict each other or an ``output`` that is not one blob."""
        if len(model.outputs) != 1:
            raise ConfigError(
                f"output: found {list(model.outputs)}; a classifier has one output blob, that of the class scores"
            )
        self._output = model.outputs[0]
        self._input = model.input
        self._preprocess = Preprocess(model.preprocess or PreprocessOptions(), model.input)
        self._accuracy = {name: model.metric_options.get(name) or AccuracyOptions() for name in DEPTHS}

    def prepare(self, image: Image, sample: Sample) -> Prepared:
        """RGB pixels to the net's input; raises `DatasetError` for an image that is smaller than the crop."""
        return Prepared(self._preprocess(image, sample), sample)

    def predict(self, run: Run, prepared: Prepared) -> ClassPrediction:
        """One forward pass.

        Raises `RunnerError` for an output that is not a list of class scores, `DatasetError` when the sample's label
        is not a class of the net: better now than after the whole dataset.
        """
        outputs = run(prepared.tensor)
        if list(outputs) != [self._output]:
            shapes = {blob: array.shape for blob, array in outputs.items()}
            raise RunnerError(f"the net gave the output blobs {shapes}; expected {self._output!r} alone")
        prediction = decode_scores(outputs[self._output], self._output)
        check_label(prepared.sample, prediction.class_count)
        return prediction

    def class_of(self, sample: Sample) -> str:
        """Its label, by which `compare` calls the class."""
        return str(sample.truth)

    def without_truth(self, sample: Sample, image: Image) -> Sample:
        """The sample with a class that every net has."""
        return replace(sample, truth=0)

    def with_truth(self, sample: Sample, prediction: ClassPrediction) -> Sample:
        """The sample with its predicted class."""
        return replace(sample, truth=prediction.label)

    def pack(self, predictions: Sequence[ClassPrediction]) -> Arrays:
        """Predictions as arrays; see `pack_predictions`."""
        return pack_predictions(predictions)

    def unpack(self, arrays: Arrays) -> list[ClassPrediction]:
        """The reverse of `pack`."""
        return unpack_predictions(arrays)

    def compare(
        self, samples: Sequence[Sample], fp32: Sequence[ClassPrediction], int8: Sequence[ClassPrediction]
    ) -> Comparison:
        """Top-1 and top-5 of both sides; see `compare_sides`."""
        return compare_sides(samples, fp32, int8, self._accuracy)

    def draw_truth(self, sample: Sample, scene: Scene) -> Drawing:
        """The class."""
        return draw_truth(sample, scene)

    def draw_answer(self, sample: Sample, prediction: ClassPrediction, scene: Scene) -> Drawing:
        """The first classes with their scores."""
        return draw_answer(prediction, scene)

    def conditions(self) -> Facts:
        """What the report shows of the evaluation; the same keys for every classifier."""
        return {
            "resize_backend": self._preprocess.backend,
            "resize": self._preprocess.resize_json(),
            "crop": self._preprocess.crop_json(),
            **self._input.pixel_conditions,
            **{f"{name}_profile": options.profile for name, options in self._accuracy.items()},
        }

    def fingerprint(self) -> Mapping[str, object]:
        """What can change a prediction; metric profiles cannot."""
        return {
            "protocol": PROTOCOL_VERSION,
            "opencv": cv2.__version__,
            "pillow": PIL.__version__,
            "numpy": np.__version__,
            "output": self._output,
            "backend": self._preprocess.backend,
            "resize": self._preprocess.resize_json(),
            "crop": self._preprocess.crop_json(),
            **self._input.pixel_conditions,
        }
