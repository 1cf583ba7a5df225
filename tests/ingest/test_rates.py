"""An edge's rates: what may come at once, what flows in, and when to come again."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from fastapi import HTTPException

from ingest.rates import EDGES_MAX, EdgeRates, Rate
from tests.ingest.centre import Centre, Edge
from tests.ingest.conftest import CentreFactory
from tests.ingest.fake_clock import FakeClock

EVENTS_PER_S = 20


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def rate(clock: FakeClock) -> Rate:
    return Rate("events", per_s=10, at_once=100, clock=clock)


def test_what_may_come_at_once_comes_at_once_and_then_as_it_flows_in(rate: Rate, clock: FakeClock) -> None:
    assert [rate.wait_s("a", 50), rate.wait_s("a", 50)] == [0, 0]
    assert rate.wait_s("a", 5) == pytest.approx(0.5)
    clock.now_s += 0.5
    assert rate.wait_s("a", 5) == 0
    assert rate.wait_s("a", 1) == pytest.approx(0.1)
    clock.now_s += 3600
    assert [rate.wait_s("a", 100), rate.wait_s("a", 1)] == [0, pytest.approx(0.1)]


def test_the_time_to_wait_is_exact_and_refusals_cost_nothing(rate: Rate, clock: FakeClock) -> None:
    rate.take("a", 100)
    for _ in range(1000):
        with pytest.raises(HTTPException) as caught:
            rate.take("a", 25)
    assert (caught.value.status_code, caught.value.headers) == (429, {"Retry-After": "3"})
    clock.now_s += 2.49
    assert rate.wait_s("a", 25) == pytest.approx(0.01)
    clock.now_s += 0.01
    assert rate.wait_s("a", 25) == 0


def test_more_than_may_come_at_once_is_taken_from_a_full_bucket_and_paid_later(rate: Rate, clock: FakeClock) -> None:
    assert rate.wait_s("a", 500) == 0
    assert rate.wait_s("a", 500) == pytest.approx(50)
    assert rate.wait_s("a", 1) == pytest.approx(40.1)
    clock.now_s += 50
    assert rate.wait_s("a", 500) == 0


def test_to_check_costs_nothing(rate: Rate) -> None:
    rate.take("a", 90)
    for _ in range(100):
        rate.check("a", 10)
        with pytest.raises(HTTPException):
            rate.check("a", 11)
    rate.take("a", 10)


def test_over_an_hour_an_edge_gets_its_rate_and_no_more(rate: Rate, clock: FakeClock) -> None:
    taken = 0
    for _ in range(36_000):
        clock.now_s += 0.1
        taken += 7 if rate.wait_s("a", 7) == 0 else 0
    assert 36_000 <= taken <= 36_100 + 7


def test_one_edge_pays_for_itself_alone(rate: Rate) -> None:
    rate.take("greedy", 500)
    assert rate.wait_s("modest", 100) == 0


def test_edges_that_sent_long_ago_are_forgotten(rate: Rate, clock: FakeClock) -> None:
    rate.take("busy", 100)
    clock.now_s += 5
    for number in range(EDGES_MAX - 1):
        rate.take(f"edge-{number}")
    clock.now_s += 1
    rate.take("one-more")
    assert set(rate._full_at) == {"busy", "one-more"}
    assert rate.wait_s("busy", 100) > 0


def test_however_many_edges_are_busy_the_memory_is_bounded(rate: Rate) -> None:
    for number in range(2 * EDGES_MAX):
        rate.take(f"edge-{number}", 100)
        assert len(rate._full_at) <= EDGES_MAX
    assert rate.wait_s(f"edge-{2 * EDGES_MAX - 1}", 100) > 0


def test_the_rates_of_other_requests_follow_from_that_of_events(clock: FakeClock) -> None:
    rates = EdgeRates.for_events(500)
    shown = [(rate._per_s, rate._at_once) for rate in (rates.events, rates.requests, rates.uploads)]
    assert shown == [(500, 5000), (50, 200), (200, 800)]
    assert EdgeRates.for_events(1).requests._per_s == 10


@pytest.fixture
def strict(redis_url: str, new_centre: CentreFactory) -> Iterator[tuple[Centre, Edge, Edge]]:
    """A centre that takes 20 events a second of an edge, and two edges of it."""
    centre = new_centre(redis_url)
    centre.start_api_and_gateway(STREETCASE_EDGE_EVENTS_PER_S=str(EVENTS_PER_S))
    with centre.edge("greedy") as greedy, centre.edge("modest") as modest:
        yield centre, greedy, modest


def test_a_greedy_edge_is_told_to_wait_and_the_others_are_not(strict: tuple[Centre, Edge, Edge]) -> None:
    _, greedy, modest = strict
    event = greedy.event(event_id=str(uuid.uuid4()))
    assert len(greedy.post(*[event] * 300).answers) == 300, "more than ten seconds' worth, from a full bucket"
    refused = greedy.send(event)
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 6
    huge = modest.http.post("/ingest/v1/events", content=b"[" + b" " * 4_000_000 + b"]")
    assert huge.status_code == 202
    assert modest.http.post("/ingest/v1/events", json=[]).status_code == 429, "reading it cost as much as 400 events"
    with strict[0].edge("third") as third:
        assert third.answers(*[third.event()] * 10)[0] == "accepted"
    assert greedy.http.get("/ingest/v1/edges/me/config").status_code == 204, "its other requests go on"


def test_so_is_one_that_asks_all_the_time(strict: tuple[Centre, Edge, Edge]) -> None:
    _, greedy, modest = strict
    statuses = [greedy.http.get("/ingest/v1/edges/me/config") for _ in range(100)]
    refused = next(answer for answer in statuses if answer.status_code == 429)
    assert refused.headers["Retry-After"] == "1"
    assert statuses[0].status_code == 204
    assert modest.http.get("/ingest/v1/edges/me/config").status_code == 204
    upload = greedy.http.put(f"/ingest/v1/evidence/{'0' * 64}", content=b"x", headers={"Content-Type": "text/csv"})
    assert upload.status_code == 422, "uploads are counted by themselves"
