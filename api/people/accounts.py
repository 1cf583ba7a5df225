"""People: adding, showing and changing them; the errors of all that concerns them.

PeopleError
├── NameTaken          somebody has this name already
├── UnknownPerson      nobody has this name or id
├── LastAdministrator  nobody would be left who manages people
├── UnfitPerson        role and department do not go together
├── WrongPassword      the present password that goes with a new one is not theirs
├── LoginRefused       name or password is wrong, and nobody is told which
└── LoginLocked        too many failures: not even the right password helps until the lock ends
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from api.audit.trail import write_audit
from api.clock import utc_now
from api.database import database_of_command
from api.inserting import insert_if_absent
from api.people.passwords import Passwords, new_password
from api.rights import Role
from api.settings import ApiSettings
from api.tables import LoginFailures, LoginSession, LoginSource, Person

CHANGEABLE = frozenset({"role", "department", "grids", "display_name", "language"})


class PeopleError(Exception):
    """Anything that keeps a person from being added, changed or logged in."""


class NameTaken(PeopleError):
    """Somebody has this name already."""


class UnknownPerson(PeopleError):
    """Nobody has this name or id."""


class LastAdministrator(PeopleError):
    """Nobody would be left who manages people."""


class UnfitPerson(PeopleError):
    """A handler without a department, or a department without a handler."""


class WrongPassword(PeopleError):
    """The present password that goes with a new one is not the person's."""


class LoginRefused(PeopleError):
    """Name or password is wrong."""


class LoginLocked(PeopleError):
    """Too many failures; ``retry_after_s`` is how long the lock still lasts."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"too many failed logins for this name; try again in {retry_after_s} s")
        self.retry_after_s = retry_after_s


def add_person(
    session: Session,
    *,
    name: str,
    role: Role,
    department: str | None,
    password_hash: str,
    now: datetime,
    **more: str | list[str] | None,
) -> Person:
    """``more``: grids, display_name, language, subject. Without a password, ``password_hash`` is empty.

    Raises: NameTaken: also where two add the same name at once. UnfitPerson.
    """
    _check_fit(role, department)
    person = {
        "id": uuid7(),
        "name": name,
        "role": role.value,
        "department": department,
        "password_hash": password_hash,
        "created_at": now,
        **more,
    }
    insert_if_absent(session, Person, [person], unique=["name"])
    added = session.get(Person, person["id"])
    if added is None:
        raise NameTaken(f"the name {name} is taken")
    return added


def find_person(session: Session, person_id: UUID, *, lock: bool = False) -> Person:
    """Raises: UnknownPerson."""
    query = select(Person).where(Person.id == person_id)
    found = session.scalar(query.with_for_update() if lock else query)
    if found is None:
        raise UnknownPerson(f"there is no person {person_id}")
    return found


def list_people(
    session: Session, *, role: Role | None, department: str | None, after: str | None, limit: int
) -> tuple[list[Person], str | None]:
    """Returns people by name, and the name to go on behind, None at the end."""
    query = select(Person).order_by(Person.name).limit(limit + 1)
    for column, value in ((Person.role, role), (Person.department, department)):
        if value is not None:
            query = query.where(column == value)
    if after is not None:
        query = query.where(Person.name > after)
    found = list(session.scalars(query))
    return found[:limit], found[limit - 1].name if len(found) > limit else None


def change_person(session: Session, person_id: UUID, changes: Mapping[str, Any]) -> tuple[Person, dict[str, Any]]:
    """Sets those of ``CHANGEABLE`` that are named, also to None; returns the person and what is another value now.

    It holds at once, also in sessions that are open. Raises: UnknownPerson, UnfitPerson, LastAdministrator.
    """
    administrators = _hold_administrators(session)
    person = find_person(session, person_id, lock=True)
    changed = {name: value for name, value in changes.items() if getattr(person, name) != value}
    if unknown := changed.keys() - CHANGEABLE:
        raise ValueError(f"expected some of {sorted(CHANGEABLE)}, got {sorted(unknown)}")
    _check_fit(Role(changed.get("role", person.role)), changed.get("department", person.department))
    if changed.get("role", Role.ADMINISTRATOR) != Role.ADMINISTRATOR:
        _keep_one(administrators, person)
    for name, value in changed.items():
        setattr(person, name, value)
    return person, changed


def disable_person(session: Session, person_id: UUID, *, now: datetime) -> Person:
    """Ends all sessions at once; disabling twice is harmless. Raises: UnknownPerson, LastAdministrator."""
    administrators = _hold_administrators(session)
    person = find_person(session, person_id, lock=True)
    _keep_one(administrators, person)
    person.disabled_at = person.disabled_at or now
    end_sessions_of(session, person.id)
    return person


def enable_person(session: Session, person_id: UUID) -> Person:
    """Lets the person log in again, and forgets failed logins. Raises: UnknownPerson."""
    person = find_person(session, person_id, lock=True)
    person.disabled_at = None
    forget_failures(session, person.name)
    return person


def set_password(session: Session, person_id: UUID, password_hash: str) -> Person:
    """Ends the person's sessions and any lock. Raises: UnknownPerson."""
    person = find_person(session, person_id, lock=True)
    person.password_hash = password_hash
    end_sessions_of(session, person.id)
    forget_failures(session, person.name)
    return person


