"""Who is asking: a person with a session, a machine with a key, or nobody known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.people.keys import KEY_PREFIX, KeyKind, find_key, sha256_of
from api.rights import Role
from api.tables import LoginSession, Person

_MAX_BEARER_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Caller:
    """department: of a handler. grids: which ones the person sees cases of, None for all.

    token_hash: of the session in use, so that it can be ended.
    """

    role: Role
    name: str
    person_id: UUID | None = None
    department: str | None = None
    grids: frozenset[str] | None = None
    token_hash: str | None = None

    @property
    def actor(self) -> str:
        """The caller's name in histories, such as ``person:li`` or ``edge:gate-3``."""
        if self.person_id is not None:
            return f"person:{self.name}"
        return f"edge:{self.name}" if self.role is Role.EDGE_KEY else self.name


ANONYMOUS = Caller(role=Role.ANONYMOUS, name="anonymous")


def find_caller(session: Session, bearer: str, *, now: datetime) -> Caller | None:
    """Returns whom a bearer token or key stands for, or None where it stands for nobody (any more)."""
    if len(bearer) > _MAX_BEARER_LENGTH:
        return None
    return _machine(session, bearer) if bearer.startswith(KEY_PREFIX) else _person(session, bearer, now)


def _machine(session: Session, bearer: str) -> Caller | None:
    key = find_key(session, bearer)
    if key is None:
        return None
    if key.kind == KeyKind.SERVICE:
        return Caller(role=Role.SERVICE, name="service")
    return Caller(role=Role.EDGE_KEY, name=str(key.edge_id))


def _person(session: Session, bearer: str, now: datetime) -> Caller | None:
    token_hash = sha256_of(bearer)
    person = session.scalar(
        select(Person)
        .join(LoginSession, LoginSession.person_id == Person.id)
        .where(LoginSession.token_hash == token_hash, LoginSession.expires_at > now)
    )
    if person is None:
        return None
    return Caller(
        role=Role(person.role),
        name=person.name,
        person_id=person.id,
        department=person.department,
        grids=None if person.grids is None else frozenset(person.grids),
        token_hash=token_hash,
    )
