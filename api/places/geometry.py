"""Checks geometry in GeoJSON, and turns it from one datum into the other."""

from __future__ import annotations

from collections.abc import Callable, Collection
from math import isfinite
from typing import Any, Literal

import shapely
from shapely.errors import ShapelyError
from shapely.geometry import shape as shape_of

from api.places.datum import gcj02_to_wgs84, wgs84_to_gcj02
from api.tables.base import JsonObject

Datum = Literal["WGS84", "GCJ02"]
Place = tuple[float, float]

AREA_TYPES = ("Polygon", "MultiPolygon")
LINE_TYPES = ("LineString", "MultiLineString")
_DEPTHS = {"LineString": 1, "MultiLineString": 2, "Polygon": 2, "MultiPolygon": 3}
_SHOWN_CHARS = 40


class GeometryRefused(ValueError):
    """The geometry is not what was expected; the message says where and what."""


class Allowance:
    """How many positions may still come: one polygon with a million corners would keep everybody waiting."""

    def __init__(self, positions: int) -> None:
        self.total = self.left = positions

    def take(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise GeometryRefused(f"expected {self.total} positions at most in all")


def checked_geometry(value: Any, *, types: Collection[str], datum: Datum, allowance: Allowance) -> JsonObject:
    """Returns the geometry in WGS-84, with two numbers a position. Raises: GeometryRefused."""
    if not isinstance(value, dict):
        raise GeometryRefused(f"geometry: expected an object with type and coordinates, got {_word(value)}")
    kind = value.get("type")
    if not isinstance(kind, str) or kind not in types:
        raise GeometryRefused(f"geometry.type: expected {' or '.join(types)}, got {_word(kind)}")
    convert = gcj02_to_wgs84 if datum == "GCJ02" else None
    reader = _Reader(closed=kind in AREA_TYPES, convert=convert, allowance=allowance)
    coordinates = reader.read(value.get("coordinates"), _DEPTHS[kind], "coordinates")
    geometry = {"type": kind, "coordinates": coordinates}
    _check_valid(geometry)
    return geometry


def in_datum(geometry: JsonObject, datum: Datum) -> JsonObject:
    """Returns a geometry that is kept in WGS-84 in the datum that somebody's map has."""
    if datum == "WGS84":
        return geometry
    return {"type": geometry["type"], "coordinates": _shifted(geometry["coordinates"])}


def place_in(longitude: float, latitude: float, datum: Datum) -> Place:
    """Returns a WGS-84 position in the datum."""
    return wgs84_to_gcj02(longitude, latitude) if datum == "GCJ02" else (longitude, latitude)


def place_from(longitude: float, latitude: float, datum: Datum) -> Place:
    """Returns a position that was given in the datum in WGS-84."""
    return gcj02_to_wgs84(longitude, latitude) if datum == "GCJ02" else (longitude, latitude)


class _Reader:
    """Reads nested coordinates; ``closed``: the innermost lists are rings."""

    def __init__(self, *, closed: bool, convert: Callable[[float, float], Place] | None, allowance: Allowance) -> None:
        self._closed = closed
        self._convert = convert
        self._allowance = allowance

    def read(self, value: Any, depth: int, where: str) -> list[Any]:
        if not isinstance(value, list) or not value:
            raise GeometryRefused(f"{where}: expected a list with something in it, got {_word(value)}")
        if depth > 1:
            return [self.read(each, depth - 1, f"{where}[{n}]") for n, each in enumerate(value)]
        self._allowance.take(len(value))
        places = [_position(each, f"{where}[{n}]") for n, each in enumerate(value)]
        if self._closed and (len(places) < 4 or places[0] != places[-1]):
            raise GeometryRefused(
                f"{where}: expected a closed ring of 4 positions or more, the last as the first, got {len(places)}"
                f"{'' if places[0] == places[-1] else ' that are not closed'}"
            )
        if not self._closed and len(places) < 2:
            raise GeometryRefused(f"{where}: expected a line of 2 positions or more, got {len(places)}")
        return [list(self._convert(*place) if self._convert else place) for place in places]


def _position(value: Any, where: str) -> Place:
    if not isinstance(value, list) or not 2 <= len(value) <= 3 or not all(_is_number(each) for each in value):
        raise GeometryRefused(f"{where}: expected [longitude, latitude], got {_word(value)}")
    longitude, latitude = float(value[0]), float(value[1])
    if not (-180 <= longitude <= 180 and -90 <= latitude <= 90):
        raise GeometryRefused(
            f"{where}: expected longitude -180 to 180 and latitude -90 to 90, got [{longitude:g}, {latitude:g}]"
        )
    return longitude, latitude


def _is_number(value: Any) -> bool:
    # An int beyond what a float holds is no coordinate either.
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e9 and isfinite(value)


def _check_valid(geometry: JsonObject) -> None:
    try:
        found = shape_of(geometry)
        reason = str(shapely.is_valid_reason(found))
    except (ShapelyError, ValueError) as error:
        raise GeometryRefused(f"geometry: expected one that can be built, got {str(error)[:200]}") from None
    if reason != "Valid Geometry":
        raise GeometryRefused(f"geometry: expected one that neither crosses nor touches itself, got: {reason[:200]}")


def _shifted(coordinates: Any) -> Any:
    if isinstance(coordinates[0], (int, float)):
        return list(wgs84_to_gcj02(coordinates[0], coordinates[1]))
    return [_shifted(each) for each in coordinates]


def _word(value: Any) -> str:
    """Names what was found, briefly and printably."""
    if isinstance(value, (dict, list)):
        return f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value)}"
    return repr(value)[:_SHOWN_CHARS].encode("utf-8", "replace").decode()
