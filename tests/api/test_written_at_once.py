"""What many write at the same moment is written once, whatever the database server prefers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.sql import SQL, Identifier
from sqlalchemy import select
from sqlalchemy.exc import DataError, IntegrityError

from api.inserting import insert_if_absent, insert_rows
from api.tables import HistoryLine, Watch
from tests.api.conftest import SettingsFactory
from tests.api.place import SEEN_AT, Place, a_report, a_watch


@pytest.mark.parametrize("count", [1, 2, 500])
def test_it_is_told_whether_all_rows_were_inserted(shared_place: Place, count: int) -> None:
    rows = [{"edge_id": "gate-3", "watch_id": a_watch()} for _ in range(count)]

    def all_inserted(*more: dict[str, str]) -> bool:
        with shared_place.app.state.services.database.write() as session:
            return insert_if_absent(session, Watch, [*rows, *more], unique=["edge_id", "watch_id"])

    assert all_inserted()
    assert not all_inserted()
    assert not all_inserted({"edge_id": "gate-3", "watch_id": a_watch()})


@pytest.mark.parametrize("preferred", ["repeatable read", "serializable"])
def test_a_server_that_prefers_stricter_isolation_changes_nothing(
    postgres_url: str, settings_for: SettingsFactory, preferred: str
) -> None:
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
        change = SQL("ALTER DATABASE {} SET default_transaction_isolation TO {}")
        connection.execute(change.format(Identifier(connection.info.dbname), preferred))
    with Place(settings_for(postgres_url)) as place, ThreadPoolExecutor(20) as threads:
        watch_id = a_watch()
        answers = threads.map(place.report, [a_report(watch_id=watch_id) for _ in range(20)])
        assert len({answer.case_id for [answer] in answers}) == 1


@pytest.mark.parametrize("count", [1, 50])
def test_many_rows_go_in_as_few_do(shared_place: Place, count: int) -> None:
    """Few by INSERT, many by COPY: with every type of column, with what is left out, and with tabs and newlines."""
    case_id = shared_place.report(a_report())[0].case_id
    details = {"words": "a\ttab, a\nnewline, a \\ and \u4e2d\u6587", "none": None}
    rows = [
        {"case_id": case_id, "at": SEEN_AT, "actor": f"many {count}", "action": "test", "details": details | {"n": n}}
        for n in range(count)
    ]
    with shared_place.app.state.services.database.write() as session:
        insert_rows(session, HistoryLine, rows)
    with shared_place.app.state.services.database.read() as session:
        query = select(HistoryLine).where(HistoryLine.actor == f"many {count}").order_by(HistoryLine.id)
        kept = session.scalars(query).all()
        assert [(line.details, line.at, line.request_id) for line in kept] == [
            (row["details"], SEEN_AT, None) for row in rows
        ]


@pytest.mark.parametrize("count", [1, 50])
@pytest.mark.parametrize(
    ("changes", "error"), [({"case_id": uuid4()}, IntegrityError), ({"actor": "a\x00b"}, DataError)]
)
def test_many_rows_are_refused_as_few_are(
    shared_postgres_place: Place, count: int, changes: dict[str, Any], error: type[Exception]
) -> None:
    row = {"case_id": uuid4(), "at": SEEN_AT, "actor": "test", "action": "test", "details": {}} | changes
    with pytest.raises(error), shared_postgres_place.app.state.services.database.write() as session:
        insert_rows(session, HistoryLine, [row] * count)
