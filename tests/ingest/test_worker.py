"""What a worker does with the API's word: settle, bury the guilty alone, or wait."""

from __future__ import annotations

import json
import threading
import time
import uuid

import pytest
from structlog.testing import capture_logs

from api.client import ApiRefused, ApiUnavailable
from api.schemas import ReportAnswer, ReportOutcome
from ingest.set_aside import AT_ONCE
from tests.ingest.conftest import NewWorker
from tests.ingest.entries import pending
from tests.ingest.running_worker import FAULT, Running, event_entry
from tests.services.processes import wait_until


@pytest.fixture
def running(new_worker: NewWorker) -> Running:
    return new_worker()


@pytest.fixture
def retrying(new_worker: NewWorker) -> Running:
    """A worker that takes up again after half a second what was left alone."""
    return new_worker(stuck_after_s=0.5)


def test_events_are_reported_in_batches_in_order_archived_and_let_go_of(running: Running) -> None:
    event_ids = running.append(120)
    running.start()
    running.wait_drained()
    assert running.api.order == event_ids
    assert running.api.calls == [50, 50, 20]
    assert len(running.archive.entries) == 120


def test_of_a_refused_batch_only_the_guilty_is_buried(running: Running) -> None:
    event_ids = running.append(50)
    guilty = event_ids[17]

    def refuse_the_guilty(report_ids: list[uuid.UUID]) -> list[ReportAnswer]:
        if guilty in set(report_ids):
            raise ApiRefused(422, "zone: too small")
        return running.api.take(report_ids)

    running.api.judge = refuse_the_guilty
    running.start()
    running.wait_drained()
    [letter] = running.letters.letters()
    assert str(guilty) in letter.entry.event.decode()
    assert letter.reason == "the API refused it: zone: too small"
    assert running.api.taken == set(event_ids) - {guilty}
    assert len(running.api.calls) <= 14


def test_a_single_refused_report_is_buried_with_the_apis_reason(running: Running) -> None:
    event_ids = running.append(3)

    def refuse_the_second(report_ids: list[uuid.UUID]) -> list[ReportAnswer]:
        answers = running.api.take(report_ids)
        refused = ReportAnswer(report_id=event_ids[1], outcome=ReportOutcome.REFUSED, reason="the kind is retired")
        return [refused if answer.report_id == event_ids[1] else answer for answer in answers]

    running.api.judge = refuse_the_second
    running.start()
    running.wait_drained()
    assert [letter.reason for letter in running.letters.letters()] == ["the API refused it: the kind is retired"]


@pytest.mark.parametrize("failure", [ApiUnavailable("away"), ApiRefused(401, "unknown key"), ApiRefused(404, "no")])
def test_what_lies_not_in_the_events_is_waited_out(running: Running, failure: Exception) -> None:
    def fail(_: list[uuid.UUID]) -> list[ReportAnswer]:
        raise failure

    event_ids = running.append(3)
    running.api.judge = fail
    running.start()
    wait_until(lambda: len(running.api.calls) >= 3, timeout_s=10, what="three tries")
    assert running.stream.length() == 3
    running.api.judge = running.api.take
    running.wait_drained()
    assert running.api.taken == set(event_ids)
    assert running.letters.letters() == []


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
    assert running.letters.letters() == []


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
    assert retrying.letters.letters() == []
    assert [line["event"] for line in logs] == ["event set aside"]


def test_a_worker_that_comes_back_passes_by_what_it_had_set_aside(new_worker: NewWorker, running: Running) -> None:
    guilty = running.append(60)[0]
    running.fail_at(guilty)
    running.start()
    running.wait_left(1)
    running.stop()
    again = new_worker()
    again.fail_at(guilty)
    again.start()
    later = again.append(1)
    wait_until(lambda: set(later) <= again.api.taken, timeout_s=15, what="the new event is taken")
    again.stop()
    assert len(pending(again.stream)) == 1


def test_an_api_that_fails_at_everything_is_waited_for(retrying: Running) -> None:
    def fail(_: list[uuid.UUID]) -> list[ReportAnswer]:
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
    def fail(_: list[uuid.UUID]) -> list[ReportAnswer]:
        raise ApiUnavailable("away", status=status)

    running.append(10)
    running.api.judge = fail
    running.start()
    wait_until(lambda: len(running.api.calls) >= 4, timeout_s=10, what="four tries")
    assert set(running.api.calls) == {10}


