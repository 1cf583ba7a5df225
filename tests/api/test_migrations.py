"""A database of an older release comes to this one with all that it holds."""

from __future__ import annotations

import pytest
from alembic import command
from sqlalchemy import inspect

from api.cases.reports import record
from api.catalogue import read_kinds
from api.database import Database
from api.first_start import prepare
from api.inserting import insert_rows
from api.migrate import configuration, lock_for_start
from api.schemas import ReportOutcome
from api.settings import ApiSettings
from api.tables import Base, Kind
from tests.api.pictures import a_picture
from tests.api.place import SEEN_AT, Place, a_report, followed
from tests.api.retention_site import picture_item


def _migrate(database: Database, revision: str) -> None:
    config = configuration()
    with database.connection() as connection:
        lock_for_start(connection)
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def test_a_database_of_the_first_release_keeps_its_cases(settings: ApiSettings) -> None:
    database = Database(settings.database_url)
    _migrate(database, "0002")
    seen = a_report(evidence=[picture_item(a_picture())])
    with database.write() as session:
        insert_rows(session, Kind, read_kinds())
    [before] = record(database, [seen], now=SEEN_AT)
    assert "edge_statuses" not in inspect(database.engine).get_table_names()
    database.close()
    with Place(settings) as place:
        [after] = place.report(followed(seen, phase="cleared"))
        assert (after.outcome, after.case_id) == (ReportOutcome.COUNTED, before.case_id)
        shown = place.case(before.case_id)
        assert (shown["reports_count"], shown["evidence"][0]["state"]) == (2, "pending")
        assert place.service.open_edge_requests() == []


@pytest.mark.parametrize("revision", ["0002", "base"])
def test_a_migration_goes_back_as_it_came(settings: ApiSettings, revision: str) -> None:
    prepare(settings)
    database, config = Database(settings.database_url), configuration()
    with database.connection() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)
    left = set(inspect(database.engine).get_table_names())
    assert ("edge_statuses" in left, "cases" in left) == (False, revision == "0002")
    _migrate(database, "head")
    assert set(Base.metadata.tables) <= set(inspect(database.engine).get_table_names())
    database.close()
