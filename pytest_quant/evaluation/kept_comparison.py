"""Scores that are kept between runs: a comparison's numbers as JSON; what is large is formed again when asked for.

Shares of hits and means of scores are kept sample by sample. What recomputes a metric for resamples (hmean, AP) is not:
its intervals are kept themselves, and whoever wants another one has the predictions scored again.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from pytest_quant.evaluation.kept_results import KeptResult, KeptResults
from pytest_quant.spec.metric import Metric
from pytest_quant.spec.net import Net
from pytest_quant.tasks.base import (
    ClassScore,
    Comparison,
    Evidence,
    Flips,
    MetricPair,
    Moved,
    Recompute,
    Resampled,
    RightWrong,
    SampleScores,
)


@dataclass(frozen=True)
class Scored:
    """A comparison, and how the predictions came about."""

    comparison: Comparison
    images_per_second: Mapping[Net, float]
    """Of one core, forward pass and decoding only, as measured when the predictions were made."""
    cached: Mapping[Net, bool]
    """Whether nothing of a net had to be computed now."""


_Written = Any
"""What this module wrote, read back."""


class KeptScores:
    """One model's nets on the same samples, scored at most once."""

    def __init__(self, results: KeptResults, key: Sequence[JsonValue] | None, score: Callable[[], Scored]) -> None:
        """``key``: everything that the comparison depends on; None: that is not known, and nothing is kept.

        ``score`` makes the comparison.
        """
        self._results = results
        self._key = key
        self._score = score

    def under(self, *parts: JsonValue) -> KeptResult:
        """The place of something that depends on this comparison and some plain values."""
        return self._results.nowhere() if self._key is None else self._results.under(self._key, *parts)

    @classmethod
    def are_kept(cls, results: KeptResults, key: Sequence[JsonValue] | None) -> bool:
        """Whether nothing has to be computed for a comparison."""
        return key is not None and results.under(key, "comparison").load() is not None

    @cached_property
    def _scored(self) -> Scored:
        return self._score()

    @property
    def whole(self) -> Comparison:
        """The comparison as its task made it, with all evidence; the predictions are scored again for it."""
        return self._scored.comparison

    def get(self) -> Scored:
        """The comparison as it was kept, else made now."""
        place = self.under("comparison")
        written: _Written = place.load()
        if written is not None:
            rates: Mapping[Net, float] = written["images_per_second"]
            return Scored(self._comparison(written), rates, dict.fromkeys(rates, True))
        made = self._scored
        plain = _comparison_json(made.comparison)
        if plain is not None:
            place.save({**plain, "images_per_second": dict(made.images_per_second)})
        return replace(made, comparison=replace(made.comparison, class_scores=self._classes))

    def _classes(self, metric: str) -> Sequence[ClassScore]:
        def formed() -> JsonValue:
            return [[one.name, one.samples, _pair_json(one.pair)] for one in self.whole.class_scores(metric)]

        def again(index: int) -> Evidence:
            return self.whole.class_scores(metric)[index].pair.evidence

        written: _Written = self.under("classes", metric).fetch(formed)
        return [
            ClassScore(name, samples, _pair(pair, lambda index=index: again(index)))  # type: ignore[misc]
            for index, (name, samples, pair) in enumerate(written)
        ]

    def _comparison(self, written: _Written) -> Comparison:
        return Comparison(
            metrics={
                name: _pair(pair, lambda name=name: self.whole.metrics[name].evidence)  # type: ignore[misc]
                for name, pair in written["metrics"].items()
            },
            flips=Flips(*written["flips"]),
            absent=written["absent"],
            moved=[_moved(*one) for one in written["moved"]],
            details=written["details"],
            class_scores=self._classes,
            remark=written["remark"],
        )


class LaterResampled(Resampled):
    """The evidence of a metric that takes its recomputing functions only when somebody calls for them."""

    def __init__(self, images: int, load: Callable[[], Evidence]) -> None:
        object.__setattr__(self, "images", images)
        object.__setattr__(self, "load", load)

    @cached_property
    def _loaded(self) -> Resampled:
        load: Callable[[], Evidence] = self.__dict__["load"]
        found = load()
        if not isinstance(found, Resampled):
            raise TypeError(f"scored again, a metric has the evidence {type(found).__name__}, not Resampled")
        return found

    @property
    def fp32(self) -> Recompute:
        """That of fp32."""
        return self._loaded.fp32

    @property
    def int8(self) -> Recompute:
        """That of int8."""
        return self._loaded.int8


def _comparison_json(comparison: Comparison) -> dict[str, JsonValue] | None:
    """What is kept of a comparison; None where its details would not come back the same."""
    details = dict(comparison.details)
    try:
        if json.loads(json.dumps(details)) != details:
            return None
    except TypeError:  # a task's values that are not plain
        return None
    return {
        "metrics": {name: _pair_json(pair) for name, pair in comparison.metrics.items()},
        "flips": [
            int(comparison.flips.only_fp32_right),
            int(comparison.flips.only_int8_right),
            float(comparison.flips.agreement_pct),
        ],
        "absent": dict(comparison.absent),
        "moved": [
            [one.sample, float(one.fp32), float(one.int8), None if one.texts is None else list(one.texts)]
            for one in comparison.moved
        ],
        "details": details,
        "remark": comparison.remark,
    }


def _moved(sample: str, fp32: float, int8: float, texts: list[str] | None) -> Moved:
    if texts is None:
        return Moved(sample, fp32, int8)
    truth, first, second = texts
    return Moved(sample, fp32, int8, (truth, first, second))


def _pair_json(pair: MetricPair) -> JsonValue:
    evidence = pair.evidence
    if isinstance(evidence, RightWrong):
        kept: JsonValue = ["hits", len(evidence.fp32), _bits(evidence.fp32), _bits(evidence.int8)]
    elif isinstance(evidence, SampleScores):
        kept = ["scores", _floats(evidence.fp32), _floats(evidence.int8)]
    else:
        kept = ["resampled", evidence.images]
    return {"metric": asdict(pair.metric), "fp32": float(pair.fp32), "int8": float(pair.int8), "evidence": kept}


def _pair(written: _Written, load: Callable[[], Evidence]) -> MetricPair:
    """``load`` gives the evidence of a metric that is recomputed for resamples."""
    kind, *kept = written["evidence"]
    evidence: Evidence
    if kind == "hits":
        evidence = RightWrong(*(_hits(text, kept[0]) for text in kept[1:]))
    elif kind == "scores":
        evidence = SampleScores(*(np.frombuffer(b64decode(text), np.float64) for text in kept))
    else:
        evidence = LaterResampled(kept[0], load)
    return MetricPair(Metric(**written["metric"]), written["fp32"], written["int8"], evidence)


def _bits(hits: NDArray[np.bool_]) -> str:
    return b64encode(np.packbits(hits).tobytes()).decode()


def _hits(text: str, count: int) -> NDArray[np.bool_]:
    return np.unpackbits(np.frombuffer(b64decode(text), np.uint8), count=count).astype(np.bool_)


def _floats(scores: NDArray[np.float64]) -> str:
    return b64encode(np.ascontiguousarray(scores, np.float64).tobytes()).decode()
