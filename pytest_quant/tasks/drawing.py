"""What there is to see of a sample: the truth and an answer as shapes on the picture, and in words.

A pipeline that `Draws` is shown in HTML reports; nothing else depends on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pytest_quant.datasets.base import Sample
from pytest_quant.tasks.base import Comparison

Point = tuple[float, float]
"""x and y in pixels of the image as the pipeline gets it."""


@dataclass(frozen=True)
class Outline:
    """A polygon, or a line that ends where it ends."""

    points: tuple[Point, ...]
    label: str = ""
    closed: bool = True
    dashed: bool = False
    """Does not count, such as a don't-care region."""


@dataclass(frozen=True)
class Skeleton:
    """Points, some of them linked; a point that is not there is not drawn, nor are its links."""

    points: tuple[Point | None, ...]
    links: tuple[tuple[int, int], ...]
    """Pairs of places in ``points``."""


@dataclass(frozen=True, eq=False)
class Mask:
    """A class for each cell of a lattice that is spread evenly over the picture."""

    classes: NDArray[np.integer[Any]]
    """Shape (rows, columns); negative: none."""


Shape = Outline | Skeleton | Mask


@dataclass(frozen=True)
class Drawing:
    """One answer, or the truth."""

    caption: str
    """In a few words: the answer and its score."""
    shapes: tuple[Shape, ...] = ()


@dataclass(frozen=True)
class Scene:
    """What else a drawing may take."""

    width_px: int
    """Of the image."""
    height_px: int
    class_names: Sequence[str] | None = None
    """Those of the dataset, where it has any."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """`Comparison.details` of the measurement, such as the threshold that was taken."""

    def name_of(self, label: int) -> str:
        """A class in words.

        >>> Scene(8, 8, ("cat", "dog")).name_of(1), Scene(8, 8).name_of(1)
        ('dog', 'class 1')
        """
        names = self.class_names
        return f"class {label}" if names is None or not 0 <= label < len(names) else names[label]


@runtime_checkable
class Draws(Protocol):
    """A pipeline that says what there is to see of its samples."""

    def draw_truth(self, sample: Sample, scene: Scene) -> Drawing:
        """The ground truth."""
        ...

    def draw_answer(self, sample: Sample, prediction: Any, scene: Scene) -> Drawing:
        """What a net answered."""
        ...


@dataclass(frozen=True)
class Curve:
    """How both nets do over a common axis."""

    title: str
    x: str
    """What the axis says."""
    y: str
    lines: Mapping[str, tuple[Point, ...]]
    """``fp32`` and ``int8``, or what a line is called; points by rising x."""
    mark: float | None = None
    """A place on the x axis, such as the threshold that was taken."""


@runtime_checkable
class Plots(Protocol):
    """A pipeline that has more to show of a comparison than numbers."""

    def curves(self, comparison: Comparison) -> Sequence[Curve]:
        """Of a comparison that it made itself."""
        ...


def curve_points(x: ArrayLike, y: ArrayLike) -> tuple[Point, ...]:
    """Points of two arrays of the same length, with four digits.

    >>> curve_points([0, 1], [0.123456, 1])
    ((0.0, 0.1235), (1.0, 1.0))
    """
    pairs = np.stack([np.asarray(x, np.float64), np.asarray(y, np.float64)], axis=1)
    return points_of(pairs.round(4))


def points_of(flat: ArrayLike) -> tuple[Point, ...]:
    """Points of any array with an even number of coordinates.

    >>> points_of([1, 2, 3, 4])
    ((1.0, 2.0), (3.0, 4.0))
    """
    return tuple((float(x), float(y)) for x, y in np.asarray(flat, np.float64).reshape(-1, 2))


def box(left: float, top: float, right: float, bottom: float, label: str = "", *, dashed: bool = False) -> Outline:
    """A box from its edges."""
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    return Outline(tuple((float(x), float(y)) for x, y in corners), label, dashed=dashed)


def counted(what: str, shapes: Iterable[Shape]) -> str:
    """How many there are, in words.

    >>> counted("region", [box(0, 0, 1, 1)]), counted("region", [])
    ('1 region', 'no region')
    """
    number = len(tuple(shapes))
    return f"{number or 'no'} {what}{'s' if number > 1 else ''}"
