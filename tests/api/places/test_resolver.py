"""The index that a process keeps is read anew when places changed, and holds no other database's places."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from api.database import Database
from api.first_start import prepare
from api.places.resolver import places_changed, places_index, resolve
from api.settings import ApiSettings
from api.tables import Assignment, Department, Kind
from tests.api.conftest import SettingsFactory
from tests.api.places.site import NOON, a_grid, a_road, line, square


@pytest.fixture
def database(settings: ApiSettings) -> Iterator[Database]:
    prepare(settings)
    opened = Database(settings.database_url)
    yield opened
    opened.close()


def _grid_at(database: Database, longitude: float) -> str | None:
    with database.read() as session:
        kind = session.get_one(Kind, "grain-drying")
        return resolve(session, kind, longitude=longitude, latitude=32.5, at=NOON).grid_id


def test_a_change_is_seen_by_the_next_transaction(database: Database) -> None:
    assert _grid_at(database, 118.5) is None
    with database.write() as session:
        session.add(a_grid("g", square(118, 32, 1)))
        places_changed(session)
    assert _grid_at(database, 118.5) == "g"


def test_who_changes_places_sees_it_and_nobody_else_until_it_is_committed(database: Database) -> None:
    session = Session(database.engine.execution_options(streetcase_writes=True))
    session.add(a_grid("g", square(118, 32, 1)))
    places_changed(session)
    session.flush()
    kind = session.get_one(Kind, "grain-drying")
    assert resolve(session, kind, longitude=118.5, latitude=32.5, at=NOON).grid_id == "g"
    session.rollback()
    session.close()
    with database.write() as session:
        places_changed(session)
    assert _grid_at(database, 118.5) is None


def test_while_nothing_changes_resolving_costs_one_query_and_an_index_none(database: Database) -> None:
    statements: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *told: statements.append(told[2]))
    _grid_at(database, 118.5)
    with database.read() as session:
        kind = session.get_one(Kind, "grain-drying")
        statements.clear()
        index = places_index(session)
        assert len(statements) == 1
        for _ in range(3):
            index.resolve(kind, 118.5, 32.5, NOON)
        assert len(statements) == 1


def test_two_databases_of_a_process_do_not_mix(
    database: Database, settings_for: SettingsFactory, tmp_path: Path
) -> None:
    other_settings = settings_for(f"sqlite:///{tmp_path / 'other.db'}")
    prepare(other_settings)
    other = Database(other_settings.database_url)
    for each, grid in ((database, "mine"), (other, "theirs")):
        with each.write() as session:
            session.add(a_grid(grid, square(118, 32, 1)))
            places_changed(session)
    assert [_grid_at(each, 118.5) for each in (database, other, database)] == ["mine", "theirs", "mine"]
    other.close()


def test_grain_on_a_highway_is_the_transport_bureau_s_and_on_a_street_the_urban_managers(database: Database) -> None:
    with database.write() as session:
        session.add(a_road("g104", line((118, 32), (119, 32)), "national"))
        session.add(a_road("renmin", line((118, 32.5), (119, 32.5)), "city-street"))
        places_changed(session)
    with database.read() as session:
        grain, stall = session.get_one(Kind, "grain-drying"), session.get_one(Kind, "street-encroachment")
        index = places_index(session)
        found = [index.resolve(grain, 118.5, latitude, NOON).department for latitude in (32, 32.5, 33)]
        assert found == ["transport", "urban-management", "transport"]
        assert index.resolve(stall, 118.5, 32, NOON).department == "urban-management"


def test_what_was_taken_back_stays_away_at_the_next_start(database: Database, settings: ApiSettings) -> None:
    with database.write() as session:
        for assignment in session.scalars(select(Assignment)):
            session.delete(assignment)
        session.get_one(Department, "water").name_en = "Rivers office"
        places_changed(session)
    prepare(settings)
    with database.read() as session:
        assert session.scalars(select(Assignment)).all() == []
        assert session.get_one(Department, "water").name_en == "Rivers office"
        named = set(session.scalars(select(Kind.department)))
        assert named == set(session.scalars(select(Department.key)))
