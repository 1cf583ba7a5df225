"""Outages and deaths between the gateway and the case: nothing is lost, and nothing counts twice."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from signal import SIGCONT, SIGSTOP
from typing import Any

import pytest

from api.client import ApiClient
from ingest.reports import report_of
from tests.ingest.centre import Centre, Edge
from tests.ingest.conftest import CentreFactory
from tests.ingest.entries import read
from tests.services.processes import wait_until
from tests.services.redis import RedisServer


def pending(centre: Centre) -> int:
    """How many entries a worker has read and not settled."""
    keys = [centre.stream.keys.events(partition) for partition in range(centre.stream.partitions())]
    groups = [group for key in keys if centre.redis.exists(key) for group in centre.redis.xinfo_groups(key)]
    return sum(int(group["pending"]) for group in groups)


def test_the_same_event_a_hundred_times_at_once_is_one_case(centre: Centre, edge: Edge) -> None:
    event = edge.event()
    with ThreadPoolExecutor(8) as threads:
        answers = [answer for [answer] in threads.map(edge.answers, [event] * 100)]
    assert sorted(set(answers)) == ["accepted", "duplicate"]
    assert answers.count("accepted") == 1
    wait_until(lambda: centre.count("cases", edge.edge_id) == 1, timeout_s=10, what="the case is there")
    centre.wait_drained()
    assert centre.count("cases", edge.edge_id) == 1


def test_an_event_that_slips_into_the_stream_twice_is_one_case(centre: Centre, edge: Edge) -> None:
    event = edge.event()
    edge.post(event)
    centre.redis.delete(f"{{{centre.prefix}}}:seen:{edge.edge_id}:{event['event_id']}")  # as after a day, or a failover
    assert edge.answers(event) == ["accepted"]
    centre.wait_drained()
    wait_until(lambda: centre.count("cases", edge.edge_id) == 1, timeout_s=10, what="the case is there")


@pytest.mark.parametrize("server", ["redis_url", "valkey_url"])
def test_a_worker_killed_between_reading_and_acknowledging_leaves_one_case(
    server: str, request: pytest.FixtureRequest, new_centre: CentreFactory
) -> None:
    centre = new_centre(request.getfixturevalue(server))
    api, _ = centre.start_api_and_gateway()
    with centre.edge("edge-1") as edge:
        edge.post()  # the gateway now knows key and kinds
        api.send(SIGSTOP)
        first = centre.start_worker("worker-1")
        events = [edge.event() for _ in range(20)]
        edge.post(*events)
        wait_until(lambda: pending(centre) == 20, timeout_s=15, what="the worker has read and waits for the API")
        first.kill()
        api.send(SIGCONT)
        centre.start_worker("worker-2")
        centre.wait_drained()
        assert edge.answers(*events) == ["duplicate"] * 20
    assert centre.count("cases", "edge-1") == centre.count("incidents", "edge-1") == 20


def test_a_worker_that_dies_between_reporting_and_acknowledging_leaves_one_case(
    redis_url: str, new_centre: CentreFactory
) -> None:
    centre = new_centre(redis_url)
    centre.start_api_and_gateway()
    centre.stream.create_group()
    with centre.edge("edge-1") as edge:
        edge.post(*[edge.event() for _ in range(5)])
    entries = read(centre.stream)
    api = ApiClient(centre.environment["STREETCASE_API_URL"], centre.service_key)
    assert [answer.outcome for answer in api.report([report_of(entry) for entry in entries])] == ["new_case"] * 5
    api.close()
    centre.start_worker()
    centre.wait_drained()
    assert centre.count("cases", "edge-1") == centre.count("incidents", "edge-1") == 5


def test_a_worker_that_was_stopped_in_order_leaves_its_events_to_the_next_at_once(
    redis_url: str, new_centre: CentreFactory
) -> None:
    centre = new_centre(redis_url)
    centre.environment["STREETCASE_STUCK_AFTER_S"] = "3600"
    api, _ = centre.start_api_and_gateway()
    with centre.edge("edge-1") as edge:
        edge.post()
        api.stop()
        worker = centre.start_worker("worker-1")
        assert edge.answers(edge.event()) == ["accepted"]
        wait_until(lambda: pending(centre) == 1, timeout_s=15, what="the worker has read")
        worker.stop()
        assert pending(centre) == 1
        centre.start_api()
        centre.start_worker("worker-2")
        centre.wait_drained()
    assert centre.count("cases", "edge-1") == 1


def test_events_are_taken_while_the_api_is_away_and_reported_when_it_is_back(
    redis_url: str, new_centre: CentreFactory
) -> None:
    centre = new_centre(redis_url)
    gateway = centre.start_gateway()
    with centre.edge("edge-1") as edge, centre.edge("edge-2") as stranger:
        never_known = edge.send(edge.event())
        assert (never_known.status_code, never_known.headers["Retry-After"]) == (503, "5")
        api = centre.start_api()
        worker = centre.start_worker()
        # The gateway asks the API again a moment after its last failure, a longer one where that failure was slow.
        wait_until(lambda: edge.send().status_code == 202, timeout_s=15, what="the gateway has found the API")
        assert edge.answers(edge.event()) == ["accepted"]
        centre.wait_drained()
        api.stop()
        for _ in range(5):
            assert edge.answers(*[edge.event() for _ in range(20)]) == ["accepted"] * 20
        assert stranger.send(stranger.event()).status_code == 503
        assert centre.stream.length() == 100
        time.sleep(0.5)
        assert centre.stream.length() == 100
        assert worker.log_tail().count("service lost") == 1
        centre.start_api()
        centre.wait_drained()
        assert worker.log_tail().count("service back") == 1
        assert edge.key not in gateway.log_tail() + worker.log_tail()
    assert centre.count("cases", "edge-1") == 101
    assert centre.letters.letters() == []


def test_a_withdrawn_service_key_buries_nothing(redis_url: str, new_centre: CentreFactory) -> None:
    centre = new_centre(redis_url)
    centre.start_api_and_gateway()
    key_file = centre.environment["STREETCASE_SERVICE_KEY_FILE"]
    centre.environment["STREETCASE_SERVICE_KEY_FILE"] = f"{key_file}.wrong"
    Path(f"{key_file}.wrong").write_text("sc_service_wrong")
    worker = centre.start_worker()
    with centre.edge("edge-1") as edge:
        edge.post(edge.event())
    wait_until(lambda: "service lost" in worker.log_tail(), timeout_s=15, what="the worker complains")
    assert centre.stream.length() == 1
    assert centre.letters.letters() == []
    centre.environment["STREETCASE_SERVICE_KEY_FILE"] = key_file
    worker.stop()
    centre.start_worker()
    centre.wait_drained()
    assert centre.count("cases", "edge-1") == 1


def test_without_redis_the_gateway_says_later_and_goes_on_when_it_is_back(
    own_redis: RedisServer, new_centre: CentreFactory
) -> None:
    centre = new_centre(own_redis.url)
    centre.start_api()
    own_redis.stop()
    gateway = centre.start_gateway()
    worker = centre.start_worker()
    with centre.edge("edge-1") as edge:
        event = edge.event()
        for _ in range(3):
            response = edge.send(event)
            assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
        assert edge.http.get("/health/ready").status_code == 503
        wait_until(lambda: worker.log_tail().count("service lost") == 1, timeout_s=15, what="the worker noticed")
        own_redis.start()
        assert edge.answers(event) == ["accepted"]
        centre.wait_drained()
        own_redis.kill()
        assert edge.send(edge.event()).status_code == 503
        wait_until(lambda: worker.log_tail().count("service lost") == 2, timeout_s=10, what="the worker noticed")
        own_redis.start()
        assert edge.answers(event, edge.event()) == ["duplicate", "accepted"]
        centre.wait_drained()
    assert centre.count("cases", "edge-1") == 2
    for process in (gateway, worker):
        assert process.log_tail().count("service lost") == process.log_tail().count("service back") == 2


def test_an_edge_without_news_learns_that_the_stream_was_lost(redis_url: str, new_centre: CentreFactory) -> None:
    centre = new_centre(redis_url)
    centre.start_api_and_gateway()
    with centre.edge("edge-1") as edge:
        before = edge.post(edge.event()).stream_epoch
        assert edge.post().stream_epoch == before
        centre.redis.delete(centre.stream.keys.epoch)
        after = edge.post().stream_epoch
        assert after not in {before, ""}
        assert edge.post().stream_epoch == after


def test_a_full_stream_says_later_and_keeps_what_it_holds(redis_url: str, new_centre: CentreFactory) -> None:
    centre = new_centre(redis_url)
    centre.start_api_and_gateway(STREETCASE_STREAM_LIMIT="10")
    with centre.edge("edge-1") as edge:
        assert edge.answers(*[edge.event() for _ in range(10)]) == ["accepted"] * 10
        late = edge.event()
        response = edge.send(late)
        assert (response.status_code, response.headers["Retry-After"]) == (429, "10")
        centre.start_worker()
        centre.wait_drained()
        assert edge.answers(late) == ["accepted"]


def test_a_gateway_refuses_a_lax_redis_unless_loss_is_accepted(
    own_redis: RedisServer, new_centre: CentreFactory
) -> None:
    centre = new_centre(own_redis.url)
    centre.start_api()
    centre.redis.config_set("appendfsync", "everysec")
    with pytest.raises(RuntimeError, match="appendfsync is 'everysec', expected 'always'"):
        centre.start_gateway()
    centre.start_gateway(STREETCASE_LOSSY="1")
    with centre.edge("edge-1") as edge:
        assert edge.answers(edge.event()) == ["accepted"]


def test_what_can_never_be_a_case_becomes_a_dead_letter_and_holds_up_nothing(centre: Centre, edge: Edge) -> None:
    broken: dict[Any, Any] = {
        "event": b"\xff{broken",
        "edge_id": edge.edge_id,
        "received_at": "never",
        "request_id": "r",
    }
    edge.post(edge.event())
    centre.redis.xadd(centre.stream.keys.events(3), broken)
    edge.post(edge.event())
    centre.wait_drained()
    [letter] = centre.letters.letters()
    assert letter.entry.event == b"\xff{broken"
    assert "JSON" in letter.reason
    ready = edge.http.get("/health/ready")
    assert (ready.status_code, ready.json()["dead_letters"]) == (200, 1)
    assert centre.count("cases", edge.edge_id) == 2
