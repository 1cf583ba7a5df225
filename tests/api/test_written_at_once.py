"""What many write at the same moment is written once, whatever the database server prefers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from api.inserting import insert_if_absent
from api.tables import Watch
from tests.api.conftest import SettingsFactory
from tests.api.place import Place, a_report, a_watch


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
