"""Adds people, logs them in and out, and locks a name out after failed logins.

PeopleError
├── NameTaken        somebody has this name already
├── UnknownPerson    nobody has this name
├── LoginRefused     name or password is wrong, and nobody is told which
└── LoginLocked      too many failures: not even the right password helps until the lock ends
"""

from __future__ import annotations

import math
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from api.clock import utc_now
from api.database import Database, database_of_command
from api.inserting import insert_if_absent, insert_into
from api.people.keys import sha256_of
from api.people.passwords import Passwords, new_password
from api.rights import Role
from api.settings import ApiSettings
from api.tables import LoginFailures, LoginSession, Person

FREE_FAILURES = 5
FIRST_LOCK_S = 30.0
LONGEST_LOCK_S = 3600.0
_FORGET_AFTER = timedelta(days=1)
_TOKEN_PREFIX = "st_"  # noqa: S105 (tells a session's token from a machine's key)


class PeopleError(Exception):
    """Anything that keeps a person from being added or logged in."""


class NameTaken(PeopleError):
    """Somebody has this name already."""


class UnknownPerson(PeopleError):
    """Nobody has this name."""


class LoginRefused(PeopleError):
    """Name or password is wrong."""


class LoginLocked(PeopleError):
    """Too many failures; ``retry_after_s`` is how long the lock still lasts."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"too many failed logins for this name; try again in {retry_after_s} s")
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session just opened; ``token`` is shown this once."""

    token: str
    expires_at: datetime
    person: Person


def add_person(
    session: Session, *, name: str, role: Role, department: str | None, password_hash: str, now: datetime
) -> Person:
    """Raises: NameTaken: also where two add the same name at once."""
    person = {
        "id": uuid7(),
        "name": name,
        "role": role.value,
        "department": department,
        "password_hash": password_hash,
        "created_at": now,
    }
    insert_if_absent(session, Person, [person], unique=["name"])
    added = session.get(Person, person["id"])
    if added is None:
        raise NameTaken(f"the name {name} is taken")
    return added


def log_in(
    database: Database, passwords: Passwords, *, name: str, password: str, now: datetime, lasts: timedelta
) -> NewSession:
    """Raises: LoginRefused, LoginLocked: the same way, and as slowly, for names that nobody has."""
    with database.read() as session:
        known_failures = session.get(LoginFailures, name)
        found = session.scalar(select(Person).where(Person.name == name))
    if known_failures is not None:
        _refuse_locked(known_failures, now)
    matches = passwords.matches(password, found.password_hash if found else None)
    # Answered one after the other, and not at all under a lock that came meanwhile, so that of a hundred
    # guesses at once no more are told right from wrong than of a hundred in a row.
    with database.write() as session:
        failures = _hold_failures(session, name, now)
        _refuse_locked(failures, now)
        if matches and found is not None:
            session.delete(failures)
            return _open_session(session, found, now=now, lasts=lasts)
        failures.failures += 1
        failures.last_at = now
        failures.locked_until = now + timedelta(seconds=lock_s(failures.failures))
    raise LoginRefused("name or password is wrong")


def log_out(session: Session, token_hash: str) -> None:
    session.execute(delete(LoginSession).where(LoginSession.token_hash == token_hash))


def reset_password(settings: ApiSettings, name: str) -> str:
    """Gives the person a new password, returned this once; ends the person's sessions and any lock.

    Raises: UnknownPerson, DatabaseUnavailable.
    """
    password = new_password()
    password_hash = Passwords().hash(password)
    with database_of_command(settings.database_url) as database, database.write() as session:
        person = session.scalar(select(Person).where(Person.name == name))
        if person is None:
            raise UnknownPerson(f"nobody is called {name}")
        person.password_hash = password_hash
        session.execute(delete(LoginSession).where(LoginSession.person_id == person.id))
        session.execute(delete(LoginFailures).where(LoginFailures.name == name))
    return password


def nobody_yet(session: Session) -> bool:
    return not session.scalar(select(func.count()).select_from(Person))


def lock_s(failures: int) -> float:
    """How long a name is locked after so many failures: not at all, then doubling up to the longest."""
    if failures < FREE_FAILURES:
        return 0.0
    return min(LONGEST_LOCK_S, FIRST_LOCK_S * 2.0 ** min(failures - FREE_FAILURES, 32))


def _open_session(session: Session, person: Person, *, now: datetime, lasts: timedelta) -> NewSession:
    token = _TOKEN_PREFIX + secrets.token_urlsafe(32)
    opened = LoginSession(token_hash=sha256_of(token), person_id=person.id, created_at=now, expires_at=now + lasts)
    session.execute(delete(LoginSession).where(LoginSession.expires_at <= now))
    session.add(opened)
    return NewSession(token=token, expires_at=opened.expires_at, person=person)


def _hold_failures(session: Session, name: str, now: datetime) -> LoginFailures:
    """Returns the name's row, made where there is none, and locked until the transaction ends."""
    session.execute(delete(LoginFailures).where(LoginFailures.last_at < now - _FORGET_AFTER))
    none_yet = insert_into(session, LoginFailures).values(name=name, failures=0, last_at=now)
    # One statement, which changes nothing of a row that is there: between two, another login may remove it.
    held = none_yet.on_conflict_do_update(index_elements=["name"], set_={"last_at": LoginFailures.last_at})
    return session.scalars(held.returning(LoginFailures)).one()


def _refuse_locked(failures: LoginFailures, now: datetime) -> None:
    """Raises: LoginLocked: Without counting, so that a lock ends although somebody keeps trying."""
    if failures.locked_until is not None and failures.locked_until > now:
        raise LoginLocked(math.ceil((failures.locked_until - now).total_seconds()))


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
