"""A real centre for tests: the case API on SQLite, gateways and workers as processes of their own."""

from __future__ import annotations

import atexit
import os
import re
import shutil
import sqlite3
import ssl
import tempfile
import uuid
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from signal import SIGTERM
from typing import Any

import httpx

from api.first_start import prepare
from api.people.keys import add_edge
from api.settings import ApiSettings
from ingest.contract import PostAnswer
from ingest.dead_letters import DeadLetters
from ingest.redis_link import connect
from ingest.stream import EventStream
from tests.services.forked import ForkedProcess
from tests.services.ports import HOST, answers, free_port
from tests.services.processes import Process, wait_until

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 20.0
_NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # To load them, for nothing here, takes as long as a POST.
GATEWAY = "ingest.gateway:gateway_from_environment"


@cache
def _prepared() -> Path:
    """Returns the folder of an API that was prepared and never started; it takes half a second."""
    folder = Path(tempfile.mkdtemp(prefix="streetcase-test-"))
    atexit.register(shutil.rmtree, folder)
    prepare(ApiSettings.from_environment(_api_environment(folder)))
    return folder


def _api_environment(folder: Path) -> dict[str, str]:
    return {
        "STREETCASE_EVIDENCE_DIR": str(folder / "evidence"),
        "STREETCASE_SERVICE_KEY_FILE": str(folder / "service.key"),
    }


class Centre:
    """The processes of one centre in ``folder``; each may be stopped, paused or killed by its test."""

    def __init__(self, folder: Path, *, redis_url: str, stuck_after_s: int = 1) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.prefix = f"test-{uuid.uuid4().hex[:12]}"
        self.api_port, self.gateway_port = free_port(), free_port()
        self.evidence_dir = folder / "evidence"
        self.environment = {
            "PATH": os.environ["PATH"],
            "STREETCASE_REDIS_URL": redis_url,
            "STREETCASE_API_URL": f"http://{HOST}:{self.api_port}",
            **_api_environment(folder),
            "STREETCASE_ARCHIVE_DIR": str(folder / "archive"),
            "STREETCASE_STREAM_PREFIX": self.prefix,
            "STREETCASE_STUCK_AFTER_S": str(stuck_after_s),
        }
        self._api_settings = ApiSettings.from_environment(self.environment)
        shutil.copytree(_prepared(), folder, dirs_exist_ok=True)
        self.redis = connect(redis_url)
        self.stream = EventStream(self.redis, prefix=self.prefix)
        self.letters = DeadLetters(self.redis, prefix=self.prefix)
        self._processes: list[Process] = []
        self._gateway: Process | None = None

    def start_api(self) -> Process:
        return self._ready(self._spawn_api(), self.api_port)

    def start_gateway(self, *, factory: str = GATEWAY, **environment: str) -> Process:
        return self._ready(self._spawn_gateway(environment, factory), self.gateway_port)

    def start_worker(self, name: str = "worker-1") -> Process:
        return self._start("ingest.worker:main", [], name, {"STREETCASE_WORKER_NAME": name})

    def start_api_and_gateway(self, *, factory: str = GATEWAY, **environment: str) -> tuple[Process, Process]:
        """Starts both at once, which takes half the time; ``factory`` makes the gateway."""
        api, gateway = self._spawn_api(), self._spawn_gateway(environment, factory)
        return self._ready(api, self.api_port), self._ready(gateway, self.gateway_port)

    def _spawn_api(self) -> Process:
        return self._serve("tests.ingest.doors:api", self.api_port, "api", {})

    def _spawn_gateway(self, environment: Mapping[str, str], factory: str) -> Process:
        self._gateway = self._serve(factory, self.gateway_port, "gateway", environment)
        return self._gateway

    def gateway_peak_mb(self) -> float:
        """Returns the most memory that the gateway ever had in use."""
        assert self._gateway
        status = Path(f"/proc/{self._gateway.pid}/status").read_text()
        return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) / 1024

    def _serve(self, factory: str, port: int, name: str, environment: Mapping[str, str]) -> Process:
        arguments = ["--factory", factory, "--host", HOST, "--port", str(port), "--log-level", "warning"]
        return self._start("uvicorn.main:main", arguments, name, environment)

    def _ready(self, process: Process, port: int) -> Process:
        process.wait_ready(lambda: answers(port))
        return process

    def _start(self, program: str, arguments: list[str], name: str, environment: Mapping[str, str]) -> Process:
        process = ForkedProcess(
            program,
            arguments,
            log=self._folder / f"{name}.log",
            environment={**self.environment, **environment},
            folder=ROOT,
        )
        self._processes.append(process)
        return process

    def close(self) -> None:
        for process in self._processes:
            process.send(SIGTERM)
        for process in self._processes:
            process.stop()
        self.redis.close()

    def edge(self, edge_id: str) -> Edge:
        """Returns an edge with a new key of this centre."""
        return Edge(edge_id, add_edge(self._api_settings, edge_id), f"http://{HOST}:{self.gateway_port}")

    @property
    def service_key(self) -> str:
        return Path(self.environment["STREETCASE_SERVICE_KEY_FILE"]).read_text().strip()

    def count(self, table: str, edge_id: str) -> int:
        """Returns how many rows of cases or incidents the database holds for an edge."""
        query = {
            "cases": "SELECT count(*) FROM cases WHERE edge_id = ?",
            "incidents": "SELECT count(*) FROM incidents WHERE edge_id = ?",
        }[table]
        with closing(sqlite3.connect(self._folder / "streetcase.db", timeout=TIMEOUT_S)) as database:
            return int(database.execute(query, [edge_id]).fetchone()[0])

    def wait_drained(self) -> None:
        """Returns once no event waits or is in hand any more."""
        wait_until(lambda: self.stream.length() == 0, timeout_s=TIMEOUT_S, what="the stream is drained")


class Edge:
    """An edge as the gateway sees it: it posts events with its key."""

    def __init__(self, edge_id: str, key: str, gateway_url: str) -> None:
        self.edge_id = edge_id
        self.key = key
        self.http = httpx.Client(
            base_url=gateway_url,
            headers={"Authorization": f"Bearer {key}"},
            timeout=TIMEOUT_S,
            trust_env=False,
            verify=_NO_AUTHORITIES,
        )

    def __enter__(self) -> Edge:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def event(self, **changes: Any) -> dict[str, Any]:
        """Returns a sound event of a new incident; each watch of its own, so that none join."""
        now = datetime.now(UTC)
        watch_id = f"watch-{uuid.uuid4().hex[:12]}"
        event = {
            "schema_version": 1,
            "event_id": str(uuid.uuid4()),
            "incident_id": str(uuid.uuid4()),
            "phase": "raised",
            "edge_id": self.edge_id,
            "source": {"type": "camera", "id": watch_id},
            "kind": "street-encroachment",
            "watch_id": watch_id,
            "first_seen_at": (now - timedelta(minutes=5)).isoformat(),
            "occurred_at": now.isoformat(),
            "dwell_s": 300.0,
        }
        return event | changes

    def send(self, *events: Any) -> httpx.Response:
        return self.http.post("/ingest/v1/events", json={"events": list(events)})

    def post(self, *events: Any) -> PostAnswer:
        """Posts events and returns the gateway's 202."""
        response = self.send(*events)
        assert response.status_code == 202, response.text
        return PostAnswer.model_validate_json(response.content)

    def answers(self, *events: Any) -> list[str]:
        return [str(answer.answer) for answer in self.post(*events).answers]
