"""The tables of the way back to edges: what they watch, what is asked of them, how they last were."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from api.tables.base import Base, JsonObject, Name, RowNumber, Text, Uuid7Key


class EdgeConfigurationRow(Base):
    """What an edge was told to watch; the newest row of an edge holds, the older ones are its history."""

    __tablename__ = "edge_configurations"

    id: Mapped[RowNumber]
    edge_id: Mapped[Name] = mapped_column(ForeignKey("edges.id"))
    revision: Mapped[Name]
    body: Mapped[JsonObject] = mapped_column(JSON)
    set_at: Mapped[datetime]
    set_by: Mapped[Text]

    __table_args__ = (Index(None, "edge_id", "id"),)


class EdgeRequestRow(Base):
    """Something asked of an edge; ``answered_at`` and ``result`` are set once, by its first answer."""

    __tablename__ = "edge_requests"

    id: Mapped[Uuid7Key]
    edge_id: Mapped[Name] = mapped_column(ForeignKey("edges.id"))
    type: Mapped[Name]
    camera: Mapped[Name]
    watch: Mapped[JsonObject | None] = mapped_column(JSON(none_as_null=True))
    created_at: Mapped[datetime]
    created_by: Mapped[Text]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    answered_at: Mapped[datetime | None]
    result: Mapped[JsonObject | None] = mapped_column(JSON(none_as_null=True))

    __table_args__ = (Index(None, "edge_id", "id"),)


class EdgeStatusRow(Base):
    """How an edge last was, in short, and when the centre heard it."""

    __tablename__ = "edge_statuses"

    edge_id: Mapped[Name] = mapped_column(ForeignKey("edges.id"), primary_key=True)
    received_at: Mapped[datetime]
    status: Mapped[JsonObject] = mapped_column(JSON)
