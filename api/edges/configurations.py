"""Keeps what the centre tells each edge to watch; every change is a new row, and the newest holds.

Whether a watch makes sense only the edge can tell, which knows its cameras and detectors: it says so in its status.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.documents import UnsoundDocument, canonical_json
from api.tables import Edge, EdgeConfigurationRow

REVISION_CHARS = 16
KEY_SHOWN_CHARS = 64


class EdgeUnknown(Exception):
    """No edge of this name was enrolled."""


class ConfigurationRefused(ValueError):
    """The body is no configuration; the message says why, in words for a person."""


class RevisionDiffers(Exception):
    """Somebody set another configuration meanwhile; ``revision`` is the one that holds, None where none does."""

    def __init__(self, revision: str | None) -> None:
        super().__init__(f"the configuration's revision is {revision or 'none'}; look at it, and send that one back")
        self.revision = revision


def checked_configuration(edge_id: str, body: Any) -> dict[str, Any]:
    """Returns what is kept of a body. Raises: ConfigurationRefused."""
    if not isinstance(body, dict):
        raise ConfigurationRefused('expected an object like {"watches": [...]}')
    for key in body.keys() - {"edge_id", "watches"}:
        # Cameras, brokers, their passwords and the way to the centre are the box's own affair.
        raise ConfigurationRefused(f"{_shown(key)}: only watches come from the centre; all else is local to the edge")
    if body.get("edge_id", edge_id) != edge_id:
        raise ConfigurationRefused(f"edge_id: expected {edge_id}, or nothing")
    watches = body.get("watches")
    if not isinstance(watches, list) or not all(isinstance(watch, dict) for watch in watches):
        raise ConfigurationRefused("watches: expected a list of objects")
    return {"edge_id": edge_id, "watches": watches}


def set_configuration(
    session: Session, edge_id: str, body: dict[str, Any], *, expected: frozenset[str] | None, by: str, at: datetime
) -> EdgeConfigurationRow:
    """Adds a row, unless the same holds already; returns the one that holds.

    expected: the revisions of which one has to hold now; ``*`` is any, None asks for nothing.
    Raises: EdgeUnknown, RevisionDiffers. ConfigurationRefused: If the body cannot be kept.
    """
    try:
        revision = hashlib.sha256(canonical_json(body)).hexdigest()[:REVISION_CHARS]
    except UnsoundDocument as error:
        raise ConfigurationRefused(str(error)) from None
    # Locked, so that of two who saw the same revision one is told that it has changed.
    if session.get(Edge, edge_id, with_for_update=True) is None:
        raise EdgeUnknown(f"no edge {edge_id} is enrolled")
    current = current_configuration(session, edge_id)
    if expected is not None and (current is None or not expected & {"*", current.revision}):
        raise RevisionDiffers(None if current is None else current.revision)
    # A script that sets the same each minute must not fill the disk.
    if current is not None and current.revision == revision:
        return current
    row = EdgeConfigurationRow(edge_id=edge_id, revision=revision, body=body, set_at=at, set_by=by)
    session.add(row)
    session.flush()
    return row


def current_configuration(session: Session, edge_id: str) -> EdgeConfigurationRow | None:
    """Returns the configuration that holds, None where the centre has none for this edge."""
    newest = select(EdgeConfigurationRow).where(EdgeConfigurationRow.edge_id == edge_id)
    return session.scalars(newest.order_by(EdgeConfigurationRow.id.desc()).limit(1)).first()


def _shown(key: str) -> str:
    return key[:KEY_SHOWN_CHARS].encode("utf-8", "replace").decode()
