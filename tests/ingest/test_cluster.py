"""On a cluster: all keys of a stream are with one node, and the client follows them when that node dies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ingest.redis_link import StreamNotDurable, StreamUnavailable, connect
from ingest.stream import EventStream, Outcome
from tests.ingest.conftest import CentreFactory
from tests.ingest.entries import new_entry, pending, read
from tests.services.processes import wait_until
from tests.services.redis import RedisServer
from tests.services.redis_cluster import RedisCluster, running_cluster

Binary = Callable[[str], str]


@pytest.fixture(scope="module", params=["redis", "valkey"])
def cluster(
    request: pytest.FixtureRequest, server_binary: Binary, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RedisCluster]:
    """One for all tests: whoever changes something in it puts it right again."""
    with running_cluster(server_binary(request.param), tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
def failing_cluster(server_binary: Binary, tmp_path: Path) -> Iterator[RedisCluster]:
    """One for a test alone, whose nodes may change their parts."""
    with running_cluster(server_binary("redis"), tmp_path / "cluster") as cluster:
        yield cluster


def prefix_on(cluster: RedisCluster, server: RedisServer) -> str:
    """Returns the prefix of a stream whose keys a node owns."""
    return next(f"s{n}" for n in range(1000) if cluster.owner_of(f"{{s{n}}}:") is server)


def test_a_stream_works_on_each_node_whichever_is_asked_first(cluster: RedisCluster) -> None:
    for server in cluster.masters:
        client = connect(cluster.url)
        stream = EventStream(client, prefix=prefix_on(cluster, server))
        stream.check_durable(lossy=False)
        stream.create_group()
        stream.append([new_entry(source=f"camera/{number}") for number in range(20)])
        entries = read(stream)
        assert len(pending(stream)) == 20
        stream.settle(entries[:19], ["city"])
        stream.bury(entries[19], "no")
        assert (stream.length(), stream.dead_letter_count()) == (0, 1)
        with client.pipeline(transaction=True) as both:
            both.xlen(stream.keys.sink("city"))
            both.xlen(stream.keys.dead)
            assert both.execute() == [19, 1]
        client.close()


def test_the_settings_that_count_are_those_of_the_node_that_owns_the_keys(cluster: RedisCluster) -> None:
    client = connect(cluster.url)
    lax, strict = cluster.masters[2], cluster.masters[0]
    other = connect(lax.url)
    other.config_set("appendfsync", "everysec")
    EventStream(client, prefix=prefix_on(cluster, strict)).check_durable(lossy=False)
    with pytest.raises(StreamNotDurable, match="appendfsync is 'everysec'"):
        EventStream(client, prefix=prefix_on(cluster, lax)).check_durable(lossy=False)
    other.config_set("appendfsync", "always")
    other.close()
    client.close()


def test_gateway_and_worker_follow_the_keys_when_their_node_dies(
    failing_cluster: RedisCluster, new_centre: CentreFactory
) -> None:
    cluster, centre = failing_cluster, new_centre(failing_cluster.url)
    owner = cluster.owner_of(f"{{{centre.prefix}}}:")
    cluster.follow(owner)
    centre.start_api_and_gateway()
    worker = centre.start_worker()
    with centre.edge("edge-1") as edge:
        events = [edge.event() for _ in range(20)]
        before = edge.post(*events[:10])
        centre.wait_drained()
        owner.kill()
        cluster.wait_failed_over()
        wait_until(lambda: edge.send().status_code == 202, timeout_s=20, what="the gateway takes events again")
        after = edge.post(*events)
        assert after.stream_epoch != before.stream_epoch
        centre.wait_drained()
        wait_until(lambda: centre.count("cases", "edge-1") == 20, timeout_s=10, what="all cases are there")
        owner.start()
        wait_until(lambda: edge.send(edge.event()).status_code == 202, timeout_s=20, what="events are taken")
    centre.wait_drained()
    assert worker.running


def test_without_its_node_the_stream_is_unavailable_and_serves_again_when_it_is_back(cluster: RedisCluster) -> None:
    client, server = connect(cluster.url), cluster.masters[1]
    stream = EventStream(client, prefix=prefix_on(cluster, server))
    entry = new_entry()
    stream.append([entry])
    server.kill()
    with pytest.raises(StreamUnavailable):
        stream.append([new_entry()])
    server.start()
    wait_until(lambda: serves(stream), timeout_s=20, what="the cluster serves again")
    assert stream.append([entry]).outcomes == [Outcome.DUPLICATE]
    client.close()


def serves(stream: EventStream) -> bool:
    try:
        stream.length()
    except StreamUnavailable:
        return False
    return True
