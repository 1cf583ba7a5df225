"""Settings come from the environment, and what is wrong with them is said without showing a password."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import make_url

from api.evidence_store import EvidenceSettings
from api.settings import ApiSettings, SettingsError

FOLDERS = {"STREETCASE_EVIDENCE_DIR": "/srv/evidence", "STREETCASE_SERVICE_KEY_FILE": "/srv/service.key"}


def test_sqlite_lies_beside_the_evidence_by_default() -> None:
    settings = ApiSettings.from_environment(FOLDERS)
    assert settings.database_url == "sqlite:////srv/streetcase.db"
    assert (settings.evidence_dir, settings.time_zone) == (Path("/srv/evidence"), "Asia/Shanghai")


def test_blanks_around_a_setting_of_evidence_are_nothing() -> None:
    said = {"STREETCASE_EVIDENCE_URL": " s3://evidence/x ", "STREETCASE_EVIDENCE_KEY_FILE": " "}
    settings = ApiSettings.from_environment(FOLDERS | said)
    assert settings.evidence == EvidenceSettings.from_environment(FOLDERS | said)


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg", "postgres"])
def test_postgresql_is_spoken_to_by_psycopg(scheme: str) -> None:
    settings = ApiSettings.from_environment(FOLDERS | {"STREETCASE_DATABASE_URL": f"{scheme}://u:secret@db/cases"})
    assert settings.database_url == "postgresql+psycopg://u:secret@db/cases"
    assert "secret" not in repr(settings)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"STREETCASE_EVIDENCE_DIR": ""}, "STREETCASE_EVIDENCE_DIR is not set"),
        ({"STREETCASE_SERVICE_KEY_FILE": ""}, "STREETCASE_SERVICE_KEY_FILE is not set"),
        ({"STREETCASE_DATABASE_URL": "mysql://u:secret@db/cases"}, "expected sqlite"),
        ({"STREETCASE_DATABASE_URL": "u:secret@db"}, "expected sqlite"),
        ({"STREETCASE_DATABASE_URL": "postgresql://u:pw@db:secret/cases"}, "expected sqlite"),
        ({"STREETCASE_DATABASE_URL": "postgresql://u:se:secret@db:12x/cases"}, "expected sqlite"),
        ({"STREETCASE_DATABASE_URL": "postgresql://u/x:secret@db/cases"}, "written as %40"),
        ({"STREETCASE_DATABASE_URL": "postgresql://u:pw@secret@db/cases"}, "written as %40"),
        ({"STREETCASE_DATABASE_URL": "sqlite://"}, "SQLite without a file"),
        ({"STREETCASE_TIME_ZONE": "Asia/Laian"}, "expected a name like Asia/Shanghai"),
        ({"STREETCASE_DISTRICT": "34"}, "expected six digits"),
        ({"STREETCASE_SESSION_HOURS": "soon"}, "expected a number"),
        ({"STREETCASE_SESSION_HOURS": "0"}, "expected more than 0"),
    ],
)
def test_what_is_wrong_is_said(change: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=message) as refused:
        ApiSettings.from_environment(FOLDERS | change)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("password", ["se/cret", "se#cret", "se?cret", "se:cret", "se%40cret"])
def test_any_other_password_is_taken_as_it_is(password: str) -> None:
    settings = ApiSettings.from_environment(
        FOLDERS | {"STREETCASE_DATABASE_URL": f"postgresql://u:{password}@db/cases"}
    )
    assert (make_url(settings.database_url).password, make_url(settings.database_url).host) == (
        password.replace("%40", "@"),
        "db",
    )
