"""The head of the chain leaves the machine once a day, and the command compares the chain with it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from api.audit.chain import seal, verify
from api.audit.heads import HeadsFileError, export_head, read_heads
from api.audit.trail import write_audit
from api.database import Database
from api.first_start import prepare
from api.rights import Role
from api.settings import ApiSettings
from streetcase.cli import app
from tests.api.place import Place

NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def _acted(database: Database, count: int) -> None:
    with database.write() as session:
        for number in range(count):
            write_audit(session, "people.manage", f"person:{number}", at=NOON, actor="person:li", request_id=None)
    with database.write() as session:
        seal(session)


def _export(database: Database, file: Path, now: datetime) -> bool:
    with database.write() as session:
        return export_head(session, file, now=now)


@pytest.fixture
def database(settings: ApiSettings) -> Database:
    prepare(settings)
    return Database(settings.database_url)


def test_a_day_is_exported_once_and_nothing_where_nothing_was_done(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "new folder" / "heads.jsonl"
    assert not _export(database, file, NOON)
    for day in range(3):
        _acted(database, 2)
        assert _export(database, file, NOON + day * DAY)
        assert not _export(database, file, NOON + day * DAY + DAY / 4)
    assert [json.loads(line)["day"] for line in file.read_text().splitlines()] == [
        "2026-11-22",
        "2026-11-23",
        "2026-11-24",
    ]
    with database.read() as session:
        verdict = verify(session, now=NOON, heads=read_heads(file))
    assert (verdict.sound, verdict.place, verdict.heads) == (True, 6, 6)
    database.close()


def test_a_torn_line_is_left_out_and_cut_by_the_next(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "heads.jsonl"
    _acted(database, 1)
    _export(database, file, NOON)
    whole = file.read_text()
    file.write_text(whole + whole[:20])
    assert len(read_heads(file)) == 1
    assert _export(database, file, NOON + DAY)
    assert len(read_heads(file)) == 2
    database.close()


@pytest.mark.parametrize("line", ["{}", "no json", '{"day": "2026-11-22", "place": -1}', "[" * 9000, "\ufffd"])
def test_a_line_that_is_no_head_is_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / "heads.jsonl"
    file.write_text(line + "\n")
    with pytest.raises(HeadsFileError, match="line 1"):
        read_heads(file)


def test_the_command_says_sound_or_where_it_is_broken(
    database: Database, settings: ApiSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STREETCASE_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("STREETCASE_EVIDENCE_DIR", str(settings.evidence_dir))
    monkeypatch.setenv("STREETCASE_SERVICE_KEY_FILE", str(settings.service_key_file))
    copy = tmp_path / "copies" / "heads.jsonl"
    _acted(database, 5)
    _export(database, copy, NOON)
    sound = CliRunner().invoke(app, ["audit", "verify", "--heads", str(copy)])
    assert (sound.exit_code, "sound: 5 rows, 2 heads met" in sound.output) == (0, True), sound.output

    with database.write() as session:
        session.execute(text("DELETE FROM audit_heads"))
        session.execute(text("DELETE FROM audit WHERE place > 3"))
    assert CliRunner().invoke(app, ["audit", "verify"]).exit_code == 0
    broken = CliRunner().invoke(app, ["audit", "verify", "--heads", str(copy), "--json"])
    told = json.loads(broken.output)
    assert (broken.exit_code, told["sound"], told["fault"]["place"]) == (1, False, 4)
    in_words = CliRunner().invoke(app, ["audit", "verify", "--heads", str(copy)]).output
    assert "broken at place 4: the chain ends here" in in_words
    assert CliRunner().invoke(app, ["audit", "verify", "--heads", str(tmp_path / "none")]).exit_code == 2
    database.close()


def test_acts_are_listed_newest_first_and_verified_in_parts(sqlite_place: Place) -> None:
    database = sqlite_place.app.state.services.database
    _acted(database, 5)
    supervisor = sqlite_place.person(Role.SUPERVISOR)
    about = {"actor": "person:li", "limit": "2"}
    first = supervisor.get("/api/v1/audit", params=about).json()
    second = supervisor.get("/api/v1/audit", params=about | {"before": first["next"]}).json()
    subjects = [item["subject"] for item in first["items"] + second["items"]]
    assert subjects == ["person:4", "person:3", "person:2", "person:1"]
    one = supervisor.get("/api/v1/audit", params={"subject": "person:3", "action": "people.manage"}).json()
    assert [item["actor"] for item in one["items"]] == ["person:li"]
    assert one["next"] is None
    part = supervisor.get("/api/v1/audit/verify", params={"limit": 2}).json()
    assert (part["sound"], part["place"], part["more"]) == (True, 2, True)
    rest = supervisor.get("/api/v1/audit/verify", params={"after": 2}).json()
    assert (rest["sound"], rest["more"], rest["place"] >= 5) == (True, False, True)
