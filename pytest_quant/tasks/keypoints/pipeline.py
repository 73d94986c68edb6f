"""The work of keypoint estimation for one model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from pytest_quant.datasets.base import Image, Sample
from pytest_quant.datasets.coco_keypoints import CocoKeypointsOptions, PoseTruth, truth_of
from pytest_quant.spec.errors import ConfigError, DatasetError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.tasks.base import Arrays, Comparison, Facts, Prepared, PreparedParts, Run
from pytest_quant.tasks.coco.curves import precision_curves
from pytest_quant.tasks.drawing import Curve, Drawing, Scene
from pytest_quant.tasks.images import Normalizer
from pytest_quant.tasks.keypoints.decoder import decoder
from pytest_quant.tasks.keypoints.drawing import draw_answer, draw_truth
from pytest_quant.tasks.keypoints.geometry import BoxRegion, regions
from pytest_quant.tasks.keypoints.metric import compare_sides
from pytest_quant.tasks.keypoints.options import APOptions, PostprocessOptions, PreprocessOptions
from pytest_quant.tasks.keypoints.prediction import PosePrediction, pack_predictions, unpack_predictions
from pytest_quant.tasks.keypoints.reference import crop_of_person, found_persons
from pytest_quant.tasks.keypoints.results import Results, box_corners

PROTOCOL_VERSION = 1
"""Part of the fingerprint: raise it when preprocessing or decoding gives other predictions than before."""


class KeypointsPipeline:
    """Preprocessing, decoding and scoring of one top-down pose net; see `Pipeline`.

    A sample is an image: its prepared tensor has shape (boxes, channels, height, width), and the net runs on one box
    after the other.
    """

    def __init__(self, model: ModelSpec) -> None:
        """Raise `ConfigError` for options that contradict each other, no ``input.size`` or wrong ``output`` blobs."""
        if model.input.size is None:
            raise ConfigError("input.size is missing; a top-down pose net has one, [width, height] of a person's crop")
        self._size = model.input.size
        self._input = model.input
        self._preprocess: PreprocessOptions = model.preprocess or PreprocessOptions()
        self._postprocess: PostprocessOptions = model.postprocess or PostprocessOptions()
        _check_udp(self._preprocess, self._postprocess)
        self._decode = decoder(model, self._postprocess, self._size)
        self._normalize = Normalizer(model.input)
        self._ap: APOptions = model.metric_options.get("AP") or APOptions()
        self._results = Results(self._ap, self._size, self._preprocess.padding)
        self._outputs = model.outputs
        options = model.dataset.options
        self._dataset = options if isinstance(options, CocoKeypointsOptions) else None
        self._is_unlabelled = model.dataset.is_unlabelled
        self._wanted = frozenset(limit.metric.name for limit in model.limits if limit.metric is not None)

    def prepare(self, image: Image, sample: Sample) -> Prepared:
        """RGB pixels to the net's inputs, one for each box; raises `DatasetError` for an image of another size."""
        truth = truth_of(sample)
        _check_size(image, truth, sample)
        return self._prepared(image, sample, regions(box_corners(truth), self._size, self._preprocess.padding))

    def prepare_crop(self, image: Image, sample: Sample) -> Prepared:
        """One input that shows the whole of ``image``, without padding but for the ratio of ``input.size``."""
        height, width = image.shape[:2]
        return self._prepared(image, sample, regions([[0, 0, width, height]], self._size, padding=1.0))

    def _prepared(self, image: Image, sample: Sample, seen: Sequence[BoxRegion]) -> Prepared:
        tensor = np.empty((len(seen), self._input.channels, self._size[1], self._size[0]), np.float32)
        for row, region in zip(tensor, seen, strict=True):
            row[...] = self._normalize(region.cut(image, udp=self._preprocess.udp))
        return PreparedParts(tensor, sample, seen)

    def predict(self, run: Run, prepared: Prepared) -> PosePrediction:
        """One forward pass for each box, two with flip_test.

        Raises `RunnerError` for outputs that are not keypoints.
        """
        seen: Sequence[BoxRegion] = prepared.geometry
        poses = []
        for tensor, region in zip(prepared.tensor, seen, strict=True):
            points, scores = self._decode(run, tensor)
            poses.append((region.to_image(points), scores))
        return PosePrediction.of(poses)

    def without_truth(self, sample: Sample, image: Image) -> Sample:
        """The sample as it is where it has boxes, else as the crop of one person."""
        if isinstance(sample.truth, PoseTruth):
            return sample
        return crop_of_person(sample, image, self._preprocess.padding)

    def with_truth(self, sample: Sample, prediction: PosePrediction) -> Sample:
        """The sample with the poses that were found in its boxes."""
        return found_persons(sample, prediction, self._ap.keypoint_threshold)

    def pack(self, predictions: Sequence[PosePrediction]) -> Arrays:
        """Predictions as arrays; see `pack_predictions`."""
        return pack_predictions(predictions)

    def unpack(self, arrays: Arrays) -> list[PosePrediction]:
        """The reverse of `pack`."""
        return unpack_predictions(arrays)

    def compare(
        self, samples: Sequence[Sample], fp32: Sequence[PosePrediction], int8: Sequence[PosePrediction]
    ) -> Comparison:
        """AP, AR and their parts for both sides; see `compare_sides`."""
        return compare_sides(samples, fp32, int8, self._results, self._wanted)

    def draw_truth(self, sample: Sample, scene: Scene) -> Drawing:
        """The labelled keypoints of the persons."""
        return draw_truth(sample, scene)

    def draw_answer(self, sample: Sample, prediction: PosePrediction, scene: Scene) -> Drawing:
        """The keypoints that count for the scores of poses."""
        return draw_answer(prediction, scene, self._ap.keypoint_threshold)

    def curves(self, comparison: Comparison) -> Sequence[Curve]:
        """Precision over recall."""
        return tuple(precision_curves(comparison, "AP", "OKS"))

    def conditions(self) -> Facts:
        """What the report shows of the evaluation; the same keys for every pose net."""
        options = self._postprocess
        return {
            **self._boxes(),
            **self._geometry(),
            **self._decoding(),
            "heatmap_size": None if options.heatmap_size is None else list(options.heatmap_size),
            "score": self._ap.score,
            "keypoint_threshold": self._ap.keypoint_threshold,
            "nms": self._ap.nms,
            "nms_threshold": None if self._ap.nms == "none" else self._ap.nms_threshold,
            "bbox_in_results": self._ap.bbox_in_results,
        }

    def fingerprint(self) -> Mapping[str, object]:
        """What can change a prediction; scoring and suppression of poses cannot."""
        return {
            "protocol": PROTOCOL_VERSION,
            "opencv": cv2.__version__,
            "numpy": np.__version__,
            "outputs": list(self._outputs),
            "heatmap_size": None if self._postprocess.heatmap_size is None else list(self._postprocess.heatmap_size),
            **self._geometry(),
            **self._decoding(),
        }

    def _boxes(self) -> dict[str, object]:
        """Where the boxes come from; unknown while the dataset's paths are. Without labels an image is one person."""
        if self._is_unlabelled:
            return {"boxes": "whole-image", "box_score_threshold": None}
        if self._dataset is None:
            return {"boxes": None, "box_score_threshold": None}
        if self._dataset.boxes == "ground-truth":
            return {"boxes": "ground-truth", "box_score_threshold": None}
        return {"boxes": "detections", "box_score_threshold": self._dataset.box_score_threshold}

    def _geometry(self) -> dict[str, object]:
        return {
            "input_size": list(self._size),
            "padding": self._preprocess.padding,
            "udp": self._preprocess.udp,
            **self._input.pixel_conditions,
        }

    def _decoding(self) -> dict[str, object]:
        options = self._postprocess
        heatmap = options.decoder == "heatmap"
        blurs = heatmap and options.refinement in ("dark", "udp")
        return {
            "decoder": options.decoder,
            "profile": options.profile if heatmap else None,
            "refine": options.refinement,
            "blur_kernel": options.blur_kernel if blurs else None,
            "split_ratio": None if heatmap else options.split_ratio,
            "sigma": None if options.sigma is None else list(options.sigma),
            "flip_test": options.flip_test,
            "flip_shift": options.flip_shift if heatmap and options.flip_test else None,
        }


def _check_udp(preprocess: PreprocessOptions, postprocess: PostprocessOptions) -> None:
    udp_decoder = postprocess.refinement == "udp"
    if postprocess.decoder == "heatmap" and udp_decoder != preprocess.udp:
        raise ConfigError(
            f"preprocess.udp is {str(preprocess.udp).lower()}, but postprocess.refine is {postprocess.refinement}: "
            "Unbiased Data Processing takes `preprocess: {udp: true}` and `postprocess: {refine: udp}` together"
        )


def _check_size(image: Image, truth: PoseTruth, sample: Sample) -> None:
    """The boxes are in pixels of the annotated size; mmpose, too, takes a file that EXIF turns by a quarter."""
    height, width = image.shape[:2]
    annotated = (truth.image.width, truth.image.height)
    if annotated not in ((width, height), (height, width)):
        raise DatasetError(
            f"sample {sample.id!r}: {truth.image.file_name} has {width} by {height} pixels, but its annotations say "
            f"{annotated[0]} by {annotated[1]}: are the images those of the annotations, in their original size?"
        )
