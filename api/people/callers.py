"""Who is asking: a person with a session, a machine with a key, or nobody known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import bindparam, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from api.asking import Asks, AsksBySession, Question
from api.audit.trail import write_audit
from api.database import Database
from api.people.keys import KEY_PREFIX, KeyKind, find_key, note_key_use, sha256_of
from api.people.sessions import NOTED_EVERY, end_login, is_idle, is_stolen, note_use
from api.rights import Rights, Role
from api.tables import LoginSession, Person

_log = structlog.get_logger()
_MAX_BEARER_LENGTH = 200
_NEVER_IDLE = timedelta(days=36_500)


@dataclass(frozen=True, slots=True)
class Caller:
    """department: of a handler. grids: which ones the person sees cases of, None for all.

    token_hash, login_id: of the session in use, so that it can be ended. key_id: of an integrator's key.
    scopes: to which actions the key is limited, None for all of the role. last_used_at: as far as it is counted.
    """

    role: Role
    name: str
    person_id: UUID | None = None
    department: str | None = None
    grids: frozenset[str] | None = None
    token_hash: str | None = None
    login_id: UUID | None = None
    key_id: UUID | None = None
    scopes: frozenset[str] | None = None
    last_used_at: datetime | None = None

    @property
    def actor(self) -> str:
        """The caller's name in histories, such as ``person:li``, ``edge:gate-3`` or ``key:transport``."""
        if self.person_id is not None:
            return f"person:{self.name}"
        return f"edge:{self.name}" if self.role is Role.EDGE_KEY else self.name

    def may(self, rights: Rights, action: str) -> bool:
        """Whether the role may do this at all, and the key is not kept from it."""
        return rights.may(self.role, action) and (self.scopes is None or action in self.scopes)


_sessions, _people = LoginSession.__table__.c, Person.__table__.c
# Columns, not objects, and built once: this runs before everything else.
_SESSION = Question(
    select(
        _sessions.login_id,
        _sessions.replaced_at,
        _sessions.last_used_at,
        _people.id,
        _people.name,
        _people.role,
        _people.department,
        _people.grids,
    )
    .join_from(LoginSession.__table__, Person.__table__, _sessions.person_id == _people.id)
    .where(
        _sessions.token_hash == bindparam("token_hash"),
        _sessions.expires_at > bindparam("now", type_=_sessions.expires_at.type),
        _people.disabled_at.is_(None),
    )
)

ANONYMOUS = Caller(role=Role.ANONYMOUS, name="anonymous")


@dataclass(frozen=True, slots=True)
class _Stolen:
    """A token came that its owner exchanged for another a while ago."""

    login_id: UUID
    person_id: UUID
    name: str


def identify(
    database: Database, bearer: str, *, now: datetime, idle: timedelta, request_id: str | None
) -> Caller | None:
    """Returns whom a bearer token or key stands for, and notes that it was used; None where it stands for nobody.

    A token that was exchanged for another, and comes again after a while, was stolen: the whole login ends.
    """
    with database.glance() as session:
        found = _look_up(session, bearer, now, idle)
    if isinstance(found, _Stolen):
        with database.write() as session:
            if end_login(session, found.login_id, person_id=found.person_id):
                write_audit(
                    session,
                    "session.own",
                    f"person:{found.name}",
                    at=now,
                    actor="streetcase",
                    request_id=request_id,
                    details={"act": "login_ended", "reason": "a replaced token was used"},
                )
        _log.warning("a replaced token was used; its login has ended", person=found.name)
        return None
    if found is not None and _is_to_note(found, now):
        _note_use(database, found, now)
    return found


def is_key(bearer: str) -> bool:
    """Whether it has the form of a machine's key, not of a person's session."""
    return bearer.startswith(KEY_PREFIX)


def recognise(asks: Asks, bearer: str, *, now: datetime, idle: timedelta) -> Caller | None:
    """Returns the person whose session this is, where nothing is to be noted; for anybody else ask ``identify``."""
    if len(bearer) > _MAX_BEARER_LENGTH or is_key(bearer):
        return None
    found = _person(asks, bearer, now, idle)
    return None if found is None or isinstance(found, _Stolen) or _is_to_note(found, now) else found


def find_caller(session: Session, bearer: str, *, now: datetime, idle: timedelta = _NEVER_IDLE) -> Caller | None:
    """Returns whom a bearer token or key stands for, or None where it stands for nobody (any more); notes nothing."""
    found = _look_up(session, bearer, now, idle)
    return None if isinstance(found, _Stolen) else found


def _look_up(session: Session, bearer: str, now: datetime, idle: timedelta) -> Caller | _Stolen | None:
    if len(bearer) > _MAX_BEARER_LENGTH:
        return None
    return _machine(session, bearer, now) if is_key(bearer) else _person(AsksBySession(session), bearer, now, idle)


def _machine(session: Session, bearer: str, now: datetime) -> Caller | None:
    key = find_key(session, bearer)
    if key is None or (key.expires_at is not None and key.expires_at <= now):
        return None
    if key.kind == KeyKind.SERVICE:
        return Caller(role=Role.SERVICE, name="service")
    if key.kind == KeyKind.INTEGRATOR:
        return Caller(
            role=Role.INTEGRATOR,
            name=f"key:{key.name}",
            key_id=key.id,
            scopes=None if key.scopes is None else frozenset(key.scopes),
            last_used_at=key.last_used_at or key.created_at - NOTED_EVERY,
        )
    return Caller(role=Role.EDGE_KEY, name=str(key.edge_id))


def _person(asks: Asks, bearer: str, now: datetime, idle: timedelta) -> Caller | _Stolen | None:
    token_hash = sha256_of(bearer)
    rows = asks(_SESSION, {"token_hash": token_hash, "now": now})
    if not rows:
        return None
    found = rows[0]
    if is_stolen(found["replaced_at"], now):
        return _Stolen(login_id=found["login_id"], person_id=found["id"], name=found["name"])
    if is_idle(found["last_used_at"], now, idle):
        return None
    return Caller(
        role=Role(found["role"]),
        name=found["name"],
        person_id=found["id"],
        department=found["department"],
        grids=None if found["grids"] is None else frozenset(found["grids"]),
        token_hash=token_hash,
        login_id=found["login_id"],
        last_used_at=found["last_used_at"],
    )


def _is_to_note(caller: Caller, now: datetime) -> bool:
    return caller.last_used_at is not None and caller.last_used_at + NOTED_EVERY <= now


def _note_use(database: Database, caller: Caller, now: datetime) -> None:
    try:
        with database.write() as session:
            if caller.token_hash is not None:
                note_use(session, caller.token_hash, now)
            elif caller.key_id is not None:
                note_key_use(session, caller.key_id, now)
    except OperationalError as error:
        # Whoever asks need not wait for that: what is read can still be read.
        _log.warning("the use of a session or key was not noted", error=type(error).__name__)
