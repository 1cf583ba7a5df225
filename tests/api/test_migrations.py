"""A database of an older release comes to this one with all that it holds."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from alembic import command
from sqlalchemy import Column, Insert, MetaData, Table, insert, inspect
from uuid_utils.compat import uuid7

from api.catalogue import read_kinds
from api.database import Database
from api.first_start import prepare
from api.migrate import configuration, lock_for_start
from api.rights import Role
from api.schemas import Report, ReportOutcome
from api.settings import ApiSettings
from api.tables import Base
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
    case_id = _record_as_the_first_release_did(database, seen)
    assert "edge_statuses" not in inspect(database.engine).get_table_names()
    database.close()
    with Place(settings) as place:
        [after] = place.report(followed(seen, phase="cleared"))
        assert (after.outcome, after.case_id) == (ReportOutcome.COUNTED, case_id)
        shown = place.case(case_id)
        assert (shown["reports_count"], shown["evidence"][0]["state"]) == (2, "pending")
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
    _migrate(database, "head")
    assert set(Base.metadata.tables) <= set(inspect(database.engine).get_table_names())
    database.close()
