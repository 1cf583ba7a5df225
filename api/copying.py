"""Brings many rows into PostgreSQL by COPY, which costs it a fraction of as many INSERTs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import Connection, Table
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.schema import ScalarElementColumnDefault

WORTH_IT = 5
"""So many rows; fewer are as quick by INSERT."""


def copy_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts rows of values, all with the same keys; columns left out get what they start with.

    Raises: DBAPIError: The same kinds as an INSERT by SQLAlchemy.
    """
    import psycopg  # noqa: PLC0415 (only where there is PostgreSQL)

    statement, values = copy_of(connection, table, rows)
    driver = cast(psycopg.Connection, connection.connection.driver_connection)
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for row in values:
                copy.write_row(row)
    except psycopg.Error as error:
        # Not chained with its values: they may be personal data.
        raise DBAPIError.instance(
            f"COPY {table.name}", None, error, psycopg.Error, hide_parameters=True, dialect=connection.dialect
        ) from error


def copy_of(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]
) -> tuple[bytes, Iterator[Sequence[Any]]]:
    """Returns the statement, and each row's values as the driver takes them."""
    from psycopg.sql import SQL, Identifier  # noqa: PLC0415

    columns, starting = _columns(table, rows[0])
    names = SQL(", ").join(Identifier(name) for name in (*columns, *starting))
    statement = SQL("COPY {} ({}) FROM STDIN").format(Identifier(table.name), names)
    bound = _bound(connection, table, columns, rows)
    return statement.as_bytes(), ((*values, *starting.values()) for values in bound)


def _columns(table: Table, row: Mapping[str, Any]) -> tuple[list[str], dict[str, Any]]:
    starting: dict[str, Any] = {}
    for column in table.columns:
        # What the database itself starts with need not be sent.
        if column.key in row or column.default is None or column.server_default is not None:
            continue
        if not isinstance(column.default, ScalarElementColumnDefault):
            raise TypeError(f"{table.name}.{column.key} has to be given: its default is worked out for each row")
        starting[column.key] = column.default.arg
    return list(row), starting


def _bound(
    connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> Iterator[list[Any]]:
    """Yields each row's values as the driver takes them."""
    binders: list[Callable[[Any], Any] | None] = [
        table.columns[name].type.dialect_impl(connection.dialect).bind_processor(connection.dialect) for name in columns
    ]
    bound = list(zip(columns, binders, strict=True))
    for row in rows:
        yield [row[name] if bind is None else bind(row[name]) for name, bind in bound]
