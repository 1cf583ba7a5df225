"""Changes big tables while others read and write them: indexes made concurrently, rows rewritten in batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from alembic import op
from sqlalchemy import Connection, TextClause, text

_BATCH_ROWS = 5_000


@dataclass(frozen=True, slots=True)
class IndexOf:
    """operator_class: of the only column, on PostgreSQL; such an index is left out elsewhere.

    only_set: a column; rows where it is NULL are not in the index.
    """

    name: str
    table: str
    columns: tuple[str, ...]
    operator_class: str | None = None
    only_set: str | None = None

    @property
    def condition(self) -> TextClause | None:
        return None if self.only_set is None else text(f"{self.only_set} IS NOT NULL")


def create_indexes(indexes: Sequence[IndexOf]) -> None:
    """Makes those that are not there yet. On PostgreSQL nobody waits for it, and a broken-off one is made anew."""
    if op.get_bind().dialect.name != "postgresql":
        for index in indexes:
            if index.operator_class is None:
                op.create_index(index.name, index.table, list(index.columns), sqlite_where=index.condition)
        return
    with op.get_context().autocommit_block():
        # What a concurrent index waits for is other people's transactions, which may take their time.
        op.execute("SET lock_timeout = 0")
        for index in indexes:
            _drop_if_broken(op.get_bind(), index.name)
            classes = {index.columns[0]: index.operator_class} if index.operator_class else {}
            op.create_index(
                index.name,
                index.table,
                list(index.columns),
                if_not_exists=True,
                postgresql_concurrently=True,
                postgresql_ops=classes,
                postgresql_where=index.condition,
            )


def drop_indexes(indexes: Sequence[IndexOf]) -> None:
    for index in reversed(indexes):
        op.drop_index(index.name, table_name=index.table, if_exists=True)


def update_in_batches(table: str, statement: str) -> None:
    """Runs an UPDATE that ends in WHERE conditions over slices of a table by its ``id``, each committed by itself."""
    if op.get_bind().dialect.name != "postgresql":
        op.execute(statement)
        return
    with op.get_context().autocommit_block():
        connection = op.get_bind()
        after = None
        while True:
            last = connection.scalar(text(_slice(table, first=after is None)), {"after": after})
            if last is None:
                return
            lower = "" if after is None else f" AND {table}.id > :after"
            connection.execute(text(f"{statement}{lower} AND {table}.id <= :last"), {"after": after, "last": last})
            after = last


def _slice(table: str, *, first: bool) -> str:
    lower = "" if first else " WHERE id > :after"
    return f"SELECT max(id::text)::uuid FROM (SELECT id FROM {table}{lower} ORDER BY id LIMIT {_BATCH_ROWS}) AS slice"  # noqa: S608


def _drop_if_broken(connection: Connection, name: str) -> None:
    """An index whose making was broken off is there, serves nobody, and keeps its name from the next try."""
    broken = connection.scalar(
        text(
            "SELECT 1 FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE relname = :name AND NOT indisvalid"
        ),
        {"name": name},
    )
    if broken:
        op.execute(f'DROP INDEX CONCURRENTLY IF EXISTS "{name}"')
