"""The audit trail: who did what, and whether it still stands as it was written down."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict
from sqlalchemy import select

from api.access import allowed
from api.audit.chain import verify
from api.people.callers import Caller
from api.schemas import Short, Text
from api.services import Here
from api.tables import AuditRow

router = APIRouter(prefix="/api/v1/audit", tags=["audit"])

_READ = "audit.read_and_verify"
_ROWS_AT_ONCE = 20_000
RowId = Annotated[int, Query(ge=1, le=2**62)]


class ShownAuditRow(BaseModel):
    """place, hash: of the row in the chain, none until it is sealed, about half a second later."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    details: dict[str, Any]
    request_id: str | None
    place: int | None
    hash: str | None


class AuditPage(BaseModel):
    """next: give it as ``before`` for the rows that are older; none where there are none."""

    items: list[ShownAuditRow]
    next: int | None


class ShownFault(BaseModel):
    place: int
    row_id: int | None
    reason: str


class ShownVerdict(BaseModel):
    """place: up to here, from ``after`` on, the chain is sound. more: ask again with ``after`` = place.

    heads: how many exported heads lay on the way. unsealed: rows that wait to be chained.
    """

    sound: bool
    fault: ShownFault | None
    after: int
    place: int
    hash: str
    more: bool
    heads: int
    unsealed: int
    oldest_unsealed_s: float | None


@router.get("")
def list_rows(
    *,
    caller: Annotated[Caller, allowed(_READ)],
    here: Here,
    actor: Text | None = None,
    subject: Text | None = None,
    action: Short | None = None,
    before: RowId | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> AuditPage:
    """Lists acts, newest first; ``actor`` as ``person:li``, ``subject`` as ``case:UUID``, ``action`` a right.

    Who is limited to grids sees what was done to cases in the histories of those cases alone.
    """
    wanted = {AuditRow.actor: actor, AuditRow.subject: subject, AuditRow.action: action}
    query = select(AuditRow).where(*(column == value for column, value in wanted.items() if value is not None))
    if caller.grids is not None:
        query = query.where(AuditRow.subject.not_like("case:%"))
    if before is not None:
        query = query.where(AuditRow.id < before)
    with here.database.read() as session:
        rows = list(session.scalars(query.order_by(AuditRow.id.desc()).limit(limit + 1)))
    shown = [ShownAuditRow.model_validate(row) for row in rows[:limit]]
    return AuditPage(items=shown, next=shown[-1].id if len(rows) > limit else None)


@router.get("/verify", dependencies=[allowed(_READ)])
def verify_part(
    here: Here,
    after: Annotated[int, Query(ge=0, le=2**62)] = 0,
    limit: Annotated[int, Query(ge=1, le=_ROWS_AT_ONCE)] = _ROWS_AT_ONCE,
) -> ShownVerdict:
    """Verifies a part of the chain; ``streetcase audit verify`` does all of it, with the exported heads."""
    with here.database.read() as session:
        verdict = verify(session, now=here.clock(), after=after, limit=limit)
    fault = verdict.fault
    return ShownVerdict(
        sound=verdict.sound,
        fault=None if fault is None else ShownFault(place=fault.place, row_id=fault.row_id, reason=fault.reason),
        after=verdict.after,
        place=verdict.place,
        hash=verdict.hash,
        more=verdict.more,
        heads=verdict.heads,
        unsealed=verdict.unsealed,
        oldest_unsealed_s=verdict.oldest_unsealed_s,
    )
