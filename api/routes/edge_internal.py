"""What ingestion asks on behalf of edges: their configuration, what is open for them; and what it tells of them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field, TypeAdapter

from api.access import allowed
from api.edges.configurations import current_configuration
from api.edges.requests import answer_request, open_requests
from api.edges.statuses import keep_statuses
from api.routes.json_body import DESCRIBED, JsonBody, checked
from api.schemas import (
    STATUSES_PER_PUT,
    EdgeConfigurationKept,
    EdgeRequestResult,
    EdgeStatusReport,
    Key,
    OpenEdgeRequest,
    ResultAnswer,
)
from api.services import Here

STATUSES_PATH = "/internal/v1/edges/statuses"
RESULT_PATH = "/internal/v1/edges/{edge_id}/requests/{request_id}/result"
MAX_STATUSES_BODY_BYTES = 16_000_000
MAX_RESULT_BODY_BYTES = 4_000_000

router = APIRouter(tags=["internal"])
_STATUSES = TypeAdapter(Annotated[list[EdgeStatusReport], Field(max_length=STATUSES_PER_PUT)])
_RESULT = TypeAdapter(EdgeRequestResult)


@router.get("/internal/v1/edges/{edge_id}/configuration", dependencies=[allowed("internal.read_configuration")])
def read_configuration(edge_id: Key, here: Here) -> EdgeConfigurationKept | None:
    """Answers null where the centre has no configuration for the edge: 404 would say that this address is wrong."""
    with here.database.read() as session:
        row = current_configuration(session, edge_id)
    return None if row is None else EdgeConfigurationKept(revision=row.revision, body=row.body)


@router.get("/internal/v1/edge-requests", dependencies=[allowed("internal.read_requests")])
def list_open_requests(here: Here) -> list[OpenEdgeRequest]:
    with here.database.read() as session:
        return open_requests(session, now=here.clock())


@router.put(RESULT_PATH, dependencies=[allowed("internal.answer_request")], openapi_extra=DESCRIBED)
def keep_result(edge_id: Key, request_id: UUID, body: JsonBody, here: Here) -> ResultAnswer:
    result = checked(_RESULT, body)
    with here.database.write() as session:
        return ResultAnswer(outcome=answer_request(session, edge_id, request_id, result, at=here.clock()))


@router.put(STATUSES_PATH, dependencies=[allowed("internal.report_statuses")], openapi_extra=DESCRIBED)
def keep_all_statuses(body: JsonBody, here: Here) -> Response:
    reports = checked(_STATUSES, body)
    with here.database.write() as session:
        keep_statuses(session, reports, now=here.clock())
    return Response(status_code=HTTPStatus.NO_CONTENT)
