"""Resolves a position to its grid, district, road class, department and permit; the same for a camera and a person.

Every process keeps an index of all places per database, and reads it anew when ``PlacesVersion`` has changed.
"""

from __future__ import annotations

from datetime import datetime
from threading import Lock
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Pool, select
from sqlalchemy.orm import Session

from api.inserting import insert_into
from api.places.index import PlacesIndex, Resolved
from api.tables import Kind, PlacesVersion

__all__ = ["PlacesIndex", "Resolved", "places_changed", "places_index", "resolve"]

_ROW = 1
_CHANGED = "streetcase_places_changed"

# By the pool, which is the database's own; it goes when that is closed and forgotten.
_kept: WeakKeyDictionary[Pool, PlacesIndex] = WeakKeyDictionary()
_lock = Lock()


def resolve(session: Session, kind: Kind, *, longitude: float | None, latitude: float | None, at: datetime) -> Resolved:
    """longitude, latitude: WGS-84, degrees, or None where nobody knows the position. For many, use ``places_index``."""
    return places_index(session).resolve(kind, longitude, latitude, at)


def places_index(session: Session) -> PlacesIndex:
    """Returns all places as this transaction sees them, for one short query where nothing has changed."""
    version = session.scalar(select(PlacesVersion.version).where(PlacesVersion.id == _ROW)) or 0
    if session.info.get(_CHANGED):
        # What is not committed yet is nobody else's to see.
        return PlacesIndex.read(session, version=version)
    pool = _pool_of(session)
    with _lock:
        kept = _kept.get(pool)
    if kept is not None and kept.version == version:
        return kept
    index = PlacesIndex.read(session, version=version)
    with _lock:
        kept = _kept.get(pool)
        # A transaction that began before the last change must not put back what it sees.
        if kept is None or kept.version < version:
            _kept[pool] = index
    return index


def places_changed(session: Session) -> None:
    """Counts the version up: to be called by whoever changes a grid, road, permit, department or assignment.

    It locks the version until the transaction ends, so that changes happen one after the other.
    """
    first = insert_into(session, PlacesVersion).values(id=_ROW, version=1)
    session.execute(first.on_conflict_do_update(index_elements=["id"], set_={"version": PlacesVersion.version + 1}))
    session.info[_CHANGED] = True


def _pool_of(session: Session) -> Pool:
    bind = session.get_bind()
    return (bind.engine if isinstance(bind, Connection) else bind).pool
