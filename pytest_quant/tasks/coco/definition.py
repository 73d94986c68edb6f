"""What each number of a COCO evaluation is made of, and how it is found from the matches of one side."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pytest_quant.spec.metric import Metric
from pytest_quant.tasks.base import MetricPair, Resampled
from pytest_quant.tasks.coco.average_precision import AveragePrecision, AverageRecall
from pytest_quant.tasks.coco.matches import SIMILARITY_THRESHOLDS, Matches

AT_50, AT_75 = (0,), (5,)
"""Places of the similarity thresholds 0.50 and 0.75."""

SideMatches = Mapping[str, Sequence[Matches]]
"""Area range to the matches of each category, of one side."""


@dataclass(frozen=True)
class Definition:
    """What a metric's value is made of."""

    kind: type[AveragePrecision | AverageRecall]
    area: str = "all"
    levels: tuple[int, ...] = tuple(range(len(SIMILARITY_THRESHOLDS)))
    """Places of the similarity thresholds to average over."""
    most: int | None = None
    """Only so many answers of an image and category count; None: as many as were matched."""

    def of(self, matches: SideMatches, images: int) -> AveragePrecision | AverageRecall:
        """The metric of one side, as a function of how often each image counts."""
        whole = (one.at(list(self.levels)) for one in matches[self.area])
        return self.kind(images, [one if self.most is None else one.first(self.most) for one in whole])

    def value(self, matches: SideMatches, images: int) -> float:
        """The measured value of one side; NaN where there is nothing to be found."""
        return float(self.of(matches, images)(np.ones((1, images), np.int64))[0])


def metric_pairs(
    definitions: Mapping[str, Definition],
    metrics: Mapping[str, Metric],
    sides: tuple[SideMatches, SideMatches],
    images: int,
) -> Iterator[tuple[str, MetricPair]]:
    """The metrics for which there is something to be found; a measured value is that of each image once."""
    once = np.ones((1, images), np.int64)
    for name, metric in metrics.items():
        fp32, int8 = (definitions[name].of(side, images) for side in sides)
        values = float(fp32(once)[0]), float(int8(once)[0])
        if not math.isnan(values[0]):
            yield name, MetricPair(metric, *values, Resampled(images, fp32, int8))
