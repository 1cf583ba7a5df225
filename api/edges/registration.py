"""Lets an edge box in by a one-time token, so that its key is on no screen and in no mail; and shuts one out again.

RegistrationError
└── TokenRefused      the token is unknown, used, replaced by a newer one, or its time is over
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hmac import compare_digest

from sqlalchemy import delete, exists, select, update
from sqlalchemy.orm import Session

from api.people.keys import enrol_edge, sha256_of
from api.tables import ApiKey, Edge, EdgeToken

TOKEN_PREFIX = "et_"  # noqa: S105 (what tokens begin with)
_KEPT_AFTER_EXPIRY = timedelta(days=30)


class RegistrationError(Exception):
    """A box could not be registered."""


class TokenRefused(RegistrationError):
    """Whoever asks is not told which of the reasons it is: only who made the token has to know."""

    def __init__(self) -> None:
        super().__init__("this token is unknown, used, replaced or expired; ask an administrator for a new one")


@dataclass(frozen=True, slots=True)
class NewToken:
    """``secret`` is shown this once."""

    edge_id: str
    secret: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Registered:
    """What a box got for its token; ``key`` is shown this once."""

    edge_id: str
    key: str = field(repr=False)


def new_token(session: Session, edge_id: str, *, lasts: timedelta, by: str, at: datetime) -> NewToken:
    """Makes a token for one box; an unused one of the same edge is void from now on, and old ones are forgotten."""
    session.execute(delete(EdgeToken).where(EdgeToken.expires_at < at - _KEPT_AFTER_EXPIRY))
    void_tokens(session, edge_id)
    token = NewToken(edge_id, TOKEN_PREFIX + secrets.token_urlsafe(32), at + lasts)
    session.add(
        EdgeToken(
            token_hash=sha256_of(token.secret),
            edge_id=edge_id,
            created_at=at,
            created_by=by,
            expires_at=token.expires_at,
        )
    )
    return token


def register(session: Session, token: str, *, at: datetime) -> Registered:
    """Exchanges a token for a key of its edge, which it makes known where it is new. Raises: TokenRefused."""
    token_hash = sha256_of(token)
    # Locked: of two boxes that show the same token one gets a key. What is compared is a hash of 256 random bits, so
    # how long the look-up takes says nothing about the token.
    row = session.scalar(select(EdgeToken).where(EdgeToken.token_hash == token_hash).with_for_update())
    if row is None or not compare_digest(row.token_hash, token_hash) or row.used_at is not None or row.expires_at <= at:
        raise TokenRefused
    row.used_at = at
    return Registered(row.edge_id, enrol_edge(session, row.edge_id).secret)


def void_tokens(session: Session, edge_id: str) -> bool:
    """Returns whether there was an unused one."""
    unused = delete(EdgeToken).where(EdgeToken.edge_id == edge_id, EdgeToken.used_at.is_(None))
    return bool(session.scalars(unused.returning(EdgeToken.edge_id)).all())


def revoke_edge(session: Session, edge_id: str, *, at: datetime) -> bool:
    """Revokes all keys of the edge and voids its tokens; returns whether it was known at all. Safe to repeat."""
    was_expected = void_tokens(session, edge_id)
    of_edge = (ApiKey.edge_id == edge_id, ApiKey.revoked_at.is_(None))
    session.execute(update(ApiKey).where(*of_edge).values(revoked_at=at))
    return was_expected or bool(session.scalar(select(exists().where(Edge.id == edge_id))))
