"""Puts cases, an edge and people of every role into the database that is asked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from uuid_utils.compat import uuid7

from api.database import Database
from api.first_start import prepare
from api.people.accounts import add_person
from api.people.keys import enrol_edge, sha256_of
from api.reports.recording import record
from api.rights import PEOPLE, Role
from api.schemas import Report
from api.settings import ApiSettings
from api.tables import LoginSession, Person

EDGE = "gate-3"
DEPARTMENT = "urban-management"
KINDS = ("street-encroachment", "illegal-parking", "manhole-open", "grain-drying", "exposed-garbage")
CASES_PER_KIND = 4


def seeded(environ: Mapping[str, str]) -> dict[str, Any]:
    """Returns what ``bench/fuzz/hooks.py`` reads: tokens by role, and known values of path parameters."""
    settings = ApiSettings.from_environment(environ)
    prepare(settings)
    database = Database(settings.database_url)
    now = datetime.now(UTC)
    tokens = {Role.SERVICE.value: settings.service_key_file.read_text(encoding="ascii").strip()}
    with database.write() as session:
        enrol_edge(session, EDGE)
        for role in PEOPLE:
            person = add_person(
                session,
                name=f"fuzz-{role}",
                role=role,
                department=DEPARTMENT if role is Role.HANDLER else None,
                password_hash="none",  # noqa: S106 (nobody can log in with it)
                now=now,
            )
            tokens[role.value] = _token(person, now, session)
    answers = record(database, [_report(kind, number) for kind in KINDS for number in range(CASES_PER_KIND)], now=now)
    database.close()
    cases = sorted({str(answer.case_id) for answer in answers})
    return {"tokens": tokens, "values": {"case_id": cases, "edge_id": [EDGE], "key": list(KINDS)}}


def _token(person: Person, now: datetime, session: Any) -> str:
    token = f"st_{uuid4().hex}"
    lasts = now + timedelta(days=1)
    session.add(LoginSession(token_hash=sha256_of(token), person_id=person.id, created_at=now, expires_at=lasts))
    return token


def _report(kind: str, number: int) -> Report:
    now = datetime.now(UTC)
    return Report(
        report_id=uuid4(),
        incident_id=uuid7(),
        phase="raised",
        edge_id=EDGE,
        source_type="camera",
        source_id=f"camera-{number}",
        kind=kind,
        watch_id=f"{kind}-{number}",
        position={"longitude": 118.4 + number / 100, "latitude": 32.4},
        first_seen_at=now - timedelta(minutes=10),
        occurred_at=now,
        received_at=now,
    )
