"""Keeps permits: what is allowed where and when, so that an approved night market is no case."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, Field, StringConstraints, model_validator
from sqlalchemy import select
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from api.places.editing import Editor
from api.places.errors import Fault, PlaceMissing, PlacesRefused
from api.places.geometry import AREA_TYPES, Allowance, Datum, GeometryRefused, checked_geometry, in_datum
from api.places.index import window_of
from api.places.schemas import Geometry, PlaceName, no_flag
from api.schemas import Key, Utc
from api.tables import Kind, Permit

POSITIONS_MAX = 2000
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)

ClockTime = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Weekday = Annotated[int, Field(ge=0, le=6), BeforeValidator(no_flag)]


class GivenPermit(BaseModel):
    """daily_from, daily_until: local times of the site; where the second is not later, it is the next day's.

    weekdays: 0 is Monday; a window past midnight belongs to the day on which it begins. area: Polygon or MultiPolygon.
    """

    name: PlaceName
    holder: PlaceName | None = None
    kinds: Annotated[list[Key], Field(min_length=1, max_length=100)]
    area: dict[str, Any]
    datum: Datum = "WGS84"
    from_at: Utc
    until_at: Utc
    daily_from: ClockTime | None = None
    daily_until: ClockTime | None = None
    weekdays: Annotated[list[Weekday], Field(min_length=1, max_length=7)] | None = None

    @model_validator(mode="after")
    def _is_ever_open(self) -> Self:
        if not EARLIEST <= self.from_at < self.until_at <= LATEST:
            raise ValueError("expected from_at before until_at, both between the years 2000 and 2200")
        if (self.daily_from is None) != (self.daily_until is None):
            raise ValueError("daily_from and daily_until belong together")
        return self


class ShownPermit(BaseModel):
    """open_until: the end of the window that is open at present; None where none is. area: in the datum asked for."""

    id: UUID
    name: str
    holder: str | None
    kinds: list[str]
    area: Geometry
    datum: Datum
    from_at: datetime
    until_at: datetime
    daily_from: str | None
    daily_until: str | None
    weekdays: list[int] | None
    time_zone: str
    created_at: datetime
    created_by: str
    revoked_at: datetime | None
    open_until: datetime | None


def add_permit(session: Session, given: GivenPermit, editor: Editor, *, time_zone: str) -> Permit:
    """Raises: PlacesRefused: If its area is none, or a kind is unknown or one of safety, which nobody may permit."""
    area = _checked_area(given)
    permit = Permit(
        id=uuid7(),
        name=given.name,
        holder=given.holder,
        kinds=sorted(set(given.kinds)),
        geometry=area,
        from_at=given.from_at,
        until_at=given.until_at,
        daily_from=given.daily_from,
        daily_until=given.daily_until,
        weekdays=None if given.weekdays is None else sorted(set(given.weekdays)),
        time_zone=time_zone,
        created_at=editor.at,
        created_by=editor.actor,
    )
    editor.changed(session, f"permit:{permit.id}", "permit added", name=permit.name, kinds=permit.kinds)
    _check_kinds(session, permit.kinds)
    session.add(permit)
    session.flush()
    return permit


def revoke_permit(session: Session, permit_id: UUID, editor: Editor) -> Permit:
    """Ends a permit now; to revoke it again changes nothing. Raises: PlaceMissing."""
    permit = session.get(Permit, permit_id, with_for_update=True)
    if permit is None:
        raise PlaceMissing(f"there is no permit {permit_id}")
    if permit.revoked_at is None:
        permit.revoked_at = editor.at
        session.flush()
        editor.changed(session, f"permit:{permit.id}", "permit revoked", name=permit.name)
    return permit


def list_permits(session: Session, *, after: UUID | None, limit: int, ends_after: datetime | None) -> Sequence[Permit]:
    """Returns permits in the order in which they were made; ``ends_after`` leaves out those that were over then."""
    query = select(Permit).order_by(Permit.id).limit(limit)
    if after is not None:
        query = query.where(Permit.id > after)
    if ends_after is not None:
        query = query.where(Permit.until_at > ends_after, Permit.revoked_at.is_(None))
    return session.scalars(query).all()


def shown_permit(permit: Permit, *, datum: Datum, now: datetime) -> ShownPermit:
    columns = (
        "id",
        "name",
        "holder",
        "kinds",
        "from_at",
        "until_at",
        "daily_from",
        "daily_until",
        "weekdays",
        "time_zone",
        "created_at",
        "created_by",
        "revoked_at",
    )
    return ShownPermit(
        **{name: getattr(permit, name) for name in columns},
        area=Geometry(**in_datum(permit.geometry, datum)),
        datum=datum,
        open_until=window_of(permit).open_until(now),
    )


def _checked_area(given: GivenPermit) -> dict[str, Any]:
    try:
        return checked_geometry(given.area, types=AREA_TYPES, datum=given.datum, allowance=Allowance(POSITIONS_MAX))
    except GeometryRefused as error:
        raise PlacesRefused([Fault("area", str(error))]) from None


def _check_kinds(session: Session, keys: Sequence[str]) -> None:
    known = {kind.key: kind for kind in session.scalars(select(Kind).where(Kind.key.in_(keys)))}
    faults = [Fault("kinds", f"expected kinds of the catalogue, got {key}") for key in keys if key not in known]
    faults += [
        Fault("kinds", f"{key} is a kind of safety, which nobody may permit")
        for key, kind in sorted(known.items())
        if kind.safety
    ]
    if faults:
        raise PlacesRefused(faults)
