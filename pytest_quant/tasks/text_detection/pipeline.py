"""The work of text detection for one model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace

import cv2
import numpy as np
import shapely

from pytest_quant.datasets.base import Image, Sample
from pytest_quant.datasets.text_region import TextRegion
from pytest_quant.spec.environment import version_of
from pytest_quant.spec.errors import ConfigError, RunnerError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.tasks.base import Arrays, Comparison, Facts, Prepared, Run
from pytest_quant.tasks.drawing import Curve, Drawing, Scene
from pytest_quant.tasks.text_detection.comparison import DetectionComparison, chosen_profile, compare_sides
from pytest_quant.tasks.text_detection.decoders import make_decoder
from pytest_quant.tasks.text_detection.drawing import draw_answer, draw_truth
from pytest_quant.tasks.text_detection.geometry import Geometry
from pytest_quant.tasks.text_detection.options import HmeanOptions, PostprocessOptions, PreprocessOptions
from pytest_quant.tasks.text_detection.prediction import TextPrediction, pack_predictions, unpack_predictions
from pytest_quant.tasks.text_detection.preprocess import Preprocess
from pytest_quant.tasks.text_detection.threshold_curves import threshold_curves

PROTOCOL_VERSION = 3
"""Part of the fingerprint: raise it when preprocessing or decoding gives other predictions than before."""


class TextDetectionPipeline:
    """Preprocessing, decoding and scoring of one text detector; see `Pipeline`."""

    def __init__(self, model: ModelSpec) -> None:
        """Raise `ConfigError` for options that contradict each other or an ``output`` that is not one blob."""
        if len(model.outputs) != 1:
            raise ConfigError(
                f"output: found {list(model.outputs)}; a text detector has one output blob, that of its maps"
            )
        if not isinstance(model.postprocess, PostprocessOptions):
            raise ConfigError("postprocess: is missing; a text detector needs its `decoder`")
        self._output = model.outputs[0]
        self._input = model.input
        self._preprocess = Preprocess(model.preprocess or PreprocessOptions(), model.input)
        self._postprocess = model.postprocess
        self._decoder = make_decoder(model.postprocess)
        self._hmean: HmeanOptions = model.metric_options.get("hmean") or HmeanOptions()

    def prepare(self, image: Image, sample: Sample) -> Prepared:
        """RGB pixels to the net's input, whose size may differ from image to image."""
        tensor, geometry = self._preprocess(image)
        return Prepared(tensor, sample, geometry)

    def predict(self, run: Run, prepared: Prepared) -> TextPrediction:
        """One forward pass and the decoder.

        Raises `RunnerError` for an output that is not what the decoder takes, or holds NaN.
        """
        outputs = run(prepared.tensor)
        if list(outputs) != [self._output]:
            shapes = {blob: array.shape for blob, array in outputs.items()}
            raise RunnerError(f"the net gave the output blobs {shapes}; expected {self._output!r} alone")
        geometry: Geometry = prepared.geometry
        return self._decoder(outputs[self._output], self._output, geometry)

    def without_truth(self, sample: Sample, image: Image) -> Sample:
        """The sample without regions."""
        return replace(sample, truth=())

    def with_truth(self, sample: Sample, prediction: TextPrediction) -> Sample:
        """The sample with the regions that were found, those below every score threshold left out."""
        profile = chosen_profile(self._hmean)
        least = min((value for value in profile.thresholds if value is not None), default=-math.inf)
        above = -math.inf if profile.above is None else profile.above
        regions = [
            TextRegion(tuple(polygon.reshape(-1).tolist()))
            for polygon, score in zip(prediction.polygons, prediction.scores.tolist(), strict=True)
            if score >= least and score > above
        ]
        return replace(sample, truth=tuple(regions))

    def pack(self, predictions: Sequence[TextPrediction]) -> Arrays:
        """Predictions as arrays; see `pack_predictions`."""
        return pack_predictions(predictions)

    def unpack(self, arrays: Arrays) -> list[TextPrediction]:
        """The reverse of `pack`."""
        return unpack_predictions(arrays)

    def compare(
        self, samples: Sequence[Sample], fp32: Sequence[TextPrediction], int8: Sequence[TextPrediction]
    ) -> DetectionComparison:
        """Hmean, precision and recall of both sides; see `compare_sides`."""
        return compare_sides(samples, fp32, int8, self._hmean)

    def draw_truth(self, sample: Sample, scene: Scene) -> Drawing:
        """The regions."""
        return draw_truth(sample, scene)

    def draw_answer(self, sample: Sample, prediction: TextPrediction, scene: Scene) -> Drawing:
        """The regions at the score threshold of the metrics."""
        return draw_answer(prediction, scene)

    def curves(self, comparison: Comparison) -> Sequence[Curve]:
        """Hmean over the score threshold, where there is more than one."""
        return threshold_curves(comparison)

    def conditions(self) -> Facts:
        """What the report shows of the evaluation; the same keys for every text detector with the same decoder."""
        profile = chosen_profile(self._hmean)
        threshold = "best of fp32" if len(profile.thresholds) > 1 else profile.thresholds[0]
        return {
            **self._preprocess_json(),
            **self._postprocess_json(),
            "hmean_profile": profile.name,
            "hmean_match": profile.match,
            "hmean_score_threshold": threshold,
            "hmean_iou_threshold": profile.iou_threshold,
            "hmean_ignore_threshold": profile.ignore_threshold,
            "shapely": shapely.__version__,
            "geos": shapely.geos_version_string,
            "opencv": cv2.__version__,
        }

    def fingerprint(self) -> Mapping[str, object]:
        """What can change a prediction; how it is scored cannot."""
        return {
            "protocol": PROTOCOL_VERSION,
            "opencv": cv2.__version__,
            "numpy": np.__version__,
            "scipy": version_of("scipy"),
            **self._decoder.versions,
            "output": self._output,
            **self._preprocess_json(),
            **self._postprocess_json(),
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
        return {"decoder": options.decoder, "decoder_profile": options.profile_name, **asdict(options.parameters)}
