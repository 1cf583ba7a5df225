"""A Redis that may take no more memory: nothing more comes in, and what is there still goes out."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from ingest.dead_letters import DeadLetters, SinkDeadLetters
from ingest.redis_link import StreamUnavailable, connect
from ingest.sinks.stream import SinkStream
from ingest.stream import EventStream
from tests.ingest.entries import new_entry, read
from tests.ingest.running_worker import Running, event_entry
from tests.services.redis import RedisServer, running_redis

Binary = Callable[[str], str]


@pytest.fixture(params=["redis", "valkey"])
def server(
    request: pytest.FixtureRequest, server_binary: Callable[[str], str], tmp_path: Path
) -> Iterator[RedisServer]:
    with running_redis(server_binary(request.param), tmp_path) as server:
        yield server


@pytest.fixture
def client(server: RedisServer) -> Iterator[redis.Redis]:
    client = connect(server.url)
    yield client
    client.close()


def no_more_memory(client: redis.Redis) -> None:
    client.config_set("maxmemory", 1_000_000)  # Less than an empty server takes.


def test_the_workers_drain_it_and_the_sinks_too(client: redis.Redis) -> None:
    worker = Running(client, "full", sinks=("neighbour",))
    event_ids = worker.append(120, sources=8)
    no_more_memory(client)
    with pytest.raises(StreamUnavailable, match="maxmemory"):
        worker.stream.append([event_entry(uuid.uuid4())])
    worker.start()
    worker.wait_drained()
    worker.stop()
    assert sorted(map(str, worker.api.taken)) == sorted(map(str, event_ids))

    sink = SinkStream(client, "neighbour", prefix="full")
    assert sink.hold()
    sink.create_group()
    sink.keep("incident", "filed")
    assert sink.recall("incident") == "filed"
    sink.dead_letter(sink.read(count=1, block_ms=1)[0].waiting_id, "refused", attempts=1)
    assert SinkDeadLetters(client, "neighbour", prefix="full").count() == 1
    assert sink.counts().waiting == 119


def test_a_restart_in_that_state_changes_nothing(server: RedisServer, client: redis.Redis) -> None:
    worker = Running(client, "full")
    worker.append(20)
    before = worker.stream.epoch()
    server.kill()
    server.start()
    no_more_memory(client)
    worker.start()
    worker.wait_drained()
    worker.stop()
    client.config_set("maxmemory", 0)
    assert worker.stream.epoch() != before


def test_what_the_api_does_not_take_ends_as_a_dead_letter(client: redis.Redis) -> None:
    stream = EventStream(client, prefix="full")
    stream.create_group()
    stream.append([new_entry()])
    [entry] = read(stream)
    no_more_memory(client)
    assert stream.count_attempt(entry) == 1
    stream.bury(entry, "refused")
    [letter] = DeadLetters(client, prefix="full").letters()
    assert (letter.attempts, stream.length()) == (1, 0)
