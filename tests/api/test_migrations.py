"""A database of an older release comes to this one with all that it holds."""

from __future__ import annotations

import threading
import time
from typing import Any
from uuid import UUID

import pytest
from alembic import command
from sqlalchemy import Column, Insert, MetaData, Table, insert, inspect, select, text
from sqlalchemy.exc import OperationalError
from uuid_utils.compat import uuid7

from api.catalogue import read_kinds
from api.database import Database
from api.first_start import prepare
from api.migrate import configuration, migrate
from api.rights import Role
from api.schemas import Report, ReportOutcome
from api.settings import ApiSettings
from api.tables import Base, Case
from tests.api.pictures import a_picture
from tests.api.place import SEEN_AT, Place, a_report, followed
from tests.api.retention_site import picture_item


@pytest.mark.parametrize("revision", ["0001", "0002", "0003", "0004", "0005"])
def test_a_database_of_an_older_release_keeps_its_cases(settings: ApiSettings, revision: str) -> None:
    database = Database(settings.database_url)
    migrate(database, revision)
    seen = a_report(evidence=[picture_item(a_picture())])
    case_id = _record_as_the_first_release_did(database, seen)
    database.close()
    with Place(settings) as place:
        [after] = place.report(followed(seen, phase="cleared"))
        assert (after.outcome, after.case_id) == (ReportOutcome.COUNTED, case_id)
        shown = place.case(case_id)
        assert (shown["reports_count"], shown["evidence"][0]["state"]) == (2, "pending")
        with place.app.state.services.database.read() as session:
            assert session.scalar(select(Case.family).where(Case.id == case_id)) == "trading"
        confirmed = place.person(Role.OPERATOR).post(f"/api/v1/cases/{case_id}/confirm")
        assert (confirmed.status_code, confirmed.json()["state"]) == (200, "filed")
        assert place.service.open_edge_requests() == []


def _record_as_the_first_release_did(database: Database, seen: Report) -> UUID:
    """Into the tables as they were, which the classes of this release do not fit any more."""
    old = MetaData()
    old.reflect(database.engine)
    case_id = uuid7()
    item = seen.evidence[0]
    incident = {
        "edge_id": seen.edge_id,
        "watch_id": seen.watch_id,
        "source_type": seen.source_type,
        "source_id": seen.source_id,
        "first_seen_at": seen.first_seen_at,
        "last_seen_at": seen.occurred_at,
        "reports_count": 1,
    }
    kinds = read_kinds()
    keys = {"kind_key": seen.kind, "detected_kind_key": seen.kind, "department": "urban-management"}
    case = {"id": case_id, "state": "detected", "version": 1, "incidents_count": 1, "created_at": SEEN_AT}
    evidence = item.model_dump(exclude={"reason", "role"}) | {"role": item.role, "incident_id": seen.incident_id}
    report = {
        "report_id": seen.report_id,
        "incident_id": seen.incident_id,
        "outcome": "new_case",
        "occurred_at": seen.occurred_at,
        "received_at": seen.received_at,
        "recorded_at": SEEN_AT,
        "payload": seen.model_dump(mode="json", exclude_none=True),
    }
    with database.connection() as connection:
        for name, rows in {
            "kinds": kinds,
            "watches": [{"edge_id": seen.edge_id, "watch_id": seen.watch_id}],
            "cases": [case | keys | incident],
            "incidents": [incident | {"id": seen.incident_id, "case_id": case_id, "kind_key": seen.kind}],
            "evidence": [evidence | {"case_id": case_id}],
            "reports": [report | {"case_id": case_id}],
        }.items():
            connection.execute(*_insertion(old.tables[name], rows))
    return case_id


def _insertion(table: Table, rows: list[dict[str, Any]]) -> tuple[Insert, list[dict[str, Any]]]:
    """The old columns with the types of today, which know how each database keeps a UUID and a moment."""
    types = Base.metadata.tables[table.name].columns
    columns = [Column(column.name, types[column.name].type) for column in table.columns]
    typed = Table(table.name, MetaData(), *columns)
    return insert(typed), [{name: value for name, value in row.items() if name in typed.columns} for row in rows]


@pytest.mark.parametrize("revision", ["0002", "base"])
def test_a_migration_goes_back_as_it_came(settings: ApiSettings, revision: str) -> None:
    prepare(settings)
    database, config = Database(settings.database_url), configuration()
    with database.connection() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)
    left = set(inspect(database.engine).get_table_names())
    assert ("edge_statuses" in left, "cases" in left) == (False, revision == "0002")
    migrate(database, "head")
    assert set(Base.metadata.tables) <= set(inspect(database.engine).get_table_names())
    database.close()


def _invalid_indexes(database: Database) -> list[str]:
    with database.engine.connect() as connection:
        return list(connection.scalars(text("SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid")))


def test_others_read_and_write_while_big_tables_get_their_indexes(postgres_url: str) -> None:
    database = Database(postgres_url)
    migrate(database, "0005")
    _record_as_the_first_release_did(database, a_report(evidence=[picture_item(a_picture())]))
    stop, waited_s = threading.Event(), [0.0]

    def work() -> None:
        with database.engine.connect() as connection:
            while not stop.is_set():
                began_s = time.monotonic()
                connection.execute(text("UPDATE cases SET reports_count = reports_count + 1"))
                connection.commit()
                waited_s[0] = max(waited_s[0], time.monotonic() - began_s)

    with database.engine.connect() as reader:
        # A transaction that has seen the old state, for which a concurrent index has to wait.
        reader = reader.execution_options(isolation_level="REPEATABLE READ")  # noqa: PLW2901
        reader.execute(text("SELECT count(*) FROM cases"))
        workers = [threading.Thread(target=work), threading.Thread(target=migrate, args=(database,))]
        for worker in workers:
            worker.start()
        workers[1].join(3)
        assert workers[1].is_alive(), "it did not wait for who was there before"
        reader.rollback()
        workers[1].join(30)
        stop.set()
        workers[0].join()
    # A hundredth of a second, on a quiet machine; who waited for the migration waited for nearly three.
    assert waited_s[0] < 2.0
    assert "ix_cases_kind_key_id" in {index["name"] for index in inspect(database.engine).get_indexes("cases")}
    assert _invalid_indexes(database) == []
    database.close()


def test_an_index_that_was_broken_off_is_made_anew(postgres_url: str) -> None:
    database = Database(postgres_url)
    migrate(database, "0005")
    with database.engine.connect() as holder, database.engine.connect() as maker:
        holder.execute(text("LOCK TABLE cases IN ROW EXCLUSIVE MODE"))
        maker = maker.execution_options(isolation_level="AUTOCOMMIT")  # noqa: PLW2901
        maker.execute(text("SET lock_timeout = '100ms'"))
        with pytest.raises(OperationalError):
            maker.execute(text("CREATE INDEX CONCURRENTLY ix_cases_kind_key_id ON cases (kind_key, id)"))
        maker.invalidate()
    assert _invalid_indexes(database) == ["ix_cases_kind_key_id"]
    migrate(database)
    assert _invalid_indexes(database) == []
    assert "ix_cases_kind_key_id" in {index["name"] for index in inspect(database.engine).get_indexes("cases")}
    database.close()
