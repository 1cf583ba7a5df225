"""A gateway that fails as it is told: for what no sound gateway does on demand (refusals, waits, silence, garbage)."""

from __future__ import annotations

import gzip
import json
import ssl
import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

EVENTS = "/ingest/v1/events"
EVIDENCE = "/ingest/v1/evidence/"
MISSING = "/ingest/v1/evidence/missing"


@dataclass(frozen=True)
class Reply:
    """What comes back; ``hangs_s`` is how long it takes, ``body`` None the answer that a sound gateway gives."""

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    hangs_s: float = 0.0


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    begun_s: float
    ended_s: float

    @property
    def events(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(gzip.decompress(self.body))["events"]
        return found


class ScriptedGateway:
    """Answers as a sound gateway does, but for what :meth:`script` says, once each and in order."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.has: set[str] = set()
        self.knows_the_question = True
        self.largest_post = 10**9
        self.evidence_s = 0.0
        self.epoch = "e1"
        self._scripts: dict[str, deque[Reply]] = defaultdict(deque)
        self._always: dict[str, Reply] = {}
        self._lock = threading.Lock()
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def script(self, path: str, *replies: Reply) -> None:
        """The next requests to ``path`` (evidence: to any of it) get these."""
        self._scripts[path].extend(replies)

    def always(self, path: str, reply: Reply | None) -> None:
        """Every request to exactly this path gets it, until it is taken back with None."""
        if reply is None:
            self._always.pop(path, None)
        else:
            self._always[path] = reply

    def to(self, path: str) -> list[Request]:
        return [request for request in self.requests if request.path.startswith(path)]

    def posted(self) -> list[str]:
        """Returns the ids of all events, in the order in which they came."""
        return [event["event_id"] for request in self.to(EVENTS) for event in request.events]

    def put(self) -> list[str]:
        """Returns the sha256 of all evidence, in the order in which its upload ended."""
        uploads = [request for request in self.to(EVIDENCE) if request.method == "PUT"]
        return [request.path.rpartition("/")[2] for request in sorted(uploads, key=lambda request: request.ended_s)]

    def answer(self, request: Request) -> Reply:
        with self._lock:
            self.requests.append(request)
            where = EVIDENCE if request.path.startswith(EVIDENCE) and request.path != MISSING else request.path
            scripted = self._scripts[where].popleft() if self._scripts[where] else None
            return scripted or self._always.get(request.path) or self._soundly(request)

    def _soundly(self, request: Request) -> Reply:
        if request.path == EVENTS:
            if len(request.events) > self.largest_post:
                return Reply(413)
            answers = [
                {"position": n, "event_id": event["event_id"], "answer": "accepted"}
                for n, event in enumerate(request.events)
            ]
            return Reply(202, body=json.dumps({"answers": answers, "stream_epoch": self.epoch}).encode())
        if request.path == MISSING:
            asked = json.loads(request.body)["sha256s"]
            lacking = [sha256 for sha256 in asked if sha256 not in self.has]
            return Reply(200, body=json.dumps({"missing": lacking}).encode()) if self.knows_the_question else Reply(404)
        if request.path.startswith(EVIDENCE):
            self.has.add(request.path.rpartition("/")[2])
            return Reply(201, hangs_s=self.evidence_s)
        return Reply(204)


@contextmanager
def serving(gateway: ScriptedGateway, tls: ssl.SSLContext | None = None) -> Iterator[ScriptedGateway]:
    """Serves it on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            begun_s = time.monotonic()
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = dict(self.headers.items())
            reply = gateway.answer(Request(self.command, self.path, headers, body, begun_s, time.monotonic()))
            time.sleep(reply.hangs_s)
            self.send_response_only(reply.status)
            for name, value in {"Date": self.date_time_string(), **reply.headers}.items():
                self.send_header(name, value)
            content = reply.body or b""
            if reply.status != 204:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_PUT = do_POST = do_GET = _serve  # noqa: N815 - the library's names

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            pass  # an edge that broke off, which is what some tests want

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    gateway.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield gateway
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
