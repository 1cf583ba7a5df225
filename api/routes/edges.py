"""Edges: enrolling them, taking keys back, and how each last was."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

import structlog
from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from api.access import allowed
from api.audit.trail import write_audit
from api.edges.schemas import EdgePage
from api.edges.statuses import list_edges
from api.people.callers import Caller
from api.people.keys import enrol_edge, revoke_edge_key
from api.problems import Problem
from api.schemas import Key
from api.services import Here, RequestId

router = APIRouter(prefix="/api/v1/edges", tags=["edges"])
_log = structlog.get_logger()
_ENROL = "edge.enrol_and_revoke"


class NewEdge(BaseModel):
    edge_id: Key


class EnrolledEdge(BaseModel):
    """``key`` is shown this once."""

    edge_id: str
    key_id: UUID
    key: str


@router.get("", dependencies=[allowed("places.read")])
def list_page(here: Here, after: Key | None = None, limit: Annotated[int, Query(ge=1, le=1000)] = 200) -> EdgePage:
    """Lists edges by name, each with its last status and how old that is."""
    with here.database.read() as session:
        return list_edges(session, after=after, limit=limit, now=here.clock())


@router.post("", status_code=201)
def enrol(edge: NewEdge, caller: Annotated[Caller, allowed(_ENROL)], here: Here, request_id: RequestId) -> EnrolledEdge:
    with here.database.write() as session:
        key = enrol_edge(session, edge.edge_id)
        write_audit(
            session,
            _ENROL,
            f"edge:{edge.edge_id}",
            at=here.clock(),
            actor=caller.actor,
            request_id=request_id,
            details={"act": "key added", "key_id": str(key.id)},
        )
    _log.info("edge key added", edge_id=edge.edge_id, key_id=str(key.id), actor=caller.actor)
    return EnrolledEdge(edge_id=edge.edge_id, key_id=key.id, key=key.secret)


@router.delete("/{edge_id}/keys/{key_id}", status_code=204)
def revoke(
    edge_id: Key, key_id: UUID, caller: Annotated[Caller, allowed(_ENROL)], here: Here, request_id: RequestId
) -> Response:
    with here.database.write() as session:
        if not revoke_edge_key(session, edge_id, key_id):
            raise Problem(HTTPStatus.NOT_FOUND, f"edge {edge_id} has no key {key_id}")
        write_audit(
            session,
            _ENROL,
            f"edge:{edge_id}",
            at=here.clock(),
            actor=caller.actor,
            request_id=request_id,
            details={"act": "key revoked", "key_id": str(key_id)},
        )
    _log.info("edge key revoked", edge_id=edge_id, key_id=str(key_id), actor=caller.actor)
    return Response(status_code=204)
