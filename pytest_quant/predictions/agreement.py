"""How far the raw outputs of two nets of one model are apart, over the same preprocessed inputs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_quant.datasets.base import Image, Sample
from pytest_quant.errors import RunnerError
from pytest_quant.predictions.digests import sha256_json
from pytest_quant.runners.base import Array, Runner
from pytest_quant.tasks.base import Comparison, Pipeline, Prediction, Prepared, Run

AGREEMENT_SAMPLES = 16
"""Raw outputs are compared on the first of the evaluated samples, this many: an error of conversion shows on any."""

_VERSION = 1
"""Part of every key: raise it when what is kept changes."""
_OTHER = "other net: "
"""Before the blob's name, where one run gives the outputs of both nets."""


@dataclass(frozen=True)
class OutputAgreement:
    """The signal to noise ratio of each output blob, energies summed over all inputs of all samples."""

    samples: int
    sqnr_db: Mapping[str, float]
    """``10 log10(sum x^2 / sum (x - y)^2)``; infinite where the outputs are equal."""

    @property
    def worst(self) -> tuple[str, float]:
        """The output blob that agrees least, and its ratio."""
        return min(self.sqnr_db.items(), key=lambda found: found[1])

    @classmethod
    def of(cls, energies: Sequence[Energies]) -> OutputAgreement:
        """From what each sample adds, one of them at least."""
        blobs = list(energies[0])
        totals = {blob: np.sum([found[blob] for found in energies], axis=0) for blob in blobs}
        return cls(len(energies), {blob: sqnr_db(*totals[blob]) for blob in blobs})


Energies = Mapping[str, tuple[float, float]]
"""Output blob to the energy of the signal and of the difference."""


def sqnr_db(signal: float, noise: float) -> float:
    """Ratio of two energies in decibel; infinite without noise, minus infinity for noise without a signal.

    >>> sqnr_db(100.0, 1.0), sqnr_db(1.0, 0.0), sqnr_db(0.0, 1.0)
    (20.0, inf, -inf)
    """
    if noise == 0:
        return math.inf
    return 10 * math.log10(signal / noise) if signal > 0 else -math.inf


def agreement_key(signal_key: str, other_key: str) -> str:
    """What the agreement of two nets is kept under, from what their predictions are kept under."""
    return sha256_json({"agreement": _VERSION, "signal": signal_key, "other": other_key})


class PairRunner:
    """Two nets fed the same input: the outputs of the first under their names, those of the second beside them."""

    def __init__(self, signal: Runner, other: Runner) -> None:
        self._signal = signal
        self._other = other

    def run(self, array: Array) -> dict[str, Array]:
        """One forward pass of both; raises `RunnerError` like either."""
        other = {f"{_OTHER}{blob}": output for blob, output in self._other.run(array).items()}
        return {**self._signal.run(array), **other}

    def close(self) -> None:
        """Free both nets."""
        self._signal.close()
        self._other.close()


class EnergyPipeline:
    """A task's pipeline over a `PairRunner`, whose prediction of a sample are the energies of its raw outputs.

    The task's own pipeline says which inputs a sample makes: one, or one for each person or flip.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def prepare(self, image: Image, sample: Sample) -> Prepared:
        """As the task does."""
        return self._pipeline.prepare(image, sample)

    def predict(self, run: Run, prepared: Prepared) -> Energies:
        """Energies summed over the forward passes of the sample."""
        totals: dict[str, NDArray[np.float64]] = {}

        def recorded(array: Array) -> dict[str, Array]:
            found = run(array)
            signals = {blob: output for blob, output in found.items() if not blob.startswith(_OTHER)}
            for blob, output in signals.items():
                totals[blob] = totals.get(blob, np.zeros(2)) + _energies(blob, output, found[f"{_OTHER}{blob}"])
            return signals

        self._pipeline.predict(recorded, prepared)
        return {blob: (float(signal), float(noise)) for blob, (signal, noise) in totals.items()}

    def pack(self, predictions: Sequence[Energies]) -> dict[str, NDArray[Any]]:
        """One array of shape (samples, 2) per output blob; a sample without a forward pass adds nothing."""
        blobs = list(dict.fromkeys(blob for found in predictions for blob in found))
        rows = {blob: [found.get(blob, (0.0, 0.0)) for found in predictions] for blob in blobs}
        return {
            "blobs": np.array(blobs, np.str_),
            "energies": np.array(list(rows.values()), np.float64).reshape(len(blobs), len(predictions), 2),
        }

    def unpack(self, arrays: Mapping[str, NDArray[Any]]) -> list[Energies]:
        """The reverse of `pack`."""
        blobs: list[str] = arrays["blobs"].tolist()
        return [dict(zip(blobs, map(tuple, rows), strict=True)) for rows in arrays["energies"].swapaxes(0, 1).tolist()]

    def compare(self, samples: Sequence[Sample], fp32: Sequence[Prediction], int8: Sequence[Prediction]) -> Comparison:
        """Energies have no metric."""
        raise NotImplementedError

    def conditions(self) -> dict[str, Any]:
        """As the task's."""
        return self._pipeline.conditions()

    def fingerprint(self) -> dict[str, Any]:
        """As the task's."""
        return self._pipeline.fingerprint()


def _energies(blob: str, signal: Array, other: Array) -> NDArray[np.float64]:
    """Energy of the signal and of the difference, shape (2,); dimensions of length 1 do not matter."""
    one, two = np.squeeze(signal).astype(np.float64), np.squeeze(other).astype(np.float64)
    if one.shape != two.shape:
        raise RunnerError(
            f"the output {blob!r} has shape {signal.shape} in the ONNX file and {other.shape} in ncnn: is it the same "
            "output of the same model?"
        )
    return np.array([np.sum(one**2), np.sum((one - two) ** 2)])
