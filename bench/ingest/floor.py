"""The floor: the same SQL statements in one process, from a list in memory, with the same batch size.

What the API sends to PostgreSQL while it records batches of reports is written down once, on one database, and then
run again by psycopg alone on a second, empty one: no ORM, no HTTP, no stream, nothing but the statements.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
from sqlalchemy import Connection, Table, event

from api import copying
from api.copying import copy_of, copy_rows
from api.database import Database
from api.reports.recording import record
from api.schemas import Report
from bench.ingest.load import event_json
from ingest.reports import report_of
from ingest.stream import StreamEntry

WARM_UP = 2


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement as it reached the driver; ``parameters`` is a list of rows where ``many``, and of a COPY."""

    text: str | bytes
    parameters: Any
    many: bool
    copy: bool = False


def reports(count: int) -> list[Report]:
    """Returns reports of as many events of the load generator."""
    return [_report(event_json("bench-floor")) for _ in range(count)]


def _report(event_bytes: bytes) -> Report:
    edge_id = json.loads(event_bytes)["edge_id"]
    fields: dict[str, Any] = dict.fromkeys(StreamEntry.__dataclass_fields__, "")
    fields |= {
        "entry_id": "0-0",
        "event": event_bytes,
        "edge_id": edge_id,
        "received_at": datetime.now(UTC).isoformat(),
    }
    return report_of(StreamEntry(**fields))


def written_down(database: Database, batches: Sequence[Sequence[Report]]) -> tuple[list[list[Statement]], float]:
    """Records the batches; returns the statements of each transaction, and events a second of ``record`` itself."""
    transactions: list[list[Statement]] = []

    def note(_c: Any, _cursor: Any, text: str, parameters: Any, _context: Any, _many: bool) -> None:
        # An INSERT of many rows that returns some is told as many, but goes as one statement with one mapping.
        transactions[-1].append(Statement(text, parameters, many=not isinstance(parameters, Mapping)))

    def note_copy(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        text, values = copy_of(connection, table, rows)
        transactions[-1].append(Statement(text, list(values), many=True, copy=True))
        copy_rows(connection, table, rows)

    event.listen(database.engine, "before_cursor_execute", note)
    copying.copy_rows = note_copy  # a COPY passes by the events of statements
    begun_s = time.perf_counter()
    for number, batch in enumerate(batches):
        if number == WARM_UP:
            begun_s = time.perf_counter()
        transactions.append([])
        record(database, batch, now=datetime.now(UTC))
    spent_s = time.perf_counter() - begun_s
    event.remove(database.engine, "before_cursor_execute", note)
    copying.copy_rows = copy_rows
    return transactions, sum(len(batch) for batch in batches[WARM_UP:]) / spent_s


def run_again(conninfo: str, transactions: Sequence[Sequence[Statement]], *, batch: int) -> float:
    """Runs the statements on another database of the same tables; returns events a second."""
    with psycopg.connect(conninfo) as connection, connection.cursor() as cursor:
        begun_s = time.perf_counter()
        for number, statements in enumerate(transactions):
            if number == WARM_UP:
                begun_s = time.perf_counter()
            for statement in statements:
                if statement.copy:
                    with cursor.copy(statement.text) as copy:
                        for row in statement.parameters:
                            copy.write_row(row)
                    continue
                if statement.many:
                    cursor.executemany(statement.text, statement.parameters)
                    continue
                cursor.execute(statement.text, statement.parameters)
                if cursor.description is not None:
                    cursor.fetchall()
            connection.commit()
        return (len(transactions) - WARM_UP) * batch / (time.perf_counter() - begun_s)
