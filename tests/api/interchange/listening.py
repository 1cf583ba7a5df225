"""Listens to the API's events as a browser does."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import urlencode

import httpx

SOON_S = 15.0


class Heard(NamedTuple):
    """One event of a stream."""

    id: int
    event: str
    told: dict[str, Any]


class Ear:
    """Follows a stream in a thread, from entering to leaving; ``last_id`` is what a browser would come back with."""

    def __init__(self, client: httpx.Client, *, header: str | None = None, **params: Any) -> None:
        self.heard: list[Heard] = []
        self.comments: list[str] = []
        self.last_id: int | None = None
        self.ended = threading.Event()
        self._begun = threading.Event()
        self._connection = http.client.HTTPConnection(client.base_url.host, client.base_url.port or 80)
        headers = {"Accept": "text/event-stream", "Authorization": client.headers["Authorization"]}
        if header is not None:
            headers["Last-Event-ID"] = header
        query = urlencode(params, doseq=True)
        self._connection.request("GET", f"/api/v1/cases/events?{query}", headers=headers)
        self._socket = self._connection.sock
        self._thread = threading.Thread(target=self._follow, name="ear")

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._begun.wait(SOON_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.ended.is_set():
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(SOON_S)
        self._connection.close()
        self._socket.close()

    def wait_for(self, count: int, *, timeout_s: float = SOON_S) -> list[Heard]:
        until = time.monotonic() + timeout_s
        while len(self.heard) < count and time.monotonic() < until and not self.ended.is_set():
            time.sleep(0.02)
        assert len(self.heard) >= count, f"expected {count} events, heard {self.heard}"
        return self.heard

    def _follow(self) -> None:
        with self._connection.getresponse() as answer:
            assert answer.status == 200, answer.read()
            assert (answer.headers["Content-Type"] or "").startswith("text/event-stream")
            fields: dict[str, str] = {}
            try:
                for line in iter(answer.readline, b""):
                    self._begun.set()
                    self._take(line.decode().rstrip("\n"), fields)
            except (OSError, http.client.HTTPException):
                pass
            finally:
                self._begun.set()
                self.ended.set()

    def _take(self, line: str, fields: dict[str, str]) -> None:
        if line.startswith(":"):
            self.comments.append(line)
        elif line:
            name, value = line.split(": ", 1)
            fields[name] = value
        else:
            if "id" in fields:
                self.last_id = int(fields["id"])
            if "data" in fields:
                self.heard.append(Heard(int(fields["id"]), fields["event"], json.loads(fields["data"])))
            fields.clear()
