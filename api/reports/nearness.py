"""Tells how far apart two positions are, and in which cells of a grid of 0.005 degrees near cases are found."""

from __future__ import annotations

from functools import lru_cache
from math import asin, cos, degrees, floor, radians, sin, sqrt

CELL_DEG = 0.005
JOIN_M_MAX = 2_000.0
"""Nothing joins from farther away, whatever the catalogue says: it bounds how many cells are looked at and locked."""

_EARTH_M = 6_371_008.8
_COLUMNS = round(360 / CELL_DEG)
_ROWS = round(180 / CELL_DEG)
_WIDEST_DEG = 0.5
"""How far a circle is followed to the east and west: reached only beside the poles, where there are no streets."""


def cell_of(longitude: float, latitude: float) -> int:
    """Returns the number of the cell, about 550 m high, that a position in degrees lies in."""
    return _row(latitude) * _COLUMNS + _column(longitude) % _COLUMNS


@lru_cache(maxsize=4096)
def cells_touched(longitude: float, latitude: float, radius_m: float) -> frozenset[int]:
    """Returns the cells that a circle may touch; whatever lies within ``radius_m`` lies in one of them.

    radius_m: ``JOIN_M_MAX`` at most. Kept, since a batch asks for each of its positions several times.
    """
    # A little more than the circle, so that rounding can leave nothing out.
    angle = (min(radius_m, JOIN_M_MAX) * 1.001 + 0.5) / _EARTH_M
    high_deg = degrees(angle)
    share = sin(angle) / max(cos(radians(latitude)), 1e-9)
    wide_deg = min(degrees(asin(min(share, 1.0))), _WIDEST_DEG)
    rows = range(_row(max(latitude - high_deg, -90.0)), _row(min(latitude + high_deg, 90.0)) + 1)
    columns = range(_column(longitude - wide_deg), _column(longitude + wide_deg) + 1)
    return frozenset(row * _COLUMNS + column % _COLUMNS for row in rows for column in columns)


def metres_between(longitude: float, latitude: float, other_longitude: float, other_latitude: float) -> float:
    """Returns the distance along the great circle; longitudes and latitudes in degrees of WGS-84."""
    north, east = radians(other_latitude - latitude), radians(other_longitude - longitude)
    chord = sin(north / 2) ** 2 + cos(radians(latitude)) * cos(radians(other_latitude)) * sin(east / 2) ** 2
    return 2 * _EARTH_M * asin(min(1.0, sqrt(chord)))


def _row(latitude: float) -> int:
    return min(floor((latitude + 90.0) / CELL_DEG), _ROWS - 1)


def _column(longitude: float) -> int:
    return floor((longitude + 180.0) / CELL_DEG)
