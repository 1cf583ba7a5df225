"""Resolves a position to its grid, district, road class, department and permit; the same for a camera and a person."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from api.kept import Kept, Subject, changed
from api.places.index import PlacesIndex, Resolved
from api.tables import Kind

__all__ = ["PlacesIndex", "Resolved", "places_changed", "places_index", "resolve"]

_places = Kept(Subject.PLACES, PlacesIndex.read)


def resolve(session: Session, kind: Kind, *, longitude: float | None, latitude: float | None, at: datetime) -> Resolved:
    """longitude, latitude: WGS-84, degrees, or None where nobody knows the position. For many, use ``places_index``."""
    return places_index(session).resolve(kind, longitude, latitude, at)


def places_index(session: Session) -> PlacesIndex:
    """Returns all places as this transaction sees them, for one short query where nothing has changed."""
    return _places.of(session)


def places_changed(session: Session) -> None:
    """To be called by whoever changes a grid, road, permit, department or assignment; see ``api.kept.changed``."""
    changed(session, Subject.PLACES)
