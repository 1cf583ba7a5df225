"""What people ask of an edge: a picture of now, a look at once, a watch tried on the last hour."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

import structlog
from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from api.access import allowed
from api.audit.trail import write_audit
from api.cases.evidence import with_plate
from api.edges.configurations import EdgeUnknown
from api.edges.requests import TooManyOpen, add_request, find_request, state_of
from api.edges.schemas import NewEdgeRequest, ShownEdgeRequest
from api.people.callers import Caller
from api.problems import Problem
from api.routes.evidence import evidence_response
from api.schemas import EdgeRequestResult, Key, ReportedEvidence, Sha256
from api.services import Here, RequestId, Services
from api.tables import EdgeRequestRow

router = APIRouter(prefix="/api/v1/edges/{edge_id}/requests", tags=["edges"])
_log = structlog.get_logger()
_READ_EVIDENCE = "evidence.read_blurred"
_EDIT = "places.edit_cameras_and_watches"


@router.post("", status_code=HTTPStatus.CREATED)
def ask(
    edge_id: Key,
    new: NewEdgeRequest,
    caller: Annotated[Caller, allowed(_EDIT)],
    here: Here,
    request_id: RequestId,
) -> ShownEdgeRequest:
    """Asks the edge, which answers within seconds where it is on-line; 409 where too much is open already."""
    now = here.clock()
    try:
        with here.database.write() as session:
            row = add_request(session, edge_id, new, by=caller.actor, at=now)
            write_audit(
                session,
                _EDIT,
                f"edge:{edge_id}",
                at=now,
                actor=caller.actor,
                request_id=request_id,
                details={"act": "asked", "id": str(row.id), "type": new.type, "camera": new.camera},
            )
    except EdgeUnknown as error:
        raise Problem(HTTPStatus.NOT_FOUND, str(error)) from None
    except TooManyOpen as error:
        raise Problem(HTTPStatus.CONFLICT, str(error)) from None
    _log.info("edge request added", edge_id=edge_id, id=str(row.id), type=new.type, actor=caller.actor)
    return _shown(row, here)


@router.get("/{request_id}", dependencies=[allowed("places.read")])
def show(edge_id: Key, request_id: UUID, here: Here) -> ShownEdgeRequest:
    return _shown(_found(edge_id, request_id, here), here)


@router.get("/{request_id}/evidence/{sha256}", response_class=StreamingResponse)
def show_evidence(
    edge_id: Key, request_id: UUID, sha256: Sha256, caller: Annotated[Caller, allowed(_READ_EVIDENCE)], here: Here
) -> StreamingResponse:
    """Sends a picture that the edge took for this request; 404 until its bytes have come."""
    item = _item(_found(edge_id, request_id, here), sha256)
    if not here.rights.may_elsewhere(caller.role, _READ_EVIDENCE):
        raise Problem(HTTPStatus.FORBIDDEN, f"role {caller.role} sees pictures of its own cases, and this is of none")
    with here.database.read() as session:
        shows_plate = item.plate_kept or bool(with_plate(session, [sha256]))
    if shows_plate:
        raise Problem(HTTPStatus.FORBIDDEN, "a plate may show: such a picture is shown in its case alone")
    return evidence_response(here.evidence, sha256)


def _found(edge_id: str, request_id: UUID, here: Services) -> EdgeRequestRow:
    with here.database.read() as session:
        row = find_request(session, edge_id, request_id)
    if row is None:
        raise Problem(HTTPStatus.NOT_FOUND, f"edge {edge_id} was asked nothing under {request_id}")
    return row


def _item(row: EdgeRequestRow, sha256: str) -> ReportedEvidence:
    result = _result(row)
    for item in result.evidence if result else ():
        if item.sha256 == sha256:
            return item
    raise Problem(HTTPStatus.NOT_FOUND, "the answer to this request has no such evidence")


def _result(row: EdgeRequestRow) -> EdgeRequestResult | None:
    return None if row.result is None else EdgeRequestResult.model_validate(row.result)


def _shown(row: EdgeRequestRow, here: Services) -> ShownEdgeRequest:
    return ShownEdgeRequest.model_validate(
        {
            "id": row.id,
            "edge_id": row.edge_id,
            "type": row.type,
            "camera": row.camera,
            "watch": row.watch,
            "state": state_of(row, now=here.clock()),
            "created_at": row.created_at,
            "created_by": row.created_by,
            "expires_at": row.expires_at,
            "answered_at": row.answered_at,
            "result": _result(row),
        }
    )
