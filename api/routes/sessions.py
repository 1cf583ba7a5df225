"""Logging in and out, and one's own sessions."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from api.access import allowed
from api.openapi import problems
from api.people.acts import write_act
from api.people.addresses import address_of
from api.people.callers import Caller
from api.people.logins import Attempt, log_in
from api.people.schemas import Login, OpenedSession, SessionList, ShownSession
from api.people.sessions import Lasting, NewSession, end_login, end_session, rotate, sessions_of
from api.problems import Problem
from api.rights import Role
from api.services import Here, RequestId, Services

router = APIRouter(prefix="/api/v1/sessions", tags=["sessions"])
_OWN = "session.own"
Owner = Annotated[Caller, allowed(_OWN)]

REFUSED_LOGINS = problems({401: "Name or password is wrong.", 429: "Too many failures: ``Retry-After`` says when."})


def opened(session: NewSession) -> OpenedSession:
    person = session.person
    return OpenedSession(
        token=session.token,
        expires_at=session.expires_at,
        name=person.name,
        role=Role(person.role),
        department=person.department,
    )


@router.post("", status_code=201, dependencies=[allowed("session.open")], responses=REFUSED_LOGINS)
async def open_session(login: Login, here: Here, request: Request, request_id: RequestId) -> OpenedSession:
    attempt = Attempt(login.name, login.password, address_of(request))
    work = partial(_log_in, here, attempt, request_id)
    return opened(await here.passwords.in_turn(work))


def _log_in(here: Services, attempt: Attempt, request_id: str) -> NewSession:
    lasting = Lasting.of(here.settings)
    return log_in(here.database, here.passwords, attempt, now=here.clock(), lasting=lasting, request_id=request_id)


@router.get("")
def list_own(caller: Owner, here: Here) -> SessionList:
    """Lists the logins of whoever asks that are still in force, the newest first; a key has none."""
    if caller.person_id is None:
        return SessionList(items=[])
    lasting = Lasting.of(here.settings)
    with here.database.read() as session:
        found = sessions_of(session, caller.person_id, now=here.clock(), idle=lasting.idle)
    shown = [ShownSession.of(login, current=login.token_hash == caller.token_hash) for login in found]
    return SessionList(items=shown)


@router.post("/rotate", status_code=201)
def exchange_token(caller: Owner, here: Here) -> OpenedSession:
    """Gives a new token for the one that asks, which works for ten seconds more.

    Whoever uses it later than that ends the login: one of two that have the token must have stolen it.
    """
    with here.database.write() as session:
        moved = rotate(session, caller.token_hash, now=here.clock()) if caller.token_hash else None
    if moved is None:
        raise Problem(HTTPStatus.CONFLICT, "there is no session whose token could be exchanged")
    return opened(moved)


@router.delete("/current", status_code=204)
def end_current(caller: Owner, here: Here, request_id: RequestId) -> Response:
    if caller.token_hash is not None:
        with here.database.write() as session:
            end_session(session, caller.token_hash)
            _write(session, here, caller, request_id, "logged_out")
    return Response(status_code=204)


@router.delete("/logins/{login_id}", status_code=204)
def end_own(login_id: UUID, caller: Owner, here: Here, request_id: RequestId) -> Response:
    """Ends one of the logins of whoever asks, at once."""
    with here.database.write() as session:
        ended = caller.person_id is not None and end_login(session, login_id, person_id=caller.person_id)
        if ended:
            _write(session, here, caller, request_id, "login_ended")
    if not ended:
        raise Problem(HTTPStatus.NOT_FOUND, "you have no such login")
    return Response(status_code=204)


def _write(session: Session, here: Services, caller: Caller, request_id: str, act: str) -> None:
    write_act(session, here, caller, request_id, action=_OWN, subject=f"person:{caller.name}", act=act)
