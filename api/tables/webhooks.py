"""The tables of webhooks: who wants to hear of cases, and what was delivered."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from api.tables.base import Base, Count, Flag, Name, RowNumber, Text, Uuid7Key


class Webhook(Base):
    """Where changes of cases are posted to; ``after`` is the line of history up to which it has deliveries.

    secret: signs each delivery, so it is kept as it is. events, kinds: which ones, None for all.
    """

    __tablename__ = "webhooks"

    id: Mapped[Uuid7Key]
    url: Mapped[Text]
    secret: Mapped[Text]
    events: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    kinds: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    after: Mapped[int] = mapped_column(BigInteger())
    paused: Mapped[Flag]
    created_at: Mapped[datetime]
    created_by: Mapped[Text]


class WebhookDelivery(Base):
    """One line of history on its way to one webhook. state: waiting, delivered or given_up.

    next_at: when it is tried next; give_up_at: when it is tried no longer. status, error: of the last attempt.
    """

    __tablename__ = "webhook_deliveries"

    id: Mapped[RowNumber]
    webhook_id: Mapped[UUID] = mapped_column(ForeignKey("webhooks.id", ondelete="CASCADE"))
    line_id: Mapped[int] = mapped_column(BigInteger())
    state: Mapped[Name]
    attempts: Mapped[Count]
    created_at: Mapped[datetime] = mapped_column(index=True)
    next_at: Mapped[datetime]
    give_up_at: Mapped[datetime]
    last_at: Mapped[datetime | None]
    status: Mapped[int | None]
    error: Mapped[Text | None]

    __table_args__ = (UniqueConstraint("webhook_id", "line_id"), Index(None, "state", "next_at"))
