"""Composes the centre on one machine: bundled Redis, API, gateway, worker, and an edge where one is given."""

from __future__ import annotations

import fcntl
import os
import socket
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from api.evidence_store import EvidenceUnavailable
from api.first_start import DatabaseUnavailable, FirstStart, prepare
from api.migrate import MigrationError
from api.people.keys import EdgeIdRefused, KeyRevoked, ensure_edge_key
from api.secret_file import SecretFileError
from api.settings import ApiSettings, SettingsError
from ingest.configuration import EdgeConfiguration
from ingest.embedded_redis import NoRedisServer, redis_url, server_command
from streetcase.children import Child, Children, Say
from streetcase.told import UserError

_MENDABLE = (
    DatabaseUnavailable,
    EdgeIdRefused,
    EvidenceUnavailable,
    KeyRevoked,
    MigrationError,
    NoRedisServer,
    SecretFileError,
    SettingsError,
)


@dataclass(frozen=True, slots=True)
class Ports:
    api: int = 8000
    gateway: int = 8001


class AllInOne:
    """Everything on one data folder. Start it, then run it; both from the same thread."""

    def __init__(self, data: Path, *, host: str, ports: Ports, edge_file: Path | None = None) -> None:
        self._data = data.absolute()
        self._host = host
        self._ports = ports
        self._edge_file = edge_file
        self._children: Children | None = None
        self._lock: TextIO | None = None
        self.logs = self._data / "logs"
        self.first_start = FirstStart(administrator_password=None)
        self.api_url = f"http://{host}:{ports.api}"
        self.gateway_url = f"http://{host}:{ports.gateway}"

    @property
    def settings(self) -> ApiSettings:
        return ApiSettings.from_environment(
            {
                "STREETCASE_DATABASE_URL": f"sqlite:///{self._data / 'streetcase.db'}",
                **os.environ,
                **self._environment(),
            }
        )

    def start(self, *, say: Say, stop: threading.Event | None = None) -> None:
        """Prepares what is not there yet, then starts part after part. Raises: UserError."""
        self._only_one()
        self._children = Children(self.logs, say, stop=stop)
        try:
            for port, what in ((self._ports.api, "the API"), (self._ports.gateway, "the gateway")):
                _check_free(self._host, port, what)
            self._start(self._children, say)
        except _MENDABLE as error:
            self.stop()
            raise UserError(str(error)) from None
        except BaseException:
            self.stop()
            raise

    def _start(self, children: Children, say: Say) -> None:
        # A mistake in the edge's file is told before anything is made, above all before the password that shows once.
        edge = self._load_edge(self._edge_file) if self._edge_file is not None else None
        self.first_start = prepare(self.settings)
        if self.first_start.administrator_password is not None:
            say("first start: user administrator, password (shown this once):")
            say(self.first_start.administrator_password)
        redis_port = free_port()
        redis_folder = self._data / "redis"
        environment = {
            "STREETCASE_DATABASE_URL": self.settings.database_url,
            **self._environment(),
            "STREETCASE_REDIS_URL": redis_url(redis_folder, redis_port),
        }
        children.start(Child("redis", server_command(redis_folder, redis_port), {}, ready_port=redis_port))
        api_port, gateway_port = str(self._ports.api), str(self._ports.gateway)
        # Live, not ready: each part waits for the others by itself, and here the order is only for quiet logs.
        children.start(
            Child(
                "api",
                _ours("api", "serve", "--host", self._host, "--port", api_port),
                environment,
                ready_url=f"{self.api_url}/health/live",
            )
        )
        children.start(
            Child(
                "gateway",
                _ours("ingest", "gateway", "--host", self._host, "--port", gateway_port),
                environment,
                ready_url=f"{self.gateway_url}/health/live",
            )
        )
        children.start(Child("worker", _ours("ingest", "worker"), environment))
        if os.environ.get("STREETCASE_SINKS_FILE"):
            children.start(Child("sinks", _ours("ingest", "sinks"), environment))
        if edge is not None and self._edge_file is not None:
            if edge.centre is None:
                say(f"{self._edge_file} names no centre: what this edge raises stays in its outbox")
            children.start(self._edge(self._edge_file, edge))

    def _load_edge(self, file: Path) -> EdgeConfiguration:
        from edge.configuration.load import ConfigurationError, load_configuration

        try:
            return load_configuration(file, os.environ)
        except ConfigurationError as error:
            raise UserError(str(error)) from None

    def _edge(self, file: Path, configuration: EdgeConfiguration) -> Child:
        edge_id, centre = configuration.edge_id, configuration.centre
        environment: dict[str, str] = {}
        if centre is not None and centre.key_env is not None and not os.environ.get(centre.key_env):
            # An edge beside its centre needs nobody to carry its key over.
            environment[centre.key_env] = ensure_edge_key(
                self.settings, edge_id, self._data / "secrets" / f"{edge_id}.key"
            )
        return Child("edge", _ours("edge", "run", str(file.absolute())), environment)

    def run(self, stop: threading.Event) -> None:
        """Keeps all parts running until ``stop`` is set, then stops them in order."""
        assert self._children is not None  # noqa: S101 - start comes first
        try:
            while not stop.wait(0.5):
                self._children.tend()
        finally:
            self.stop()

    def stop(self) -> None:
        """Stops all parts in order and lets go of the folder; harmless to repeat."""
        if self._children is not None:
            self._children.stop()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def tend(self) -> None:
        """Restarts what has died; for callers that have a loop of their own."""
        if self._children is not None:
            self._children.tend()

    def pid(self, part: str) -> int | None:
        """Returns the process id of a part, or None while it is down."""
        return self._children.pid(part) if self._children is not None else None

    def _environment(self) -> Mapping[str, str]:
        return {
            "STREETCASE_EVIDENCE_DIR": str(self._data / "evidence"),
            "STREETCASE_SERVICE_KEY_FILE": str(self._data / "secrets" / "service.key"),
            "STREETCASE_API_URL": self.api_url,
            "STREETCASE_ARCHIVE_DIR": str(self._data / "archive"),
            "STREETCASE_WORKER_NAME": "all-in-one",
        }

    def _only_one(self) -> None:
        try:
            self._data.mkdir(parents=True, exist_ok=True)
            (self._data / "secrets").mkdir(mode=0o700, exist_ok=True)
            self._lock = (self._data / "up.lock").open("w")
        except OSError as error:
            raise UserError(f"{self._data}: cannot be used as data folder: {error.strerror}") from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            self._lock = None
            raise UserError(f"streetcase runs on {self._data} already; give another folder with --data") from None


def free_port() -> int:
    """Returns a port of the loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _check_free(host: str, port: int, what: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise UserError(f"{what} cannot listen on {host}:{port}: {error.strerror}") from None


def _ours(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "streetcase", *arguments]
