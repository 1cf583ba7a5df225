"""Keeps in memory what many transactions read and people seldom change, such as places and limits.

A row of ``kept_versions`` counts the changes of each subject. A transaction asks for all of them once, by a short
query, and reads anew only what has changed; so it holds for any number of processes, without any of them being told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from threading import Lock
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Pool, select
from sqlalchemy.orm import Session

from api.inserting import insert_into
from api.tables import KeptVersion

_versions = KeptVersion.__table__.c
_ALL = select(_versions.id, _versions.version)
_SEEN = "streetcase_kept_versions"
_CHANGED = "streetcase_kept_changed"

What = TypeVar("What")


class Subject(IntEnum):
    """The ids of the rows."""

    PLACES = 1
    RULES = 2


@dataclass(frozen=True, slots=True)
class _AtVersion(Generic[What]):
    version: int
    what: What


class Kept(Generic[What]):
    """``read`` reads a subject whole; what it returns is shared by threads and must not be changed."""

    def __init__(self, subject: Subject, read: Callable[[Session], What]) -> None:
        self._subject = subject
        self._read = read
        # By the pool, which is the database's own; it goes when that is closed and forgotten.
        self._by_pool: WeakKeyDictionary[Pool, _AtVersion[What]] = WeakKeyDictionary()
        self._lock = Lock()

    def of(self, session: Session) -> What:
        """Returns the subject as this transaction sees it."""
        if self._subject in session.info.get(_CHANGED, ()):
            # What is not committed yet is nobody else's to see.
            return self._read(session)
        version = _versions_of(session).get(self._subject, 0)
        pool = _pool_of(session)
        with self._lock:
            kept = self._by_pool.get(pool)
        if kept is not None and kept.version == version:
            return kept.what
        what = self._read(session)
        with self._lock:
            kept = self._by_pool.get(pool)
            # A transaction that began before the last change must not put back what it sees.
            if kept is None or kept.version < version:
                self._by_pool[pool] = _AtVersion(version, what)
        return what


def changed(session: Session, subject: Subject) -> None:
    """Counts a subject's version up: to be called by whoever changes it, in the same transaction and before.

    It locks the version until the transaction ends, so that changes happen one after the other.
    """
    first = insert_into(session, KeptVersion).values(id=subject, version=1)
    session.execute(first.on_conflict_do_update(index_elements=["id"], set_={"version": KeptVersion.version + 1}))
    session.info.setdefault(_CHANGED, set()).add(subject)


def _versions_of(session: Session) -> dict[int, int]:
    """A session of this API is one transaction, so once is enough."""
    seen: dict[int, int] | None = session.info.get(_SEEN)
    if seen is None:
        seen = session.info[_SEEN] = {row.id: row.version for row in session.execute(_ALL)}
    return seen


def _pool_of(session: Session) -> Pool:
    bind = session.get_bind()
    return (bind.engine if isinstance(bind, Connection) else bind).pool
