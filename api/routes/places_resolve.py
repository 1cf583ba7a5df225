"""Shows what a position means for a kind at a moment, and why."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel
from sqlalchemy.orm import Session

from api.access import allowed
from api.openapi import problems
from api.places.geometry import Datum, place_from, place_in
from api.places.resolver import Resolved, places_index
from api.places.schemas import Latitude, Longitude, Point, ShownAssignment, ShownPoint
from api.problems import Problem
from api.schemas import Key, Utc
from api.services import Here
from api.tables import Assignment, Department, Grid, Kind, Permit, Road

router = APIRouter(prefix="/api/v1/places", tags=["places"])


class NamedGrid(BaseModel):
    id: str
    name_en: str
    name_zh: str
    district: str


class NamedRoad(BaseModel):
    id: str
    name: str
    road_class: str


class NamedDepartment(BaseModel):
    """Names are None for a department of the catalogue that nobody has listed."""

    key: str
    name_en: str | None
    name_zh: str | None


class NamedPermit(BaseModel):
    """open_until: the end of the window that is open at that moment."""

    id: UUID
    name: str
    open_until: datetime


class WhatItMeans(BaseModel):
    """district: of the grid, else the site's own. because: whether an assignment or the kind says which department."""

    position: ShownPoint
    kind: str
    at: datetime
    grid: NamedGrid | None
    district: str
    road: NamedRoad | None
    department: NamedDepartment
    because: Literal["assignment", "kind"]
    assignment: ShownAssignment | None
    permit: NamedPermit | None


@router.get(
    "/resolve",
    dependencies=[allowed("places.read")],
    responses=problems({404: "The catalogue has no such kind."}),
)
def resolve_position(
    *,
    longitude: Annotated[Longitude, Query()],
    latitude: Annotated[Latitude, Query()],
    kind: Key,
    here: Here,
    datum: Datum = "WGS84",
    at: Utc | None = None,
) -> WhatItMeans:
    """Resolves as a report would be. ``at`` is now where it is left out."""
    place = place_from(longitude, latitude, datum)
    moment = here.clock() if at is None else at
    with here.database.read() as session:
        found = session.get(Kind, kind)
        if found is None:
            raise Problem(HTTPStatus.NOT_FOUND, f"the catalogue has no kind {kind}")
        resolved = places_index(session).resolve(found, *place, moment)
        permit = None if resolved.permit_id is None else session.get(Permit, resolved.permit_id)
        return WhatItMeans(
            position=ShownPoint(
                wgs84=Point(longitude=place[0], latitude=place[1]),
                gcj02=_gcj02(longitude, latitude, place, datum),
                given_datum=datum,
            ),
            kind=kind,
            at=moment,
            grid=_grid(session, resolved),
            district=resolved.district or here.settings.district,
            road=_road(session, resolved),
            department=_department(session, resolved),
            because="kind" if resolved.assignment_id is None else "assignment",
            assignment=_assignment(session, resolved),
            permit=None
            if permit is None or resolved.permit_until is None
            else NamedPermit(id=permit.id, name=permit.name, open_until=resolved.permit_until),
        )


def _gcj02(longitude: float, latitude: float, place: tuple[float, float], datum: Datum) -> Point:
    shifted = (longitude, latitude) if datum == "GCJ02" else place_in(*place, "GCJ02")
    return Point(longitude=shifted[0], latitude=shifted[1])


def _grid(session: Session, resolved: Resolved) -> NamedGrid | None:
    row = None if resolved.grid_id is None else session.get(Grid, resolved.grid_id)
    return (
        None if row is None else NamedGrid(id=row.id, name_en=row.name_en, name_zh=row.name_zh, district=row.district)
    )


def _road(session: Session, resolved: Resolved) -> NamedRoad | None:
    row = None if resolved.road_id is None else session.get(Road, resolved.road_id)
    return None if row is None else NamedRoad(id=row.id, name=row.name, road_class=row.road_class)


def _department(session: Session, resolved: Resolved) -> NamedDepartment:
    row = session.get(Department, resolved.department)
    if row is None:
        return NamedDepartment(key=resolved.department, name_en=None, name_zh=None)
    return NamedDepartment(key=row.key, name_en=row.name_en, name_zh=row.name_zh)


def _assignment(session: Session, resolved: Resolved) -> ShownAssignment | None:
    row = None if resolved.assignment_id is None else session.get(Assignment, resolved.assignment_id)
    if row is None:
        return None
    return ShownAssignment(
        id=row.id, kind=row.kind_key, road_class=row.road_class, grid_id=row.grid_id, department=row.department
    )
