"""Permits: what is allowed where and when."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

import structlog
from fastapi import APIRouter, Query
from pydantic import BaseModel

from api.access import allowed
from api.people.callers import Caller
from api.places.editing import Editor
from api.places.geometry import Datum
from api.places.permits import GivenPermit, ShownPermit, add_permit, list_permits, revoke_permit, shown_permit
from api.reports.permit_mutes import end_mutes_of
from api.services import Here, RequestId

router = APIRouter(prefix="/api/v1/places/permits", tags=["places"])
_log = structlog.get_logger()
_EDIT = "places.edit_grids_departments_permits"
Mapper = Annotated[Caller, allowed(_EDIT)]


class PermitPage(BaseModel):
    """``next`` is the ``after`` of the next page, None on the last."""

    items: list[ShownPermit]
    next: UUID | None


@router.get("", dependencies=[allowed("places.read")])
def list_page(
    here: Here,
    datum: Datum = "WGS84",
    after: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    over: Annotated[bool, Query(description="Also those that are over or revoked.")] = False,
) -> PermitPage:
    """Lists permits in the order in which they were made."""
    now = here.clock()
    with here.database.read() as session:
        rows = list_permits(session, after=after, limit=limit + 1, ends_after=None if over else now)
    items = [shown_permit(row, datum=datum, now=now) for row in rows[:limit]]
    return PermitPage(items=items, next=items[-1].id if len(rows) > limit else None)


@router.post("", status_code=HTTPStatus.CREATED)
def add(given: GivenPermit, caller: Mapper, here: Here, request_id: RequestId) -> ShownPermit:
    """Permits some kinds in an area. Its hours are in the site's time zone, which is kept with it.

    A kind of safety is refused.
    """
    editor = Editor.of(caller.actor, _EDIT, here, request_id)
    with here.database.write() as session:
        permit = add_permit(session, given, editor, time_zone=here.settings.time_zone)
    _log.info("permit added", permit_id=str(permit.id), actor=caller.actor)
    return shown_permit(permit, datum=given.datum, now=editor.at)


@router.post("/{permit_id}/revoke")
def revoke(permit_id: UUID, caller: Mapper, here: Here, request_id: RequestId) -> ShownPermit:
    """Ends a permit now, and what it muted. To revoke it again changes nothing."""
    editor = Editor.of(caller.actor, _EDIT, here, request_id)
    with here.database.write() as session:
        permit = revoke_permit(session, permit_id, editor)
        end_mutes_of(session, permit, at=editor.at, actor=caller.actor, request_id=request_id)
    _log.info("permit revoked", permit_id=str(permit.id), actor=caller.actor)
    return shown_permit(permit, datum="WGS84", now=editor.at)
