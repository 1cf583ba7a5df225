"""A backup is of one moment, whole or not there at all, and comes back as it was."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.backup import DATABASE, EVIDENCE, MANIFEST, SUMS, BackupDamaged, BackupRefused, back_up, restore
from api.clock import utc_now
from api.rights import Role
from api.settings import ApiSettings
from streetcase.cli import app
from tests.api.conftest import SettingsFactory
from tests.api.pictures import a_picture, sha256_of
from tests.api.place import Place, a_report
from tests.api.retention_site import Site


def _quiet(_what: str, _done: int, _total: int) -> None:
    """Nobody watches."""


def _case_with_picture(site: Site) -> tuple[str, str]:
    """Returns the case, and the sha256 of its picture, which has come and was noticed."""
    content = a_picture()
    case_id = site.case(content, state=None)
    assert site.state(case_id) == ["present"]
    return case_id, sha256_of(content)


def _elsewhere(settings: ApiSettings, folder: Path) -> ApiSettings:
    return replace(settings, database_url=f"sqlite:///{folder / 'new.db'}", evidence_dir=folder / "evidence")


def test_cases_and_pictures_come_back_while_the_api_went_on(sqlite_site: Site, tmp_path: Path) -> None:
    place, folder = sqlite_site.place, tmp_path / "backup"
    case_id, sha256 = _case_with_picture(sqlite_site)
    stop = threading.Event()

    def report() -> None:
        while not stop.is_set():
            place.report(a_report())

    reporter = threading.Thread(target=report)
    reporter.start()
    copied = back_up(place.settings, folder, at=utc_now(), progress=_quiet)
    stop.set()
    reporter.join()
    assert (copied.database, copied.items, copied.missing) == (True, 1, ())
    with sqlite3.connect(folder / DATABASE) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        orphans = "SELECT count(*) FROM reports LEFT JOIN cases ON cases.id = case_id WHERE cases.id IS NULL"
        assert copy.execute(orphans).fetchone() == (0,)
    copy.close()
    settings = _elsewhere(place.settings, tmp_path / "restored")
    restore(settings, folder, progress=_quiet)
    session = place.person(Role.SUPERVISOR).headers["Authorization"].removeprefix("Bearer ")
    with Place(settings) as again:
        supervisor = again.client(session)
        [item] = supervisor.get(f"/api/v1/cases/{case_id}").json()["evidence"]
        assert (item["sha256"], item["state"]) == (sha256, "present")
        assert supervisor.get(f"/api/v1/cases/{case_id}/evidence/{sha256}").status_code == 200


def test_what_the_database_names_and_nobody_has_is_listed(sqlite_site: Site, tmp_path: Path) -> None:
    _, sha256 = _case_with_picture(sqlite_site)
    settings = sqlite_site.place.settings
    shutil.rmtree(settings.evidence_dir / sha256[:2])
    copied = back_up(settings, tmp_path / "backup", at=utc_now(), progress=_quiet)
    assert (copied.items, copied.missing) == (0, (sha256,))
    assert sha256 in (tmp_path / "backup" / MANIFEST).read_text()


def _cut(folder: Path) -> None:
    next((folder / EVIDENCE).glob("*/*/*")).write_bytes(b"")


def _lose(folder: Path) -> None:
    (folder / DATABASE).unlink()


def _alter_sums(folder: Path) -> None:
    (folder / SUMS).write_text((folder / SUMS).read_text().replace("a", "b"))


@pytest.mark.parametrize("damage", [_cut, _lose, _alter_sums])
def test_a_damaged_backup_restores_nothing(sqlite_site: Site, tmp_path: Path, damage: Callable[[Path], None]) -> None:
    _case_with_picture(sqlite_site)
    folder = tmp_path / "backup"
    back_up(sqlite_site.place.settings, folder, at=utc_now(), progress=_quiet)
    damage(folder)
    settings = _elsewhere(sqlite_site.place.settings, tmp_path / "restored")
    with pytest.raises(BackupDamaged):
        restore(settings, folder, progress=_quiet)
    assert not (tmp_path / "restored").exists()


def test_nothing_is_overwritten(sqlite_place: Place, tmp_path: Path) -> None:
    settings, folder = sqlite_place.settings, tmp_path / "backup"
    back_up(settings, folder, at=utc_now(), progress=_quiet)
    with pytest.raises(BackupRefused):
        back_up(settings, folder, at=utc_now(), progress=_quiet)
    with pytest.raises(BackupRefused):
        restore(settings, folder, progress=_quiet)
    with pytest.raises(BackupRefused):
        restore(_elsewhere(settings, tmp_path), tmp_path / "elsewhere", progress=_quiet)


def test_ctrl_c_leaves_nothing_behind(sqlite_place: Place, tmp_path: Path) -> None:
    def interrupt(_what: str, _done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        back_up(sqlite_place.settings, tmp_path / "copies" / "backup", at=utc_now(), progress=interrupt)
    assert list((tmp_path / "copies").iterdir()) == []


def test_of_postgresql_the_evidence_alone_is_copied(
    settings_for: SettingsFactory, postgres_url: str, tmp_path: Path
) -> None:
    with Place(settings_for(postgres_url)) as place:
        _case_with_picture(Site(place))
        copied = back_up(place.settings, tmp_path / "backup", at=utc_now(), progress=_quiet)
    assert (copied.database, copied.items) == (False, 1)
    assert not (tmp_path / "backup" / DATABASE).exists()


def test_the_commands_say_what_they_did(sqlite_place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = sqlite_place.settings
    for name, value in {
        "STREETCASE_DATABASE_URL": settings.database_url,
        "STREETCASE_EVIDENCE_DIR": str(settings.evidence_dir),
        "STREETCASE_SERVICE_KEY_FILE": str(settings.service_key_file),
    }.items():
        monkeypatch.setitem(os.environ, name, value)
    folder = str(tmp_path / "backup")
    first, second = (CliRunner().invoke(app, ["api", "backup", folder]) for _ in range(2))
    assert (first.exit_code, second.exit_code) == (0, 2)
    assert "the database, 0 items of evidence" in first.output
    monkeypatch.setitem(os.environ, "STREETCASE_DATABASE_URL", f"sqlite:///{tmp_path / 'again' / 'new.db'}")
    monkeypatch.setitem(os.environ, "STREETCASE_EVIDENCE_DIR", str(tmp_path / "again" / "evidence"))
    restored = CliRunner().invoke(app, ["api", "restore", folder])
    assert restored.exit_code == 0, restored.output
    assert (tmp_path / "again" / "new.db").exists()
