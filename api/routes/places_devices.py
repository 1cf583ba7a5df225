"""Cameras and sensors: registered, edited and listed, with their position in both datums."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, StringConstraints

from api.access import allowed
from api.people.callers import Caller
from api.places.devices import (
    DeviceKey,
    GivenCamera,
    GivenSensor,
    ShownCamera,
    ShownSensor,
    find_device,
    list_devices,
    remove_device,
    set_device,
    shown_camera,
    shown_sensor,
)
from api.places.editing import Editor
from api.schemas import Key
from api.services import Here, RequestId
from api.tables import Camera, Sensor

router = APIRouter(prefix="/api/v1/places", tags=["places"])
_EDIT = "places.edit_cameras_and_watches"
Installer = Annotated[Caller, allowed(_EDIT)]
After = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}/[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Limit = Annotated[int, Query(ge=1, le=1000)]


class CameraPage(BaseModel):
    """``next`` is the ``after`` of the next page, None on the last."""

    items: list[ShownCamera]
    next: str | None


class SensorPage(BaseModel):
    """``next`` is the ``after`` of the next page, None on the last."""

    items: list[ShownSensor]
    next: str | None


@router.get("/cameras", dependencies=[allowed("places.read")])
def list_cameras(here: Here, edge_id: Key | None = None, after: After | None = None, limit: Limit = 200) -> CameraPage:
    with here.database.read() as session:
        rows = list_devices(session, Camera, edge_id=edge_id, after=_key(after), limit=limit + 1)
    items = [shown_camera(row) for row in rows[:limit]]
    return CameraPage(items=items, next=_next(items[-1]) if len(rows) > limit else None)


@router.get("/cameras/{edge_id}/{camera_id}", dependencies=[allowed("places.read")])
def show_camera(edge_id: Key, camera_id: Key, here: Here) -> ShownCamera:
    with here.database.read() as session:
        return shown_camera(find_device(session, Camera, (edge_id, camera_id)))


@router.put("/cameras/{edge_id}/{camera_id}")
def put_camera(
    *, edge_id: Key, camera_id: Key, given: GivenCamera, caller: Installer, here: Here, request_id: RequestId
) -> ShownCamera:
    """Registers or edits a camera of an enrolled edge; ``camera_id`` is what the edge's file calls it."""
    editor = Editor.of(caller.actor, _EDIT, here, request_id)
    with here.database.write() as session:
        return shown_camera(set_device(session, Camera, (edge_id, camera_id), given, editor))


@router.delete("/cameras/{edge_id}/{camera_id}", status_code=HTTPStatus.NO_CONTENT)
def delete_camera(edge_id: Key, camera_id: Key, caller: Installer, here: Here, request_id: RequestId) -> Response:
    with here.database.write() as session:
        remove_device(session, Camera, (edge_id, camera_id), Editor.of(caller.actor, _EDIT, here, request_id))
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.get("/sensors", dependencies=[allowed("places.read")])
def list_sensors(here: Here, edge_id: Key | None = None, after: After | None = None, limit: Limit = 200) -> SensorPage:
    with here.database.read() as session:
        rows = list_devices(session, Sensor, edge_id=edge_id, after=_key(after), limit=limit + 1)
    items = [shown_sensor(row) for row in rows[:limit]]
    return SensorPage(items=items, next=_next(items[-1]) if len(rows) > limit else None)


@router.get("/sensors/{edge_id}/{sensor_id}", dependencies=[allowed("places.read")])
def show_sensor(edge_id: Key, sensor_id: Key, here: Here) -> ShownSensor:
    with here.database.read() as session:
        return shown_sensor(find_device(session, Sensor, (edge_id, sensor_id)))


@router.put("/sensors/{edge_id}/{sensor_id}")
def put_sensor(
    *, edge_id: Key, sensor_id: Key, given: GivenSensor, caller: Installer, here: Here, request_id: RequestId
) -> ShownSensor:
    """Registers or edits a sensor of an enrolled edge; ``sensor_id`` is what the edge's file calls it."""
    editor = Editor.of(caller.actor, _EDIT, here, request_id)
    with here.database.write() as session:
        return shown_sensor(set_device(session, Sensor, (edge_id, sensor_id), given, editor))


@router.delete("/sensors/{edge_id}/{sensor_id}", status_code=HTTPStatus.NO_CONTENT)
def delete_sensor(edge_id: Key, sensor_id: Key, caller: Installer, here: Here, request_id: RequestId) -> Response:
    with here.database.write() as session:
        remove_device(session, Sensor, (edge_id, sensor_id), Editor.of(caller.actor, _EDIT, here, request_id))
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _key(after: str | None) -> DeviceKey | None:
    if after is None:
        return None
    edge_id, _, device_id = after.partition("/")
    return edge_id, device_id


def _next(last: ShownCamera | ShownSensor) -> str:
    return f"{last.edge_id}/{last.id}"
