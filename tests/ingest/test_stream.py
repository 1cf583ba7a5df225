"""The stream on real servers: what is in it stays until it is acknowledged, and is in it once."""

from __future__ import annotations

import time
import traceback
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ingest.redis_link import StreamFull, StreamNotDurable, StreamUnavailable, StreamUrlWrong, connect
from ingest.stream import GROUP, EventStream, NewEntry, Outcome
from tests.services.ports import HOST, free_port
from tests.services.processes import Process
from tests.services.redis import RedisServer, redis_binary


def new_entry(event_id: str | None = None, event: bytes = b"{}", edge_id: str = "laian-01") -> NewEntry:
    return NewEntry(
        event_id=event_id or str(uuid.uuid4()),
        event=event,
        edge_id=edge_id,
        received_at=datetime.now(UTC),
        request_id="request-1",
    )


def test_an_event_comes_back_byte_for_byte(stream: EventStream) -> None:
    event = '{"kind":"占道经营","number":1.50}'.encode()
    stream.append([new_entry(event=event)])
    [entry] = stream.read("a", count=10, block_ms=100)
    assert (entry.event, entry.edge_id, entry.request_id) == (event, "laian-01", "request-1")


def test_the_same_event_is_a_duplicate_also_within_one_post(stream: EventStream) -> None:
    entry = new_entry()
    assert stream.append([entry, entry]).outcomes == [Outcome.APPENDED, Outcome.DUPLICATE]
    assert stream.append([entry]).outcomes == [Outcome.DUPLICATE]
    assert stream.length() == 1


def test_no_edge_makes_the_event_of_another_a_duplicate(stream: EventStream) -> None:
    first, second = new_entry("the-same"), new_entry("the-same", edge_id="dingyuan-02")
    assert stream.append([first, second, second]).outcomes == [Outcome.APPENDED, Outcome.APPENDED, Outcome.DUPLICATE]


def test_the_same_event_from_many_at_once_is_appended_once(stream: EventStream) -> None:
    entry = new_entry()
    with ThreadPoolExecutor(8) as threads:
        outcomes = [appended.outcomes[0] for appended in threads.map(stream.append, [[entry]] * 100)]
    assert outcomes.count(Outcome.APPENDED) == 1
    assert stream.length() == 1


def test_a_group_is_created_once_and_sees_what_came_before_it(stream_url: str) -> None:
    client = connect(stream_url)
    stream = EventStream(client, prefix=f"test-{uuid.uuid4().hex}")
    stream.append([new_entry()])
    stream.create_group()
    stream.create_group()
    assert len(stream.read("a", count=10, block_ms=100)) == 1
    client.close()


def test_what_was_read_and_not_acknowledged_comes_back_to_its_reader_alone(stream: EventStream) -> None:
    stream.append([new_entry() for _ in range(3)])
    entries = stream.read("a", count=10, block_ms=100)
    stream.ack([entries[0].entry_id])
    assert stream.own_pending("a", count=10) == entries[1:]
    assert stream.own_pending("a", count=10, after=entries[1].entry_id) == entries[2:]
    assert stream.own_pending("b", count=10) == []
    assert stream.read("b", count=10, block_ms=1) == []


def test_only_what_was_left_alone_long_enough_is_taken_over(stream: EventStream) -> None:
    stream.append([new_entry()])
    entries = stream.read("a", count=10, block_ms=100)
    assert stream.claim_stuck("b", min_idle_ms=60_000, count=10) == []
    time.sleep(0.06)
    assert stream.claim_stuck("b", min_idle_ms=50, count=10) == entries
    assert stream.own_pending("a", count=10) == []


def test_the_stream_holds_what_is_not_done_and_no_more(stream: EventStream) -> None:
    stream.append([new_entry() for _ in range(20)])
    done = stream.read("a", count=15, block_ms=100)
    stream.ack([entry.entry_id for entry in done])
    assert stream.length() == 5
    assert len(stream.read("a", count=100, block_ms=100)) == 5


def test_a_full_stream_takes_nothing_and_loses_nothing(stream: EventStream) -> None:
    stream.append([new_entry() for _ in range(1000)])
    late = new_entry()
    with pytest.raises(StreamFull, match="1000"):
        stream.append([late])
    stream.ack([stream.read("a", count=1, block_ms=100)[0].entry_id])
    assert stream.append([late]).outcomes == [Outcome.APPENDED]


def test_a_dead_letter_keeps_bytes_and_reason_and_leaves_the_stream(stream: EventStream) -> None:
    stream.append([new_entry(event=b"\xff not json")])
    [entry] = stream.read("a", count=1, block_ms=100)
    stream.dead_letter(entry, "not JSON")
    [letter] = stream.dead_letters()
    assert (letter.entry, letter.reason) == (entry, "not JSON")
    assert stream.dead_letter_count() == 1
    assert stream.length() == 0
    assert stream.own_pending("a", count=10) == []


