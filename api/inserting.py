"""Inserts many rows at once, and rows that others may be inserting at the same moment, on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Column, Table, insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session
from sqlalchemy.sql.schema import ScalarElementColumnDefault

from api import copying
from api.tables import Base

_Row = TypeVar("_Row", bound=Base)


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


def new_row(table: type[_Row], **values: Any) -> _Row:
    """Makes an object for ``insert_new``, or to be added to a session: until then nobody need be told of its values."""
    row = table()
    vars(row).update(values)
    return row


def insert_new(session: Session, rows: Sequence[Base]) -> None:
    """Inserts objects of one table, which the session does not hold and need not learn of, in one go."""
    if rows:
        table = _table(type(rows[0]))
        # Straight from the objects: they are in no session, so that nothing is to be loaded.
        given = [vars(row) for row in rows]
        # A number that the database gives is left out; what has no value is NULL, or what its column starts with.
        columns = [column for column in table.columns if column is not table.autoincrement_column]
        first = {column.key: _start_of(column) for column in columns}
        # A case has eighty columns; half of them say nothing while it is new.
        said = [name for name in first if any(values.get(name) is not None for values in given)]
        insert_rows(session, type(rows[0]), [_values(values, said, first) for values in given])


def _start_of(column: Column[Any]) -> Any:
    return column.default.arg if isinstance(column.default, ScalarElementColumnDefault) else None


def _values(given: Mapping[str, Any], names: Sequence[str], first: Mapping[str, Any]) -> dict[str, Any]:
    return {name: first[name] if (value := given.get(name)) is None else value for name in names}


def insert_rows(session: Session, table: type[Base], rows: Sequence[dict[str, Any]]) -> None:
    """Inserts rows of values, all with the same keys, in one go."""
    connection = session.connection()
    if len(rows) >= copying.WORTH_IT and connection.dialect.name == "postgresql":
        copying.copy_rows(connection, _table(table), rows)
    elif rows:
        connection.execute(insert(_table(table)), list(rows))


def insert_beside(session: Session, table: type[Base], rows: Sequence[dict[str, Any]]) -> None:
    """Inserts a few rows that tell of objects of this session, for a fraction of what objects of their own would cost.

    What the session has not inserted yet goes first, as the rows may name it; what it has changed may wait.
    """
    if session.new:
        session.flush()
    insert_rows(session, table, rows)


def _table(mapped: type[Base]) -> Table:
    table = mapped.__table__
    if not isinstance(table, Table):
        raise TypeError(f"{mapped.__name__} is mapped to no table")
    return table
