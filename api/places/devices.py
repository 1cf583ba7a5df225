"""Keeps cameras and sensors as people know them: a name, and where what they see or feel is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, Field
from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from api.places.editing import Editor
from api.places.errors import PlaceMissing
from api.places.schemas import GivenPoint, PlaceName, ShownPoint, point_columns, shown_point
from api.schemas import Key, Short, Text
from api.tables import Camera, Edge, Sensor

DeviceKey = tuple[str, str]
"""Edge and camera, or edge and sensor."""

_Device = TypeVar("_Device", Camera, Sensor)


class GivenCamera(BaseModel):
    """position: of the ground that it sees, which serves where a report has none; not of its mast."""

    name: PlaceName
    position: GivenPoint | None = None
    presets: Annotated[list[Key], Field(max_length=100, default_factory=list)]
    note: Text | None = None


class GivenSensor(BaseModel):
    """asset_id: the component that it watches."""

    name: PlaceName
    position: GivenPoint | None = None
    asset_id: Short | None = None
    note: Text | None = None


class ShownCamera(BaseModel):
    edge_id: str
    id: str
    name: str
    position: ShownPoint | None
    presets: list[str]
    note: str | None


class ShownSensor(BaseModel):
    edge_id: str
    id: str
    name: str
    position: ShownPoint | None
    asset_id: str | None
    note: str | None


def set_device(
    session: Session, table: type[_Device], key: DeviceKey, given: GivenCamera | GivenSensor, editor: Editor
) -> _Device:
    """Registers or edits a camera or sensor. Raises: PlaceMissing: If its edge is not enrolled."""
    edge_id, device_id = key
    # Locked, so that of two who register the same one at once the second edits it.
    if session.get(Edge, edge_id, with_for_update=True) is None:
        raise PlaceMissing(f"no edge {edge_id} is enrolled")
    columns: dict[str, Any] = given.model_dump(exclude={"position"}) | point_columns(given.position)
    row = session.get(table, key)
    if row is None:
        row = table(edge_id=edge_id, id=device_id)
        session.add(row)
    for name, value in columns.items():
        setattr(row, name, value)
    session.flush()
    editor.noted(session, _subject(table, key), f"{_word(table)} set", name=given.name)
    return row


def remove_device(session: Session, table: type[_Device], key: DeviceKey, editor: Editor) -> None:
    """Raises: PlaceMissing."""
    session.get(Edge, key[0], with_for_update=True)
    session.delete(find_device(session, table, key))
    editor.noted(session, _subject(table, key), f"{_word(table)} removed")


def find_device(session: Session, table: type[_Device], key: DeviceKey) -> _Device:
    """Raises: PlaceMissing."""
    row = session.get(table, key)
    if row is None:
        raise PlaceMissing(f"edge {key[0]} has no {_word(table)} {key[1]} that anybody registered")
    return row


def list_devices(
    session: Session, table: type[_Device], *, edge_id: str | None, after: DeviceKey | None, limit: int
) -> Sequence[_Device]:
    """Returns cameras or sensors by edge and name, behind ``after``."""
    query = select(table).order_by(table.edge_id, table.id).limit(limit)
    if edge_id is not None:
        query = query.where(table.edge_id == edge_id)
    if after is not None:
        query = query.where(tuple_(table.edge_id, table.id) > tuple_(*after))
    return session.scalars(query).all()


def shown_camera(row: Camera) -> ShownCamera:
    return ShownCamera(
        edge_id=row.edge_id,
        id=row.id,
        name=row.name,
        position=shown_point(row),
        presets=row.presets,
        note=row.note,
    )


def shown_sensor(row: Sensor) -> ShownSensor:
    return ShownSensor(
        edge_id=row.edge_id,
        id=row.id,
        name=row.name,
        position=shown_point(row),
        asset_id=row.asset_id,
        note=row.note,
    )


def _word(table: type[Camera] | type[Sensor]) -> str:
    return "camera" if table is Camera else "sensor"


def _subject(table: type[Camera] | type[Sensor], key: DeviceKey) -> str:
    return f"{_word(table)}:{key[0]}/{key[1]}"
