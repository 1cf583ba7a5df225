"""Writes down the statements that the API sends for a list and for reading cases, for the hand-written route."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import event

from api.asking import AsksBySession
from api.cases.filters import CaseFilter
from api.cases.lists import PageAsked, list_cases
from api.cases.quick import LIST, kinds_of
from api.cases.reading import read_case
from api.database import Database
from api.people.callers import find_caller
from api.rights import Rights
from bench.api.floor import Plan, Statement

_KEPT = 50


def written_down(
    database: Database, *, bearer: str, case_ids: Sequence[str], conninfo: str | None, file: str | None
) -> Plan:
    """Returns what the API does for this caller, on this database."""
    rights, now = Rights.load(), datetime.now(UTC)
    with _statements(database) as key, database.glance() as session:
        caller = find_caller(session, bearer, now=now)
    if caller is None:
        raise SystemExit("the bench's own session is not known")
    with _statements(database) as listing, database.glance() as session:
        asked = PageAsked(CaseFilter(), limit=_KEPT)
        rows, _ = list_cases(session, rights, caller, asked=asked, of=LIST, now=now)
        kinds_of(session, rows)
    read: dict[str, list[Statement]] = {}
    for case_id in case_ids:
        with _statements(database) as reading, database.glance() as session:
            read_case(AsksBySession(session), rights, caller, UUID(case_id), now=now)
        read[case_id] = reading
    return Plan(conninfo, file, key=key[0], listing=listing, reading=read)


@contextmanager
def _statements(database: Database) -> Iterator[list[Statement]]:
    sent: list[Statement] = []

    def note(_c: Any, _cursor: Any, text: str, parameters: Any, _context: Any, _many: bool) -> None:
        if text != "BEGIN":  # which our connections send by themselves on SQLite
            sent.append(Statement(text, parameters))

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(database.engine, "before_cursor_execute", note)
