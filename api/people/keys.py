"""Makes, finds and revokes the keys of machines; a table holds their sha256 alone."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import select, update
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from api.database import database_of_command
from api.inserting import insert_if_absent
from api.schemas import EdgeIdentity
from api.secret_file import read_or_create
from api.settings import ApiSettings
from api.tables import ApiKey, Edge

KEY_PREFIX = "sc_"


class KeyKind(StrEnum):
    EDGE = "edge"
    SERVICE = "service"


class EdgeIdRefused(ValueError):
    """An edge's id is letters, digits, dots, dashes and underscores, 64 at most."""


class KeyRevoked(Exception):
    """A key file holds a key that was revoked, or one of another owner."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made; ``secret`` is shown this once."""

    id: UUID
    secret: str


def sha256_of(secret: str) -> str:
    """The hash that tables keep. A key is random and long, so no slow hash is needed."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def new_secret(kind: KeyKind) -> str:
    return f"{KEY_PREFIX}{kind}_{secrets.token_urlsafe(32)}"


def find_key(session: Session, secret: str, *, kind: KeyKind | None = None) -> ApiKey | None:
    """Returns the key that is in force under this secret, or None."""
    found = session.scalar(select(ApiKey).where(ApiKey.key_hash == sha256_of(secret), ApiKey.revoked_at.is_(None)))
    return found if found is None or kind is None or found.kind == kind else None


def enrol_edge(session: Session, edge_id: str) -> NewKey:
    """Adds a key for the edge, which it makes known where it is new; older keys stay in force."""
    key = NewKey(id=uuid7(), secret=new_secret(KeyKind.EDGE))
    _keep_edge_key(session, edge_id, key)
    return key


def revoke_edge_key(session: Session, edge_id: str, key_id: UUID) -> bool:
    """Returns whether the edge had this key; revoking twice is harmless."""
    key = session.get(ApiKey, key_id)
    if key is None or key.edge_id != edge_id:
        return False
    key.revoked_at = key.revoked_at or datetime.now(UTC)
    return True


def keep_service_key(session: Session, secret: str) -> None:
    """Makes ``secret`` the service's only key in force: whoever replaces the key file revokes the old key."""
    service = ApiKey.kind == KeyKind.SERVICE
    key_hash = sha256_of(secret)
    session.execute(
        update(ApiKey)
        .where(service, ApiKey.key_hash != key_hash, ApiKey.revoked_at.is_(None))
        .values(revoked_at=datetime.now(UTC))
    )
    insert_if_absent(
        session,
        ApiKey,
        [{"id": uuid7(), "kind": KeyKind.SERVICE.value, "key_hash": key_hash, "created_at": datetime.now(UTC)}],
        unique=["key_hash"],
    )
    session.execute(update(ApiKey).where(service, ApiKey.key_hash == key_hash).values(revoked_at=None))


def add_edge(settings: ApiSettings, edge_id: str) -> str:
    """Returns a new key for the edge, for the command line; older keys stay in force.

    Raises: EdgeIdRefused, DatabaseUnavailable.
    """
    with database_of_command(settings.database_url) as database, database.write() as session:
        return enrol_edge(session, edge_id).secret


def ensure_edge_key(settings: ApiSettings, edge_id: str, path: Path) -> str:
    """Returns the edge's key in ``path``, made where there is no file, and known to the database afterwards.

    Raises: EdgeIdRefused, DatabaseUnavailable. SecretFileError: If the file cannot be used.
        KeyRevoked: If its key was revoked or is another edge's.
    """
    secret = read_or_create(path, lambda: new_secret(KeyKind.EDGE))
    with database_of_command(settings.database_url) as database, database.write() as session:
        known = session.scalar(select(ApiKey).where(ApiKey.key_hash == sha256_of(secret)))
        if known is None:
            _keep_edge_key(session, edge_id, NewKey(id=uuid7(), secret=secret))
        elif known.revoked_at is not None or known.edge_id != edge_id:
            raise KeyRevoked(f"the key in {path} was revoked or is not of edge {edge_id}; remove the file")
    return secret


def _keep_edge_key(session: Session, edge_id: str, key: NewKey) -> None:
    try:
        EdgeIdentity(edge_id=edge_id, key_id=key.id)
    except ValidationError:
        raise EdgeIdRefused(f"expected letters, digits, '.', '_' or '-', 64 at most, got {edge_id!r}") from None
    now = datetime.now(UTC)
    insert_if_absent(session, Edge, [{"id": edge_id, "created_at": now}], unique=["id"])
    insert_if_absent(
        session,
        ApiKey,
        [
            {
                "id": key.id,
                "kind": KeyKind.EDGE.value,
                "edge_id": edge_id,
                "key_hash": sha256_of(key.secret),
                "created_at": now,
            }
        ],
        unique=["key_hash"],
    )
