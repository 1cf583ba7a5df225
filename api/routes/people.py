"""People, for those who manage them."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any
from uuid import UUID

import structlog
from fastapi import APIRouter, Query, Response
from sqlalchemy.orm import Session

from api.access import allowed
from api.people.accounts import (
    add_person,
    change_person,
    disable_person,
    enable_person,
    end_sessions_of,
    find_person,
    list_people,
    set_password,
)
from api.people.acts import write_act
from api.people.callers import Caller
from api.people.passwords import new_password
from api.people.schemas import (
    NewPerson,
    PersonChanges,
    PersonName,
    PersonPage,
    PersonRole,
    ResetPassword,
    ShownPerson,
)
from api.schemas import Key
from api.services import Here, RequestId, Services

router = APIRouter(prefix="/api/v1/people", tags=["people"])
_log = structlog.get_logger()
_MANAGE = "people.manage"
Manager = Annotated[Caller, allowed(_MANAGE)]


@router.get("", dependencies=[allowed(_MANAGE)])
def list_page(
    *,
    here: Here,
    role: PersonRole | None = None,
    department: Key | None = None,
    after: PersonName | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> PersonPage:
    """Lists people by name, also those who are disabled."""
    with here.database.read() as session:
        found, following = list_people(session, role=role, department=department, after=after, limit=limit)
    return PersonPage(items=[ShownPerson.of(person) for person in found], next=following)


@router.post("", status_code=201)
async def add(person: NewPerson, caller: Manager, here: Here, request_id: RequestId) -> ShownPerson:
    return await here.passwords.in_turn(partial(_add, person, caller, here, request_id))


def _add(person: NewPerson, caller: Caller, here: Services, request_id: str) -> ShownPerson:
    password_hash = here.passwords.hash(person.password)
    told = person.model_dump(mode="json", exclude={"password", "name"}, exclude_none=True)
    with here.database.write() as session:
        added = add_person(
            session,
            name=person.name,
            role=person.role,
            department=person.department,
            password_hash=password_hash,
            now=here.clock(),
            grids=person.grids,
            display_name=person.display_name,
            language=person.language,
        )
        _write(session, here, caller, request_id, added.name, act="added", **told)
    return ShownPerson.of(added)


@router.get("/{person_id}", dependencies=[allowed(_MANAGE)])
def show(person_id: UUID, here: Here) -> ShownPerson:
    with here.database.read() as session:
        return ShownPerson.of(find_person(session, person_id))


@router.patch("/{person_id}")
def change(person_id: UUID, changes: PersonChanges, caller: Manager, here: Here, request_id: RequestId) -> ShownPerson:
    """Changes role, department, grids, display name or language; it holds at once, also in open sessions."""
    with here.database.write() as session:
        person, changed = change_person(session, person_id, changes.named())
        if changed:
            _write(session, here, caller, request_id, person.name, act="changed", **changed)
        return ShownPerson.of(person)


@router.post("/{person_id}/disable")
def disable(person_id: UUID, caller: Manager, here: Here, request_id: RequestId) -> ShownPerson:
    """Keeps the person out, and ends the person's sessions at once."""
    with here.database.write() as session:
        person = disable_person(session, person_id, now=here.clock())
        _write(session, here, caller, request_id, person.name, act="disabled")
        return ShownPerson.of(person)


@router.post("/{person_id}/enable")
def enable(person_id: UUID, caller: Manager, here: Here, request_id: RequestId) -> ShownPerson:
    """Lets the person log in again; failed logins are forgotten."""
    with here.database.write() as session:
        person = enable_person(session, person_id)
        _write(session, here, caller, request_id, person.name, act="enabled")
        return ShownPerson.of(person)


@router.post("/{person_id}/password", status_code=201)
async def reset_password(person_id: UUID, caller: Manager, here: Here, request_id: RequestId) -> ResetPassword:
    """Makes a new password, shown this once; ends the person's sessions and any lock."""
    return await here.passwords.in_turn(partial(_reset_password, person_id, caller, here, request_id))


def _reset_password(person_id: UUID, caller: Caller, here: Services, request_id: str) -> ResetPassword:
    password = new_password()
    password_hash = here.passwords.hash(password)
    with here.database.write() as session:
        person = set_password(session, person_id, password_hash)
        _write(session, here, caller, request_id, person.name, act="password_reset")
    return ResetPassword(password=password)


@router.delete("/{person_id}/sessions", status_code=204)
def end_sessions(person_id: UUID, caller: Manager, here: Here, request_id: RequestId) -> Response:
    """Logs the person out everywhere, at once."""
    with here.database.write() as session:
        person = find_person(session, person_id, lock=True)
        end_sessions_of(session, person.id)
        _write(session, here, caller, request_id, person.name, act="logged_out")
    return Response(status_code=204)


def _write(session: Session, here: Services, caller: Caller, request_id: str, name: str, **details: Any) -> None:
    write_act(session, here, caller, request_id, action=_MANAGE, subject=f"person:{name}", **details)
    _log.info(f"person {details['act']}", name=name, actor=caller.actor)
