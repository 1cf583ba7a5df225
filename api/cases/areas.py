"""Says which cases lie in an area: a box, a circle around a point, a polygon; given in either datum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, radians

from sqlalchemy import ColumnElement, and_, case, literal

from api.places.datum import gcj02_to_wgs84
from api.tables import Case

_METRES_PER_DEGREE = 111_320.0
Point = tuple[float, float]
"""Longitude and latitude, degrees."""


@dataclass(frozen=True, slots=True)
class Box:
    """WGS-84, degrees."""

    west: float
    south: float
    east: float
    north: float

    def condition(self) -> ColumnElement[bool]:
        return and_(Case.latitude.between(self.south, self.north), Case.longitude.between(self.west, self.east))


def in_box(corners: Sequence[float], *, datum: str) -> ColumnElement[bool]:
    """corners: west, south, east, north."""
    west, south, east, north = corners
    west, south = _to_wgs84((west, south), datum)
    east, north = _to_wgs84((east, north), datum)
    return Box(west, south, east, north).condition()


def near(centre: Point, radius_m: float, *, datum: str) -> ColumnElement[bool]:
    """On a plane around the centre, whose error is far below that of a position."""
    longitude, latitude = _to_wgs84(centre, datum)
    north_deg = radius_m / _METRES_PER_DEGREE
    shrink = max(0.01, cos(radians(latitude)))
    east_deg = north_deg / shrink
    box = Box(longitude - east_deg, latitude - north_deg, longitude + east_deg, latitude + north_deg)
    east, north = (Case.longitude - longitude) * shrink, Case.latitude - latitude
    return and_(box.condition(), east * east + north * north <= north_deg * north_deg)


def in_polygon(corners: Sequence[Point], *, datum: str) -> ColumnElement[bool]:
    """By how many sides a line from the point to the east crosses; the database counts, so that paging stays exact."""
    points = [_to_wgs84(corner, datum) for corner in corners]
    longitudes, latitudes = zip(*points, strict=True)
    box = Box(min(longitudes), min(latitudes), max(longitudes), max(latitudes))
    crossings = [
        case((_crosses(start, end), 1), else_=0)
        for start, end in zip(points, [*points[1:], points[0]], strict=True)
        if start[1] != end[1]
    ]
    count = sum(crossings[1:], crossings[0]) if crossings else literal(0)
    return and_(box.condition(), count % 2 == 1)


def _crosses(start: Point, end: Point) -> ColumnElement[bool]:
    low, high = sorted((start, end), key=lambda point: point[1])
    slope = (high[0] - low[0]) / (high[1] - low[1])
    at_its_height = low[0] + (Case.latitude - low[1]) * slope
    return and_(Case.latitude >= low[1], Case.latitude < high[1], Case.longitude < at_its_height)


def _to_wgs84(point: Point, datum: str) -> Point:
    return gcj02_to_wgs84(*point) if datum == "GCJ02" else point
