"""A new place gets its tables, kinds, first person and keys, once, however many processes start."""

from __future__ import annotations

import csv
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import select, text, update

from api.catalogue import KINDS_CSV
from api.database import Database
from api.first_start import DatabaseUnavailable, prepare
from api.migrate import MigrationError
from api.people.accounts import UnknownPerson, reset_password
from api.people.keys import EdgeIdRefused, KeyRevoked, add_edge, ensure_edge_key
from api.settings import ApiSettings
from api.tables import ApiKey, Base, Kind, Person
from tests.api.conftest import SettingsFactory
from tests.api.place import Place
from tests.services.ports import HOST, free_port


def test_the_password_is_returned_once_and_kept_as_argon2_alone(settings: ApiSettings) -> None:
    first, second = prepare(settings), prepare(settings)
    database = Database(settings.database_url)
    with database.read() as session:
        [administrator] = session.scalars(select(Person))
    database.close()
    assert first.administrator_password
    assert second.administrator_password is None
    assert administrator.password_hash.startswith("$argon2id$")
    assert first.administrator_password not in administrator.password_hash + repr(first)


def test_ten_starts_at_once_make_one_administrator_and_one_service_key(settings: ApiSettings) -> None:
    with ThreadPoolExecutor(10) as threads:
        passwords = [start.administrator_password for start in threads.map(prepare, [settings] * 10)]
    database = Database(settings.database_url)
    with database.read() as session:
        keys = session.scalars(select(ApiKey)).all()
    database.close()
    assert sum(password is not None for password in passwords) == 1
    assert [key.revoked_at for key in keys] == [None]


def test_models_and_migrations_agree(settings: ApiSettings) -> None:
    prepare(settings)
    database = Database(settings.database_url)
    # One database has what the other has no word for: full text, and how an index sorts.
    ours_alone = {"case_words", "ix_case_texts_tokens", "ix_cases_number_prefix"}
    options = {
        "compare_type": True,
        "compare_server_default": True,
        "include_name": lambda name, _kind, _parents: not name or not name.startswith(tuple(ours_alone)),
    }
    with database.connection() as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Base.metadata) == []
    database.close()


def test_a_newer_release_s_database_is_refused(settings: ApiSettings) -> None:
    prepare(settings)
    database = Database(settings.database_url)
    with database.connection() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    database.close()
    with pytest.raises(MigrationError, match="does not fit this release"):
        prepare(settings)


def test_kinds_are_seeded_with_codes_as_strings_and_never_overwritten(settings: ApiSettings) -> None:
    prepare(settings)
    database = Database(settings.database_url)
    with database.write() as session:
        session.execute(update(Kind).where(Kind.key == "street-vendor").values(name_en="Hawker"))
    prepare(settings)
    with database.read() as session:
        kinds = {kind.key: kind for kind in session.scalars(select(Kind))}
    database.close()
    with KINDS_CSV.open(encoding="utf-8") as file:
        assert set(kinds) == {row["key"] for row in csv.DictReader(file)}
    assert kinds["street-vendor"].name_en == "Hawker"
    assert (kinds["street-encroachment"].code, kinds["street-encroachment"].code_scheme) == ("0406", "cn-30428-city")
    assert (kinds["manhole-open"].code, kinds["manhole-open"].join_by_watch) == (None, False)


def test_a_database_that_does_not_answer_is_said_without_its_password(settings_for: SettingsFactory) -> None:
    with pytest.raises(DatabaseUnavailable, match="does not answer") as raised:
        prepare(settings_for(f"postgresql://u:secret@{HOST}:{free_port()}/cases"))
    assert "secret" not in f"{raised.value} {raised.value.__cause__}"


def test_the_service_key_file_is_the_owner_s_alone_and_a_new_one_revokes_the_old(sqlite_place: Place) -> None:
    path = sqlite_place.settings.service_key_file
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    old = sqlite_place.client(sqlite_place.service_key)
    assert old.get("/internal/v1/kinds").status_code == 200
    path.unlink()
    prepare(sqlite_place.settings)
    assert old.get("/internal/v1/kinds").status_code == 401
    new = sqlite_place.client(path.read_text(encoding="ascii").strip())
    assert new.get("/internal/v1/kinds").status_code == 200


def test_the_command_line_adds_edge_keys_and_keeps_older_ones(sqlite_place: Place, tmp_path: Path) -> None:
    keys = [add_edge(sqlite_place.settings, "gate-3") for _ in range(2)]
    path = tmp_path / "edge.key"
    keys += [ensure_edge_key(sqlite_place.settings, "gate-3", path) for _ in range(2)]
    assert keys[2] == keys[3]
    assert len(set(keys)) == 3
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    found = [sqlite_place.service.authenticate_edge(key) for key in keys]
    assert [edge.edge_id if edge else None for edge in found] == ["gate-3"] * 4
    with pytest.raises(KeyRevoked):
        ensure_edge_key(sqlite_place.settings, "another-edge", path)
    with pytest.raises(EdgeIdRefused):
        add_edge(sqlite_place.settings, "gate 3")


def test_a_password_reset_ends_sessions(sqlite_place: Place) -> None:
    old = str(sqlite_place.administrator_password)
    session = sqlite_place.client(sqlite_place.log_in("administrator", old).json()["token"])
    new = reset_password(sqlite_place.settings, "administrator")
    assert session.get("/api/v1/me").status_code == 401
    assert sqlite_place.log_in("administrator", old).status_code == 401
    assert sqlite_place.log_in("administrator", new).status_code == 201
    with pytest.raises(UnknownPerson):
        reset_password(sqlite_place.settings, "nobody")
