"""Leases: every partition is read by one live worker, in fair shares, and nothing is lost when one goes or dies."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import cast

import pytest

from api.schemas import ReportAnswer
from ingest.leases import LeaseKeeper, Leases
from ingest.redis_link import connect
from ingest.stream import EventStream
from tests.ingest.conftest import NewWorker
from tests.ingest.entries import pending, read
from tests.ingest.running_worker import Running
from tests.services.processes import wait_until
from tests.services.redis import RedisServer

NewLeases = Callable[..., Leases]


@pytest.fixture
def new_leases(stream: EventStream) -> NewLeases:
    """Makes leases of workers of this test's stream, all of one name."""
    return lambda ttl_s=60.0: stream.leases(worker="the-same", ttl_s=ttl_s)


@pytest.fixture
def keepers() -> Iterator[list[LeaseKeeper]]:
    """Ends the keepers that the test puts here."""
    running: list[LeaseKeeper] = []
    yield running
    for keeper in running:
        keeper.stop()


def settle_shares(workers: Sequence[Leases], *, rounds: int = 20) -> list[frozenset[int]]:
    """Lets workers renew in turn, and give up what they should, until nothing changes."""
    held: list[frozenset[int]] = []
    for _ in range(rounds):
        held = []
        for worker in workers:
            renewed = worker.renew()
            given_up = sorted(renewed.held)[len(renewed.held) - renewed.surplus :]
            worker.give_up(given_up)
            held.append(renewed.held.difference(given_up))
    return held


@pytest.mark.parametrize(
    ("workers", "shares"),
    [(1, [16]), (2, [8, 8]), (3, [5, 5, 6]), (5, [3, 3, 3, 3, 4]), (16, [1] * 16), (18, [0, 0] + [1] * 16)],
)
def test_partitions_are_shared_out_fairly_whoever_came_first(
    new_leases: NewLeases, workers: int, shares: list[int]
) -> None:
    live = [new_leases() for _ in range(workers)]
    assert len(live[0].renew().held) == 16
    held = settle_shares(live)
    assert sorted(len(partitions) for partitions in held) == shares
    assert frozenset().union(*held) == frozenset(range(16))


def test_whoever_leaves_frees_its_partitions_at_once(new_leases: NewLeases) -> None:
    first, second = new_leases(), new_leases()
    [_, held] = settle_shares([first, second])
    second.leave(held)
    assert first.renew().taken == held


def test_whoever_shows_no_sign_of_life_loses_its_partitions(new_leases: NewLeases) -> None:
    dead, live = new_leases(0.3), new_leases()
    settle_shares([dead, live])
    assert len(live.renew().held) == 8
    time.sleep(0.35)
    assert len(live.renew().held) == 16
    assert dead.renew().held == frozenset()


def test_a_late_release_takes_nothing_from_the_new_holder(new_leases: NewLeases) -> None:
    late, live = new_leases(0.1), new_leases()
    held = late.renew().held
    time.sleep(0.15)
    assert live.renew().taken == held
    late.give_up(held)
    late.leave(held)
    assert live.renew().held == held


def test_a_lease_in_the_future_of_another_servers_clock_ends_all_the_same(
    new_leases: NewLeases, stream: EventStream, stream_url: str
) -> None:
    client = connect(stream_url)
    dead, live = new_leases(0.3), new_leases(0.3)
    dead.renew()
    for worker in cast(list[bytes], client.zrange(stream.keys.workers, 0, -1)):
        client.zincrby(stream.keys.workers, 3_600_000, worker)
    live.renew()
    time.sleep(0.35)
    assert len(live.renew().held) == 16
    client.close()


def test_a_keeper_holds_its_leases_while_its_worker_is_busy(new_leases: NewLeases, keepers: list[LeaseKeeper]) -> None:
    for _ in range(2):
        keepers.append(LeaseKeeper(new_leases(0.4)))
        keepers[-1].start()
        wait_until(lambda: len(keepers[0].held()) == 16, timeout_s=5, what="the first has all")
    time.sleep(1)
    assert (len(keepers[0].held()), len(keepers[1].held())) == (16, 0)
    keepers[0].give_up_surplus()
    wait_until(lambda: len(keepers[1].held()) == 8, timeout_s=5, what="the second has its share")
    assert len(keepers[0].held()) == 8