def end_sessions_of(
    session: Session, person_id: UUID, *, but: str | None = None, but_login: UUID | None = None
) -> None:
    """Ends all of the person's sessions, or all but the one with token hash ``but`` and those of its login."""
    query = delete(LoginSession).where(LoginSession.person_id == person_id)
    if but is not None:
        query = query.where(LoginSession.token_hash != but)
    if but_login is not None:
        query = query.where(or_(LoginSession.login_id.is_(None), LoginSession.login_id != but_login))
    session.execute(query)


def forget_failures(session: Session, name: str) -> None:
    session.execute(delete(LoginFailures).where(LoginFailures.name == name))
    session.execute(update(LoginSource).where(LoginSource.name == name).values(failures=0, locked_until=None))


def reset_password(settings: ApiSettings, name: str) -> str:
    """Gives the person a new password, returned this once, for the command line; ends sessions and any lock.

    Raises: UnknownPerson, DatabaseUnavailable.
    """
    password = new_password()
    password_hash = Passwords().hash(password)
    with database_of_command(settings.database_url) as database, database.write() as session:
        person = session.scalar(select(Person).where(Person.name == name))
        if person is None:
            raise UnknownPerson(f"nobody is called {name}")
        set_password(session, person.id, password_hash)
        write_audit(
            session,
            "people.manage",
            f"person:{name}",
            at=utc_now(),
            actor="command",
            request_id=None,
            details={"act": "password_reset"},
        )
    return password


def nobody_yet(session: Session) -> bool:
    return not session.scalar(select(func.count()).select_from(Person))


def first_administrator(session: Session, passwords: Passwords) -> str:
    """Adds the person ``administrator``; returns the password, which is kept nowhere else."""
    password = new_password()
    add_person(
        session,
        name="administrator",
        role=Role.ADMINISTRATOR,
        department=None,
        password_hash=passwords.hash(password),
        now=utc_now(),
    )
    return password


def _check_fit(role: Role, department: str | None) -> None:
    if (role is Role.HANDLER) != (department is not None):
        raise UnfitPerson("department belongs to role handler, and only to it")


def _hold_administrators(session: Session) -> frozenset[UUID]:
    """Returns those in office, and keeps them there until the transaction ends: two cannot remove each other."""
    in_office = select(Person.id).where(Person.role == Role.ADMINISTRATOR, Person.disabled_at.is_(None))
    return frozenset(session.scalars(in_office.order_by(Person.id).with_for_update()))


def _keep_one(administrators: frozenset[UUID], person: Person) -> None:
    if administrators <= {person.id} and person.id in administrators:
        raise LastAdministrator(f"{person.name} is the last administrator")
