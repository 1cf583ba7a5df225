"""Live is always answered; ready only while the database and the evidence folder truly work."""

from __future__ import annotations

import shutil
from pathlib import Path

from sqlalchemy import text

from api.database import Database
from tests.api.place import Place


def test_a_whole_place_is_ready(place: Place) -> None:
    client = place.client()
    assert client.get("/health/live").json() == {"status": "live"}
    assert client.get("/health/ready").json() == {"status": "ready", "database": "ok", "evidence": "ok", "chores": "ok"}


def test_a_lost_evidence_folder_is_noticed(sqlite_place: Place) -> None:
    shutil.rmtree(sqlite_place.settings.evidence_dir)
    answer = sqlite_place.client().get("/health/ready")
    assert (answer.status_code, answer.json()["database"], answer.json()["evidence"]) == (
        503,
        "ok",
        "cannot be written",
    )
    assert sqlite_place.client().get("/health/live").status_code == 200


def test_tables_of_another_release_are_noticed(place: Place) -> None:
    database = Database(place.settings.database_url)
    with database.connection() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    database.close()
    answer = place.client().get("/health/ready")
    assert (answer.status_code, answer.json()["database"]) == (503, "not migrated to this release")


def test_a_lost_database_is_unavailable_and_never_an_empty_list(sqlite_place: Place, tmp_path: Path) -> None:
    database = Database(sqlite_place.settings.database_url)
    with database.connection() as connection:
        connection.execute(text("ALTER TABLE kinds RENAME TO lost"))
    answer = sqlite_place.client(sqlite_place.service_key).get("/internal/v1/kinds")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert "kinds" not in answer.text
    database.close()
