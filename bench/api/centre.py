"""One API for one row of the table: a seeded database, the API's process, sessions for all clients."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from api.cases.states import CaseState
from api.database import Database
from api.first_start import prepare
from api.people.accounts import add_person
from api.people.keys import sha256_of
from api.rights import Role
from api.settings import ApiSettings
from api.tables import Case, LoginSession
from bench.api.load import Connection, Refused, request
from bench.services import free_port

READY_S = 30.0
_KNOWN_CASES = 2_000


@dataclass(frozen=True, slots=True)
class Centre:
    """tokens: of supervisors' sessions. alarms: that wait for review. numbers: of filed cases."""

    settings: ApiSettings
    tokens: list[str]
    service_key: str
    alarms: list[str]
    case_ids: list[str]
    numbers: list[str]


def make_settings(folder: Path, database_url: str) -> ApiSettings:
    settings = ApiSettings(
        database_url=database_url,
        evidence_dir=folder / "evidence",
        service_key_file=folder / "service.key",
        district="341122",
    )
    prepare(settings)
    return settings


def furnish(settings: ApiSettings, *, clients: int) -> Centre:
    """Gives each client a session, and finds cases to ask about."""
    database, now = Database(settings.database_url), datetime.now(UTC)
    tokens = [f"st_{secrets.token_hex(16)}" for _ in range(clients)]
    shift = secrets.token_hex(4)  # another than those of the last run, where the database was kept
    with database.write() as session:
        for number, token in enumerate(tokens):
            name, role = f"bench-{shift}-{number}", Role.SUPERVISOR
            person = add_person(session, name=name, role=role, department=None, password_hash="", now=now)
            session.add(
                LoginSession(
                    token_hash=sha256_of(token),
                    person_id=person.id,
                    created_at=now,
                    expires_at=now + timedelta(hours=8),
                )
            )
    with database.read() as session:
        waiting = select(Case.id).where(Case.state == CaseState.DETECTED).order_by(Case.id.desc()).limit(20_000)
        alarms = [str(case_id) for case_id in session.scalars(waiting)]
        newest = select(Case.id, Case.number).where(Case.number.is_not(None)).order_by(Case.id.desc())
        known = session.execute(newest.limit(_KNOWN_CASES)).all()
    database.close()
    return Centre(
        settings,
        tokens,
        settings.service_key_file.read_text(encoding="ascii").strip(),
        alarms,
        [str(case_id) for case_id, _ in known],
        [str(number) for _, number in known],
    )


@contextmanager
def running_api(centre: Centre, folder: Path, *, processes: int = 0) -> Iterator[int]:
    """Yields the port of a running API; processes: 0 for as many as it takes by itself."""
    settings, port = centre.settings, free_port()
    environment = dict(os.environ) | {
        "STREETCASE_DATABASE_URL": settings.database_url,
        "STREETCASE_SERVICE_KEY_FILE": str(settings.service_key_file),
        "STREETCASE_EVIDENCE_DIR": str(settings.evidence_dir),
        "STREETCASE_DISTRICT": settings.district,
    }
    command = [sys.executable, "-m", "streetcase", "api", "serve", "--port", str(port), "--processes", str(processes)]
    with _running(command, folder / "api.log", environment):
        _wait(port, request("GET", "/health/ready", centre.tokens[0]))
        yield port


@contextmanager
def running_floor(plan_file: Path, folder: Path, *, bearer: str) -> Iterator[int]:
    """Yields the port of the hand-written route, in a process of its own too."""
    port = free_port()
    command = [sys.executable, "-m", "bench.api.floor", str(port), str(plan_file)]
    with _running(command, folder / "floor.log", dict(os.environ)):
        _wait(port, request("GET", "/api/v1/cases", bearer))
        yield port


@contextmanager
def _running(command: list[str], log: Path, environment: Mapping[str, str]) -> Iterator[None]:
    with log.open("ab") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        yield
    except BaseException:
        print(f"--- the end of {log.name}\n{log.read_text(errors='replace')[-3000:]}")
        raise
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(port: int, asked: bytes) -> None:
    deadline = time.monotonic() + READY_S
    while True:
        try:
            connection = Connection(port)
            connection.ask(asked)
            connection.close()
        except (OSError, Refused) as error:
            if time.monotonic() > deadline:
                raise SystemExit(f"no answer on port {port} within {READY_S:g} s: {error}") from None
            time.sleep(0.1)
        else:
            return
