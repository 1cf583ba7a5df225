"""The epoch: another one whenever Redis may lack what it confirmed, and edges learn from when on to send again."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
import redis

from ingest.redis_link import StreamNotDurable, StreamUnavailable, connect
from ingest.stream import EventStream, Outcome
from ingest.stream_scripts import RESEND_MARGIN_MS
from tests.ingest.entries import new_entry, read
from tests.services.redis import RedisServer, redis_binary, running_redis

MARGIN = timedelta(milliseconds=RESEND_MARGIN_MS)


@pytest.fixture
def client(stream_url: str) -> Iterator[redis.Redis]:
    client = connect(stream_url)
    yield client
    client.close()


def test_the_epoch_stays_while_redis_stays(stream: EventStream) -> None:
    stream.check_durable(lossy=False)
    appended = stream.append([new_entry()])
    stream.check_durable(lossy=False)
    assert stream.append([]) == stream.append([])
    assert (stream.epoch(), appended.resend_from) == (appended.epoch, None)


def test_a_wiped_redis_begins_an_epoch_and_asks_for_everything(stream: EventStream, client: redis.Redis) -> None:
    stream.check_durable(lossy=False)
    before = stream.append([new_entry()])
    client.delete(*client.keys(f"{{{stream.prefix}}}:*"))
    after = stream.append([new_entry()])
    assert after.epoch not in {before.epoch, ""}
    assert after.resend_from is None
    assert read(stream, block_ms=1) == []  # the groups are gone, and made again
    assert len(read(stream)) == 1
    stream.check_durable(lossy=False)
    assert stream.epoch() == after.epoch


def another_server(stream: EventStream, client: redis.Redis) -> None:
    """Makes the stream look as it does after a failover: all of it, on a server of another replication id."""
    client.set(stream.keys.replication_id, "f" * 40)


def without_the_first_epoch(stream: EventStream, client: redis.Redis) -> None:
    """As if the stream had begun longer ago than edges remember."""
    client.delete(stream.keys.epochs)


def test_another_server_begins_an_epoch_from_a_safe_time_on(stream: EventStream, client: redis.Redis) -> None:
    stream.check_durable(lossy=False)
    without_the_first_epoch(stream, client)
    earliest = datetime.now(UTC) - MARGIN - timedelta(milliseconds=1)
    before = stream.append([new_entry()])
    latest = datetime.now(UTC) - MARGIN
    another_server(stream, client)
    stream.check_durable(lossy=True)
    after = stream.append([])
    assert after.epoch != before.epoch
    assert after.resend_from is not None
    assert earliest <= after.resend_from <= latest
    stream.check_durable(lossy=False)
    assert stream.append([]) == after


def test_another_server_that_never_heard_an_edge_asks_for_everything(stream: EventStream, client: redis.Redis) -> None:
    stream.check_durable(lossy=False)
    without_the_first_epoch(stream, client)
    another_server(stream, client)
    stream.check_durable(lossy=False)
    assert stream.append([]).resend_from is None


def test_an_edge_that_missed_an_epoch_is_asked_from_where_that_one_began(
    stream: EventStream, client: redis.Redis
) -> None:
    stream.check_durable(lossy=False)
    without_the_first_epoch(stream, client)
    moments = []
    for days_ago in (9, 2, 1):
        heard_at = datetime.now(UTC) - timedelta(days=days_ago)
        client.set(stream.keys.heard_at, int(heard_at.timestamp() * 1000))
        another_server(stream, client)
        stream.check_durable(lossy=False)
        moments.append(stream.append([]).resend_from)
        [epoch] = cast(list[bytes], client.zrange(stream.keys.epochs, -1, -1))
        client.zadd(stream.keys.epochs, {epoch: heard_at.timestamp() * 1000})
    assert [(datetime.now(UTC) - moment).days for moment in moments if moment] == [9, 2, 2]


def test_an_edge_that_says_what_it_knows_is_asked_for_what_was_lost_since_and_no_more(
    stream: EventStream, client: redis.Redis
) -> None:
    stream.check_durable(lossy=False)  # A stream of today: edges that do not say what they know are asked for all.
    known = [stream.epoch()]
    heard_at = [datetime.now(UTC).replace(microsecond=0) - timedelta(days=days) for days in (3, 2, 1)]
    for moment in heard_at:
        client.set(stream.keys.heard_at, int(moment.timestamp() * 1000))
        another_server(stream, client)
        stream.check_durable(lossy=False)
        known.append(stream.epoch())

    def asked_from(epoch: str) -> datetime | None:
        moment = stream.append([], known_epoch=epoch).resend_from
        return moment and moment + MARGIN

    assert [asked_from(epoch) for epoch in known[:-1]] == heard_at
    assert [asked_from(epoch) for epoch in ("", "of another Redis")] == [None, None]


def test_epochs_keep_their_order_when_the_clock_goes_back(stream: EventStream, client: redis.Redis) -> None:
    stream.check_durable(lossy=False)
    known = stream.epoch()
    [first] = cast(list[bytes], client.zrange(stream.keys.epochs, 0, -1))
    client.zadd(stream.keys.epochs, {first: (datetime.now(UTC) + timedelta(days=30)).timestamp() * 1000})
    lost_from = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    for moment in (lost_from, lost_from + timedelta(minutes=50)):
        client.set(stream.keys.heard_at, int(moment.timestamp() * 1000))
        another_server(stream, client)
        stream.check_durable(lossy=False)
    assert stream.append([], known_epoch=known).resend_from == lost_from - MARGIN


def test_of_many_gateways_that_notice_at_once_one_begins_the_epoch(stream: EventStream, client: redis.Redis) -> None:
    stream.check_durable(lossy=False)
    before = stream.epoch()
    another_server(stream, client)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: stream.check_durable(lossy=False), range(40)))
    epochs = {stream.epoch() for _ in range(3)}
    assert len(epochs) == 1
    assert before not in epochs
    assert client.zcard(stream.keys.epochs) == 2


@pytest.mark.parametrize("lost", ["dump of before", "restart"])
def test_a_server_that_was_restored_or_restarted_begins_an_epoch(
    own_redis: RedisServer, tmp_path: Path, lost: str
) -> None:
    client = connect(own_redis.url)
    stream = EventStream(client)
    stream.check_durable(lossy=False)
    early, late = new_entry(), new_entry()
    before = stream.append([early])
    own_redis.kill()
    shutil.copytree(own_redis.folder, tmp_path / "backup")
    own_redis.start()
    stream.append([late])
    own_redis.kill()
    if lost == "dump of before":
        shutil.rmtree(own_redis.folder)
        shutil.copytree(tmp_path / "backup", own_redis.folder)
    own_redis.start()
    stream.check_durable(lossy=False)
    after = stream.append([early, late])
    assert after.epoch != before.epoch
    late_outcome = Outcome.APPENDED if lost == "dump of before" else Outcome.DUPLICATE
    assert after.outcomes == [Outcome.DUPLICATE, late_outcome]
    assert stream.length() == 2
    client.close()


def test_a_replica_takes_nothing_and_says_what_is_expected(own_redis: RedisServer, tmp_path: Path) -> None:
    binary = redis_binary()
    assert binary
    (tmp_path / "replica").mkdir()
    with running_redis(binary, tmp_path / "replica") as replica:
        client = connect(replica.url)
        client.replicaof(own_redis.host, own_redis.port)
        with pytest.raises(StreamUnavailable, match="is a replica, and takes nothing in: expected the master"):
            EventStream(client).check_durable(lossy=False)
        with pytest.raises(StreamUnavailable, match="is a replica"):
            EventStream(client).append([new_entry()])
        client.close()


def test_a_redis_that_does_not_tell_its_id_is_refused_unless_loss_is_accepted(own_redis: RedisServer) -> None:
    admin = connect(own_redis.url)
    admin.acl_setuser("mute", enabled=True, nopass=True, keys=["*"], commands=["+@all", "-info"])
    client = connect(own_redis.url.replace("redis://", "redis://mute:x@"))
    stream = EventStream(client, prefix=f"test-{uuid.uuid4().hex}")
    with pytest.raises(StreamNotDurable, match="allow INFO"):
        stream.check_durable(lossy=False)
    stream.check_durable(lossy=True)
    epoch = stream.append([new_entry()]).epoch
    stream.check_durable(lossy=True)
    assert stream.epoch() == epoch
    client.close()
    admin.close()
