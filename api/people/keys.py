"""Makes, finds and revokes the keys of machines; a table holds their sha256 alone.

EdgeIdRefused   an edge's id is letters, digits, dots, dashes and underscores
KeyRevoked      a key file holds a key that was revoked, or another owner's
UnfitScopes     a key may do what its role may do, or less
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
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
from api.rights import Rights, Role
from api.schemas import EdgeIdentity
from api.secret_file import read_or_create
from api.settings import ApiSettings
from api.tables import ApiKey, Edge

KEY_PREFIX = "sc_"


class KeyKind(StrEnum):
    EDGE = "edge"
    SERVICE = "service"
    INTEGRATOR = "integrator"


class EdgeIdRefused(ValueError):
    """An edge's id is letters, digits, dots, dashes and underscores, 64 at most."""


class KeyRevoked(Exception):
    """A key file holds a key that was revoked, or one of another owner."""


class UnfitScopes(ValueError):
    """A scope is no action that the role integrator may do."""


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


def make_integrator_key(
    session: Session,
    rights: Rights,
    *,
    name: str,
    scopes: Collection[str] | None,
    expires_at: datetime,
    created_by: str,
    now: datetime,
) -> tuple[ApiKey, str]:
    """Returns the key and its secret, which is shown this once. Several keys may have one name, one to follow another.

    scopes: actions of rights.csv, None for all that the role integrator may do. Raises: UnfitScopes.
    """
    unfit = [scope for scope in scopes or () if not (rights.knows(scope) and rights.may(Role.INTEGRATOR, scope))]
    if unfit:
        raise UnfitScopes(f"scopes: the role integrator may not do {', '.join(sorted(unfit)[:5])}")
    secret = new_secret(KeyKind.INTEGRATOR)
    key = ApiKey(
        id=uuid7(),
        kind=KeyKind.INTEGRATOR.value,
        key_hash=sha256_of(secret),
        created_at=now,
        name=name,
        scopes=None if scopes is None else sorted(set(scopes)),
        expires_at=expires_at,
        created_by=created_by,
    )
    session.add(key)
    return key, secret


def list_integrator_keys(session: Session, *, after: UUID | None, limit: int) -> tuple[list[ApiKey], UUID | None]:
    """Returns keys, the newest first, also those that are over, and the id to go on behind, None at the end."""
    query = select(ApiKey).where(ApiKey.kind == KeyKind.INTEGRATOR)
    if after is not None:
        query = query.where(ApiKey.id < after)
    found = list(session.scalars(query.order_by(ApiKey.id.desc()).limit(limit + 1)))
    return found[:limit], found[limit - 1].id if len(found) > limit else None


def revoke_integrator_key(session: Session, key_id: UUID, *, now: datetime) -> ApiKey | None:
    """Returns the key, None where there is no such one; revoking twice is harmless."""
    key = session.get(ApiKey, key_id)
    if key is None or key.kind != KeyKind.INTEGRATOR:
        return None
    key.revoked_at = key.revoked_at or now
    return key


def note_key_use(session: Session, key_id: UUID, now: datetime) -> None:
    """Moves the time of the last use forward, never back."""
    older = ApiKey.last_used_at.is_(None) | (ApiKey.last_used_at < now)
    session.execute(update(ApiKey).where(ApiKey.id == key_id, older).values(last_used_at=now))


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
