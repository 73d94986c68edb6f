"""How hmean was counted by those who published it: coordinates, repair of polygons, thresholds, special cases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

Match = Literal["greedy", "maximum"]
"""How overlapping pairs of ground truth and prediction become one-to-one: ``greedy`` takes the ground truth in its
order and for each the first prediction in its order that overlaps enough and is free (not the best one); ``maximum``
makes as many pairs as possible."""

Coordinates = Literal["float64", "float32", "integer"]
"""``integer`` cuts towards zero."""

Repair = Literal["hull", "pieces", "even-odd"]
"""What a polygon that crosses itself becomes: ``hull``: ``buffer(0)``, and the convex hull where that gives several
pieces; ``pieces``: ``buffer(0)`` with all pieces; ``even-odd``: the area that a ray leaves an odd number of times,
while areas are those of the shoelace formula, as the Polygon library of the official script has them."""


@dataclass(frozen=True)
class HmeanProfile:
    """One way of counting; see `PROFILES`."""

    name: str
    coordinates: Coordinates
    repair: Repair
    thresholds: tuple[float | None, ...]
    """Score thresholds of the sweep; a prediction counts with a score of at least the threshold, None takes all."""
    above: float | None = None
    """A score that every prediction must exceed, whatever the threshold."""
    area_slack: float = 0.0
    """Added to a prediction's area before the share of it inside a don't-care region is taken."""
    recall_of_nothing: float = 1.0
    """Recall, and precision without predictions, of a dataset without ground truth."""
    iou_threshold: float = 0.5
    """A pair must exceed it to match."""
    ignore_threshold: float = 0.5
    """A prediction of which a larger share lies inside a don't-care region does not count at all."""
    match: Match = field(default="greedy", kw_only=True)


def sweep(start: float, stop: float, step: float) -> tuple[float, ...]:
    """The thresholds of a published sweep, with the rounding that they have there.

    >>> sweep(0.3, 0.9, 0.1)[-1]
    0.9000000000000001
    """
    return tuple(np.arange(start, stop, step).tolist())


PROFILES: Mapping[str, HmeanProfile] = {
    "mmocr-0.x": HmeanProfile("mmocr-0.x", "float64", "pieces", sweep(0.3, 0.9, 0.1), above=0.3),
    "mmocr-1.x": HmeanProfile("mmocr-1.x", "float32", "hull", sweep(0.3, 0.9, 0.1), area_slack=1e-5),
    "icdar": HmeanProfile("icdar", "integer", "even-odd", (None,), recall_of_nothing=0.0),
}
"""``mmocr-0.x``: ``eval_hmean`` of MMOCR 0.x, with which the published table was made; unlike it this takes polygons of
three points too. ``mmocr-1.x``: HmeanIOUMetric with its default sweep (the PANet configuration of 1.x sweeps from 0.3
to 0.95 in steps of 0.05). ``icdar``: the official script of ICDAR2015, task 1, which takes every instance; unlike it
this takes quads whose corners go round the other way, and polygons."""