def test_a_stop_finishes_the_batch_in_hand(running: Running) -> None:
    in_hand, go_on = threading.Event(), threading.Event()

    def slowly(report_ids: list[uuid.UUID]) -> list[ReportAnswer]:
        in_hand.set()
        go_on.wait(10)
        return running.api.take(report_ids)

    running.append(60)
    running.api.judge = slowly
    running.start()
    assert in_hand.wait(10)
    threading.Timer(0.1, go_on.set).start()
    running.stop()
    assert running.stream.length() == 10


def test_a_stop_while_the_api_is_away_leaves_the_batch_for_the_next(running: Running) -> None:
    def fail(_: list[uuid.UUID]) -> list[ReportAnswer]:
        raise ApiUnavailable("away")

    running.append(5)
    running.api.judge = fail
    running.start()
    wait_until(lambda: len(running.api.calls) >= 2, timeout_s=10, what="two tries")
    running.stop()
    assert len(pending(running.stream)) == 5


def test_an_event_at_which_the_api_fails_too_often_while_it_takes_others_is_buried(retrying: Running) -> None:
    guilty = retrying.append(3)[1]
    retrying.fail_at(guilty)
    retrying.start()
    while retrying.stream.dead_letter_count() == 0:
        retrying.append(1)
        time.sleep(0.1)
    retrying.wait_drained()
    [letter] = retrying.letters.letters()
    assert str(guilty) in letter.entry.event.decode()
    assert letter.attempts == 3
    assert letter.reason == "the API failed at it 3 times: the API answered 500: a fault of its own"


def test_attempts_count_over_the_deaths_of_workers(new_worker: NewWorker) -> None:
    guilty = uuid.uuid4()
    for attempt in range(3):
        worker = new_worker()
        if attempt == 0:
            worker.stream.append([event_entry(guilty)])
        worker.fail_at(guilty)
        worker.start()
        wait_until(lambda: len(worker.api.calls) >= 3, timeout_s=15, what="the worker failed at it")  # noqa: B023
        worker.append(1)
        worker.wait_left(0 if attempt == 2 else 1)
        worker.stop()
    assert [letter.attempts for letter in worker.letters.letters()] == [3]


def test_a_long_outage_that_looks_like_faults_of_the_only_events_buries_none(retrying: Running) -> None:
    def fail(_: list[uuid.UUID]) -> list[ReportAnswer]:
        raise FAULT

    event_ids = retrying.append(2)
    retrying.api.judge = fail
    retrying.start()
    wait_until(lambda: len(retrying.api.calls) >= 20, timeout_s=15, what="many tries")
    retrying.api.judge = retrying.api.take
    retrying.wait_drained()
    assert retrying.api.taken == set(event_ids)
    assert retrying.letters.letters() == []


def test_what_is_not_archived_is_not_let_go_of_and_not_reported_again(running: Running) -> None:
    event_ids = running.append(3)
    running.archive.full = True
    with capture_logs() as logs:
        running.start()
        wait_until(lambda: running.archive.tries >= 3, timeout_s=15, what="three tries")
        assert running.stream.length() == 3
        running.archive.full = False
        running.wait_drained()
    assert running.api.order == event_ids
    assert len(running.archive.entries) == 3
    assert [(line["event"], line["service"]) for line in logs] == [
        ("service lost", "archive"),
        ("service back", "archive"),
    ]


def test_a_stop_while_the_archive_is_full_leaves_the_batch_for_the_next(new_worker: NewWorker) -> None:
    first, second = new_worker(), new_worker()
    event_ids = first.append(3)
    first.archive.full = True
    first.start()
    wait_until(lambda: first.archive.tries >= 2, timeout_s=15, what="two tries")
    first.stop()
    second.start()
    second.wait_drained()
    assert second.api.order == event_ids
    assert len(second.archive.entries) == 3


def test_sinks_hear_of_what_the_api_took_and_of_nothing_else(new_worker: NewWorker) -> None:
    worker = new_worker(sinks=["city"])
    event_ids = worker.append(3)

    def refuse_the_second(report_ids: list[uuid.UUID]) -> list[ReportAnswer]:
        refused = ReportAnswer(report_id=event_ids[1], outcome=ReportOutcome.REFUSED, reason="no")
        return [refused if answer.report_id == event_ids[1] else answer for answer in worker.api.take(report_ids)]

    worker.api.judge = refuse_the_second
    worker.start()
    worker.wait_drained()
    heard = [json.loads(event)["event_id"] for event in worker.heard_by("city")]
    assert heard == [str(event_ids[0]), str(event_ids[2])]
