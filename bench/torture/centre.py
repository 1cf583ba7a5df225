"""The parts of a run: one centre with two workers on PostgreSQL and Redis, and two scripted edges behind a link."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psycopg

from bench.services import HOST, PostgresServer, free_port
from bench.torture.edge import EdgeFiles
from bench.torture.link import CUT, MEND
from bench.torture.parts import Parts, Program
from bench.torture.plan import API, REDIS, WORKERS
from bench.torture.script import Script
from ingest.embedded_redis import CONFIGURATION_FILE, PASSWORD_FILE, redis_url, server_command

POSTGRES = "postgresql"
GATEWAY = "gateway"
STUCK_AFTER_S = 5
COMMAND_S = 60
READY_S = 60.0


def edge_part(script: Script) -> str:
    return f"edge-{script.edge}"


class Centre:
    """Everything of one run in ``folder``. Prepare it, then start it; both from the thread that stops it."""

    def __init__(self, folder: Path, scripts: tuple[Script, ...], *, seed: int, per_s: float) -> None:
        self._folder = folder
        self._seed = seed
        self._per_s = per_s
        self.scripts = scripts
        self.parts = Parts()
        self.logs = folder / "logs"
        self.api_port, self.gateway_port, self._redis_port, self._link_port = (free_port() for _ in range(4))
        self.postgres = PostgresServer(folder / "postgresql")
        self.redis_folder = folder / "redis"
        self.evidence_dir = folder / "evidence"
        self.archive_dir = folder / "archive"
        self.administrator_password = ""
        self._link = Program(
            [sys.executable, "-m", "bench.torture.link", str(self._link_port), str(self.gateway_port)],
            environment=os.environ,
            log=self.logs / "link.log",
        )

    def prepare(self) -> None:
        """Makes folders, tables and keys. Raises: SystemExit: If something that is needed is missing or fails."""
        self.logs.mkdir()
        self.parts.add(POSTGRES, self.postgres)
        self.postgres.start()
        self.parts.parts[POSTGRES].started = True
        self.parts.add(REDIS, self._program("redis", server_command(self.redis_folder, self._redis_port)))
        self.administrator_password = self._run("api", "prepare").split()[-1]
        for name, port in ((API, self.api_port), (GATEWAY, self.gateway_port)):
            command = ("api", "serve") if name == API else ("ingest", "gateway")
            self.parts.add(name, self._program(name, _streetcase(*command, "--port", str(port))))
        for name in WORKERS:
            self.parts.add(name, self._program(name, _streetcase("ingest", "worker"), STREETCASE_WORKER_NAME=name))
        for script in self.scripts:
            self.parts.add(edge_part(script), self._program(edge_part(script), self._edge_command(script)))

    def start(self) -> None:
        """Starts all parts, the edges last, when the gateway is ready for them. Raises: SystemExit."""
        self._link.spawn()
        edges = [edge_part(script) for script in self.scripts]
        self.parts.start(*(name for name in self.parts.parts if name not in (POSTGRES, *edges)))
        deadline = time.monotonic() + READY_S
        while not self._is_ready():
            if time.monotonic() > deadline:
                raise SystemExit(f"the gateway was not ready after {READY_S:g} s; see {self.logs}")
            time.sleep(0.1)
        self.parts.start(*edges)

    def stop(self) -> None:
        """Ends everything; harmless to repeat."""
        self.parts.stop()
        self._link.stop()
        self.postgres.stop()

    def cut(self) -> None:
        self._link.signal(CUT)

    def mend(self) -> None:
        self._link.signal(MEND)

    def wipe_redis(self) -> None:
        """Removes what Redis wrote, while it is down; its configuration stays, as with a new disk."""
        for path in sorted(self.redis_folder.rglob("*"), reverse=True):
            if path.is_dir():
                path.rmdir()
            elif path.name not in (CONFIGURATION_FILE, PASSWORD_FILE):
                path.unlink()

    def files(self, script: Script) -> EdgeFiles:
        return EdgeFiles(self._folder / edge_part(script))

    def reports(self) -> int | None:
        """Returns how many reports the database holds, None while it does not answer."""
        try:
            with psycopg.connect(self.postgres.conninfo) as database:
                row = database.execute("SELECT count(*) FROM reports").fetchone()
        except psycopg.Error:
            return None
        return int(row[0]) if row else None

    def in_stream(self) -> int | None:
        """Returns how many events wait between gateway and database, None while nobody can say."""
        answer = self._ask_gateway()
        waiting = answer.json()["waiting"] if answer is not None else None
        return None if waiting is None else int(waiting)

    def _is_ready(self) -> bool:
        answer = self._ask_gateway()
        return answer is not None and answer.is_success

    def _ask_gateway(self) -> httpx.Response | None:
        try:
            return httpx.get(f"http://{HOST}:{self.gateway_port}/health/ready", timeout=5, trust_env=False)
        except httpx.HTTPError:
            return None

    def _edge_command(self, script: Script) -> list[str]:
        key_file = self._folder / f"{edge_part(script)}.key"
        key_file.touch(mode=0o600)
        key_file.write_text(self._run("api", "add-edge", script.edge_id).split()[-1], encoding="ascii")
        command = [sys.executable, "-m", "bench.torture.edge", "--seed", str(self._seed), "--edge", str(script.edge)]
        command += ["--events", str(script.count), "--per-s", str(self._per_s), "--key-file", str(key_file)]
        return [*command, "--folder", str(self.files(script).folder), "--url", f"http://{HOST}:{self._link_port}"]

    def _program(self, name: str, command: list[str], **more: str) -> Program:
        return Program(command, environment=self._environment() | more, log=self.logs / f"{name}.log")

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(
            _streetcase(*arguments),
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=False,
        )
        if done.returncode != 0:
            raise SystemExit(f"streetcase {' '.join(arguments)} ended with {done.returncode}: {done.stderr[-2000:]}")
        return done.stdout

    def _environment(self) -> dict[str, str]:
        return dict(os.environ) | {
            "STREETCASE_DATABASE_URL": self.postgres.url,
            "STREETCASE_REDIS_URL": redis_url(self.redis_folder, self._redis_port),
            "STREETCASE_API_URL": f"http://{HOST}:{self.api_port}",
            "STREETCASE_SERVICE_KEY_FILE": str(self._folder / "service.key"),
            "STREETCASE_EVIDENCE_DIR": str(self.evidence_dir),
            "STREETCASE_ARCHIVE_DIR": str(self.archive_dir),
            "STREETCASE_STUCK_AFTER_S": str(STUCK_AFTER_S),
        }


def _streetcase(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "streetcase", *arguments]
