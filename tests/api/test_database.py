"""What a session that reads may do, and that it leaves its connection ready for the next one."""

from __future__ import annotations

from sqlalchemy import func, select, text

from api.database import Database
from api.tables import Kind
from tests.api.place import Place


def test_what_is_changed_while_reading_is_dropped(shared_place: Place) -> None:
    database: Database = shared_place.app.state.services.database
    with database.read() as session:
        kind = session.scalars(select(Kind).limit(1)).one()
        before, kind.name_en = kind.name_en, "Changed while reading"
    with database.read() as session:
        assert session.get_one(Kind, kind.key).name_en == before


def test_a_reader_does_not_make_the_driver_forget_what_it_prepared(shared_postgres_place: Place) -> None:
    database = Database(shared_postgres_place.settings.database_url)
    for _ in range(8):  # the driver prepares what it is asked for the sixth time
        with database.read() as session:
            session.scalar(select(func.count()).select_from(Kind))
    with database.read() as session:
        prepared = session.scalars(text("SELECT statement FROM pg_prepared_statements")).all()
    database.close()
    assert any("FROM kinds" in statement for statement in prepared)
