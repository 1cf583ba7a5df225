"""Finds which of many areas hold a position, and which of many roads it is on, without looking at each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely

from api.places.projection import LocalMetres

_LINES = ("LineString", "MultiLineString")


class Areas:
    """Polygons and multipolygons in WGS-84 degrees; immutable, so threads may share it."""

    def __init__(self, shapes: Sequence[Any]) -> None:
        self._shapes = np.array(shapes, dtype=object)
        shapely.prepare(self._shapes)
        self._tree = shapely.STRtree(self._shapes)
        # One projection stretches all areas alike, so square degrees order them as square metres would.
        self.sizes = [float(size) for size in shapely.area(self._shapes)]
        _build_lazy_parts(self._shapes)
        self._tree.query(_point(0.0, 0.0))

    def inside(self, longitude: float, latitude: float) -> list[int]:
        """Returns the places in the list of those areas that hold the position strictly inside."""
        return self._those(shapely.contains_xy, longitude, latitude)

    def touching(self, longitude: float, latitude: float) -> list[int]:
        """The same, with those on whose border it lies."""
        return self._those(shapely.intersects_xy, longitude, latitude)

    def _those(self, holds: Any, longitude: float, latitude: float) -> list[int]:
        if not len(self._shapes):
            return []
        near = self._tree.query(_point(longitude, latitude))
        found = near[holds(self._shapes[near], longitude, latitude)]
        return sorted(int(place) for place in found)


class Roads:
    """Lines with a width and areas, in metres of ``metres``; immutable, so threads may share it."""

    def __init__(self, shapes: Sequence[Any], widths_m: Sequence[float], metres: LocalMetres) -> None:
        self._metres = metres
        self._shapes = np.array([metres.geometry(shape) for shape in shapes], dtype=object)
        halves = [
            width / 2 if shape.geom_type in _LINES else 0.0 for shape, width in zip(shapes, widths_m, strict=True)
        ]
        self._halves_m = np.array(halves, dtype=float)
        bounds = shapely.bounds(self._shapes).reshape(-1, 4)
        west, south, east, north = bounds.T
        half = self._halves_m
        self._tree = shapely.STRtree(shapely.box(west - half, south - half, east + half, north + half))
        self._tree.query(_point(0.0, 0.0))

    def nearest(self, longitude: float, latitude: float) -> int | None:
        """Returns the place in the list of the nearest road that the position is on, the first of equally near."""
        if not len(self._shapes):
            return None
        here = _point(*self._metres.point(longitude, latitude))
        near = np.sort(self._tree.query(here))
        distances_m = shapely.distance(self._shapes[near], here)
        on = distances_m <= self._halves_m[near]
        if not on.any():
            return None
        return int(near[on][np.argmin(distances_m[on])])


def _point(x: float, y: float) -> Any:
    # Of a pair: shapely's own Point takes three times as long to make as to look up.
    return shapely.points((x, y))


def _build_lazy_parts(shapes: Any) -> None:
    """Asks each area once: GEOS builds a prepared area's index at its first question, which no two threads may ask."""
    for shape in shapes:
        longitude, latitude = shapely.get_coordinates(shape)[0]
        shapely.contains_xy(shape, longitude, latitude)
        shapely.intersects_xy(shape, longitude, latitude)
