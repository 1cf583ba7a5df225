"""Fills a database with made-up cases as fast as it takes them: COPY on PostgreSQL, one transaction on SQLite."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import psycopg

from bench.api.lives import DISTRICT, GRIDS, NAMES, Life, Row, lives

_CHUNK = 10_000
_TABLES = (*NAMES, "case_texts")


def seed(count: int, *, conninfo: str | None, file: Path | None) -> float:
    """Puts ``count`` cases into an empty, migrated database; returns how many seconds it took."""
    began_s = time.monotonic()
    made = lives(count, until=datetime.now(UTC))
    if conninfo is not None:
        _into_postgres(conninfo, made)
    elif file is not None:
        _into_sqlite(file, made)
    return time.monotonic() - began_s


def _into_postgres(conninfo: str, made: Iterator[Life]) -> None:
    with psycopg.connect(conninfo, autocommit=True, options="-c timezone=UTC -c synchronous_commit=off") as connection:
        # Made-up rows fit each other; checking each of them would take longer than writing them.
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET maintenance_work_mem = '512MB'")
        with _without_indexes(connection), connection.cursor() as cursor:
            for grid in _grids():
                cursor.execute(
                    "INSERT INTO grids (id, name_en, name_zh, district, geometry) VALUES (%s, %s, %s, %s, %s)", grid
                )
            while chunk := list(islice(made, _CHUNK)):
                with connection.transaction():
                    for table, names in NAMES.items():
                        _copy(cursor, table, names, (row for life in chunk for row in life.rows[table]))
                    texts = ((life.case_id, "{" + ",".join(life.tokens) + "}") for life in chunk)
                    _copy(cursor, "case_texts", ("case_id", "tokens"), texts)
                last = chunk[-1].case_id
            cursor.execute("INSERT INTO case_texts_mark (id, upto) VALUES (1, %s)", [last])
        connection.execute("VACUUM (ANALYZE)")


def _copy(cursor: psycopg.Cursor[Any], table: str, names: Sequence[str], rows: Iterable[Row]) -> None:
    columns = ", ".join(f'"{name}"' for name in names)
    with cursor.copy(f"COPY {table} ({columns}) FROM STDIN".encode()) as copy:
        copy.write("".join("\t".join(map(_text, row)) + "\n" for row in rows))


def _text(value: Any) -> str:
    return "\\N" if value is None else str(value)


@contextmanager
def _without_indexes(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Lets go of the indexes that guard nothing, and makes them anew at the end, which is far quicker."""
    dropped = connection.execute(
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index"
        " WHERE indrelid::regclass::text = ANY(%s) AND NOT indisunique",
        [list(_TABLES)],
    ).fetchall()
    for name, _ in dropped:
        connection.execute(f"DROP INDEX {name}".encode())
    yield
    for _, definition in dropped:
        connection.execute(definition.encode())


def _into_sqlite(file: Path, made: Iterator[Life]) -> None:
    with closing(sqlite3.connect(str(file), isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(
            "INSERT INTO grids (id, name_en, name_zh, district, geometry) VALUES (?, ?, ?, ?, ?)", _grids()
        )
        place = 0
        while chunk := list(islice(made, _CHUNK)):
            for table, names in NAMES.items():
                columns = ", ".join(f'"{name}"' for name in names)
                insert = f"INSERT INTO {table} ({columns}) VALUES ({', '.join('?' * len(names))})"  # noqa: S608
                connection.executemany(insert, (row for life in chunk for row in life.rows[table]))
            placed: list[tuple[int, Life]] = []
            for life in chunk:
                place = max(place + 1, int(life.case_id[:12], 16) << 15)
                placed.append((place, life))
            connection.executemany(
                "INSERT INTO case_texts (case_id, place) VALUES (?, ?)", ((life.case_id, at) for at, life in placed)
            )
            words = ((at, " ".join(life.tokens)) for at, life in placed)
            connection.executemany("INSERT INTO case_words (rowid, tokens) VALUES (?, ?)", words)
            last = chunk[-1].case_id
        connection.execute("INSERT INTO case_texts_mark (id, upto) VALUES (1, ?)", [last])
        connection.execute("COMMIT")
        connection.execute("ANALYZE")


def _grids() -> list[Row]:
    return [
        (f"grid-{number}", f"Grid {number}", f"第{number}网格", DISTRICT, '{"type": "MultiPolygon", "coordinates": []}')
        for number in range(GRIDS)
    ]
