"""A small HTTP server that speaks the way back of the contract; a test sets what it says and sees what it was told."""

from __future__ import annotations

import gzip
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import uvicorn
from fastapi import FastAPI, Request, Response

from edge.uplink.link import CentreLink
from ingest.configuration import Centre as CentreSettings
from ingest.edge_messages import EdgeStatus, RequestResult
from tests.services.ports import HOST, answers, free_port


@dataclass
class SmallCentre:
    """configuration: What an edge is handed out; None: there is none. ``takes_evidence`` False: the PUT is refused."""

    port: int
    configuration: dict[str, Any] | None = None
    raw: bytes | None = None
    takes_evidence: bool = True
    longest_poll_s: float = 1.0
    requests: list[dict[str, Any]] = field(default_factory=list)
    results: dict[UUID, RequestResult] = field(default_factory=dict)
    evidence: dict[str, bytes] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    statuses: list[EdgeStatus] = field(default_factory=list)
    polls: int = 0
    sent_whole: int = 0

    def tell(self, *watches: dict[str, Any], edge_id: str = "corner-7", **more: Any) -> str:
        """Hands out these watches from now on; returns the revision."""
        self.configuration = {"edge_id": edge_id, "watches": list(watches), **more}
        return self.revision

    @property
    def revision(self) -> str:
        return hashlib.sha256(self.content).hexdigest()[:16]

    @property
    def content(self) -> bytes:
        return self.raw if self.raw is not None else json.dumps(self.configuration).encode()

    def ask(self, kind: str, camera: str = "yard", *, expires_in_s: float = 60, **more: Any) -> UUID:
        """Opens a request; it is handed out until it has its result."""
        request_id = uuid4()
        expires_at = datetime.now(UTC) + timedelta(seconds=expires_in_s)
        asked = {"request_id": str(request_id), "type": kind, "camera": camera, "expires_at": expires_at.isoformat()}
        self.requests.append({**asked, **more})
        return request_id

    def result(self, request_id: UUID, *, within_s: float = 60) -> RequestResult:
        wait_until(lambda: request_id in self.results, within_s=within_s)
        return self.results[request_id]

    def link(self) -> CentreLink:
        return CentreLink(CentreSettings(url=f"http://{HOST}:{self.port}", key_env="KEY"), "sc_edge_key")

    def app(self) -> FastAPI:
        app = FastAPI()
        me = "/ingest/v1/edges/me"

        @app.get(f"{me}/config")
        def config(request: Request) -> Response:
            if self.configuration is None and self.raw is None:
                return Response(status_code=204)
            etag = f'"{self.revision}"'
            if request.headers.get("If-None-Match") == etag:
                return Response(status_code=304, headers={"ETag": etag})
            self.sent_whole += 1
            return Response(self.content, media_type="application/json", headers={"ETag": etag})

        @app.get(f"{me}/requests")
        def open_requests(wait_s: float) -> dict[str, Any]:
            self.polls += 1
            until = time.monotonic() + min(wait_s, self.longest_poll_s)
            while not (found := self._open()) and time.monotonic() < until:
                time.sleep(0.05)
            return {"requests": found}

        @app.put(f"{me}/requests/{{request_id}}/result")
        async def result(request_id: UUID, request: Request) -> Response:
            told = RequestResult.model_validate_json(await request.body())
            if not all(item.sha256 in self.evidence for item in told.evidence):
                return Response(status_code=422)
            self.results[request_id] = told
            return Response(status_code=204)

        @app.put("/ingest/v1/evidence/{sha256}")
        async def evidence(sha256: str, request: Request) -> Response:
            body = await request.body()
            if not self.takes_evidence:
                return Response(status_code=422)
            self.evidence[sha256] = body
            return Response(status_code=201)

        @app.post("/ingest/v1/events")
        async def events(request: Request) -> Response:
            body = await request.body()
            if request.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            came = json.loads(body)["events"]
            self.events += came
            told = [{"position": i, "event_id": e["event_id"], "answer": "accepted"} for i, e in enumerate(came)]
            return Response(json.dumps({"answers": told, "stream_epoch": "1"}), status_code=202)

        @app.put(f"{me}/status")
        async def status(request: Request) -> Response:
            self.statuses.append(EdgeStatus.model_validate_json(await request.body()))
            return Response(status_code=204)

        return app

    def _open(self) -> list[dict[str, Any]]:
        return [each for each in self.requests if UUID(each["request_id"]) not in self.results]


@contextmanager
def small_centre(port: int | None = None) -> Iterator[SmallCentre]:
    """Serves until the end of the block."""
    centre = SmallCentre(port or free_port())
    settings = uvicorn.Config(
        centre.app(), host=HOST, port=centre.port, log_level="critical", timeout_graceful_shutdown=1, ws="none"
    )
    server = uvicorn.Server(settings)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: answers(centre.port), within_s=20)
        yield centre
    finally:
        server.should_exit = True
        thread.join(timeout=20)


def wait_until(true: Callable[[], bool], *, within_s: float = 60) -> None:
    """Returns once ``true`` holds, or fails the test."""
    deadline_s = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline_s, f"not within {within_s:g} s"
        time.sleep(0.05)
