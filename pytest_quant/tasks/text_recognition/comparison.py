"""Both sides of a recognizer scored on the same images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pytest_quant.datasets.base import Sample
from pytest_quant.spec.errors import DatasetError
from pytest_quant.spec.metric import Metric
from pytest_quant.tasks.base import Comparison, Flips, MetricPair, Moved, Recompute, Resampled, RightWrong, SampleScores
from pytest_quant.tasks.text_recognition.distances import edit_distance, normalized_edit_distance, without_symbols
from pytest_quant.tasks.text_recognition.keys import Alphabet

_CONDITIONS: Mapping[str, Callable[[str], str]] = {
    "word_acc": str,
    "word_acc_ignore_case": str.lower,
    "word_acc_ignore_case_symbol": without_symbols,
}
"""Metric to what is done to both texts before they are compared."""

METRICS: Mapping[str, Metric] = {
    **{name: Metric(name, "fraction", is_mean_of_hits=True) for name in _CONDITIONS},
    "one_minus_ned": Metric("one_minus_ned", "fraction", is_mean_of_scores=True),
    "cer": Metric("cer", "edits per character", higher_is_better=False),
}

_FLIPS_KEPT = 20


def compare_sides(
    samples: Sequence[Sample], fp32: Sequence[str], int8: Sequence[str], alphabet: Alphabet
) -> Comparison:
    """Score both sides, whose texts are in the order of the samples.

    Flips are words that one side alone has exactly right, agreement is the share of equal texts. Samples whose text has
    characters that the net cannot write stay in every metric; the details say how many they are.

    Raises:
        DatasetError: A sample has no text, or all of them together have no character, so that cer is undefined.

    """
    if not len(samples) == len(fp32) == len(int8) or not samples:
        raise ValueError(f"{len(samples)} samples, {len(fp32)} fp32 and {len(int8)} int8 predictions: expected as many")
    truths = [text_of(sample) for sample in samples]
    if not any(truths):
        raise DatasetError(f"the texts of all {len(samples)} samples are empty, so there is nothing to recognize")
    pairs = {name: _words(name, normalize, truths, fp32, int8) for name, normalize in _CONDITIONS.items()}
    exact = pairs["word_acc"].evidence
    assert isinstance(exact, RightWrong), "word accuracy is a mean of hits"  # noqa: S101
    same = np.array([one == other for one, other in zip(fp32, int8, strict=True)], np.bool_)
    return Comparison(
        metrics={**pairs, "one_minus_ned": _likeness(truths, fp32, int8), "cer": _error_rate(truths, fp32, int8)},
        flips=Flips(
            int(np.count_nonzero(exact.fp32 & ~exact.int8)),
            int(np.count_nonzero(exact.int8 & ~exact.fp32)),
            100 * int(np.count_nonzero(same)) / len(same),
        ),
        moved=_moved(samples, truths, fp32, int8, exact),
        details=_unwritable(samples, truths, alphabet),
    )


def text_of(sample: Sample) -> str:
    """The text of a sample."""
    if not isinstance(sample.truth, str):
        raise DatasetError(f"sample {sample.id!r} has no text; expected the words of its image")
    return sample.truth


def _words(
    name: str, normalize: Callable[[str], str], truths: Sequence[str], fp32: Sequence[str], int8: Sequence[str]
) -> MetricPair:
    wanted = [normalize(truth) for truth in truths]
    hits = RightWrong(*(_hits([normalize(text) for text in side], wanted) for side in (fp32, int8)))
    return MetricPair(METRICS[name], _share(hits.fp32), _share(hits.int8), hits)


def _hits(found: Sequence[str], wanted: Sequence[str]) -> NDArray[np.bool_]:
    return np.array([one == other for one, other in zip(found, wanted, strict=True)], np.bool_)


def _share(hits: NDArray[np.bool_]) -> float:
    return int(np.count_nonzero(hits)) / hits.size


def _likeness(truths: Sequence[str], fp32: Sequence[str], int8: Sequence[str]) -> MetricPair:
    """1 - N.E.D. of mmocr, on texts without case and symbols: the mean over words."""
    wanted = [without_symbols(truth) for truth in truths]
    one, other = (
        np.array([1 - normalized_edit_distance(without_symbols(t), w) for t, w in zip(side, wanted, strict=True)])
        for side in (fp32, int8)
    )
    return MetricPair(METRICS["one_minus_ned"], float(one.mean()), float(other.mean()), SampleScores(one, other))


def _error_rate(truths: Sequence[str], fp32: Sequence[str], int8: Sequence[str]) -> MetricPair:
    """Edits of all words by the characters of all true texts, as they are; above 1 where much is inserted."""
    characters = np.array([len(truth) for truth in truths], np.int64)
    edits = [
        np.array([edit_distance(text, truth) for text, truth in zip(side, truths, strict=True)], np.int64)
        for side in (fp32, int8)
    ]
    values = [int(side.sum()) / int(characters.sum()) for side in edits]
    evidence = Resampled(len(truths), _rate(edits[0], characters), _rate(edits[1], characters))
    return MetricPair(METRICS["cer"], values[0], values[1], evidence)


def _rate(edits: NDArray[np.int64], characters: NDArray[np.int64]) -> Recompute:
    def recompute(multiplicities: NDArray[np.int64]) -> NDArray[np.float64]:
        total = (multiplicities @ characters).astype(np.float64)
        rate: NDArray[np.float64] = np.divide(
            multiplicities @ edits, total, out=np.full(total.shape, np.nan), where=total > 0
        )
        return rate

    return recompute


def _moved(
    samples: Sequence[Sample], truths: Sequence[str], fp32: Sequence[str], int8: Sequence[str], exact: RightWrong
) -> tuple[Moved, ...]:
    """Words that one side alone has right, those that were lost first; then those that changed most otherwise."""
    distances = [edit_distance(one, other) for one, other in zip(fp32, int8, strict=True)]
    changed = [index for index, distance in enumerate(distances) if distance]
    changed.sort(
        key=lambda index: (
            not (exact.fp32[index] and not exact.int8[index]),
            not (exact.int8[index] and not exact.fp32[index]),
            -distances[index],
            samples[index].id,
        )
    )
    return tuple(
        Moved(
            samples[index].id,
            float(exact.fp32[index]),
            float(exact.int8[index]),
            texts=(truths[index], fp32[index], int8[index]),
        )
        for index in changed[:_FLIPS_KEPT]
    )


def _unwritable(samples: Sequence[Sample], truths: Sequence[str], alphabet: Alphabet) -> dict[str, object]:
    """Which texts the net cannot write, whatever it sees: they count as wrong in word_acc."""
    found = {
        sample.id: chars for sample, truth in zip(samples, truths, strict=True) if (chars := alphabet.unwritable(truth))
    }
    counts = Counter(char for chars in found.values() for char in chars)
    return {
        "unwritable": {
            "samples": len(found),
            "characters": "".join(char for char, _ in counts.most_common(50)),
            "first": list(found)[:5],
        }
    }
