"""Tells where what is reported is: as reported, or where the camera or sensor is registered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from api.places.datum import gcj02_to_wgs84
from api.reports.nearness import cell_of
from api.schemas import Report, ReportedPosition
from api.tables import Camera, Sensor
from api.tables.base import JsonObject

SourceKey = tuple[str, str, str]
"""Type, edge and id of a source."""

_WGS84 = "WGS84"


@dataclass(frozen=True, slots=True)
class Position:
    """longitude, latitude: WGS-84, degrees; ``given_*`` as it was said, in ``given_datum``."""

    longitude: float
    latitude: float
    error_m: float | None
    given_longitude: float
    given_latitude: float
    given_datum: str

    @property
    def point(self) -> tuple[float, float]:
        return self.longitude, self.latitude


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Both are None where nobody knows."""

    position: Position | None
    asset_id: str | None


def position_of(reported: ReportedPosition) -> Position:
    longitude, latitude = reported.longitude, reported.latitude
    if reported.datum == "GCJ02":
        longitude, latitude = gcj02_to_wgs84(longitude, latitude)
    return Position(
        longitude=longitude,
        latitude=latitude,
        error_m=reported.position_error_m,
        given_longitude=reported.longitude,
        given_latitude=reported.latitude,
        given_datum=reported.datum,
    )


class Registered:
    """What is registered of the sources of reports that leave something out."""

    def __init__(self, session: Session, reports: Iterable[Report]) -> None:
        wanted = {source_of(report) for report in reports if _leaves_out(report)}
        cameras = {key[1:] for key in wanted if key[0] == "camera"}
        sensors = {key[1:] for key in wanted if key[0] == "sensor"}
        self._found: dict[UUID, Whereabouts] = {}
        self._places: dict[SourceKey, Whereabouts] = {}
        if cameras:
            named = select(Camera).where(tuple_(Camera.edge_id, Camera.id).in_(sorted(cameras)))
            for camera in session.scalars(named):
                self._places["camera", camera.edge_id, camera.id] = Whereabouts(_registered(camera), None)
        if sensors:
            of_sensors = select(Sensor).where(tuple_(Sensor.edge_id, Sensor.id).in_(sorted(sensors)))
            for sensor in session.scalars(of_sensors):
                place = Whereabouts(_registered(sensor), sensor.asset_id)
                self._places["sensor", sensor.edge_id, sensor.id] = place

    def of(self, report: Report) -> Whereabouts:
        if report.report_id not in self._found:
            self._found[report.report_id] = self._find(report)
        return self._found[report.report_id]

    def _find(self, report: Report) -> Whereabouts:
        known = self._places.get(source_of(report), Whereabouts(None, None))
        position = known.position if report.position is None else position_of(report.position)
        return Whereabouts(position, report.asset_id or known.asset_id)


def source_of(report: Report) -> SourceKey:
    return report.source_type, report.edge_id, report.source_id


def position_columns(position: Position) -> JsonObject:
    """The columns of a case that say where it is."""
    return {
        "longitude": position.longitude,
        "latitude": position.latitude,
        "position_error_m": position.error_m,
        "given_longitude": position.given_longitude,
        "given_latitude": position.given_latitude,
        "given_datum": position.given_datum,
        "cell": cell_of(*position.point),
    }


def _leaves_out(report: Report) -> bool:
    return report.position is None or (report.asset_id is None and report.source_type == "sensor")


def _registered(place: Camera | Sensor) -> Position | None:
    if place.longitude is None or place.latitude is None:
        return None
    return Position(
        longitude=place.longitude,
        latitude=place.latitude,
        error_m=None,
        given_longitude=place.longitude if place.given_longitude is None else place.given_longitude,
        given_latitude=place.latitude if place.given_latitude is None else place.given_latitude,
        given_datum=place.given_datum or _WGS84,
    )
