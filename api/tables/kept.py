"""The versions of what every process keeps in memory."""

from __future__ import annotations

from sqlalchemy.orm import Mapped, mapped_column

from api.tables.base import Base


class KeptVersion(Base):
    """One row for each ``api.kept.Subject``; whoever changes one counts it up, so that all read it anew."""

    __tablename__ = "kept_versions"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int]
