"""The tables of those who may ask: people, their sessions and failed logins, edges and keys."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import JSON, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from api.tables.base import Base, Hash, Name, Text, Uuid7Key


class Person(Base):
    """A user; only handlers have a ``department``. grids: which ones the person sees cases of, None for all.

    subject: who this is for the identity provider, ``issuer subject``, where the person logs in there.
    """

    __tablename__ = "people"

    id: Mapped[Uuid7Key]
    name: Mapped[Name] = mapped_column(unique=True)
    role: Mapped[Name]
    department: Mapped[Name | None]
    grids: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    display_name: Mapped[Text | None]
    language: Mapped[Name | None]
    subject: Mapped[Text | None] = mapped_column(index=True)
    password_hash: Mapped[Text]
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]


class LoginSession(Base):
    """A bearer token that was handed out, by its sha256; ``login_id`` stays when the token is exchanged for a new one.

    replaced_at: when it was; the old one is accepted for a moment longer, and a later use ends the whole login.
    opened_at, address: when and from where the person logged in. last_used_at: to the minute; None where the
    session ends by ``expires_at`` alone, as those of older releases do.
    """

    __tablename__ = "sessions"

    token_hash: Mapped[Hash] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    login_id: Mapped[UUID | None] = mapped_column(index=True)
    replaced_at: Mapped[datetime | None]
    opened_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    address: Mapped[Name | None]


class LoginFailures(Base):
    """Failed logins of one name, known or not, from wherever; a success removes the row."""

    __tablename__ = "login_failures"

    name: Mapped[Name] = mapped_column(primary_key=True)
    failures: Mapped[int]
    last_at: Mapped[datetime] = mapped_column(index=True)
    locked_until: Mapped[datetime | None]


class LoginSource(Base):
    """From where a name is tried: how often it failed there since it last succeeded, and when that was.

    address: of the client, or its network of 64 bits where that is IPv6.
    """

    __tablename__ = "login_sources"

    name: Mapped[Name] = mapped_column(primary_key=True)
    address: Mapped[Name] = mapped_column(primary_key=True)
    failures: Mapped[int]
    last_at: Mapped[datetime] = mapped_column(index=True)
    locked_until: Mapped[datetime | None]
    succeeded_at: Mapped[datetime | None]


class Edge(Base):
    """An edge box that was enrolled."""

    __tablename__ = "edges"

    id: Mapped[Name] = mapped_column(primary_key=True)
    created_at: Mapped[datetime]


class EdgeToken(Base):
    """A one-time token, by its sha256, that an edge box exchanges for its key."""

    __tablename__ = "edge_tokens"

    token_hash: Mapped[Hash] = mapped_column(primary_key=True)
    edge_id: Mapped[Name]
    created_at: Mapped[datetime]
    created_by: Mapped[Text]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]


class ApiKey(Base):
    """A machine's key, by its sha256; ``kind`` is edge, service or integrator, and an edge's key has its ``edge_id``.

    scopes: the actions of rights.csv that an integrator's key may do, None for all that the role may.
    """

    __tablename__ = "api_keys"

    id: Mapped[Uuid7Key]
    kind: Mapped[Name]
    edge_id: Mapped[Name | None] = mapped_column(ForeignKey("edges.id"))
    key_hash: Mapped[Hash] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    name: Mapped[Text | None]
    scopes: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    expires_at: Mapped[datetime | None]
    created_by: Mapped[Text | None]
    last_used_at: Mapped[datetime | None]

    __table_args__ = (Index(None, "edge_id"),)
