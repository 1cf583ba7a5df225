"""Real receivers for sinks: an HTTP server that answers as its test says, and events to send."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ingest.contract import Event
from ingest.sinks.base import Surroundings
from tests.services.ports import HOST, free_port


@dataclass(frozen=True)
class Got:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Says:
    """One answer."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class Receiver:
    """An HTTP server on a port of its own, which it keeps over ``stop`` and ``start``; ``judge`` answers."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://{HOST}:{self.port}"
        self.got: list[Got] = []
        self.judge: Callable[[Got], Says] = lambda _: Says()
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                got = Got(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
                receiver.got.append(got)
                says = receiver.judge(got)
                self.send_response(says.status)
                for name, value in says.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(says.body)))
                self.end_headers()
                self.wfile.write(says.body)

            do_GET = do_POST = answer  # noqa: N815 (the names that http.server looks for)

            def log_message(self, *_: object) -> None: ...

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: object) -> None: ...  # A sink that was killed hangs up.

        self._server = Server((HOST, self.port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def stop(self) -> None:
        if self._server and self._thread:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
            self._server = None

    def ids(self) -> list[str]:
        """The webhook ids of what arrived, in order."""
        return [got.headers["webhook-id"] for got in self.got]


class Notebook:
    """A sink's memory in a dict."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    def recall(self, key: str) -> str | None:
        return self.kept.get(key)

    def keep(self, key: str, value: str) -> None:
        self.kept[key] = value


def surroundings(**environment: str) -> Surroundings:
    return Surroundings(environment, Notebook())


def an_event(**changes: Any) -> Event:
    """A sound event of an incident of its own."""
    now = datetime.now(UTC)
    fields: dict[str, Any] = {
        "event_id": uuid.uuid4(),
        "incident_id": uuid.uuid4(),
        "phase": "raised",
        "edge_id": "edge-1",
        "source": {"type": "camera", "id": "east-gate"},
        "kind": "street-encroachment",
        "watch_id": "stalls",
        "position": {"longitude": 118.433, "latitude": 32.452},
        "first_seen_at": now,
        "occurred_at": now,
    }
    return Event.model_validate(fields | changes)
