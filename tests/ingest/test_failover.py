"""Behind Sentinels: the master dies, gateway and worker go on with the replica, and what it lacked comes again."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ingest.contract import PostAnswer
from ingest.redis_link import StreamUnavailable, connect
from ingest.stream import EventStream
from tests.ingest.centre import Edge
from tests.ingest.conftest import CentreFactory
from tests.ingest.entries import new_entry
from tests.services.processes import wait_until
from tests.services.redis_sentinel import PASSWORD, SERVICE, SentinelGroup, running_sentinels

Binary = Callable[[str], str]


@pytest.fixture(params=["redis", "valkey"])
def group(request: pytest.FixtureRequest, server_binary: Binary, tmp_path: Path) -> Iterator[SentinelGroup]:
    with running_sentinels(server_binary(request.param), tmp_path / "sentinels") as group:
        yield group


@pytest.mark.parametrize("group", ["redis"], indirect=True)
def test_gateway_and_worker_outlive_the_master_and_lost_events_end_in_one_case_each(
    group: SentinelGroup, new_centre: CentreFactory
) -> None:
    centre = new_centre(group.url)
    centre.start_api_and_gateway()
    worker = centre.start_worker()
    with centre.edge("edge-1") as edge:
        kept, lost, later = ([edge.event() for _ in range(20)] for _ in range(3))
        before = edge.post(*kept)
        centre.wait_drained()
        worker.stop()
        group.wait_replicated()
        group.replica.kill()
        assert edge.answers(*lost) == ["accepted"] * 20
        accepted_at = datetime.now(UTC)
        group.master.kill()
        group.replica.start()
        group.wait_failed_over()
        centre.start_worker()
        after = posted_once_it_serves(edge, later)
        assert after.stream_epoch != before.stream_epoch
        assert after.resend_from is None or after.resend_from < accepted_at
        assert edge.answers(*kept, *lost) == ["duplicate"] * 20 + ["accepted"] * 20
        assert edge.post().stream_epoch == after.stream_epoch
        centre.wait_drained()
        wait_until(lambda: centre.count("cases", "edge-1") == 60, timeout_s=10, what="all cases are there")
    assert centre.count("incidents", "edge-1") == 60
    assert centre.letters.count() == 0


def posted_once_it_serves(edge: Edge, events: list[dict[str, Any]]) -> PostAnswer:
    """Posts as an edge does: again while the centre says later."""
    wait_until(lambda: edge.send().status_code == 202, timeout_s=20, what="the gateway takes events again")
    return edge.post(*events)


@pytest.mark.parametrize("group", ["valkey"], indirect=True)
def test_a_worker_in_the_midst_of_its_work_goes_on_with_the_new_master(
    group: SentinelGroup, new_centre: CentreFactory
) -> None:
    centre = new_centre(group.url)
    api, _ = centre.start_api_and_gateway()
    worker = centre.start_worker()
    with centre.edge("edge-1") as edge:
        edge.post()
        api.stop()
        edge.post(*[edge.event() for _ in range(100)])
        wait_until(lambda: "service lost" in worker.log_tail(), timeout_s=15, what="the worker waits for the API")
        group.wait_replicated()
        group.master.kill()
        group.wait_failed_over()
        centre.start_api()
        centre.wait_drained()
    assert centre.count("cases", "edge-1") == centre.count("incidents", "edge-1") == 100


def test_without_a_master_the_stream_is_unavailable_and_the_password_stays_hidden(group: SentinelGroup) -> None:
    client = connect(group.url, timeout_s=0.5)
    stranger = connect(group.url.replace(f"/{SERVICE}/", "/another/"), timeout_s=0.5)
    EventStream(client).append([new_entry()])
    group.replica.kill()
    group.master.kill()
    for lost in (client, stranger):
        with pytest.raises(StreamUnavailable) as caught:
            EventStream(lost).append([new_entry()])
        assert PASSWORD not in "".join(traceback.format_exception(caught.value))
        lost.close()
