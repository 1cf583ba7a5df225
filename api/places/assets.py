"""Keeps the city's components, such as manholes and lamps, which come in as a table of thousands."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Self

from pydantic import BaseModel, StringConstraints, ValidationError, model_validator
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.inserting import insert_into
from api.places.areas import IDS_AUDITED
from api.places.editing import Editor
from api.places.errors import Fault, PlacesRefused
from api.places.geometry import Datum
from api.places.schemas import (
    GivenPoint,
    Latitude,
    Longitude,
    PlaceName,
    ShownPoint,
    point_columns,
    shown_point,
)
from api.schemas import Key, Short
from api.tables import Asset, Department
from api.tables.base import JsonObject

ROWS_MAX = 50_000
FAULTS_SOUGHT = 1000
_AT_ONCE = 500
COLUMNS = ("id", "name", "code_scheme", "code", "department", "longitude", "latitude", "datum")

AssetId = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00]*$")]


class GivenAsset(BaseModel):
    """A component under its own code; ``department`` is who looks after it. Longitude and latitude: both or neither."""

    id: AssetId
    name: PlaceName
    code_scheme: Short | None = None
    code: Short | None = None
    department: Key | None = None
    longitude: Longitude | None = None
    latitude: Latitude | None = None
    datum: Datum = "WGS84"

    @model_validator(mode="after")
    def _both_or_neither(self) -> Self:
        if (self.longitude is None) != (self.latitude is None):
            raise ValueError("longitude and latitude belong together")
        return self

    @property
    def point(self) -> GivenPoint | None:
        if self.longitude is None or self.latitude is None:
            return None
        return GivenPoint(longitude=self.longitude, latitude=self.latitude, datum=self.datum)


class ShownAsset(BaseModel):
    id: str
    name: str
    code_scheme: str | None
    code: str | None
    department: str | None
    position: ShownPoint | None


class AssetImportAnswer(BaseModel):
    """How many were added, changed, or were there as they are; the same for a ``dry_run``."""

    dry_run: bool
    added: int
    changed: int
    unchanged: int


def assets_of_csv(body: bytes) -> list[GivenAsset]:
    """Reads a table with a head line, in UTF-8. Raises: PlacesRefused: Naming line and column of each fault."""
    try:
        reader = csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True)
        head = list(reader.fieldnames or ())
        unknown = [column for column in head if column not in COLUMNS]
        if unknown or not {"id", "name"} <= set(head) or len(set(head)) < len(head):
            raise _refused("line 1", f"expected columns of {', '.join(COLUMNS)}, with id and name, each once")
        rows = [(f"line {reader.line_num}", _cells(row)) for row in _bounded(reader)]
    except UnicodeDecodeError:
        raise _refused("body", "expected text in UTF-8") from None
    except csv.Error as error:
        raise _refused("body", f"expected CSV: {error}") from None
    return _checked(rows)


def assets_of_json(body: Any) -> list[GivenAsset]:
    """Reads a list of objects with the table's columns. Raises: PlacesRefused."""
    if not isinstance(body, list):
        raise _refused("body", "expected a list of objects")
    return _checked([(f"[{number}]", row) for number, row in enumerate(_bounded(body))])


def import_assets(
    session: Session, assets: Sequence[GivenAsset], editor: Editor, *, dry_run: bool
) -> AssetImportAnswer:
    """Adds what is new and changes what differs; the others stay. Raises: PlacesRefused: If a department is unknown."""
    _check_departments(session, assets)
    columns = {asset.id: _columns(asset) for asset in assets}
    known = _known(session, list(columns))
    added = [row for id, row in columns.items() if id not in known]
    changed = [row for id, row in columns.items() if id in known and known[id] != row]
    news = [*added, *changed]
    if not dry_run:
        for start in range(0, len(news), _AT_ONCE):
            _keep(session, news[start : start + _AT_ONCE])
        told = {"added": len(added), "changed": len(changed), "ids": sorted(row["id"] for row in news)[:IDS_AUDITED]}
        editor.noted(session, "places", "assets imported", **told)
    unchanged = len(columns) - len(news)
    return AssetImportAnswer(dry_run=dry_run, added=len(added), changed=len(changed), unchanged=unchanged)


def list_assets(session: Session, *, after: str | None, limit: int) -> Sequence[Asset]:
    query = select(Asset).order_by(Asset.id).limit(limit)
    return session.scalars(query if after is None else query.where(Asset.id > after)).all()


def shown_asset(row: Asset) -> ShownAsset:
    return ShownAsset(
        id=row.id,
        name=row.name,
        code_scheme=row.code_scheme,
        code=row.code,
        department=row.department,
        position=shown_point(row),
    )


def _bounded(rows: Iterable[Any]) -> Iterator[Any]:
    for number, row in enumerate(rows):
        if number >= ROWS_MAX:
            raise _refused("body", f"expected {ROWS_MAX} rows at most at a time")
        yield row


def _cells(row: Mapping[str | None, Any]) -> Any:
    """Leaves empty cells out; a line with more cells than the head says is told by a key of its own."""
    if None in row:
        return {"more cells than columns": True}
    return {column: cell for column, cell in row.items() if cell not in (None, "")}


def _checked(rows: Sequence[tuple[str, Any]]) -> list[GivenAsset]:
    checked: dict[str, GivenAsset] = {}
    faults: list[Fault] = []
    for where, row in rows:
        try:
            asset = GivenAsset.model_validate(row)
        except ValidationError as error:
            faults += [_fault(where, each) for each in error.errors(include_url=False, include_input=False)]
        else:
            if asset.id in checked:
                faults.append(Fault(f"{where}, id", "expected an id of its own, this one stands twice"))
            checked[asset.id] = asset
        if len(faults) >= FAULTS_SOUGHT:
            break
    if faults:
        raise PlacesRefused(faults)
    return list(checked.values())


def _fault(where: str, error: Any) -> Fault:
    column = ".".join(str(part) for part in error["loc"])
    return Fault(f"{where}, {column}" if column else where, str(error["msg"])[:300])


def _check_departments(session: Session, assets: Sequence[GivenAsset]) -> None:
    known = set(session.scalars(select(Department.key)))
    unknown = sorted({asset.department for asset in assets if asset.department is not None} - known)
    if unknown:
        raise PlacesRefused([Fault("department", f"expected one that there is, got {key}") for key in unknown])


def _columns(asset: GivenAsset) -> JsonObject:
    own = asset.model_dump(include={"id", "name", "code_scheme", "code", "department"})
    return own | point_columns(asset.point)


def _known(session: Session, ids: Sequence[str]) -> dict[str, JsonObject]:
    table = Asset.__table__
    known: dict[str, JsonObject] = {}
    for start in range(0, len(ids), _AT_ONCE):
        found = session.execute(select(table).where(Asset.id.in_(ids[start : start + _AT_ONCE])))
        known |= {row["id"]: dict(row) for row in found.mappings()}
    return known


def _keep(session: Session, rows: Sequence[JsonObject]) -> None:
    insert = insert_into(session, Asset)
    others = {name: insert.excluded[name] for name in rows[0] if name != "id"}
    session.connection().execute(insert.on_conflict_do_update(index_elements=["id"], set_=others), list(rows))


def _refused(where: str, why: str) -> PlacesRefused:
    return PlacesRefused([Fault(where, why)])
