"""Reading cases: one case, its history, the reports behind it, its timers, asks and links."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from api.access import allowed
from api.acts.schemas import ShownAsk, ShownLink, ShownTimerLine, TimerPage
from api.asking import AsksByDriver, AsksBySession
from api.cases.lists import find_case, lines_of
from api.cases.reading import CaseRead, notice_arrivals, read_case
from api.cases.schemas import (
    CaseDetail,
    HistoryPage,
    ReportPage,
    ShownHistoryLine,
    ShownReport,
)
from api.cases.views import asks_of, links_of
from api.people.callers import Caller
from api.quick_routes import quick_routes
from api.services import Here, services_of
from api.tables import HistoryLine, ReportRow, TimerLine

_READ = "case.read"


def _show_quickly(request: Request, asks: AsksByDriver, caller: Caller) -> Response | None:
    here = services_of(request)
    read = read_case(asks, here.rights, caller, request.path_params["case_id"], now=here.clock())
    return None if read.awaited else _shown(read)


def _shown(read: CaseRead) -> Response:
    headers = {"ETag": f'"{read.version}"'}
    return Response(read.json(), media_type="application/json", headers=headers)


router = APIRouter(prefix="/api/v1/cases", tags=["cases"], route_class=quick_routes({"show": _show_quickly}))

Reader = Annotated[Caller, allowed(_READ)]
Limit = Annotated[int, Query(ge=1, le=200)]
AfterLine = Annotated[int, Query(ge=0, le=2**62)]


@router.get("/{case_id:uuid}", response_model=CaseDetail)
def show(case_id: UUID, caller: Reader, here: Here) -> Response:
    with here.database.glance() as session:
        read = read_case(AsksBySession(session), here.rights, caller, case_id, now=here.clock())
    notice_arrivals(here, read)
    return _shown(read)


@router.get("/{case_id}/history")
def show_history(case_id: UUID, caller: Reader, here: Here, after: AfterLine = 0, limit: Limit = 200) -> HistoryPage:
    with here.database.read() as session:
        find_case(session, here.rights, caller, case_id, action=_READ)
        lines, following = lines_of(session, HistoryLine, case_id, after=after, limit=limit)
    return HistoryPage(items=[ShownHistoryLine.model_validate(line) for line in lines], next=following)


@router.get("/{case_id}/reports")
def show_reports(case_id: UUID, caller: Reader, here: Here, after: AfterLine = 0, limit: Limit = 50) -> ReportPage:
    """Shows the way of each event behind the case, from the edge through the stream to here."""
    with here.database.read() as session:
        find_case(session, here.rights, caller, case_id, action=_READ)
        rows, following = lines_of(session, ReportRow, case_id, after=after, limit=limit)
    return ReportPage(items=[ShownReport.model_validate(row) for row in rows], next=following)


@router.get("/{case_id}/timers")
def show_timers(case_id: UUID, caller: Reader, here: Here, after: AfterLine = 0, limit: Limit = 200) -> TimerPage:
    """Shows the timer ledger: each start, stop, pause, resume and extension of the case's clocks."""
    with here.database.read() as session:
        find_case(session, here.rights, caller, case_id, action=_READ)
        lines, following = lines_of(session, TimerLine, case_id, after=after, limit=limit)
    return TimerPage(items=[ShownTimerLine.model_validate(line) for line in lines], next=following)


@router.get("/{case_id}/asks")
def show_asks(case_id: UUID, caller: Reader, here: Here) -> list[ShownAsk]:
    """Shows what was asked for, and what was decided about it; oldest first, the latest 200."""
    with here.database.read() as session:
        find_case(session, here.rights, caller, case_id, action=_READ)
        return [ShownAsk.model_validate(asked) for asked in asks_of(session, case_id)]


@router.get("/{case_id}/links")
def show_links(case_id: UUID, caller: Reader, here: Here) -> list[ShownLink]:
    """Shows the cases that this one came after, or that came after it; oldest first, the latest 200."""
    with here.database.read() as session:
        find_case(session, here.rights, caller, case_id, action=_READ)
        return [ShownLink.model_validate(linked) for linked in links_of(session, case_id)]
