"""Both sides of a text detector scored on the same images, at one threshold for both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from pytest_quant.datasets.base import Sample
from pytest_quant.datasets.text_region import TextTruth
from pytest_quant.spec.errors import DatasetError
from pytest_quant.spec.metric import Metric
from pytest_quant.spec.net import SIDES, Side
from pytest_quant.tasks.base import Comparison, Flips, MetricPair, Recompute, Resampled
from pytest_quant.tasks.moved import moved_most
from pytest_quant.tasks.text_detection.counts import Counts, ImageCounts, count_image
from pytest_quant.tasks.text_detection.hmean import at_threshold, curves
from pytest_quant.tasks.text_detection.options import HmeanOptions
from pytest_quant.tasks.text_detection.prediction import TextPrediction
from pytest_quant.tasks.text_detection.profiles import PROFILES, HmeanProfile

METRICS: Mapping[str, Metric] = {name: Metric(name, "fraction") for name in ("hmean", "precision", "recall")}


@dataclass(frozen=True)
class DetectionComparison(Comparison):
    """Both sides of a text detector; the gated metrics are those at one threshold for both."""

    counts: Mapping[Side, Counts] = field(default_factory=dict)
    """What each image adds, in the order of the samples."""


def chosen_profile(options: HmeanOptions) -> HmeanProfile:
    """The profile that a zoo entry asks for; a fixed ``score_threshold`` is its only threshold."""
    profile = replace(PROFILES[options.profile], match=options.match)
    if options.score_threshold is None:
        return profile
    return replace(profile, thresholds=(options.score_threshold,), above=None)


def compare_sides(
    samples: Sequence[Sample],
    fp32: Sequence[TextPrediction],
    int8: Sequence[TextPrediction],
    options: HmeanOptions,
) -> DetectionComparison:
    """Score both sides, whose predictions are in the order of the samples.

    Both are taken at the same score threshold: the fixed one, else that at which the hmean of fp32 is largest. A
    threshold of each side's own would hide a loss; it stands in the details only. Resamples choose anew.

    Raises:
        DatasetError: No image has a region that counts, so that nothing would be measured.

    """
    if not len(samples) == len(fp32) == len(int8) or not samples:
        raise ValueError(f"{len(samples)} samples, {len(fp32)} fp32 and {len(int8)} int8 predictions: expected as many")
    profile = chosen_profile(options)
    images = {"fp32": _count(samples, fp32, profile), "int8": _count(samples, int8, profile)}
    counts: dict[Side, Counts] = {side: Counts.of(images[side], profile) for side in SIDES}
    if not counts["fp32"].regions.any():
        raise DatasetError(
            f"none of the {len(samples)} images has a text region that counts (all are don't care, or there are none), "
            "so hmean measures nothing: evaluate more images, or check the ground truth"
        )
    index = int(curves(counts["fp32"]).best())
    threshold = profile.thresholds[index]
    return DetectionComparison(
        metrics={name: _pair(name, counts, index) for name in METRICS},
        flips=_flips(images["fp32"], images["int8"], index),
        moved=moved_most(samples, _found(images["fp32"], index), _found(images["int8"], index)),
        counts=counts,
        details=_details(counts, index, {"fp32": fp32, "int8": int8}),
        remark=None if threshold is None else f"both at score threshold {threshold:.4g}",
    )


def _count(
    samples: Sequence[Sample], predictions: Sequence[TextPrediction], profile: HmeanProfile
) -> list[ImageCounts]:
    return [
        count_image(
            prediction.polygons,
            prediction.scores,
            [region.polygon for region in _truth(sample)],
            [region.ignore for region in _truth(sample)],
            profile,
        )
        for sample, prediction in zip(samples, predictions, strict=True)
    ]


def _truth(sample: Sample) -> TextTruth:
    regions: TextTruth = sample.truth
    return regions


def _pair(name: str, counts: Mapping[Side, Counts], index: int) -> MetricPair:
    values = {side: float(getattr(curves(counts[side]), name)[index]) for side in SIDES}
    evidence = Resampled(
        images=len(counts["fp32"].regions),
        fp32=_recompute(name, counts, "fp32"),
        int8=_recompute(name, counts, "int8"),
    )
    return MetricPair(METRICS[name], values["fp32"], values["int8"], evidence)


def _recompute(name: str, counts: Mapping[Side, Counts], side: Side) -> Recompute:
    """One side at the threshold that is fp32's best in the same resample; NaN for one without regions."""

    def recompute(multiplicities: NDArray[np.int64]) -> NDArray[np.float64]:
        chosen = curves(counts["fp32"], multiplicities).best()[:, np.newaxis]
        values: NDArray[np.float64] = getattr(curves(counts[side], multiplicities), name)
        at_chosen = np.take_along_axis(values, chosen, axis=1)[:, 0]
        return np.where(multiplicities @ counts[side].regions > 0, at_chosen, np.nan)

    return recompute


def _found(images: Sequence[ImageCounts], index: int) -> NDArray[np.float64]:
    """How many regions of each image were found."""
    return np.array([np.count_nonzero(image.found[index]) for image in images], np.float64)


def _flips(fp32: Sequence[ImageCounts], int8: Sequence[ImageCounts], index: int) -> Flips:
    """Regions of the ground truth that only one side found."""
    one = np.concatenate([image.found[index] for image in fp32])
    other = np.concatenate([image.found[index] for image in int8])
    return Flips(
        only_fp32_right=int(np.count_nonzero(one & ~other)),
        only_int8_right=int(np.count_nonzero(other & ~one)),
        agreement_pct=100 * int(np.count_nonzero(one == other)) / one.size,
    )


def _details(
    counts: Mapping[Side, Counts], index: int, predictions: Mapping[Side, Sequence[TextPrediction]]
) -> dict[str, object]:
    details: dict[str, object] = {"score_threshold": counts["fp32"].profile.thresholds[index]}
    for side in SIDES:
        found, profile = curves(counts[side]), counts[side].profile
        details[side] = {
            "regions": int(counts[side].regions.sum()),
            "predictions": int(counts[side].predictions[:, index].sum()),
            "hits": int(counts[side].hits[:, index].sum()),
            "own_best": asdict(at_threshold(found, int(found.best()), profile)),
            "capped_points": sum(prediction.capped_points for prediction in predictions[side]),
            "images_with_capped_points": sum(prediction.capped_points > 0 for prediction in predictions[side]),
        }
    return details
