"""The work of text recognition for one model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256

import cv2
import numpy as np
import PIL

from pytest_quant.datasets.base import Image, Sample
from pytest_quant.spec.errors import ConfigError, RunnerError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.tasks.base import Arrays, Comparison, Facts, Prepared, Run
from pytest_quant.tasks.drawing import Drawing, Scene
from pytest_quant.tasks.text_recognition.comparison import compare_sides, text_of
from pytest_quant.tasks.text_recognition.ctc import best_path, steps_of
from pytest_quant.tasks.text_recognition.keys import read_keys
from pytest_quant.tasks.text_recognition.options import PostprocessOptions, PreprocessOptions
from pytest_quant.tasks.text_recognition.prediction import pack_texts, unpack_texts
from pytest_quant.tasks.text_recognition.preprocess import Preprocess

PROTOCOL_VERSION = 1
"""Part of the fingerprint: raise it when preprocessing or decoding gives other predictions than before."""


class RecognitionPipeline:
    """Preprocessing, decoding and scoring of one recognizer; see `Pipeline`. A prediction is a text."""

    def __init__(self, model: ModelSpec) -> None:
        """Raise `ConfigError` for options that contradict each other, or a key file that cannot be used."""
        if len(model.outputs) != 1:
            raise ConfigError(
                f"output: found {list(model.outputs)}; a recognizer has one output blob, (steps, outputs)"
            )
        if not isinstance(model.postprocess, PostprocessOptions):
            raise ConfigError("postprocess: is missing; a recognizer needs its `keys`")
        self._output = model.outputs[0]
        self._input = model.input
        self._preprocess = Preprocess(model.preprocess or PreprocessOptions(), model.input)
        self._postprocess = model.postprocess
        options = model.postprocess
        keys = options.keys if options.keys.is_absolute() else model.zoo.parent / options.keys
        self._alphabet = read_keys(keys, options.blank, options.add_blank_character)

    def prepare(self, image: Image, sample: Sample) -> Prepared:
        """RGB pixels to the net's input, whose width may differ from image to image."""
        tensor, valid_ratio = self._preprocess(image, f"sample {sample.id!r}")
        return Prepared(tensor, sample, valid_ratio)

    def predict(self, run: Run, prepared: Prepared) -> str:
        """One forward pass and the decoder.

        Raises `RunnerError` for an output that does not fit the keys, or holds NaN.
        """
        outputs = run(prepared.tensor)
        if list(outputs) != [self._output]:
            shapes = {blob: array.shape for blob, array in outputs.items()}
            raise RunnerError(f"the net gave the output blobs {shapes}; expected {self._output!r} alone")
        scores = steps_of(outputs[self._output], self._output, self._alphabet)
        ratio: float = prepared.geometry if self._postprocess.valid_ratio else 1.0
        return self._alphabet.text(best_path(scores, self._alphabet.blank_index, ratio))

    def without_truth(self, sample: Sample, image: Image) -> Sample:
        """The sample with an empty text."""
        return replace(sample, truth="")

    def with_truth(self, sample: Sample, prediction: str) -> Sample:
        """The sample with the text that was read."""
        return replace(sample, truth=prediction)

    def pack(self, predictions: Sequence[str]) -> Arrays:
        """Texts as arrays; see `pack_texts`."""
        return pack_texts(predictions)

    def unpack(self, arrays: Arrays) -> list[str]:
        """The reverse of `pack`."""
        return unpack_texts(arrays)

    def compare(self, samples: Sequence[Sample], fp32: Sequence[str], int8: Sequence[str]) -> Comparison:
        """Word accuracies and edit distances of both sides; see `compare_sides`."""
        return compare_sides(samples, fp32, int8, self._alphabet)

    def draw_truth(self, sample: Sample, scene: Scene) -> Drawing:
        """The text."""
        return Drawing(text_of(sample))

    def draw_answer(self, sample: Sample, prediction: str, scene: Scene) -> Drawing:
        """What was read."""
        return Drawing(prediction)

    def conditions(self) -> Facts:
        """What the report shows of the evaluation; the same keys for every recognizer."""
        return {**self._processing(), "opencv": cv2.__version__}

    def fingerprint(self) -> Mapping[str, object]:
        """What can change a prediction; the metrics cannot."""
        return {
            "protocol": PROTOCOL_VERSION,
            "opencv": cv2.__version__,
            "pillow": PIL.__version__,
            "numpy": np.__version__,
            "output_blob": self._output,
            "keys": sha256("\n".join(self._alphabet.keys).encode()).hexdigest(),
            **self._processing(),
        }

    def _processing(self) -> dict[str, object]:
        return {
            **self._preprocess.conditions(),
            **self._input.pixel_conditions,
            "decoder": self._postprocess.decoder,
            "characters": len(self._alphabet.keys),
            "blank": self._postprocess.blank,
            "valid_ratio": self._postprocess.valid_ratio,
        }
