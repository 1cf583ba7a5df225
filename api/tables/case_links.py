"""The tables of what cases have to do with each other, and of what an operator taught about joining."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from api.tables.base import Base, Name, RowNumber, Text


class CaseLink(Base):
    """``case_id`` came after ``other_id``; ``relation``: recurrence, after_mute, after_close, split, related."""

    __tablename__ = "case_links"

    id: Mapped[RowNumber]
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), index=True)
    other_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), index=True)
    relation: Mapped[Name]
    at: Mapped[datetime]
    actor: Mapped[Text]

    __table_args__ = (UniqueConstraint("case_id", "other_id", "relation"),)


class KeptApart(Base):
    """Two watches whose incidents are never joined again, as an operator split them; the first one sorts first."""

    __tablename__ = "kept_apart"

    edge_a: Mapped[Name] = mapped_column(primary_key=True)
    watch_a: Mapped[Name] = mapped_column(primary_key=True)
    edge_b: Mapped[Name] = mapped_column(primary_key=True)
    watch_b: Mapped[Name] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[Text]


class BlindSource(Base):
    """A camera or sensor that cannot be believed at present; ``source_id`` is empty where a whole edge is silent.

    ``incident_id`` is the open incident of camera-fault, sensor-fault or edge-fault that says so. ``source_type`` tells
    a camera from a sensor of its name; None, in rows of an older release, is either.
    """

    __tablename__ = "blind_sources"

    incident_id: Mapped[UUID] = mapped_column(primary_key=True)
    edge_id: Mapped[Name] = mapped_column(index=True)
    source_id: Mapped[Name]
    source_type: Mapped[Name | None]
    since: Mapped[datetime]
