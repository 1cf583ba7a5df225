"""What all tables share: names of constraints, times in UTC, enums as words, UUIDs that sort by time."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    DateTime,
    Dialect,
    Enum,
    Integer,
    MetaData,
    String,
    TypeDecorator,
    false,
    text,
)
from sqlalchemy.orm import DeclarativeBase, mapped_column
from uuid_utils.compat import uuid7

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcTime(TypeDecorator[datetime]):
    """An aware moment, kept in UTC; SQLite, which knows no time zones, gets it without one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"expected an aware datetime, got {value.isoformat()}")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        # PostgreSQL's sessions are in UTC, so that its driver reads just that: nothing is left to do for each value.
        return super().result_processor(dialect, coltype) if dialect.name == "sqlite" else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def word_type(words: type[StrEnum]) -> Enum:
    """A StrEnum, kept as its word in plain text: a new word needs no migration."""
    return Enum(words, native_enum=False, length=32, values_callable=lambda known: [word.value for word in known])


def only_set(column: str) -> dict[str, Any]:
    """For an index that leaves out the rows without a value, which most new rows are: they cost it nothing."""
    condition = text(f"{column} IS NOT NULL")
    return {"postgresql_where": condition, "sqlite_where": condition}


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {datetime: UtcTime}  # noqa: RUF012 (SQLAlchemy's own way)


Name = Annotated[str, mapped_column(String(64))]
Text = Annotated[str, mapped_column(String(500))]
Hash = Annotated[str, mapped_column(String(64))]
Uuid7Key = Annotated[UUID, mapped_column(primary_key=True, default=uuid7)]
# SQLite numbers rows by itself only where the column is a plain INTEGER.
RowNumber = Annotated[int, mapped_column(BigInteger().with_variant(Integer(), "sqlite"), primary_key=True)]
LongText = Annotated[str, mapped_column(String(4000))]
Count = Annotated[int, mapped_column(default=0)]
Tally = Annotated[int, mapped_column(default=0, server_default="0")]
"""A count that starts at zero also in rows that are older than the column."""

Flag = Annotated[bool, mapped_column(default=False, server_default=false())]
"""Starts as no, also in rows that are older than the column."""

JsonObject = dict[str, Any]
