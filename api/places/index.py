"""Holds all grids, roads, permits and assignments in memory, and resolves positions without SQL."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any, Self
from uuid import UUID
from zoneinfo import ZoneInfo

import shapely
import structlog
from shapely.errors import ShapelyError
from shapely.geometry import shape as shape_of
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.places.permit_windows import PermitWindow
from api.places.projection import LocalMetres
from api.places.shapes import Areas, Roads
from api.tables import Assignment, Department, Grid, Kind, Permit, Road

_log = structlog.get_logger()
_AssignmentKey = tuple[str | None, str | None, str | None]
"""Kind, class of road and grid; None stands for any."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a position means for a kind at a moment. district: None where no grid contains it.

    road_id: the road that gave the class. assignment_id: the assignment that gave the department; None where it is the
    kind's own. permit_until: the end of the window of the permit that is open then.
    """

    department: str
    grid_id: str | None = None
    district: str | None = None
    road_class: str | None = None
    permit_id: UUID | None = None
    permit_until: datetime | None = None
    road_id: str | None = None
    assignment_id: int | None = None


@dataclass(frozen=True, slots=True)
class _OpenPermit:
    id: UUID
    kinds: frozenset[str]
    window: PermitWindow


class PlacesIndex:
    """All places as they were at one version. Immutable, so threads may share it."""

    def __init__(
        self,
        *,
        grids: Sequence[Grid],
        roads: Sequence[Road],
        permits: Sequence[Permit],
        assignments: Iterable[Assignment],
    ) -> None:
        grids, areas = _readable(sorted(grids, key=lambda grid: grid.id))
        self._grids = [(grid.id, grid.district) for grid in grids]
        self._grid_areas = Areas(areas)
        roads, lines = _readable(sorted(roads, key=lambda road: road.id))
        self._roads = [(road.id, road.road_class) for road in roads]
        metres = LocalMetres.around(float(latitude) for _, latitude in shapely.get_coordinates(lines))
        self._road_lines = Roads(lines, [road.width_m for road in roads], metres)
        permits, areas = _readable(sorted(permits, key=lambda permit: permit.id))
        self._permits = [_OpenPermit(permit.id, frozenset(permit.kinds), window_of(permit)) for permit in permits]
        self._permit_areas = Areas(areas)
        self._departments: dict[_AssignmentKey, tuple[str, int]] = {}
        for each in sorted(assignments, key=lambda each: each.id):
            key = each.kind_key, each.road_class, each.grid_id
            self._departments.setdefault(key, (each.department, each.id))

    @classmethod
    def read(cls, session: Session) -> Self:
        in_force = select(Assignment).join(Department, Department.key == Assignment.department)
        return cls(
            grids=session.scalars(select(Grid)).all(),
            roads=session.scalars(select(Road)).all(),
            permits=session.scalars(select(Permit)).all(),
            assignments=session.scalars(in_force.where(Department.retired.is_(False))).all(),
        )

    def resolve(self, kind: Kind, longitude: float | None, latitude: float | None, at: datetime) -> Resolved:
        """longitude, latitude: WGS-84, degrees, or None where nobody knows the position. Asks no database."""
        if longitude is None or latitude is None:
            department, assignment_id = self._department(kind, None, None)
            return Resolved(department=department, assignment_id=assignment_id)
        grid_id, district = self._grid(longitude, latitude)
        road_id, road_class = self._road(longitude, latitude)
        permit_id, permit_until = self._permit(kind, longitude, latitude, at)
        department, assignment_id = self._department(kind, road_class, grid_id)
        return Resolved(
            department=department,
            assignment_id=assignment_id,
            grid_id=grid_id,
            district=district,
            road_class=road_class,
            permit_id=permit_id,
            permit_until=permit_until,
            road_id=road_id,
        )

    def _grid(self, longitude: float, latitude: float) -> tuple[str, str] | tuple[None, None]:
        """The smallest grid around the position; on borders alone, the first by id."""
        inside = self._grid_areas.inside(longitude, latitude)
        if inside:
            return self._grids[min(inside, key=lambda place: self._grid_areas.sizes[place])]
        touching = self._grid_areas.touching(longitude, latitude)
        return self._grids[touching[0]] if touching else (None, None)

    def _road(self, longitude: float, latitude: float) -> tuple[str, str] | tuple[None, None]:
        place = self._road_lines.nearest(longitude, latitude)
        return (None, None) if place is None else self._roads[place]

    def _department(self, kind: Kind, road_class: str | None, grid_id: str | None) -> tuple[str, int | None]:
        """The most definite assignment: one of the kind before others, then of the road class, then of the grid."""
        for of_kind in (kind.key, None):
            for of_class in dict.fromkeys((road_class, None)):
                for of_grid in dict.fromkeys((grid_id, None)):
                    found = self._departments.get((of_kind, of_class, of_grid))
                    if found is not None:
                        return found
        return kind.department, None

    def _permit(
        self, kind: Kind, longitude: float, latitude: float, at: datetime
    ) -> tuple[UUID, datetime] | tuple[None, None]:
        """Of several open permits the one that is open longest; never for a safety kind, whatever a permit says."""
        if kind.safety:
            return None, None
        found: tuple[UUID, datetime] | tuple[None, None] = (None, None)
        for place in self._permit_areas.touching(longitude, latitude):
            permit = self._permits[place]
            until = permit.window.open_until(at) if kind.key in permit.kinds else None
            if until is not None and (found[1] is None or until > found[1]):
                found = permit.id, until
        return found


def window_of(permit: Permit) -> PermitWindow:
    """When the permit is open. One that was revoked held until then: late reports are judged by their own time."""
    return PermitWindow(
        from_at=permit.from_at,
        until_at=min(permit.until_at, permit.revoked_at or permit.until_at),
        zone=ZoneInfo(permit.time_zone),
        daily_from=_time(permit.daily_from),
        daily_until=_time(permit.daily_until),
        weekdays=frozenset(range(7) if permit.weekdays is None else permit.weekdays),
    )


def _time(text: str | None) -> time | None:
    return None if text is None else time.fromisoformat(text)


def _readable(rows: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """Returns the rows with their shapes. One that cannot be read is told and left out: reports must go on."""
    read: list[tuple[Any, Any]] = []
    for row in rows:
        try:
            found = shape_of(row.geometry)
        except (ShapelyError, ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
            _log.error("a place's geometry cannot be read", table=row.__tablename__, id=str(row.id), reason=str(error))
            continue
        if not found.is_empty:
            read.append((row, found))
    return [row for row, _ in read], [found for _, found in read]
