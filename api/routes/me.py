"""Whoever asks: who they are, their language and their password."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response

from api.access import allowed
from api.openapi import problems
from api.people.accounts import WrongPassword, change_person, end_sessions_of, find_person
from api.people.acts import write_act
from api.people.addresses import address_of
from api.people.callers import Caller
from api.people.logins import Attempt, check_password
from api.people.schemas import Me, MyChanges, PasswordChange
from api.problems import Problem
from api.services import Here, RequestId, Services

router = APIRouter(prefix="/api/v1/me", tags=["sessions"])
_OWN = "session.own"
Owner = Annotated[Caller, allowed(_OWN)]
_TOO_MANY = problems({429: "Too many failures: ``Retry-After`` says when."})


@router.get("")
def show(caller: Owner, here: Here) -> Me:
    person = None
    if caller.person_id is not None:
        with here.database.read() as session:
            person = find_person(session, caller.person_id)
    return Me(
        name=caller.name,
        role=caller.role,
        department=caller.department,
        grids=None if caller.grids is None else sorted(caller.grids),
        display_name=person.display_name if person else None,
        language=person.language if person else None,
        actions=[action for action in here.rights.columns if caller.may(here.rights, action)],
    )


@router.patch("")
def change(changes: MyChanges, caller: Owner, here: Here, request_id: RequestId) -> Me:
    """Changes the own display name and language."""
    person_id = _a_person(caller)
    with here.database.write() as session:
        _, changed = change_person(session, person_id, changes.model_dump(include=changes.model_fields_set))
        if changed:
            subject = f"person:{caller.name}"
            write_act(session, here, caller, request_id, action=_OWN, subject=subject, act="changed", **changed)
    return show(caller, here)


@router.put("/password", status_code=204, responses=_TOO_MANY)
async def change_password(
    change: PasswordChange, caller: Owner, here: Here, request: Request, request_id: RequestId
) -> Response:
    """Sets a new password, and ends all other sessions of whoever asks. Failures count as those of a login do."""
    person_id = _a_person(caller)
    await here.passwords.in_turn(
        partial(_change_password, person_id, change, caller, here, address=address_of(request), request_id=request_id)
    )
    return Response(status_code=204)


def _change_password(
    person_id: UUID, change: PasswordChange, caller: Caller, here: Services, *, address: str, request_id: str
) -> None:
    attempt = Attempt(caller.name, change.present, address)
    checked = check_password(here.database, here.passwords, attempt, now=here.clock())
    password_hash = here.passwords.hash(change.new)
    with here.database.write() as session:
        person = find_person(session, person_id, lock=True)
        if person.password_hash != checked:
            raise WrongPassword("somebody set another password at this moment; log in with that one")
        person.password_hash = password_hash
        end_sessions_of(session, person_id, but=caller.token_hash, but_login=caller.login_id)
        subject = f"person:{caller.name}"
        write_act(session, here, caller, request_id, action=_OWN, subject=subject, act="password_changed")


def _a_person(caller: Caller) -> UUID:
    if caller.person_id is None:
        raise Problem(HTTPStatus.CONFLICT, "a key has neither password nor language")
    return caller.person_id
