"""Integrators' keys. A key acts like a person of that role, so those who manage people hand them out."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

import structlog
from fastapi import APIRouter, Query, Response

from api.access import allowed
from api.people.acts import write_act
from api.people.callers import Caller
from api.people.keys import UnfitScopes, list_integrator_keys, make_integrator_key, revoke_integrator_key
from api.people.schemas import KeyPage, MadeKey, NewIntegratorKey, ShownKey
from api.problems import Problem
from api.services import Here, RequestId

router = APIRouter(prefix="/api/v1/keys", tags=["keys"])
_log = structlog.get_logger()
_MANAGE = "people.manage"
Manager = Annotated[Caller, allowed(_MANAGE)]


@router.get("", dependencies=[allowed(_MANAGE)])
def list_page(here: Here, after: UUID | None = None, limit: Annotated[int, Query(ge=1, le=200)] = 50) -> KeyPage:
    """Lists integrators' keys, the newest first, also those that expired or were revoked."""
    with here.database.read() as session:
        found, following = list_integrator_keys(session, after=after, limit=limit)
    return KeyPage(items=[ShownKey.of(key) for key in found], next=following)


@router.post("", status_code=201)
def make(wanted: NewIntegratorKey, caller: Manager, here: Here, request_id: RequestId) -> MadeKey:
    """Makes a key for another system. ``scopes`` limit it to some of what an integrator may do."""
    now = here.clock()
    with here.database.write() as session:
        try:
            key, secret = make_integrator_key(
                session,
                here.rights,
                name=wanted.name,
                scopes=wanted.scopes,
                expires_at=now + timedelta(days=wanted.expires_in_days),
                created_by=caller.actor,
                now=now,
            )
        except UnfitScopes as error:
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from None
        details = {"name": key.name, "scopes": key.scopes, "expires_in_days": wanted.expires_in_days}
        write_act(session, here, caller, request_id, action=_MANAGE, subject=f"key:{key.id}", act="made", **details)
    _log.info("key made", key_id=str(key.id), name=key.name, actor=caller.actor)
    return MadeKey(**ShownKey.of(key).model_dump(), key=secret)


@router.delete("/{key_id}", status_code=204)
def revoke(key_id: UUID, caller: Manager, here: Here, request_id: RequestId) -> Response:
    """Takes the key back, at once and for good."""
    with here.database.write() as session:
        key = revoke_integrator_key(session, key_id, now=here.clock())
        if key is not None:
            subject = f"key:{key.id}"
            write_act(session, here, caller, request_id, action=_MANAGE, subject=subject, act="revoked", name=key.name)
    if key is None:
        raise Problem(HTTPStatus.NOT_FOUND, f"there is no key {key_id}")
    _log.info("key revoked", key_id=str(key_id), actor=caller.actor)
    return Response(status_code=204)
