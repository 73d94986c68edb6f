"""How far the raw outputs of two nets of one model are apart, over the same preprocessed inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from pytest_quant.datasets.base import Content, Sample
from pytest_quant.evaluation.digests import sha256_json
from pytest_quant.evaluation.model_nets import open_runner
from pytest_quant.evaluation.trials import Trials
from pytest_quant.evidence.likeness import NOTHING, Likeness, likeness
from pytest_quant.nets.base import Array, LooksAhead, Runner
from pytest_quant.nets.given import Given
from pytest_quant.spec.errors import RunnerError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import Net
from pytest_quant.tasks.base import Arrays, Comparison, Facts, Pipeline, Prediction, Prepared, Run

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
    """As `Likeness.sqnr_db` has it: infinite where the outputs are equal."""
    of_samples: tuple[OutputLikeness, ...] = field(default=(), repr=False)
    """Of each sample."""

    @property
    def worst(self) -> tuple[str, float]:
        """The output blob that agrees least, and its ratio."""
        return min(self.sqnr_db.items(), key=lambda found: found[1])

    @classmethod
    def of(cls, found: Sequence[OutputLikeness]) -> OutputAgreement:
        """From the likeness of each sample's outputs, one sample at least."""
        totals = {blob: sum((sample[blob] for sample in found), NOTHING) for blob in found[0]}
        return cls(len(found), {blob: total.sqnr_db for blob, total in totals.items()}, tuple(found))

    def worst_of(self, counts: NDArray[np.int64]) -> NDArray[np.float64]:
        """The ratio of the worst output for resamples: how often each sample counts, shape (resamples, samples)."""
        worst = np.full(len(counts), np.inf)
        for blob in self.sqnr_db:
            signal, noise = (
                counts @ np.array([getattr(one.get(blob, NOTHING), part) for one in self.of_samples])
                for part in ("signal", "noise")
            )
            with np.errstate(divide="ignore", invalid="ignore"):
                worst = np.minimum(worst, 10 * np.log10(signal / noise))
        return worst


OutputLikeness = Mapping[str, Likeness]
"""Output blob to how like it is in the two nets, the first being the reference."""


def agreement_key(signal_key: str, other_key: str) -> str:
    """What the agreement of two nets is kept under, from what their predictions are kept under."""
    return sha256_json({"agreement": _VERSION, "signal": signal_key, "other": other_key})


@dataclass(frozen=True)
class OpenPair:
    """Opens a net together with the one that it is held against; pickles."""

    model: ModelSpec
    other: Net
    trials: Trials | None = None

    def __call__(self, signal: Net, first: Given | None) -> PairRunner:
        """Load both nets; raises like `open_runner`."""
        one, two = (open_runner(self.model, net, first, self.trials) for net in (signal, self.other))
        if isinstance(one, LooksAhead) or isinstance(two, LooksAhead):
            return PairElsewhere(one, two)
        return PairRunner(one, two)


class PairRunner:
    """Two nets fed the same input: the outputs of the first under their names, those of the second beside them."""

    def __init__(self, signal: Runner, other: Runner) -> None:
        self._signal = signal
        self._other = other

    def run(self, given: Given) -> dict[str, Array]:
        """One forward pass of both; raises `RunnerError` like either."""
        other = {f"{_OTHER}{blob}": output for blob, output in self._other.run(given).items()}
        return {**self._signal.run(given), **other}

    def close(self) -> None:
        """Free both nets."""
        self._signal.close()
        self._other.close()


class PairElsewhere(PairRunner, LooksAhead):
    """Two nets of which one at least computes elsewhere and gets the inputs of later samples beforehand."""

    def __init__(self, signal: Runner, other: Runner) -> None:
        super().__init__(signal, other)
        self._elsewhere = [runner for runner in (other, signal) if isinstance(runner, LooksAhead)]

    @property
    def forward_s(self) -> float:
        """Seconds that forward passes took elsewhere."""
        return sum(runner.forward_s for runner in self._elsewhere)

    @property
    def has_room(self) -> bool:
        """Whether both wait for more inputs."""
        return all(runner.has_room for runner in self._elsewhere)

    def ahead(self, given: Given) -> None:
        """Announce an input."""
        for runner in self._elsewhere:
            runner.ahead(given)

    def no_more(self) -> None:
        """Nothing is announced for a while."""
        for runner in self._elsewhere:
            runner.no_more()

    def forget(self) -> None:
        """Drop what was announced and not asked for."""
        for runner in self._elsewhere:
            runner.forget()


class LikenessPipeline:
    """A task's pipeline over a `PairRunner`, whose prediction of a sample is how like its raw outputs are.

    The task's own pipeline says which inputs a sample makes: one, or one for each person or flip.
    """

    def __init__(self, pipeline: Pipeline, signal: Net, other: Net) -> None:
        self._pipeline = pipeline
        self._names = signal, other

    def prepare(self, image: Content, sample: Sample) -> Prepared:
        """As the task does."""
        return self._pipeline.prepare(image, sample)

    def predict(self, run: Run, prepared: Prepared) -> OutputLikeness:
        """Summed over the forward passes of the sample."""
        totals: dict[str, Likeness] = {}

        def compared(given: Given) -> dict[str, Array]:
            found = run(given)
            signals = {blob: output for blob, output in found.items() if not blob.startswith(_OTHER)}
            for blob, output in signals.items():
                totals[blob] = totals.get(blob, NOTHING) + _likeness(
                    blob, output, found[f"{_OTHER}{blob}"], self._names
                )
            return signals

        self._pipeline.predict(compared, prepared)
        return totals

    def pack(self, predictions: Sequence[OutputLikeness]) -> Arrays:
        """The sums of each output blob, shape (blobs, samples, 4); a sample without a forward pass adds nothing."""
        blobs = list(dict.fromkeys(blob for found in predictions for blob in found))
        sums = [[astuple(found.get(blob, NOTHING)) for found in predictions] for blob in blobs]
        return {
            "blobs": np.array(blobs, np.str_),
            "sums": np.array(sums, np.float64).reshape(len(blobs), len(predictions), len(fields(Likeness))),
        }

    def unpack(self, arrays: Arrays) -> list[OutputLikeness]:
        """The reverse of `pack`."""
        blobs: list[str] = arrays["blobs"].tolist()
        samples = arrays["sums"].swapaxes(0, 1).tolist()
        return [{blob: Likeness(*sums) for blob, sums in zip(blobs, rows, strict=True)} for rows in samples]

    def compare(self, samples: Sequence[Sample], fp32: Sequence[Prediction], int8: Sequence[Prediction]) -> Comparison:
        """A likeness has no metric."""
        raise NotImplementedError

    def conditions(self) -> Facts:
        """As the task's."""
        return self._pipeline.conditions()

    def fingerprint(self) -> Mapping[str, object]:
        """As the task's."""
        return self._pipeline.fingerprint()


def _likeness(blob: str, signal: Array, other: Array, names: tuple[Net, Net]) -> Likeness:
    """Dimensions of length 1 do not matter."""
    one, two = np.squeeze(signal), np.squeeze(other)
    if one.shape != two.shape:
        raise RunnerError(
            f"the output {blob!r} has shape {signal.shape} in {names[0]} and {other.shape} in {names[1]}: is it the "
            "same output of the same model?"
        )
    return likeness(one, two)
