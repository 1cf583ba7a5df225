"""How an edge box gets its key: a one-time token that an administrator makes; and how an edge is shut out."""

from __future__ import annotations

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

import structlog
from fastapi import APIRouter, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from sqlalchemy import select

from api.access import allowed
from api.audit.trail import write_audit
from api.edges.registration import TokenRefused, new_token, register, revoke_edge
from api.people.callers import Caller
from api.places.schemas import no_flag
from api.problems import Problem
from api.schemas import UNKNOWN_TOKEN, EdgeTokenShown, Key, RegisteredEdge
from api.services import Here, RequestId, Services
from api.tables import ApiKey, EdgeToken

router = APIRouter(prefix="/api/v1/edges", tags=["edges"])
_log = structlog.get_logger()
_ENROL, _REGISTER = "edge.enrol_and_revoke", "edge.register"
Administrator = Annotated[Caller, allowed(_ENROL)]


class WantedToken(BaseModel):
    edge_id: Key
    valid_hours: Annotated[float, Field(ge=0.1, le=24 * 30, allow_inf_nan=False), BeforeValidator(no_flag)] = 24.0


class MadeToken(BaseModel):
    """``token`` is shown this once."""

    edge_id: str
    token: str
    expires_at: datetime


class ShownToken(BaseModel):
    """A token without its secret; ``used_at`` is None until a box has exchanged it."""

    model_config = ConfigDict(from_attributes=True)

    edge_id: str
    created_at: datetime
    created_by: str
    expires_at: datetime
    used_at: datetime | None


class ShownEdgeKey(BaseModel):
    """A key without its secret."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    created_at: datetime
    revoked_at: datetime | None


@router.post("/tokens", status_code=HTTPStatus.CREATED)
def make_token(wanted: WantedToken, caller: Administrator, here: Here, request_id: RequestId) -> MadeToken:
    """Makes a token for one box; an unused one of the same edge is void from then on."""
    now, lasts = here.clock(), timedelta(hours=wanted.valid_hours)
    with here.database.write() as session:
        token = new_token(session, wanted.edge_id, lasts=lasts, by=caller.actor, at=now)
        write_audit(
            session,
            _ENROL,
            f"edge:{wanted.edge_id}",
            at=now,
            actor=caller.actor,
            request_id=request_id,
            details={"act": "token made", "expires_at": token.expires_at.isoformat()},
        )
    _log.info("edge token made", edge_id=wanted.edge_id, actor=caller.actor)
    return MadeToken(edge_id=wanted.edge_id, token=token.secret, expires_at=token.expires_at)


@router.get("/tokens", dependencies=[allowed(_ENROL)])
def list_tokens(here: Here) -> list[ShownToken]:
    """Lists tokens of the last weeks, the newest first, 1000 at most."""
    with here.database.read() as session:
        rows = session.scalars(select(EdgeToken).order_by(EdgeToken.created_at.desc(), EdgeToken.edge_id).limit(1000))
        return [ShownToken.model_validate(row) for row in rows]


@router.post(
    "/register",
    status_code=HTTPStatus.CREATED,
    dependencies=[allowed(_REGISTER)],
    responses={404: {"description": "The token is not in force; ``code`` is unknown_token."}},
)
def exchange_token(shown: EdgeTokenShown, here: Here, request_id: RequestId) -> RegisteredEdge:
    """Exchanges a one-time token for the edge's key. It needs no other credential, and works once."""
    return register_with(shown, here, request_id)


@router.get("/{edge_id}/keys", dependencies=[allowed(_ENROL)])
def list_keys(edge_id: Key, here: Here) -> list[ShownEdgeKey]:
    """Lists the edge's keys, the newest first, those that were revoked too; 1000 at most."""
    newest = select(ApiKey).where(ApiKey.edge_id == edge_id).order_by(ApiKey.created_at.desc(), ApiKey.id.desc())
    with here.database.read() as session:
        return [ShownEdgeKey.model_validate(key) for key in session.scalars(newest.limit(1000))]


@router.delete("/{edge_id}/keys", status_code=HTTPStatus.NO_CONTENT)
def shut_out(edge_id: Key, caller: Administrator, here: Here, request_id: RequestId) -> Response:
    """Revokes all keys of the edge and voids its tokens. Its open edge-faults end as withdrawn: nobody waits for it."""
    with here.database.write() as session:
        if not revoke_edge(session, edge_id, at=here.clock()):
            raise Problem(HTTPStatus.NOT_FOUND, f"no edge {edge_id} is enrolled")
        write_audit(
            session,
            _ENROL,
            f"edge:{edge_id}",
            at=here.clock(),
            actor=caller.actor,
            request_id=request_id,
            details={"act": "edge revoked"},
        )
    _log.info("edge revoked", edge_id=edge_id, actor=caller.actor)
    return Response(status_code=HTTPStatus.NO_CONTENT)


def register_with(shown: EdgeTokenShown, here: Services, request_id: str) -> RegisteredEdge:
    """Raises: Problem: 404 with the code ``unknown_token``."""
    now = here.clock()
    try:
        with here.database.write() as session:
            registered = register(session, shown.token, at=now)
            subject = f"edge:{registered.edge_id}"
            write_audit(session, _REGISTER, subject, at=now, actor=subject, request_id=request_id)
    except TokenRefused as error:
        raise Problem(HTTPStatus.NOT_FOUND, str(error), more={"code": UNKNOWN_TOKEN}) from None
    _log.info("edge registered", edge_id=registered.edge_id)
    return RegisteredEdge(edge_id=registered.edge_id, key=registered.key)
