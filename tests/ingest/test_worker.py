"""What a worker does with the API's word: acknowledge, bury the guilty alone, or wait."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from api.client import ApiRefused, ApiUnavailable
from api.schemas import Report, ReportAnswer, ReportOutcome
from ingest.redis_link import connect
from ingest.set_aside import AT_ONCE
from ingest.settings import WorkerSettings
from ingest.stream import EventStream, NewEntry
from ingest.worker import Worker
from tests.services.processes import wait_until

Judge = Callable[[Sequence[Report]], list[ReportAnswer]]


FAULT = ApiUnavailable("the API answered 500: a fault of its own", status=500)


class FakeApi:
    """Answers as its judge says, and remembers how many reports each call carried."""

    def __init__(self) -> None:
        self.judge: Judge = self.take
        self.calls: list[int] = []
        self.taken: set[uuid.UUID] = set()

    def report(self, reports: Sequence[Report]) -> list[ReportAnswer]:
        self.calls.append(len(reports))
        return self.judge(reports)

    def take(self, reports: Sequence[Report]) -> list[ReportAnswer]:
        self.taken |= {report.report_id for report in reports}
        return [ReportAnswer(report_id=report.report_id, outcome=ReportOutcome.NEW_CASE) for report in reports]


class Running:
    """A worker in a thread, beside its stream and its API."""

    def __init__(self, stream: EventStream, *, stuck_after_s: float = 60) -> None:
        self.stream = stream
        self.api = FakeApi()
        self._stop = threading.Event()
        settings = WorkerSettings(
            redis_url="",
            api_url="",
            service_key="",
            worker_name="a",
            archive_dir=Path("archive"),
            stuck_after_s=stuck_after_s,
        )
        self._thread = threading.Thread(target=Worker(stream, self.api, settings, self._stop).work)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.ident:
            self._thread.join(10)
            assert not self._thread.is_alive()

    def append(self, count: int) -> list[uuid.UUID]:
        event_ids = [uuid.uuid4() for _ in range(count)]
        self.stream.append([_entry(event_id) for event_id in event_ids])
        return event_ids

    def wait_drained(self) -> None:
        self.wait_left(0)

    def wait_left(self, count: int) -> None:
        wait_until(lambda: self.stream.length() == count, timeout_s=15, what=f"{count} events are left")

    def fail_at(self, *event_ids: uuid.UUID) -> None:
        """From now on the API answers 500 to every call that carries one of these."""

        def judge(reports: Sequence[Report]) -> list[ReportAnswer]:
            if set(event_ids) & {report.report_id for report in reports}:
                raise FAULT
            return self.api.take(reports)

        self.api.judge = judge


def _entry(event_id: uuid.UUID) -> NewEntry:
    now = datetime.now(UTC)
    event = (
        f'{{"event_id": "{event_id}", "incident_id": "{uuid.uuid4()}", "phase": "raised", "edge_id": "edge-1",'
        f' "source": {{"type": "camera", "id": "c"}}, "kind": "burning", "watch_id": "w",'
        f' "first_seen_at": "{now.isoformat()}", "occurred_at": "{now.isoformat()}"}}'
    )
    return NewEntry(str(event_id), event.encode(), "edge-1", now, "request-1")


@pytest.fixture
def stream(redis_url: str) -> Iterator[EventStream]:
    client = connect(redis_url)
    yield EventStream(client, prefix=f"test-{uuid.uuid4().hex[:12]}")
    client.close()


@pytest.fixture
def running(stream: EventStream) -> Iterator[Running]:
    worker = Running(stream)
    yield worker
    worker.stop()


@pytest.fixture
def retrying(stream: EventStream) -> Iterator[Running]:
    """A worker that takes up again after half a second what was left alone."""
    worker = Running(stream, stuck_after_s=0.5)
    yield worker
    worker.stop()


def test_events_are_reported_in_batches_and_acknowledged(running: Running) -> None:
    event_ids = running.append(120)
    running.start()
    running.wait_drained()
    assert running.api.taken == set(event_ids)
    assert running.api.calls == [50, 50, 20]


def test_of_a_refused_batch_only_the_guilty_is_buried(running: Running) -> None:
    event_ids = running.append(50)
    guilty = event_ids[17]

    def refuse_the_guilty(reports: Sequence[Report]) -> list[ReportAnswer]:
        if guilty in {report.report_id for report in reports}:
            raise ApiRefused(422, "zone: too small")
        return running.api.take(reports)

    running.api.judge = refuse_the_guilty
    running.start()
    running.wait_drained()
    [letter] = running.stream.dead_letters()
    assert str(guilty) in letter.entry.event.decode()
    assert letter.reason == "the API refused it: zone: too small"
    assert running.api.taken == set(event_ids) - {guilty}
    assert len(running.api.calls) <= 14


def test_a_single_refused_report_is_buried_with_the_apis_reason(running: Running) -> None:
    event_ids = running.append(3)

    def refuse_the_second(reports: Sequence[Report]) -> list[ReportAnswer]:
        answers = running.api.take(reports)
        refused = ReportAnswer(report_id=event_ids[1], outcome=ReportOutcome.REFUSED, reason="the kind is retired")
        return [refused if answer.report_id == event_ids[1] else answer for answer in answers]

    running.api.judge = refuse_the_second
    running.start()
    running.wait_drained()
    assert [letter.reason for letter in running.stream.dead_letters()] == ["the API refused it: the kind is retired"]


@pytest.mark.parametrize("failure", [ApiUnavailable("away"), ApiRefused(401, "unknown key"), ApiRefused(404, "no")])
def test_what_lies_not_in_the_events_is_waited_out(running: Running, failure: Exception) -> None:
    def fail(_: Sequence[Report]) -> list[ReportAnswer]:
        raise failure

    event_ids = running.append(3)
    running.api.judge = fail
    running.start()
    wait_until(lambda: len(running.api.calls) >= 3, timeout_s=10, what="three tries")
    assert running.stream.length() == 3
    running.api.judge = running.api.take
    running.wait_drained()
    assert running.api.taken == set(event_ids)
    assert running.stream.dead_letters() == []


def test_an_event_at_which_the_api_fails_holds_up_no_other(running: Running) -> None:
    event_ids = running.append(120)
    guilty = {event_ids[7], event_ids[60], event_ids[61]}
    running.fail_at(*guilty)
    running.start()
    running.wait_left(3)
    assert running.api.taken == set(event_ids) - guilty
    assert len(running.api.calls) <= 50
    [later] = running.append(1)
    wait_until(lambda: later in running.api.taken, timeout_s=5, what="the new event is taken")
    assert running.stream.dead_letters() == []


def test_it_is_never_buried_told_once_and_tried_again_until_the_api_can_take_it(retrying: Running) -> None:
    guilty = retrying.append(3)[1]
    retrying.fail_at(guilty)
    with capture_logs() as logs:
        retrying.start()
        retrying.wait_left(1)
        calls = len(retrying.api.calls)
        wait_until(lambda: len(retrying.api.calls) >= calls + 6, timeout_s=15, what="it was tried again, twice")
        retrying.append(2)
        retrying.wait_left(1)
        retrying.api.judge = retrying.api.take
        retrying.wait_drained()
    assert guilty in retrying.api.taken
    assert retrying.stream.dead_letters() == []
    assert [line["event"] for line in logs] == ["event set aside"]


def test_a_worker_that_comes_back_passes_by_what_it_had_set_aside(stream: EventStream, running: Running) -> None:
    guilty = running.append(60)[0]
    running.fail_at(guilty)
    running.start()
    running.wait_left(1)
    running.stop()
    again = Running(stream)
    again.fail_at(guilty)
    again.start()
    try:
        later = again.append(1)
        wait_until(lambda: set(later) <= again.api.taken, timeout_s=15, what="the new event is taken")
        assert len(again.stream.own_pending("a", count=10)) == 1
    finally:
        again.stop()


def test_an_api_that_fails_at_everything_is_waited_for(retrying: Running) -> None:
    def fail(_: Sequence[Report]) -> list[ReportAnswer]:
        raise FAULT

    event_ids = retrying.append(200)
    retrying.api.judge = fail
    with capture_logs() as logs:
        retrying.start()
        wait_until(lambda: [line for line in logs if line["event"] == "service lost"] != [], timeout_s=15, what="lost")
        assert len([line for line in logs if line["event"] == "event set aside"]) == AT_ONCE
        assert retrying.stream.length() == 200
        retrying.api.judge = retrying.api.take
        retrying.wait_drained()
    assert retrying.api.taken == set(event_ids)


@pytest.mark.parametrize("status", [None, 429, 502, 503, 504])
def test_an_api_that_is_merely_away_is_handed_the_same_batch_again(running: Running, status: int | None) -> None:
    def fail(_: Sequence[Report]) -> list[ReportAnswer]:
        raise ApiUnavailable("away", status=status)

    running.append(10)
    running.api.judge = fail
    running.start()
    wait_until(lambda: len(running.api.calls) >= 4, timeout_s=10, what="four tries")
    assert set(running.api.calls) == {10}


def test_a_stop_finishes_the_batch_in_hand(running: Running) -> None:
    in_hand, go_on = threading.Event(), threading.Event()

    def slowly(reports: Sequence[Report]) -> list[ReportAnswer]:
        in_hand.set()
        go_on.wait(10)
        return running.api.take(reports)

    running.append(60)
    running.api.judge = slowly
    running.start()
    assert in_hand.wait(10)
    threading.Timer(0.1, go_on.set).start()
    running.stop()
    assert running.stream.length() == 10


def test_a_stop_while_the_api_is_away_leaves_the_batch_for_the_next(running: Running) -> None:
    def fail(_: Sequence[Report]) -> list[ReportAnswer]:
        raise ApiUnavailable("away")

    running.append(5)
    running.api.judge = fail
    running.start()
    wait_until(lambda: len(running.api.calls) >= 2, timeout_s=10, what="two tries")
    running.stop()
    assert len(running.stream.own_pending("a", count=10)) == 5
