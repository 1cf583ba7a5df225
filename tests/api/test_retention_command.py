"""``streetcase api retention`` and ``make-evidence-key`` as somebody types them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import update
from typer.testing import CliRunner, Result

from api.cases.states import CaseState
from api.evidence.retention import Retention
from api.settings import ApiSettings
from api.tables import Case, HistoryLine
from streetcase.cli import app
from tests.api.pictures import a_picture, put, sha256_of
from tests.api.place import SEEN_AT, Place, a_report
from tests.services.ports import HOST, free_port


def _typed(settings: ApiSettings, *arguments: str, **more: str) -> Result:
    environment = {
        "STREETCASE_DATABASE_URL": settings.database_url,
        "STREETCASE_EVIDENCE_DIR": str(settings.evidence_dir),
        "STREETCASE_SERVICE_KEY_FILE": str(settings.service_key_file),
        **more,
    }
    return CliRunner().invoke(app, ["api", *arguments], env=environment)


@pytest.fixture
def old_case(sqlite_place: Place) -> tuple[Place, str, bytes]:
    """A place with one case that ended years ago, and its picture."""
    content = a_picture()
    item = {"sha256": sha256_of(content), "media_type": "image/jpeg", "size_bytes": len(content), "role": "start"}
    [answer] = sqlite_place.report(a_report(evidence=[item | {"taken_at": SEEN_AT}]))
    put(sqlite_place.app.state.services.evidence, content)
    long_ago = SEEN_AT.replace(year=2020)
    with sqlite_place.app.state.services.database.write() as session:
        session.execute(update(Case).values(state=CaseState.CLOSED, last_seen_at=long_ago))
        session.execute(update(HistoryLine).values(at=long_ago))
    return sqlite_place, str(answer.case_id), content


def test_a_dry_run_shows_the_case_and_a_run_removes_it(old_case: tuple[Place, str, bytes]) -> None:
    place, case_id, content = old_case
    store = place.app.state.services.evidence
    told = _typed(place.settings, "retention", "--dry-run")
    row = next(line for line in told.output.splitlines() if line.startswith(case_id))
    assert row.split()[1:] == ["street-encroachment", "closed", "2020-11-23", "1", str(len(content))]
    assert f"would be removed: 1 items, {len(content)} bytes" in told.output
    assert (told.exit_code, store.exists(sha256_of(content))) == (0, True)
    done = _typed(place.settings, "retention", "--limit", "1")
    assert (done.exit_code, store.exists(sha256_of(content))) == (0, False)
    assert f"removed: 1 items, {len(content)} bytes" in done.output
    assert "the limit of 1 items is reached" in done.output
    assert "removed: 0 items, 0 bytes" in _typed(place.settings, "retention").output


def test_the_citys_own_table_is_used_and_a_wrong_one_told(old_case: tuple[Place, str, bytes], tmp_path: Path) -> None:
    place, _, content = old_case
    table = tmp_path / "retention.csv"
    table.write_text("kind,state,days\n*,closed,keep\n")
    assert "removed: 0 items" in _typed(place.settings, "retention", STREETCASE_RETENTION_FILE=str(table)).output
    table.write_text("kind,state,days\n*,handling,30\n")
    wrong = _typed(place.settings, "retention", STREETCASE_RETENTION_FILE=str(table))
    assert (wrong.exit_code, "handling is open" in wrong.output) == (2, True)
    assert place.app.state.services.evidence.exists(sha256_of(content))


@pytest.mark.parametrize("command", [["retention"], ["add-edge", "gate-3"], ["reset-password", "administrator"]])
def test_a_database_without_tables_is_told_with_what_makes_them(settings: ApiSettings, command: list[str]) -> None:
    told = _typed(settings, *command)
    assert (told.exit_code, len(told.output.splitlines())) == (2, 1)
    assert told.output.endswith("streetcase api prepare makes its tables\n")
    away = _typed(replace(settings, database_url=f"postgresql://u:secret@{HOST}:{free_port()}/cases"), *command)
    assert (away.exit_code, "does not answer" in away.output, "secret" in away.output) == (2, True, False)


def test_a_run_that_is_broken_off_says_so(old_case: tuple[Place, str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken_off(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Retention, "_remove", broken_off)
    broken = _typed(old_case[0].settings, "retention")
    assert (broken.exit_code, "the next run finishes" in broken.output) == (130, True)


def test_a_key_is_made_and_never_made_over(sqlite_place: Place, tmp_path: Path) -> None:
    path = tmp_path / "evidence.key"
    made = _typed(sqlite_place.settings, "make-evidence-key", str(path))
    assert (made.exit_code, path.read_text().strip() in made.output) == (0, False)
    again = _typed(sqlite_place.settings, "make-evidence-key", str(path))
    assert (again.exit_code, "exists" in again.output) == (2, True)
    path.chmod(0o644)
    refused = _typed(sqlite_place.settings, "retention", STREETCASE_EVIDENCE_KEY_FILE=str(path))
    assert (refused.exit_code, "expected mode 0600, got 0644" in refused.output) == (2, True)
