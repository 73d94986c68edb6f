"""From the skeleton of a text region to its middle line: walk across the region to both sides, take the middle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

STEPS_MAX = 1 << 14
"""Where a walk ends that has not reached the border. With the published step of 0.03 radii it is then 490 radii away,
so only radii of about zero come to it; the published decoder goes on for ever at a radius of zero."""

_FIRST_STRIDE, _STRIDE = 16, 64
"""Steps that are looked at one by one, so many together; in a published net ten or so are all there are."""

_SHORT_STEP = 1 / 16
"""Walks of shorter steps stay in a pixel for so long that only where they enter another one is looked at."""

_PIXELS, _WALKS = 32, 4096
"""So many pixels ahead are looked at together, in so many walks."""

_EXACT_STEP = 2.0**-16
"""Multiples of a float32 from here on, added to a place in a map, are exact in float64: a product is the sum."""

Points = NDArray[np.int64]
"""Shape (n, 2), y and x in pixels of the map."""


@dataclass(frozen=True)
class Centers:
    """The middle line of one region."""

    points: Points
    """One for each skeleton point, in the same order."""
    capped_points: int
    """For how many of them a walk was ended by the cap."""


@dataclass(frozen=True)
class PixelRegion:
    """A text region as a cutout of the map."""

    mask: NDArray[np.bool_]
    """Shape (h, w)."""
    left_top: tuple[int, int] = (0, 0)
    """Place of the cutout's first pixel in the map, x and y."""


def center_points(
    skeleton: Points, steps: NDArray[np.float32], region: PixelRegion, steps_max: int = STEPS_MAX
) -> Centers:
    """The middle of the region across each skeleton point.

    From a skeleton point go by its step as long as the next position, cut to whole pixels, lies in the region and not
    in the map's first column; likewise against its step. The centre is the middle of both ends, cut to whole pixels.
    Source: TextSnakePostprocessor of MMOCR, which adds step by step in float64.

    Args:
        skeleton: Points of the region in map coordinates.
        steps: float32, shape (n, 2), y and x, finite.
        region: Where a walk may go.
        steps_max: End of a walk that does not leave the region.

    >>> whole = PixelRegion(np.ones((5, 9), bool))
    >>> center_points(np.array([[2, 7]]), np.array([[0, 1]], np.float32), whole).points
    array([[2, 4]])

    """
    surroundings = _Surroundings(region)
    start, step = skeleton.astype(np.float64), steps.astype(np.float64)
    ahead = _steps_inside(surroundings, start, step, steps_max)
    back = _steps_inside(surroundings, start, -step, steps_max)
    capped = (ahead == steps_max) | (back == steps_max)
    middle = 0.5 * (_after(start, step, ahead, capped) + _after(start, -step, back, capped))
    return Centers(middle.astype(np.int64), int(np.count_nonzero(capped)))


