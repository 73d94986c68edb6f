"""One side's answers matched with the ground truth by COCO's rules, and which of them are right at each threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SIMILARITY_THRESHOLDS: Floats = np.linspace(0.5, 0.95, 10, dtype=np.float64)
"""0.50, 0.55, ... 0.95 of IoU or OKS: AP and AR are means over them."""

RECALL_THRESHOLDS: Floats = np.linspace(0.0, 1.0, 101, dtype=np.float64)
"""0.00, 0.01, ... 1.00: AP is the mean of the precision at them."""

SMALL, MEDIUM = 32.0**2, 96.0**2
"""Areas in square pixels up to which COCO calls an object small, and medium; both ends belong to both sides."""

AREAS: Mapping[str, tuple[float, float]] = {
    "all": (0.0, 1e10),
    "small": (0.0, SMALL),
    "medium": (SMALL, MEDIUM),
    "large": (MEDIUM, 1e10),
}
"""Least and greatest area of an object, in square pixels, both inclusive."""


@dataclass(frozen=True)
class Matches:
    """The n answers of one side in one category against the truths of one area range, at each of T thresholds."""

    image: Ints
    """Of each answer, shape (n,): the image's place. The answers of an image stand together, by falling score."""
    score: Floats
    """Of each answer, shape (n,)."""
    right: Bools
    """Shape (T, n): the answer found a truth."""
    wrong: Bools
    """Shape (T, n): the answer is a false alarm. One that is neither right nor wrong is ignored."""
    truth_image: Ints
    """The image of each truth to be found, shape (m,)."""
    found: Bools
    """Whether each truth was found, shape (T, m)."""

    def at(self, levels: list[int]) -> Matches:
        """The same at some of the thresholds."""
        return replace(self, right=self.right[levels], wrong=self.wrong[levels], found=self.found[levels])

    def first(self, count: int) -> Matches:
        """The same with at most ``count`` answers of each image; what they find does not depend on later ones.

        ``found`` is left as it is: it speaks of all answers.
        """
        starts = np.flatnonzero(np.diff(self.image, prepend=-1))
        sizes = np.diff(starts, append=len(self.image))
        place = np.arange(len(self.image)) - np.repeat(starts, sizes)
        kept = place < count
        return replace(
            self,
            image=self.image[kept],
            score=self.score[kept],
            right=self.right[:, kept],
            wrong=self.wrong[:, kept],
        )


def found_by_image(categories: Sequence[Matches], images: int) -> Floats:
    """How many truths of each image were found, on the average over the thresholds, shape (images,)."""
    total = np.zeros(images)
    for matches in categories:
        shares = np.round(matches.found.mean(axis=0), 6)
        total += np.bincount(matches.truth_image, weights=shares, minlength=images)
    return total
