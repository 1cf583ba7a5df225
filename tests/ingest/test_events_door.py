"""The door for events on its own, before a real Redis: whom it trusts, how much it has in hand, what it asks for."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from typing import Any

import httpx
import pytest
import redis
from fastapi import FastAPI, Request

from ingest.api_memory import Kinds
from ingest.contract import EPOCH_HEADER, PostAnswer
from ingest.events_door import POSTS_PER_EDGE, EventsDoor
from ingest.rates import EdgeRates
from ingest.redis_link import StreamNotDurable, connect
from ingest.stream import EventStream
from tests.ingest.centre import Edge
from tests.services.redis import RedisServer

ANOTHER_SERVER = "f" * 40


class AllKinds:
    def kinds(self) -> frozenset[str]:
        return frozenset({"street-encroachment"})


def door_before(stream: EventStream) -> FastAPI:
    """The door, which takes everybody for edge-1."""
    door = EventsDoor(stream, Kinds(AllKinds()), lossy=False, rate=EdgeRates.for_events(500).events)

    async def post(request: Request) -> Any:
        request.state.edge_id, request.state.request_id = "edge-1", "request-1"
        return await door.post(request)

    app = FastAPI()
    app.add_api_route("/", post, methods=["POST"])
    return app


def post(app: FastAPI, *, times: int = 1, headers: dict[bytes, bytes] | None = None) -> list[httpx.Response]:
    """Posts an event each, all at once."""

    async def post_all() -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as http:
            events = [[Edge.event(an_edge)] for _ in range(times)]
            return await asyncio.gather(*(http.post("/", json=each, headers=headers) for each in events))

    an_edge = Edge("edge-1", "", "http://gateway")
    with an_edge.http:
        return asyncio.run(post_all())


@pytest.fixture
def client(own_redis: RedisServer) -> Any:
    client = connect(own_redis.url)
    yield client
    client.close()


def test_a_laxer_server_behind_the_same_address_confirms_nothing(client: redis.Redis) -> None:
    stream = EventStream(client)
    app = door_before(stream)
    assert post(app)[0].status_code == 202
    client.config_set("appendfsync", "everysec")
    client.set(stream.keys.replication_id, ANOTHER_SERVER)  # as after a failover
    for _ in range(2):
        with pytest.raises(StreamNotDurable, match="appendfsync is 'everysec'"):
            post(app)
    client.config_set("appendfsync", "always")
    assert post(app)[0].status_code == 202


def test_an_edge_that_tells_the_epoch_that_it_knows_is_not_asked_for_older_events(client: redis.Redis) -> None:
    stream = EventStream(client)
    app = door_before(stream)
    known = PostAnswer.model_validate_json(post(app)[0].content).stream_epoch
    client.set(stream.keys.replication_id, ANOTHER_SERVER)
    name = EPOCH_HEADER.encode()
    told, untold = (post(app, headers={name: word})[0] for word in (known.encode(), b"\xe9" * 999))
    assert PostAnswer.model_validate_json(told.content).resend_from is not None
    assert PostAnswer.model_validate_json(untold.content).resend_from is None


def test_while_redis_hangs_the_posts_of_one_edge_do_not_pile_up(client: redis.Redis) -> None:
    goes_on = threading.Event()

    class Hanging(EventStream):
        def append(self, *entries: Any, **options: Any) -> Any:
            goes_on.wait(10)
            return super().append(*entries, **options)

    threading.Timer(0.5, goes_on.set).start()
    answers = post(door_before(Hanging(client)), times=POSTS_PER_EDGE + 4)
    assert Counter(answer.status_code for answer in answers) == {202: POSTS_PER_EDGE, 429: 4}
