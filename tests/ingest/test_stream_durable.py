"""Which Redis a stream trusts: its URL, its settings, and what it says of itself."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest

from ingest.redis_link import StreamNotDurable, StreamUnavailable, StreamUrlWrong, connect
from ingest.stream import EventStream, Outcome
from tests.ingest.entries import new_entry
from tests.services.ports import HOST, free_port
from tests.services.processes import Process
from tests.services.redis import RedisServer, redis_binary


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
        "redis+sentinel://:w0rd@one,two",
        "redis+sentinel://:pass/w0rd@one:26379,two/main",
        "redis+sentinel://:w0rd@one:sixty/main",
        "redis+sentinel://:w0rd@one:26379/main/first",
        "redis+sentinel://:w0rd@one:26379/main?password=w0rd",
        "redis+sentinel://:w0rd@one:66666,two/main",
        "redis+sentinel://:pass@w0rd@one two/main",
        "redis+cluster://:w0rd@one:6379,,two",
        "redis+cluster://:w0rd@one:6379/3",
        "redis+cluster://:pass#w0rd@one:6379",
        "redis+cluster://",
    ],
)
def test_a_url_that_names_no_redis_is_refused_without_a_piece_of_it(url: str) -> None:
    with pytest.raises(StreamUrlWrong, match="STREETCASE_REDIS_URL") as caught:
        connect(url)
    shown = "".join(traceback.format_exception(caught.value)[-1:])
    assert caught.value.__suppress_context__
    assert not [piece for piece in ("w0rd", "sixty", "66666", "pass@", "12#") if piece in shown]


@pytest.mark.parametrize(
    "url",
    [
        "redis://redis",
        "redis://:a%2Fb%23c@redis:6379/3",
        "rediss://user:a@redis/",
        "unix:///run/redis.sock?db=1",
        "redis+sentinel://one,two:26380,[::1]:26379/main",
        "redis+sentinel://:a%2Fb%40c@one/main/2?sentinel_password=d",
        "rediss+sentinel://user:a@one/main",
        "redis+cluster://one,two:6380",
        "rediss+cluster://user:a%23@one/0",
    ],
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
    stream.append([entry])
    own_redis.kill()
    with pytest.raises(StreamUnavailable):
        stream.length()
    own_redis.start()
    assert stream.length() == 1
    assert stream.append([entry]).outcomes == [Outcome.DUPLICATE]
    client.close()
