"""Inserts rows that others may be inserting at the same moment, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from api.tables import Base


def insert_if_absent(session: Session, table: type[Base], rows: Sequence[dict[str, Any]], *, unique: list[str]) -> None:
    """Inserts those rows whose ``unique`` columns are not taken; waits for others that insert the same."""
    if rows:
        session.execute(insert_into(session, table).on_conflict_do_nothing(index_elements=unique), list(rows))


def insert_into(session: Session, table: type[Base]) -> postgresql.Insert | sqlite.Insert:
    """The INSERT of this session's database, which knows ON CONFLICT."""
    if session.get_bind().dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)
