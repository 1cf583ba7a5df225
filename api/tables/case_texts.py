"""The table of the words under which cases are found."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import JSON, BigInteger, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from api.tables.base import Base


class CaseText(Base):
    """One row for each case that can be found.

    tokens: its words as ``api.cases.tokens`` cuts them; on PostgreSQL alone, under an inverted index.
    case_id: no foreign key, whose check would wait for whoever has locked the case, who may wait for this row.
    place: on SQLite the rowid of its words in the full-text table ``case_words``; it sorts as the case's id does.
    """

    __tablename__ = "case_texts"

    case_id: Mapped[UUID] = mapped_column(primary_key=True)
    place: Mapped[int | None] = mapped_column(BigInteger(), unique=True)
    tokens: Mapped[list[str] | None] = mapped_column(ARRAY(Text()).with_variant(JSON(none_as_null=True), "sqlite"))


class CaseTextsMark(Base):
    """The one row says up to which case all have their words; ``id`` is 1."""

    __tablename__ = "case_texts_mark"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    upto: Mapped[UUID]