def test_a_keeper_without_redis_holds_nothing_any_more(own_redis: RedisServer) -> None:
    client = connect(own_redis.url, timeout_s=0.5)
    keeper = LeaseKeeper(EventStream(client).leases(worker="a", ttl_s=0.5))
    keeper.start()
    wait_until(lambda: len(keeper.held()) == 16, timeout_s=5, what="it has all")
    own_redis.kill()
    wait_until(lambda: keeper.held() == {}, timeout_s=5, what="it holds nothing")
    own_redis.start()
    wait_until(lambda: len(keeper.held()) == 16, timeout_s=5, what="it has all again")
    keeper.stop()
    client.close()


def test_a_keeper_that_died_is_no_empty_share(new_leases: NewLeases) -> None:
    keeper = LeaseKeeper(new_leases())
    keeper.start()
    keeper.stop()
    with pytest.raises(RuntimeError, match="died"):
        keeper.held()


def test_two_workers_of_one_name_share_the_work_and_each_source_keeps_its_order(new_worker: NewWorker) -> None:
    first, second = (new_worker(stuck_after_s=2) for _ in range(2))
    for worker in (first, second):
        worker.start()
    event_ids: list[uuid.UUID] = []
    while not (first.api.taken and second.api.taken):
        event_ids += first.append(100, sources=25)
        time.sleep(0.05)
    first.wait_drained()
    taken = first.api.order + second.api.order
    assert sorted(taken) == sorted(event_ids)
    place = {event_id: number for number, event_id in enumerate(event_ids)}
    for worker in (first, second):
        for source in range(25):
            of_source = [place[event_id] for event_id in worker.api.order if place[event_id] % 25 == source]
            assert of_source == sorted(of_source)


def test_what_a_dead_worker_had_read_comes_first_and_in_order(new_worker: NewWorker) -> None:
    worker = new_worker(stuck_after_s=1)
    event_ids = worker.append(60)
    worker.stream.create_group()
    dead = worker.stream.leases(worker="the-dead", ttl_s=1)
    dead.renew()
    assert len(read(worker.stream, count=30)) == 30
    worker.start()
    worker.wait_drained()
    assert worker.api.order == event_ids


class Held:
    """Holds an API's answers back until its test lets it go on."""

    def __init__(self, worker: Running) -> None:
        self._worker = worker
        self.in_hand, self.go_on = threading.Event(), threading.Event()
        worker.api.judge = self._answer

    def _answer(self, report_ids: list[uuid.UUID]) -> list[ReportAnswer]:
        self.in_hand.set()
        assert self.go_on.wait(20)
        return self._worker.api.take(report_ids)


def test_a_worker_that_lost_its_lease_while_it_works_does_no_harm(new_worker: NewWorker) -> None:
    worker = new_worker(sinks=["city"])
    held = Held(worker)
    worker.append(20)
    worker.start()
    assert held.in_hand.wait(10)
    taken_over = pending(worker.stream)
    worker.stream.settle(taken_over[:10], ["city"])
    for entry in taken_over[10:]:
        worker.stream.bury(entry, "no")
    held.go_on.set()
    worker.stop()
    assert worker.stream.length() == 0
    assert worker.letters.count() == len(worker.heard_by("city")) == 10


def test_an_entry_read_by_a_worker_that_had_lost_its_lease_is_found_again(new_worker: NewWorker) -> None:
    worker = new_worker(stuck_after_s=1)
    held = Held(worker)
    worker.append(1)
    worker.start()
    assert held.in_hand.wait(10)
    [lost] = worker.append(1)
    assert len(read(worker.stream)) == 1
    held.go_on.set()
    worker.wait_drained()
    assert lost in worker.api.taken
