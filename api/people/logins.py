"""Logs people in, and locks guessers out without locking out those whom they guess at.

Wrong passwords are counted for a name at the address that they come from: after five, that name is locked there. They
are counted for the name over all addresses too, with a far higher bar, against guessing from many places; that lock
does not hold where the person has logged in lately.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from api.audit.trail import write_audit
from api.database import Database
from api.inserting import insert_into
from api.people.accounts import LoginLocked, LoginRefused, WrongPassword
from api.people.addresses import NOWHERE
from api.people.passwords import Passwords
from api.people.sessions import Lasting, NewSession, open_session
from api.tables import LoginFailures, LoginSource, Person

FREE_FAILURES = 5
FREE_FAILURES_OF_NAME = 100
FIRST_LOCK_S = 30.0
LONGEST_LOCK_S = 3600.0
_FORGET_AFTER = timedelta(days=1)
_KNOWN_FOR = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Attempt:
    """address: of the client, as ``address_group`` gives it."""

    name: str
    password: str
    address: str = NOWHERE


def log_in(
    database: Database,
    passwords: Passwords,
    attempt: Attempt,
    *,
    now: datetime,
    lasting: Lasting,
    request_id: str | None = None,
) -> NewSession:
    """Raises: LoginRefused, LoginLocked: the same way, and as slowly, for names that nobody has."""
    found, matches = _matches(database, passwords, attempt, now)
    # Answered one after the other, and not at all under a lock that came meanwhile, so that of a hundred
    # guesses at once no more are told right from wrong than of a hundred in a row.
    with database.write() as session:
        person = _still(session, found) if matches else None
        failures, source = hold_failures(session, attempt, now)
        _refuse_locked(failures, source, now)
        if person is not None and person.disabled_at is None:
            note_success(session, failures, source, now)
            write_login(session, person, now=now, request_id=request_id, way="password", address=attempt.address)
            return open_session(session, person, now=now, lasting=lasting, address=attempt.address)
        _count(failures, source, now)
    raise LoginRefused("name or password is wrong")


def check_password(database: Database, passwords: Passwords, attempt: Attempt, *, now: datetime) -> str:
    """Returns the hash that it was checked against: by the time that a new one is made, it may be another.

    Raises: WrongPassword, LoginLocked: A stolen session must not be the way to guess the password.
    """
    found, matches = _matches(database, passwords, attempt, now)
    with database.write() as session:
        failures, source = hold_failures(session, attempt, now)
        _refuse_locked(failures, source, now)
        if found is not None and matches:
            note_success(session, failures, source, now)
            return found.password_hash
        _count(failures, source, now)
    raise WrongPassword("the present password is wrong")


def _still(session: Session, found: Person | None) -> Person | None:
    """Returns the person, locked, unless the password is another one since it was checked, which takes a while."""
    if found is None:
        return None
    same = select(Person).where(Person.id == found.id).with_for_update()
    person = session.scalar(same)
    return person if person is not None and person.password_hash == found.password_hash else None


def _matches(database: Database, passwords: Passwords, attempt: Attempt, now: datetime) -> tuple[Person | None, bool]:
    """Returns who has this name, and whether the password is theirs. Raises: LoginLocked."""
    with database.read() as session:
        failures = session.get(LoginFailures, attempt.name)
        source = session.get(LoginSource, (attempt.name, attempt.address))
        found = session.scalar(select(Person).where(Person.name == attempt.name))
    _refuse_locked(failures, source, now)
    return found, passwords.matches(attempt.password, found.password_hash if found else None)


def write_login(
    session: Session, person: Person, *, now: datetime, request_id: str | None, way: str, address: str
) -> None:
    actor = subject = f"person:{person.name}"
    details = {"act": "logged_in", "way": way, "address": address}
    write_audit(session, "session.open", subject, at=now, actor=actor, request_id=request_id, details=details)


def lock_s(failures: int, *, free: int = FREE_FAILURES) -> float:
    """How long a lock lasts after so many failures: not at all, then doubling up to the longest."""
    if failures < free:
        return 0.0
    return min(LONGEST_LOCK_S, FIRST_LOCK_S * 2.0 ** min(failures - free, 32))


def note_success(session: Session, failures: LoginFailures, source: LoginSource, now: datetime) -> None:
    session.delete(failures)
    source.failures, source.locked_until = 0, None
    source.last_at = source.succeeded_at = now


def _count(failures: LoginFailures, source: LoginSource, now: datetime) -> None:
    for counted, free in ((failures, FREE_FAILURES_OF_NAME), (source, FREE_FAILURES)):
        counted.failures += 1
        counted.last_at = now
        counted.locked_until = now + timedelta(seconds=lock_s(counted.failures, free=free))


def hold_failures(session: Session, attempt: Attempt, now: datetime) -> tuple[LoginFailures, LoginSource]:
    """Returns the rows of the name and of the name at this address, made where there are none, and locked.

    Always the name's first, so that two logins at once never wait for each other.
    """
    session.execute(delete(LoginFailures).where(LoginFailures.last_at < now - _FORGET_AFTER))
    session.execute(delete(LoginSource).where(LoginSource.last_at < now - _KNOWN_FOR))
    none_yet = insert_into(session, LoginFailures).values(name=attempt.name, failures=0, last_at=now)
    # One statement, which changes nothing of a row that is there: between two, another login may remove it.
    held = none_yet.on_conflict_do_update(index_elements=["name"], set_={"last_at": LoginFailures.last_at})
    failures = session.scalars(held.returning(LoginFailures)).one()
    first = insert_into(session, LoginSource).values(
        name=attempt.name, address=attempt.address, failures=0, last_at=now
    )
    held = first.on_conflict_do_update(index_elements=["name", "address"], set_={"last_at": LoginSource.last_at})
    source = session.scalars(held.returning(LoginSource)).one()
    if source.last_at < now - _FORGET_AFTER:
        source.failures = 0
    return failures, source


def _refuse_locked(failures: LoginFailures | None, source: LoginSource | None, now: datetime) -> None:
    """Raises: LoginLocked: Without counting, so that a lock ends although somebody keeps trying."""
    is_known = source is not None and source.succeeded_at is not None and source.succeeded_at > now - _KNOWN_FOR
    for lock in (source, None if is_known else failures):
        if lock is not None and lock.locked_until is not None and lock.locked_until > now:
            raise LoginLocked(math.ceil((lock.locked_until - now).total_seconds()))
