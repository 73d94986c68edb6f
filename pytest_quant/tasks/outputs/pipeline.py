"""The work of raw outputs for one model: images or arrays in, and of each output the place of its largest value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pytest_quant.datasets.base import Content, Sample
from pytest_quant.spec.metric import Metric
from pytest_quant.spec.model import ModelSpec
from pytest_quant.tasks import array_inputs
from pytest_quant.tasks.base import Comparison, Flips, MetricPair, Prepared, RightWrong, Run
from pytest_quant.tasks.classification.options import PreprocessOptions
from pytest_quant.tasks.classification.preprocess import Preprocess

AGREEMENT = Metric("agreement", "%", is_mean_of_hits=True)
"""Share of samples for which the largest value of every output stands at the same place in both nets."""

PROTOCOL_VERSION = 1
"""Part of the fingerprint: raise it when preprocessing gives other inputs than before, or a prediction changes."""

Places = tuple[int, ...]
"""Of each output, in the order of the entry: where its largest value stands, counted over all of its values."""


class OutputsPipeline:
    """Preprocessing of an image, or arrays as they are, and nothing behind the net; see `Pipeline`."""

    def __init__(self, model: ModelSpec) -> None:
        self._input = model.input
        self._outputs = model.outputs
        self._preprocess = Preprocess(PreprocessOptions(**dict(model.preprocess or {})), model.input)

    def prepare(self, image: Content, sample: Sample) -> Prepared:
        """RGB pixels to the net's input, or arrays to its inputs."""
        if self._input.arrays:
            return Prepared(array_inputs.array_inputs(self._input, image, sample), sample)
        return Prepared(self._preprocess(image, sample), sample)

    def predict(self, run: Run, prepared: Prepared) -> Places:
        """One forward pass; of equal values the first one, and NaN before all others."""
        outputs = run(prepared.tensor)
        return tuple(int(outputs[blob].argmax()) if outputs[blob].size else -1 for blob in self._outputs)

    def pack(self, predictions: Sequence[Places]) -> dict[str, NDArray[Any]]:
        """Shape (samples, outputs)."""
        return {"places": np.array(predictions, np.int64).reshape(len(predictions), len(self._outputs))}

    def unpack(self, arrays: Mapping[str, NDArray[Any]]) -> list[Places]:
        """The reverse of `pack`."""
        return [tuple(row) for row in arrays["places"].tolist()]

    def compare(self, samples: Sequence[Sample], fp32: Sequence[Places], int8: Sequence[Places]) -> Comparison:
        """The agreement; labels, where the dataset has some, mean nothing here."""
        same = np.array([one == other for one, other in zip(fp32, int8, strict=True)], np.bool_)
        share_pct = 100 * int(np.count_nonzero(same)) / same.size
        evidence = RightWrong(np.ones(same.size, np.bool_), same)
        flips = Flips(int(np.count_nonzero(~same)), 0, share_pct)
        return Comparison({AGREEMENT.name: MetricPair(AGREEMENT, 100.0, share_pct, evidence)}, flips)

    def compare_answers(self, samples: Sequence[Sample], fp32: Sequence[Places], int8: Sequence[Places]) -> Comparison:
        """The same."""
        return self.compare(samples, fp32, int8)

    def conditions(self) -> dict[str, Any]:
        """What the report shows of the evaluation."""
        if self._input.arrays:
            return self._input.array_conditions
        return {
            "resize_backend": self._preprocess.backend,
            "resize": self._preprocess.resize_json(),
            "color": self._input.color,
            "mean": list(self._input.mean),
            "std": list(self._input.std),
            "scale": self._input.scale,
            "opencv": cv2.__version__,
        }

    def fingerprint(self) -> dict[str, Any]:
        """What can change a prediction."""
        return {
            "protocol": PROTOCOL_VERSION,
            "numpy": np.__version__,
            "outputs": list(self._outputs),
            **({"arrays": array_inputs.PROTOCOL_VERSION} if self._input.arrays else {}),
            **self.conditions(),
        }