class _Surroundings:
    """A region with a border of one pixel, so that each position has a pixel to look at."""

    def __init__(self, region: PixelRegion) -> None:
        self._inside = np.pad(region.mask, 1)
        self._left, self._top = region.left_top[0] - 1, region.left_top[1] - 1
        if self._left < 0:
            self._inside[:, -self._left] = False  # the published decoder does not enter the map's first column
        self._height, self._width = self._inside.shape

    def cells(self, y: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.intp]:
        """The pixels of positions, as flat indices; cutting goes towards zero."""
        rows = _clipped(y, self._top, self._top + self._height - 1).astype(np.intp) - self._top
        columns = _clipped(x, self._left, self._left + self._width - 1).astype(np.intp) - self._left
        flat: NDArray[np.intp] = rows * self._width + columns
        return flat

    def holds(self, cells: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Whether pixels belong to the region."""
        return self._inside.reshape(-1)[cells]


def _after(
    start: NDArray[np.float64], step: NDArray[np.float64], counts: NDArray[np.int64], capped: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Where each point is after its steps, with the rounding of adding them one by one; shape (n, 2).

    Not that of ``capped`` points: the published decoder goes on from there, so that there is nothing to agree with.
    """
    ends: NDArray[np.float64] = start + counts[:, np.newaxis] * step
    inexact = (step != 0) & (np.abs(step) < _EXACT_STEP) & ((counts > 0) & ~capped)[:, np.newaxis]
    for point, axis in np.argwhere(inexact).tolist():
        places = np.full(counts[point] + 1, step[point, axis])
        places[0] = start[point, axis]
        ends[point, axis] = np.add.accumulate(places)[-1]
    return ends


def _clipped(values: NDArray[np.float64], low: int, high: int) -> NDArray[np.float64]:
    """In place; several times as fast as `numpy.clip` on small arrays."""
    np.minimum(np.maximum(values, low, out=values), high, out=values)
    return values


def _steps_inside(
    surroundings: _Surroundings, start: NDArray[np.float64], step: NDArray[np.float64], steps_max: int
) -> NDArray[np.int64]:
    """How many steps each point goes until the next one would leave the region; shape (n,)."""
    counts = np.full(len(start), steps_max, np.int64)
    walking = np.flatnonzero(step.any(axis=1))

    def cells(points: NDArray[np.intp], numbers: NDArray[np.float64]) -> NDArray[np.intp]:
        (y0, x0), (dy, dx) = start[points].T[:, :, np.newaxis], step[points].T[:, :, np.newaxis]
        return surroundings.cells(y0 + numbers * dy, x0 + numbers * dx)

    done = 0
    while walking.size and done < steps_max:
        last = min(done + (_STRIDE if done else _FIRST_STRIDE), steps_max)
        inside = surroundings.holds(cells(walking, np.arange(done + 1, last + 1, dtype=np.float64)))
        left = ~inside.all(axis=1)
        counts[walking[left]] = done + inside[left].argmin(axis=1)
        walking = walking[~left]
        if not done:
            short = np.abs(step[walking]).max(axis=1) < _SHORT_STEP
            slow, walking = walking[short], walking[~short]
            for part in np.split(slow, range(_WALKS, slow.size, _WALKS)):
                counts[part] = _crossings(surroundings, start[part], step[part], last, steps_max)
        done = last
    return counts


def _crossings(
    surroundings: _Surroundings, start: NDArray[np.float64], step: NDArray[np.float64], done: int, steps_max: int
) -> NDArray[np.int64]:
    """The same for walks of many short steps; shape (n,).

    All walks lie in the region after ``done`` steps. Only those steps are looked at with which a coordinate can enter
    its next pixel: the k-th pixel is entered with step floor(k / length) or the one after it, on either way and with
    either sign. Each coordinate goes one way only, so that the walk cannot leave the region in between.
    """
    counts = np.full(len(start), steps_max, np.int64)
    lengths = np.abs(step)
    walking = np.arange(len(start))
    at = np.full(len(start), float(done))
    while walking.size:
        length = lengths[walking]
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            pixels = np.floor(at[:, np.newaxis] * length)[:, :, np.newaxis] + np.arange(_PIXELS)
            entered = np.floor(np.where(length[:, :, np.newaxis] > 0, pixels / length[:, :, np.newaxis], np.inf))
        horizon = np.minimum(entered[:, :, -1].min(axis=1), steps_max)
        entered = entered.reshape(len(walking), -1)
        numbers = np.concatenate([entered, entered + 1], axis=1).clip(at[:, np.newaxis], horizon[:, np.newaxis])
        (y0, x0), (dy, dx) = start[walking].T[:, :, np.newaxis], step[walking].T[:, :, np.newaxis]
        inside = surroundings.holds(surroundings.cells(y0 + numbers * dy, x0 + numbers * dx))
        exits = np.where(inside, np.inf, numbers).min(axis=1)
        left = np.isfinite(exits)
        counts[walking[left]] = exits[left].astype(np.int64) - 1
        goes_on = ~left & (horizon < steps_max)
        walking, at = walking[goes_on], horizon[goes_on]
    return counts
