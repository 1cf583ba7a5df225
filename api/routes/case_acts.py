"""What people do to a case; each act on the version that they saw."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header

from api.access import allowed
from api.cases.decisions import Decision
from api.cases.review import confirm, reject
from api.cases.schemas import CaseSummary, Confirmation, Rejection
from api.cases.views import summary
from api.people.callers import Caller
from api.problems import Problem
from api.services import Here, RequestId
from api.tables import Kind

router = APIRouter(prefix="/api/v1/cases", tags=["cases"])

_REVIEW = "case.confirm_or_reject"
Reviewer = Annotated[Caller, allowed(_REVIEW)]
IfMatch = Annotated[str | None, Header(max_length=100)]


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