def test_two_workers_with_the_same_entry_leave_one_dead_letter(stream: EventStream) -> None:
    stream.append([new_entry()])
    [entry] = stream.read("a", count=1, block_ms=100)
    [claimed] = stream.claim_stuck("b", min_idle_ms=0, count=1)
    stream.dead_letter(entry, "first")
    stream.dead_letter(claimed, "second")
    assert [letter.reason for letter in stream.dead_letters()] == ["first"]


def test_an_entry_that_was_deleted_while_pending_is_let_go(stream: EventStream, stream_url: str) -> None:
    stream.append([new_entry()])
    [entry] = stream.read("a", count=1, block_ms=100)
    client = connect(stream_url)
    client.xdel(stream.key, entry.entry_id)
    assert stream.own_pending("a", count=10) == []
    assert client.xpending(stream.key, GROUP)["pending"] == 0
    client.close()


def test_the_epoch_stays_until_the_stream_is_another(stream: EventStream, stream_url: str) -> None:
    epoch = stream.epoch()
    assert stream.epoch() == epoch
    assert stream.append([new_entry()]).epoch == epoch
    client = connect(stream_url)
    client.delete(stream.epoch_key, stream.key)
    assert stream.append([new_entry()]).epoch not in {epoch, ""}
    assert stream.read("a", count=1, block_ms=1) == []  # the group is gone, and made again
    assert len(stream.read("a", count=1, block_ms=100)) == 1
    client.close()


def test_a_durable_server_is_accepted(stream: EventStream) -> None:
    stream.check_durable(lossy=False)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--appendonly", "no"], "appendonly is 'no', expected 'yes'"),
        (["--appendonly", "yes", "--appendfsync", "everysec"], "appendfsync is 'everysec', expected 'always'"),
        (
            ["--appendonly", "yes", "--appendfsync", "always", "--no-appendfsync-on-rewrite", "yes"],
            "no-appendfsync-on-rewrite is 'yes', expected 'no'",
        ),
        (
            [
                "--appendonly",
                "yes",
                "--appendfsync",
                "always",
                "--maxmemory",
                "9mb",
                "--maxmemory-policy",
                "allkeys-lru",
            ],
            "maxmemory-policy is 'allkeys-lru', expected 'noeviction'",
        ),
        (["--appendonly", "yes", "--appendfsync", "always", "--rename-command", "CONFIG", '""'], "does not tell"),
    ],
)
def test_a_lax_server_is_refused_unless_loss_is_accepted(options: list[str], complaint: str, tmp_path: Path) -> None:
    binary = redis_binary()
    assert binary
    port = free_port()
    command = [binary, "--bind", HOST, "--port", str(port), "--dir", str(tmp_path), "--save", "", *options]
    server = Process(command, log=tmp_path / "redis.log")
    client = connect(f"redis://{HOST}:{port}/0")
    try:
        server.wait_ready(lambda: _pings(EventStream(client)))
        with pytest.raises(StreamNotDurable, match=complaint):
            EventStream(client).check_durable(lossy=False)
        EventStream(client).check_durable(lossy=True)
    finally:
        client.close()
        server.stop()


@pytest.mark.parametrize(
    "url",
    [
        "redis://:pass/w0rd@redis:6379/0",
        "redis://:pass#w0rd@redis:6379/0",
        "redis://:12#w0rd@redis:6379/0",
        "redis://:12/w0rd@redis:6379/0",
        "redis://:pass?w0rd@redis:6379/0",
        "redis://:w0rd@redis:sixty/0",
        "redis://:w0rd@redis:66666/0",
        "redis://:w0rd@[::1/0",
        "rediss:w0rd",
        "http://:w0rd@redis",
    ],
)
def test_a_url_that_names_no_redis_is_refused_without_a_piece_of_it(url: str) -> None:
    with pytest.raises(StreamUrlWrong, match="STREETCASE_REDIS_URL") as caught:
        connect(url)
    shown = "".join(traceback.format_exception(caught.value)[-1:])
    assert caught.value.__suppress_context__
    assert not [piece for piece in ("w0rd", "sixty", "66666", "pass@", "12#") if piece in shown]


@pytest.mark.parametrize(
    "url", ["redis://redis", "redis://:a%2Fb%23c@redis:6379/3", "rediss://user:a@redis/", "unix:///run/redis.sock?db=1"]
)
def test_a_url_that_names_a_redis_is_taken(url: str) -> None:
    connect(url).close()


def _pings(stream: EventStream) -> bool:
    try:
        stream.ping()
    except StreamUnavailable:
        return False
    return True


def test_what_was_confirmed_survives_a_power_cut(own_redis: RedisServer) -> None:
    client = connect(own_redis.url)
    stream = EventStream(client)
    entry = new_entry()
    epoch = stream.append([entry]).epoch
    own_redis.kill()
    with pytest.raises(StreamUnavailable):
        stream.length()
    own_redis.start()
    assert stream.length() == 1
    assert stream.epoch() == epoch
    assert stream.append([entry]).outcomes == [Outcome.DUPLICATE]
    client.close()
