"""What ingestion asks: whom an edge key belongs to, which kinds there are, and to record reports."""

from __future__ import annotations

import json
from contextlib import suppress
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

import structlog
from fastapi import APIRouter, Depends, Request
from pydantic import Field, TypeAdapter, ValidationError
from sqlalchemy import func, select

from api.access import allowed
from api.people.keys import KeyKind, find_key
from api.problems import Problem
from api.reports.recording import record
from api.routes.edge_registration import register_with
from api.schemas import (
    UNKNOWN_KEY,
    EdgeIdentity,
    EdgeKeyShown,
    EdgeTokenShown,
    RegisteredEdge,
    Report,
    ReportAnswer,
    ReportCount,
    ReportOutcome,
)
from api.services import Here, RequestId
from api.tables import Kind, ReportRow

router = APIRouter(prefix="/internal/v1", tags=["internal"])
_log = structlog.get_logger()

REPORTS_PATH = "/internal/v1/reports"
MAX_REPORTS = 500
_NIL = UUID(int=0)
_REPORTS = TypeAdapter(Annotated[list[Report], Field(max_length=MAX_REPORTS)])


async def _messages(request: Request) -> list[Any]:
    """The body, read only after the caller was let through; reports where all are sound, else what JSON says.

    What is wrong with one is then found out report by report.
    """
    body = await request.body()
    with suppress(ValidationError):
        return _REPORTS.validate_json(body)
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "expected a JSON array of reports, got no JSON") from error
    if not isinstance(parsed, list) or len(parsed) > MAX_REPORTS:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"expected a JSON array of {MAX_REPORTS} reports at most")
    return parsed


@router.post("/edges/authenticate", dependencies=[allowed("internal.authenticate_edge")])
def authenticate_edge(shown: EdgeKeyShown, here: Here) -> EdgeIdentity:
    with here.database.read() as session:
        key = find_key(session, shown.key, kind=KeyKind.EDGE)
    if key is None or key.edge_id is None:
        raise Problem(HTTPStatus.NOT_FOUND, "no edge holds this key", more={"code": UNKNOWN_KEY})
    return EdgeIdentity(edge_id=key.edge_id, key_id=key.id)


@router.post("/edges/register", dependencies=[allowed("internal.register_edge")])
def register_edge(shown: EdgeTokenShown, here: Here, request_id: RequestId) -> RegisteredEdge:
    """For the gateway, which is all that an edge box can reach."""
    return register_with(shown, here, request_id)


@router.get("/kinds", dependencies=[allowed("internal.read_kinds")])
def list_keys_of_kinds(here: Here) -> list[str]:
    with here.database.read() as session:
        return list(session.scalars(select(Kind.key).order_by(Kind.key)))


@router.post(
    "/reports",
    dependencies=[allowed("internal.report")],
    openapi_extra={"requestBody": {"content": {"application/json": {"schema": {"type": "array"}}}}},
)
def record_reports(
    messages: Annotated[list[Any], Depends(_messages)], here: Here, request_id: RequestId
) -> list[ReportAnswer]:
    """Records each report on its own merits; a bad one is answered ``refused`` and blocks no other."""
    checked = [_check(message) for message in messages]
    good = [report for report in checked if isinstance(report, Report)]
    recorded = iter(record(here.database, good, now=here.clock(), request_id=request_id, store=here.evidence))
    answers = [next(recorded) if isinstance(report, Report) else report for report in checked]
    for answer in answers:
        if answer.outcome is ReportOutcome.REFUSED:
            _log.warning("report refused", report_id=str(answer.report_id), reason=answer.reason)
    return answers


@router.get("/reports/count", dependencies=[allowed("internal.report")])
def count_reports(here: Here) -> ReportCount:
    """How many reports are recorded: whoever builds a database again from the archive wants none."""
    with here.database.read() as session:
        return ReportCount(reports=session.scalar(select(func.count()).select_from(ReportRow)) or 0)


def _check(message: Any) -> Report | ReportAnswer:
    if isinstance(message, Report):
        return message
    try:
        return Report.model_validate(message)
    except ValidationError as error:
        return ReportAnswer(report_id=_id_of(message), outcome=ReportOutcome.REFUSED, reason=_why(error))


def _id_of(message: Any) -> UUID:
    try:
        return UUID(message["report_id"])
    except (KeyError, TypeError, ValueError, AttributeError):
        return _NIL


def _why(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_context=False, include_input=False)[:3]
    return "; ".join(f"{'.'.join(str(part) for part in e['loc']) or 'report'}: {e['msg']}" for e in found)[:500]
