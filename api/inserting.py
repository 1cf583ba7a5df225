"""Inserts many rows at once, and rows that others may be inserting at the same moment, on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table, insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session
from sqlalchemy.sql.schema import ScalarElementColumnDefault

from api import copying
from api.tables import Base


def insert_if_absent(session: Session, table: type[Base], rows: Sequence[dict[str, Any]], *, unique: list[str]) -> bool:
    """Inserts those rows whose ``unique`` columns are not taken; waits for others that insert the same.

    Returns whether all were inserted, so that all of them are locked by this transaction.
    """
    if not rows:
        return True
    absent = insert_into(session, table).on_conflict_do_nothing(index_elements=unique)
    # Told by what comes back: psycopg counts no rows where it sends many statements at once.
    inserted = session.connection().execute(absent.returning(_table(table).c[unique[0]]), list(rows))
    return len(inserted.all()) == len(rows)


def insert_into(session: Session, table: type[Base]) -> postgresql.Insert | sqlite.Insert:
    """The INSERT of this session's database, which knows ON CONFLICT."""
    if session.get_bind().dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def insert_new(session: Session, rows: Sequence[Base]) -> None:
    """Inserts objects of one table, which the session does not hold and need not learn of, in one go."""
    if rows:
        table = _table(type(rows[0]))
        # A number that the database gives is left out; what has no value is NULL, or what its column starts with.
        columns = [column for column in table.columns if column is not table.autoincrement_column]
        first = {
            column.key: column.default.arg
            for column in columns
            if isinstance(column.default, ScalarElementColumnDefault)
        }
        names = [column.key for column in columns]
        values = [_values(row, names, first) for row in rows]
        # A case has eighty columns; half of them say nothing while it is new.
        said = [name for name in names if any(row[name] is not None for row in values)]
        insert_rows(session, type(rows[0]), [{name: row[name] for name in said} for row in values])


def _values(row: Base, names: Sequence[str], first: Mapping[str, Any]) -> dict[str, Any]:
    # Straight from the object: it is in no session, so that nothing is to be loaded.
    set_values = vars(row)
    values = {name: set_values.get(name) for name in names}
    return values | {name: start for name, start in first.items() if values[name] is None}


def insert_rows(session: Session, table: type[Base], rows: Sequence[dict[str, Any]]) -> None:
    """Inserts rows of values, all with the same keys, in one go."""
    connection = session.connection()
    if len(rows) >= copying.WORTH_IT and connection.dialect.name == "postgresql":
        copying.copy_rows(connection, _table(table), rows)
    elif rows:
        connection.execute(insert(_table(table)), list(rows))


def _table(mapped: type[Base]) -> Table:
    table = mapped.__table__
    if not isinstance(table, Table):
        raise TypeError(f"{mapped.__name__} is mapped to no table")
    return table
