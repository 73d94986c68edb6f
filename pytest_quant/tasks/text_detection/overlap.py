"""Which predictions of one image overlap which regions of its ground truth, and which lie in don't-care regions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from pytest_quant.tasks.text_detection.profiles import HmeanProfile, Repair

Geometries = NDArray[np.object_]
"""Shapely geometries."""


@dataclass(frozen=True)
class PolygonSet:
    """Polygons of one image, repaired as a profile says."""

    shapes: Geometries
    """Their insides, polygons or several of them; may be empty."""
    areas: NDArray[np.float64]
    """The areas for the intersection over union."""
    given_areas: NDArray[np.float64]
    """The areas by the shoelace formula, before the repair."""

    def __len__(self) -> int:
        return len(self.shapes)

    def subset(self, chosen: NDArray[np.bool_]) -> PolygonSet:
        """Those polygons for which ``chosen`` is true."""
        return PolygonSet(self.shapes[chosen], self.areas[chosen], self.given_areas[chosen])


def polygon_set(polygons: Sequence[ArrayLike], profile: HmeanProfile) -> PolygonSet:
    """Make the polygons of one image ready for a profile.

    Args:
        polygons: Each (x1, y1, x2, y2, ...) or of shape (points, 2), with three points or more; those that cross
            themselves are repaired.
        profile: Coordinates and repair.

    Raises:
        ValueError: A polygon has fewer than three points, or an odd number of coordinates.

    """
    if not polygons:
        return PolygonSet(np.empty(0, np.object_), np.empty(0), np.empty(0))
    given: Geometries = shapely.polygons([_ring(polygon, profile) for polygon in polygons])
    given_areas = shapely.area(given)
    shapes = _repaired(given, profile.repair)
    areas = given_areas if profile.repair == "even-odd" else shapely.area(shapes)
    return PolygonSet(shapes, areas, given_areas)


def _ring(polygon: ArrayLike, profile: HmeanProfile) -> object:
    points: NDArray[np.float64] = np.asarray(polygon, np.float64).reshape(-1, 2)
    if len(points) < 3:
        raise ValueError(f"a polygon has {len(points)} points; expected three or more")
    if profile.coordinates == "integer":
        points = np.trunc(points)
    elif profile.coordinates == "float32":
        points = points.astype(np.float32).astype(np.float64)
    return shapely.linearrings(np.concatenate([points, points[:1]]))


def _repaired(given: Geometries, repair: Repair) -> Geometries:
    invalid = ~shapely.is_valid(given)
    shapes: Geometries = given.copy()
    mend = shapely.make_valid if repair == "even-odd" else partial(shapely.buffer, distance=0)
    shapes[invalid] = mend(given[invalid])
    if repair == "hull":
        several = shapely.get_type_id(shapes) == shapely.GeometryType.MULTIPOLYGON
        shapes[several] = shapely.convex_hull(shapes[several])
    return shapes


def intersection_areas(rows: PolygonSet, columns: PolygonSet) -> NDArray[np.float64]:
    """Areas common to each pair; shape (rows, columns)."""
    areas = np.zeros((len(rows), len(columns)))
    row, column = shapely.STRtree(columns.shapes).query(rows.shapes, predicate="intersects")
    areas[row, column] = shapely.area(shapely.intersection(rows.shapes[row], columns.shapes[column]))
    return areas


def intersection_over_union(rows: PolygonSet, columns: PolygonSet) -> NDArray[np.float64]:
    """Of each pair; 0 where the union has no area; shape (rows, columns).

    >>> from pytest_quant.tasks.text_detection.profiles import PROFILES
    >>> unit, shifted = ([0, 0, 1, 0, 1, 1, 0, 1], [0.5, 0, 1.5, 0, 1.5, 1, 0.5, 1])
    >>> one, other = (polygon_set([points], PROFILES["mmocr-1.x"]) for points in (unit, shifted))
    >>> round(float(intersection_over_union(one, other)[0, 0]), 6)
    0.333333
    """
    common = intersection_areas(rows, columns)
    union = rows.areas[:, np.newaxis] + columns.areas - common
    return np.divide(common, union, out=np.zeros_like(common), where=union != 0)


def inside_share(predictions: PolygonSet, regions: PolygonSet, profile: HmeanProfile) -> NDArray[np.float64]:
    """The largest share of each prediction inside one of the regions, 0 without regions; shape (predictions,)."""
    if not len(regions):
        return np.zeros(len(predictions))
    common: NDArray[np.float64] = intersection_areas(predictions, regions).max(axis=1)
    areas = predictions.given_areas + profile.area_slack
    return np.divide(common, areas, out=np.zeros_like(common), where=areas != 0)
