"""The tables of those who may ask: people, their sessions and failed logins, edges and keys."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from api.tables.base import Base, Hash, Name, Text, Uuid7Key


class Person(Base):
    """A user; only handlers have a ``department``."""

    __tablename__ = "people"

    id: Mapped[Uuid7Key]
    name: Mapped[Name] = mapped_column(unique=True)
    role: Mapped[Name]
    department: Mapped[Name | None]
    password_hash: Mapped[Text]
    created_at: Mapped[datetime]


class LoginSession(Base):
    """A bearer token that was handed out, by its sha256."""

    __tablename__ = "sessions"

    token_hash: Mapped[Hash] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class LoginFailures(Base):
    """Failed logins of one name, known or not; a success removes the row."""

    __tablename__ = "login_failures"

    name: Mapped[Name] = mapped_column(primary_key=True)
    failures: Mapped[int]
    last_at: Mapped[datetime] = mapped_column(index=True)
    locked_until: Mapped[datetime | None]


class Edge(Base):
    """An edge box that was enrolled."""

    __tablename__ = "edges"

    id: Mapped[Name] = mapped_column(primary_key=True)
    created_at: Mapped[datetime]


class ApiKey(Base):
    """A machine's key, by its sha256; ``kind`` is edge or service, and an edge's key has its ``edge_id``."""

    __tablename__ = "api_keys"

    id: Mapped[Uuid7Key]
    kind: Mapped[Name]
    edge_id: Mapped[Name | None] = mapped_column(ForeignKey("edges.id"))
    key_hash: Mapped[Hash] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]

    __table_args__ = (Index(None, "edge_id"),)
