"""The tables of the audit trail: what people did, chained so that a later change shows."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, BigInteger, Index
from sqlalchemy.orm import Mapped, mapped_column

from api.tables.base import Base, Hash, JsonObject, Name, RowNumber, Text


class AuditRow(Base):
    """One act of a person or a machine's owner, written in the transaction that it belongs to.

    subject: what it was done to, as ``case:UUID`` or ``person:NAME``.
    place: its place in the chain; place, previous_hash and hash are None until the sealer has chained it.
    """

    __tablename__ = "audit"

    id: Mapped[RowNumber]
    at: Mapped[datetime]
    actor: Mapped[Text]
    action: Mapped[Name]
    subject: Mapped[Text]
    details: Mapped[JsonObject] = mapped_column(JSON)
    request_id: Mapped[Name | None]
    place: Mapped[int | None] = mapped_column(BigInteger(), unique=True)
    previous_hash: Mapped[Hash | None]
    hash: Mapped[Hash | None]

    __table_args__ = (Index(None, "subject", "id"),)


class AuditHead(Base):
    """The head of the chain at the end of a day (YYYY-MM-DD, UTC), as it was exported."""

    __tablename__ = "audit_heads"

    day: Mapped[Name] = mapped_column(primary_key=True)
    place: Mapped[int] = mapped_column(BigInteger())
    hash: Mapped[Hash]
    exported_at: Mapped[datetime]
