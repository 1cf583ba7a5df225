"""One centre for one row of the table: Redis, database, API, gateway and workers, as processes of their own."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg

from bench.ingest.load import Target, event_json
from bench.services import HOST, PostgresServer, free_port
from ingest.embedded_redis import redis_url, server_command
from ingest.redis_link import StreamUnavailable, connect
from ingest.stream import EventStream

READY_S = 60.0
RAW_BATCH = 50
EDGE_RATE = "1000000"  # the limit for one edge is not what is measured here


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds from the POST of an event to the commit of its report, of all events in some time."""

    p50_s: float
    p99_s: float
    events: int


class Database:
    """A fresh database for one row; knows when each report was committed."""

    def __init__(self, url: str, *, conninfo: str | None = None, file: Path | None = None) -> None:
        self.url = url
        self._conninfo = conninfo
        self._file = file

    def reports(self) -> int:
        return int(self._rows("SELECT count(*) FROM reports")[0][0])

    def latencies_s(self, since: float) -> list[float]:
        """Returns POST-to-commit times of what was posted after the UTC time stamp ``since``; PostgreSQL only."""
        if self._conninfo is None:
            return []
        query = (
            "SELECT extract(epoch FROM pg_xact_commit_timestamp(xmin) - occurred_at) FROM reports"
            " WHERE occurred_at > to_timestamp(%s)"
        )
        with psycopg.connect(self._conninfo) as connection:
            return sorted(float(row[0]) for row in connection.execute(query, [since]))

    def _rows(self, query: str) -> list[Any]:
        if self._conninfo is not None:
            with psycopg.connect(self._conninfo) as connection:
                return connection.execute(query.encode()).fetchall()
        with closing(sqlite3.connect(str(self._file), timeout=30)) as connection:
            return connection.execute(query).fetchall()


def new_postgres(server: PostgresServer, name: str) -> Database:
    with psycopg.connect(server.conninfo, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    conninfo = server.conninfo.replace("dbname=postgres", f"dbname={name}")
    return Database(server.url.rpartition("/")[0] + f"/{name}", conninfo=conninfo)


def new_sqlite(folder: Path) -> Database:
    return Database(f"sqlite:///{folder / 'streetcase.db'}", file=folder / "streetcase.db")


class Centre:
    """The running processes; ``waiting`` is how many events are accepted and not yet committed."""

    def __init__(self, stream: EventStream, targets: list[Target]) -> None:
        self.stream = stream
        self.targets = targets

    def waiting(self) -> int:
        return self.stream.length()


@contextmanager
def running_centre(folder: Path, database: Database, *, workers: int, edges: int) -> Iterator[Centre]:
    """Starts everything, yields once the gateway is ready and its Redis is warm, and ends everything."""
    redis_port, api_port, gateway_port = free_port(), free_port(), free_port()
    url = redis_url(folder / "redis", redis_port)
    environment = dict(os.environ) | {
        "STREETCASE_REDIS_URL": url,
        "STREETCASE_DATABASE_URL": database.url,
        "STREETCASE_API_URL": f"http://{HOST}:{api_port}",
        "STREETCASE_SERVICE_KEY_FILE": str(folder / "service.key"),
        "STREETCASE_EVIDENCE_DIR": str(folder / "evidence"),
        "STREETCASE_ARCHIVE_DIR": str(folder / "archive"),
        "STREETCASE_EDGE_EVENTS_PER_S": EDGE_RATE,
    }
    streetcase = [sys.executable, "-m", "streetcase"]
    with ExitStack() as running:
        running.enter_context(_process(server_command(folder / "redis", redis_port), environment, folder / "redis.log"))
        client = running.enter_context(closing(connect(url)))
        stream = EventStream(client)
        _wait(lambda: _serves(stream), what="Redis is up")
        _output([*streetcase, "api", "prepare"], environment)
        names = [f"bench-{number}" for number in range(edges)]
        keys = [_output([*streetcase, "api", "add-edge", name], environment).split()[-1] for name in names]
        running.enter_context(
            _process([*streetcase, "api", "serve", "--port", str(api_port)], environment, folder / "api.log")
        )
        gateway = [*streetcase, "ingest", "gateway", "--port", str(gateway_port)]
        running.enter_context(_process(gateway, environment, folder / "gateway.log"))
        for number in range(workers):
            named = environment | {"STREETCASE_WORKER_NAME": f"bench-{number}"}
            running.enter_context(_process([*streetcase, "ingest", "worker"], named, folder / f"worker-{number}.log"))
        _wait(lambda: _is_ready(f"http://{HOST}:{gateway_port}"), what="the gateway is ready")
        yield Centre(stream, [Target(HOST, gateway_port, name, key) for name, key in zip(names, keys, strict=True)])


def raw_xadd_per_s(folder: Path, *, seconds: float) -> float:
    """Returns what the same Redis with the same fsync takes in pipelines of 50 XADDs, and nothing around it."""
    port = free_port()
    server = _process(server_command(folder, port), dict(os.environ), folder / "redis.log")
    with server, closing(connect(redis_url(folder, port))) as client:
        _wait(lambda: _serves(EventStream(client)), what="Redis is up")
        event = event_json("bench-raw")
        added, start = 0, time.monotonic()
        while (spent_s := time.monotonic() - start) < seconds:
            with client.pipeline(transaction=False) as pipeline:
                for _ in range(RAW_BATCH):
                    pipeline.xadd("raw", {"event": event})
                pipeline.execute()
            added += RAW_BATCH
        return added / spent_s


@contextmanager
def _process(command: list[str], environment: Mapping[str, str], log: Path) -> Iterator[None]:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        yield
    except BaseException:
        print(f"--- the end of {log.name}\n{log.read_text(errors='replace')[-1500:]}")
        raise
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


def _output(command: list[str], environment: Mapping[str, str]) -> str:
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


def _wait(condition: Callable[[], bool], *, what: str) -> None:
    deadline = time.monotonic() + READY_S
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"{what}: not within {READY_S:g} s")
        time.sleep(0.05)


def _serves(stream: EventStream) -> bool:
    try:
        stream.ping()
    except StreamUnavailable:
        return False
    return True


def _is_ready(gateway: str) -> bool:
    try:
        return httpx.get(f"{gateway}/health/ready", trust_env=False).is_success
    except httpx.TransportError:
        return False
