"""Slow senders: a link that is slow is waited for, a sender that trickles is not, and neither stops anybody else."""

from __future__ import annotations

import hashlib
import socket
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack

import anyio
import httpx
import pytest
from fastapi import HTTPException, Request
from starlette.types import Message

from ingest.bodies import SLOWEST, Pace, PerEdge, limited
from ingest.events_door import POSTS_PER_EDGE
from ingest.evidence_door import UPLOADS_PER_EDGE
from tests.ingest.centre import Centre, Edge
from tests.services.ports import HOST
from tests.services.processes import wait_until

SLOW_EDGES = 12
PACE = Pace(gap_s=0.4, grace_s=0.3, bytes_per_s=2000)


def sent(pieces: Sequence[tuple[float, int]]) -> Request:
    """Returns a request whose body comes in pieces: after so many seconds so many bytes."""

    async def messages() -> AsyncIterator[Message]:
        for after_s, size_bytes in pieces:
            await anyio.sleep(after_s)
            yield {"type": "http.request", "body": b" " * size_bytes, "more_body": True}
        yield {"type": "http.request", "body": b"", "more_body": False}

    coming = messages()
    return Request({"type": "http", "method": "PUT", "headers": []}, lambda: anext(coming))


def received_bytes(request: Request, *, store_s: float = 0.0) -> int:
    """Reads a body at the test's pace, with ``store_s`` for each piece; returns its size."""

    async def read() -> int:
        size_bytes = 0
        async for piece in limited(request, max_bytes=1_000_000, pace=PACE):
            await anyio.sleep(store_s)
            size_bytes += len(piece)
        return size_bytes

    return anyio.run(read)


def test_a_link_of_16_kb_a_second_is_waited_for() -> None:
    assert received_bytes(sent([(0.1, 1600)] * 10)) == 16_000


def test_a_slow_disk_is_not_the_senders_fault() -> None:
    assert received_bytes(sent([(0.0, 100)] * 10), store_s=0.1) == 1000


@pytest.mark.parametrize(
    "pieces", [[(0.05, 1)] * 100, [(0.1, 150)] * 100, [(0.0, 100_000), (60.0, 1)], [(60.0, 1)]], ids=str
)
def test_a_sender_that_trickles_or_stops_is_sent_away(pieces: list[tuple[float, int]]) -> None:
    started = time.monotonic()
    with pytest.raises(HTTPException) as caught:
        received_bytes(sent(pieces[:100]))
    assert caught.value.status_code == 408
    assert time.monotonic() - started < 1


def test_the_gateway_waits_half_a_minute_and_then_for_2_kb_a_second() -> None:
    assert Pace(gap_s=30, grace_s=30, bytes_per_s=2000) == SLOWEST


def test_of_one_edge_only_so_many_send_at_once() -> None:
    places = PerEdge(2)
    with places.one("a"), places.one("a"), places.one("b"):
        with pytest.raises(HTTPException) as caught, places.one("a"):
            pass
        assert caught.value.headers == {"Retry-After": "5"}
    with places.one("a"), places.one("a"):
        pass


class Trickle:
    """An upload that was begun and does not go on."""

    def __init__(self, edge: Edge, name: str, *, path: str | None = None) -> None:
        method, place = ("PUT", f"/ingest/v1/evidence/{name}") if path is None else ("POST", path)
        url = edge.http.base_url
        self._socket = socket.create_connection((HOST, url.port or 0))
        head = f"{method} {place} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {edge.key}\r\n"
        head += "Content-Type: image/jpeg\r\nContent-Length: 1000000\r\n\r\nx"
        self._socket.sendall(head.encode())

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def slow_edges(centre: Centre, edge: Edge) -> Iterator[list[Edge]]:
    """More edges than the gateway has threads for, each with as many slow uploads as it may have."""
    with ExitStack() as stack:
        edges = [stack.enter_context(centre.edge(f"{edge.edge_id}-slow-{number}")) for number in range(SLOW_EDGES)]
        for slow in edges:
            for number in range(UPLOADS_PER_EDGE):
                name = hashlib.sha256(f"{slow.edge_id} {number}".encode()).hexdigest()
                stack.callback(Trickle(slow, name).close)
        incoming = centre.evidence_dir / ".incoming"
        uploads = SLOW_EDGES * UPLOADS_PER_EDGE
        wait_until(lambda: len(list(incoming.iterdir())) == uploads, timeout_s=10, what="all uploads have begun")
        yield edges
    wait_until(lambda: not list(incoming.iterdir()), timeout_s=10, what="the unfinished are gone")


def put_csv(edge: Edge, text: bytes) -> httpx.Response:
    name = hashlib.sha256(text).hexdigest()
    return edge.http.put(f"/ingest/v1/evidence/{name}", content=text, headers={"Content-Type": "text/csv"})


def test_slow_uploads_of_some_keep_nobody_else_waiting(edge: Edge, slow_edges: list[Edge]) -> None:
    started = time.monotonic()
    assert put_csv(edge, b"time,value\n1,2\n").status_code == 201
    upload_s = time.monotonic() - started
    assert edge.answers(edge.event()) == ["accepted"]
    event_s = time.monotonic() - started - upload_s
    assert upload_s < 2
    assert event_s < 2
    one_too_many = put_csv(slow_edges[0], b"time,value\n1,3\n")
    assert (one_too_many.status_code, one_too_many.headers["Retry-After"]) == (429, "5")
    assert slow_edges[0].answers(slow_edges[0].event()) == ["accepted"]


def test_so_do_slow_events(centre: Centre, edge: Edge) -> None:
    with centre.edge(f"{edge.edge_id}-slow") as slow, ExitStack() as stack:
        for _ in range(POSTS_PER_EDGE + 4):  # A few more: one that asks below may hold a place itself.
            stack.callback(Trickle(slow, "", path="/ingest/v1/events").close)
        wait_until(lambda: slow.send().status_code == 429, timeout_s=5, what="the slow edge is told to wait")
        assert edge.answers(edge.event()) == ["accepted"]
