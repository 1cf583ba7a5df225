"""The table of what was removed for good."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from api.tables.base import Base, Hash, Name, RowNumber, Text


class EvidenceDeletion(Base):
    """One item of evidence that a policy removed; written first, ``removed_at`` set once the bytes are gone.

    case_id, kind_key, case_state: of the case it stood under, None for bytes that no case ever named.
    size_bytes: as stored, so with what encryption adds.
    """

    __tablename__ = "evidence_deletions"

    id: Mapped[RowNumber]
    sha256: Mapped[Hash] = mapped_column(index=True)
    case_id: Mapped[UUID | None] = mapped_column(ForeignKey("cases.id"), index=True)
    kind_key: Mapped[Name | None]
    case_state: Mapped[Name | None]
    size_bytes: Mapped[int] = mapped_column(BigInteger())
    policy: Mapped[Text]
    at: Mapped[datetime]
    actor: Mapped[Text]
    request_id: Mapped[Name]
    removed_at: Mapped[datetime | None] = mapped_column(index=True)
