"""Sessions of people: opened by a login, kept by use, moved from token to token, and ended."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from api.people.keys import sha256_of
from api.settings import ApiSettings
from api.tables import LoginSession, Person

GRACE = timedelta(seconds=10)
"""So long a replaced token still works: requests that were on their way with it must not fail."""

NOTED_EVERY = timedelta(minutes=1)
"""The time of the last use is written down no more often: reading must not mean writing."""

_TOKEN_PREFIX = "st_"  # noqa: S105 (tells a session's token from a machine's key)


@dataclass(frozen=True, slots=True)
class Lasting:
    """at_most: from the login on, however often the token is exchanged. idle: without any request."""

    at_most: timedelta
    idle: timedelta

    @classmethod
    def of(cls, settings: ApiSettings) -> Lasting:
        return cls(timedelta(hours=settings.session_hours), timedelta(minutes=settings.session_idle_minutes))


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session just opened or moved to another token; ``token`` is shown this once."""

    token: str
    expires_at: datetime
    person: Person


def open_session(session: Session, person: Person, *, now: datetime, lasting: Lasting, address: str) -> NewSession:
    token = _TOKEN_PREFIX + secrets.token_urlsafe(32)
    opened = LoginSession(
        token_hash=sha256_of(token),
        person_id=person.id,
        created_at=now,
        expires_at=now + lasting.at_most,
        login_id=uuid7(),
        opened_at=now,
        last_used_at=now,
        address=address,
    )
    session.execute(delete(LoginSession).where(LoginSession.expires_at <= now))
    session.add(opened)
    return NewSession(token=token, expires_at=opened.expires_at, person=person)


def rotate(session: Session, token_hash: str, *, now: datetime) -> NewSession | None:
    """Replaces the token by a new one of the same login, which ends when the old one would have.

    A login has one token in force: where the answer was lost and the old token comes again within its grace, what it
    was replaced by is replaced as well. Returns None where the session has ended meanwhile.
    """
    person = _hold_owner(session, token_hash)
    old = session.scalar(select(LoginSession).where(LoginSession.token_hash == token_hash).with_for_update())
    if person is None or old is None:
        return None
    token = _TOKEN_PREFIX + secrets.token_urlsafe(32)
    old.login_id = old.login_id or uuid7()
    old.replaced_at = old.replaced_at or now
    others = (LoginSession.login_id == old.login_id) & LoginSession.replaced_at.is_(None)
    session.execute(update(LoginSession).where(others).values(replaced_at=now))
    session.add(
        LoginSession(
            token_hash=sha256_of(token),
            person_id=old.person_id,
            created_at=now,
            expires_at=old.expires_at,
            login_id=old.login_id,
            opened_at=old.opened_at or old.created_at,
            last_used_at=now,
            address=old.address,
        )
    )
    return NewSession(token=token, expires_at=old.expires_at, person=person)


def is_stolen(replaced_at: datetime | None, now: datetime) -> bool:
    """Whether somebody uses a token that its owner has exchanged for another a while ago."""
    return replaced_at is not None and now > replaced_at + GRACE


def is_idle(last_used_at: datetime | None, now: datetime, idle: timedelta) -> bool:
    """Whether a session has ended because nobody used it."""
    return last_used_at is not None and last_used_at + idle <= now


def note_use(session: Session, token_hash: str, now: datetime) -> None:
    """Moves the time of the last use forward, never back, and leaves a session alone that counts none."""
    used = LoginSession.token_hash == token_hash
    session.execute(update(LoginSession).where(used, LoginSession.last_used_at < now).values(last_used_at=now))


def sessions_of(session: Session, person_id: UUID, *, now: datetime, idle: timedelta) -> Sequence[LoginSession]:
    """Returns the person's open sessions, the newest login first; a replaced token is none."""
    own = select(LoginSession).where(LoginSession.person_id == person_id, LoginSession.replaced_at.is_(None))
    found = session.scalars(own.order_by(LoginSession.created_at.desc()).limit(200))
    return [one for one in found if one.expires_at > now and not is_idle(one.last_used_at, now, idle)]


def end_session(session: Session, token_hash: str) -> None:
    """Ends a session and all that belongs to the same login."""
    _hold_owner(session, token_hash)
    login_id = session.scalar(select(LoginSession.login_id).where(LoginSession.token_hash == token_hash))
    if login_id is not None:
        session.execute(delete(LoginSession).where(LoginSession.login_id == login_id))
    session.execute(delete(LoginSession).where(LoginSession.token_hash == token_hash))


def end_login(session: Session, login_id: UUID, *, person_id: UUID) -> bool:
    """Returns whether the person had such a login."""
    session.scalar(select(Person.id).where(Person.id == person_id).with_for_update())
    own = delete(LoginSession).where(LoginSession.login_id == login_id, LoginSession.person_id == person_id)
    return bool(session.execute(own.returning(LoginSession.token_hash)).all())


def _hold_owner(session: Session, token_hash: str) -> Person | None:
    """Locks whose session it is, as all do that end sessions: a token exchanged meanwhile must not outlive them."""
    owner_id = select(LoginSession.person_id).where(LoginSession.token_hash == token_hash).scalar_subquery()
    return session.scalar(select(Person).where(Person.id == owner_id).with_for_update())
