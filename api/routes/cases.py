"""Cases: the list, one case, its history, the reports behind it, and the operator's decision."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response

from api.access import allowed
from api.cases.cases import CaseFilter, confirm, find_case, lines_of, list_cases, reject
from api.cases.decisions import Decision
from api.cases.evidence import note_arrivals, with_plate
from api.cases.schemas import (
    CaseDetail,
    CasePage,
    CaseSummary,
    Confirmation,
    HistoryPage,
    Rejection,
    ReportPage,
    ShownHistoryLine,
    ShownReport,
)
from api.cases.states import CaseState
from api.cases.views import detail, evidence_of, incidents_of, summary
from api.people.callers import Caller
from api.problems import Problem
from api.schemas import Key
from api.services import Here, RequestId
from api.tables import HistoryLine, Kind, ReportRow

router = APIRouter(prefix="/api/v1/cases", tags=["cases"])

_READ = "case.read"
Reader = Annotated[Caller, allowed(_READ)]
_REVIEW = "case.confirm_or_reject"
Reviewer = Annotated[Caller, allowed(_REVIEW)]
Limit = Annotated[int, Query(ge=1, le=200)]
AfterLine = Annotated[int, Query(ge=0, le=2**62)]
IfMatch = Annotated[str | None, Header(max_length=100)]


@router.get("")
def list_page(
    *,
    caller: Annotated[Caller, allowed("case.list_filed")],
    here: Here,
    state: Annotated[list[CaseState] | None, Query()] = None,
    kind: Key | None = None,
    edge: Key | None = None,
    watch: Key | None = None,
    source: Key | None = None,
    after: UUID | None = None,
    limit: Limit = 50,
) -> CasePage:
    """Lists cases, newest first; those not filed only to those who review alarms."""
    wanted = CaseFilter(states=frozenset(state) if state else None, kind=kind, edge=edge, watch=watch, source=source)
    with here.database.read() as session:
        rows, following = list_cases(session, here.rights, caller, wanted=wanted, after=after, limit=limit)
    return CasePage(items=[summary(case, its_kind) for case, its_kind in rows], next=following)


@router.get("/{case_id}")
def show(case_id: UUID, caller: Reader, here: Here, response: Response) -> CaseDetail:
    with here.database.read() as session:
        case, kind = find_case(session, here.rights, caller, case_id, action=_READ)
        incidents, evidence = incidents_of(session, case_id), evidence_of(session, case_id)
        plates = with_plate(session, (item.sha256 for item in evidence))
    note_arrivals(here.database, here.evidence, evidence)
    response.headers["ETag"] = f'"{case.version}"'
    return detail(case, kind, incidents=incidents, evidence=evidence, plates=plates)


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


@router.post("/{case_id}/confirm")
def file_case(
    *,
    case_id: UUID,
    caller: Reviewer,
    here: Here,
    request_id: RequestId,
    seen: Confirmation | None = None,
    if_match: IfMatch = None,
) -> CaseSummary:
    """Files the alarm as a case under its number; 409 where somebody was faster."""
    decision = _decision(caller, here, request_id, seen, if_match)
    with here.database.write() as session:
        case = confirm(session, here.rights, case_id, decision, here.settings)
        return summary(case, session.get_one(Kind, case.kind_key))


@router.post("/{case_id}/reject")
def turn_down(
    *,
    case_id: UUID,
    rejection: Rejection,
    caller: Reviewer,
    here: Here,
    request_id: RequestId,
    if_match: IfMatch = None,
) -> CaseSummary:
    """Turns the alarm down, with a reason; 409 where somebody was faster."""
    decision = _decision(caller, here, request_id, rejection, if_match)
    with here.database.write() as session:
        case = reject(session, here.rights, case_id, decision, reason=rejection.reason)
        return summary(case, session.get_one(Kind, case.kind_key))


def _decision(caller: Caller, here: Here, request_id: str, seen: Confirmation | None, if_match: str | None) -> Decision:
    version = _version(if_match) if if_match is not None else seen.version if seen else None
    return Decision(caller=caller, action=_REVIEW, at=here.clock(), request_id=request_id, version=version)


def _version(if_match: str) -> int | None:
    found = re.fullmatch(r'(?:W/)?"?([0-9]{1,9})"?', if_match.strip())
    if found:
        return int(found[1])
    if if_match.strip() == "*":
        return None
    raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, 'If-Match: expected the case\'s version, such as "3"')
