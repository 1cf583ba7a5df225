"""Places for tests: squares, lines and whole indexes without a database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from uuid_utils.compat import uuid7

from api.places.index import PlacesIndex
from api.tables import Assignment, Grid, Kind, Permit, Road

NOON = datetime(2026, 6, 1, 4, 0, tzinfo=UTC)
"""A Monday, noon in Shanghai."""

METRE_NORTH_DEG = 1 / 111_320


def polygon(*corners: tuple[float, float]) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [[list(corner) for corner in (*corners, corners[0])]]}


def square(west: float, south: float, side: float) -> dict[str, Any]:
    east, north = west + side, south + side
    return polygon((west, south), (east, south), (east, north), (west, north))


def line(*places: tuple[float, float]) -> dict[str, Any]:
    return {"type": "LineString", "coordinates": [list(place) for place in places]}


def a_grid(id: str, geometry: dict[str, Any], district: str = "341122") -> Grid:
    return Grid(id=id, name_en=id, name_zh=id, district=district, geometry=geometry)


def a_road(id: str, geometry: dict[str, Any], road_class: str, width_m: float = 20) -> Road:
    return Road(id=id, name=id, road_class=road_class, width_m=width_m, geometry=geometry)


def a_kind(key: str = "street-encroachment", *, safety: bool = False, department: str = "urban-management") -> Kind:
    return Kind(key=key, safety=safety, department=department)


def a_permit(geometry: dict[str, Any], **changes: Any) -> Permit:
    fields: dict[str, Any] = {
        "id": uuid7(),
        "kinds": ["street-encroachment"],
        "geometry": geometry,
        "from_at": datetime(2026, 5, 1, tzinfo=UTC),
        "until_at": datetime(2026, 9, 1, tzinfo=UTC),
        "time_zone": "Asia/Shanghai",
    }
    return Permit(**(fields | changes))


def an_assignment(id: int, department: str, *key: str | None) -> Assignment:
    kind, road_class, grid = key
    return Assignment(id=id, kind_key=kind, road_class=road_class, grid_id=grid, department=department)


def an_index(
    grids: Sequence[Grid] = (),
    roads: Sequence[Road] = (),
    permits: Sequence[Permit] = (),
    assignments: Sequence[Assignment] = (),
) -> PlacesIndex:
    return PlacesIndex(grids=grids, roads=roads, permits=permits, assignments=assignments)
