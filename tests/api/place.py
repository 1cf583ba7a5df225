"""A whole API inside the test's process, under a real server: first start, people of every role, reports."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import httpx
import uvicorn
from uuid_utils.compat import uuid7

from api.app import create_app
from api.client import ApiClient
from api.clock import Clock, utc_now
from api.first_start import prepare
from api.people.accounts import add_person
from api.people.keys import sha256_of
from api.rights import Role
from api.schemas import Report, ReportAnswer
from api.serving import ApiServer
from api.settings import ApiSettings
from api.tables import LoginSession
from tests.services.ports import HOST, free_port

SEEN_AT = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


class Clocked:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = utc_now()

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Place:
    """Serves the API from entering to leaving. ``service`` is ingestion's client, ``people`` those who logged in."""

    def __init__(self, settings: ApiSettings, clock: Clock = utc_now) -> None:
        self.settings = settings
        self.administrator_password = prepare(settings).administrator_password
        self.service_key = settings.service_key_file.read_text(encoding="ascii").strip()
        self.app = create_app(settings, clock=clock)
        port = free_port()
        self.url = f"http://{HOST}:{port}"
        configuration = uvicorn.Config(self.app, host=HOST, port=port, log_config=None, proxy_headers=False)
        self._server = ApiServer(configuration)
        self._thread = threading.Thread(target=self._server.run, name="api")
        self._people: dict[tuple[Role, str | None], httpx.Client] = {}
        self._clients: list[httpx.Client] = []
        self.service = ApiClient(self.url, self.service_key)

    def __enter__(self) -> Self:
        self._thread.start()
        while not self._server.started:
            self._thread.join(0.01)
            assert self._thread.is_alive(), "the server did not start"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.service.close()
        for client in self._clients:
            client.close()
        self.stop()

    def stop(self) -> None:
        """Ends the server as a signal does."""
        self._server.should_exit = True
        self._thread.join(10)
        assert not self._thread.is_alive(), "the server did not end"

    def client(self, bearer: str | None = None) -> httpx.Client:
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        client = httpx.Client(base_url=self.url, headers=headers, timeout=60, trust_env=False)
        self._clients.append(client)
        return client

    def log_in(self, name: str, password: str) -> httpx.Response:
        return self.client().post("/api/v1/sessions", json={"name": name, "password": password})

    def person(self, role: Role, department: str | None = None) -> httpx.Client:
        """A client logged in as somebody of this role, the same for each call."""
        if role is Role.HANDLER and department is None:
            department = "urban-management"
        key = (role, department)
        if key not in self._people:
            self._people[key] = self._new_person(role, department)
        return self._people[key]

    def _new_person(self, role: Role, department: str | None) -> httpx.Client:
        """Straight into the tables: logging in takes argon2's time, and has tests of its own."""
        now, token = utc_now(), f"st_{uuid4().hex}"
        with self.app.state.services.database.write() as session:
            name = f"{role}-{department or 'all'}"
            added = add_person(session, name=name, role=role, department=department, password_hash="none", now=now)
            expires_at = now + timedelta(hours=1)
            session.add(
                LoginSession(token_hash=sha256_of(token), person_id=added.id, created_at=now, expires_at=expires_at)
            )
        return self.client(token)

    def edge_key(self, edge_id: str = "gate-3") -> str:
        answer = self.person(Role.ADMINISTRATOR).post("/api/v1/edges", json={"edge_id": edge_id})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["key"])

    def report(self, *reports: Report) -> list[ReportAnswer]:
        return self.service.report(reports)

    def case(self, case_id: object) -> dict[str, Any]:
        answer = self.person(Role.SUPERVISOR).get(f"/api/v1/cases/{case_id}")
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    def cases(self) -> list[dict[str, Any]]:
        answer = self.person(Role.SUPERVISOR).get("/api/v1/cases", params={"limit": 200})
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items


def a_watch() -> str:
    """A watch that no other test uses."""
    return f"watch-{uuid4().hex[:12]}"


def a_report(**changes: Any) -> Report:
    """A new incident of a stall on a watch of its own, raised; ``minutes`` moves its time."""
    minutes = timedelta(minutes=changes.pop("minutes", 5))
    fields: dict[str, Any] = {
        "report_id": uuid4(),
        "incident_id": uuid7(),
        "phase": "raised",
        "edge_id": "gate-3",
        "source_type": "camera",
        "source_id": "camera-1",
        "kind": "street-encroachment",
        "watch_id": a_watch(),
        "first_seen_at": SEEN_AT,
        "occurred_at": SEEN_AT + minutes,
        "received_at": SEEN_AT + minutes,
    }
    return Report.model_validate(fields | changes)


def followed(report: Report, *, phase: str, minutes: float = 10, **changes: Any) -> Report:
    """The next report of the same incident."""
    occurred_at = SEEN_AT + timedelta(minutes=minutes)
    if phase == "cleared":
        changes.setdefault("clear_reason", "gone")
    fields = report.model_dump() | {"report_id": uuid4(), "phase": phase, "occurred_at": occurred_at} | changes
    return Report.model_validate(fields)
