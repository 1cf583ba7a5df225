"""A flood of logins, or a pool of threads that is all taken, keeps nobody else waiting."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager

import httpx
import pytest

from api.people.passwords import AT_ONCE, MAY_WAIT
from api.schemas import Report, ReportAnswer, ReportOutcome
from tests.api.place import Place, a_report

TOO_MANY = 30
THREADS_OF_THE_POOL = 40


@contextmanager
def _at_once(number: int) -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(number) as threads:
        yield threads


def test_a_flood_of_logins_is_told_to_come_again_and_holds_up_nothing_else(
    sqlite_place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def slow(*_: object) -> bool:
        go_on.wait(60)
        return False

    monkeypatch.setattr(sqlite_place.app.state.services.passwords, "matches", slow)
    client = sqlite_place.client()
    with _at_once(AT_ONCE + MAY_WAIT + TOO_MANY) as threads:
        try:
            waiting = {
                threads.submit(client.post, "/api/v1/sessions", json={"name": f"li-{n}", "password": "wrong"})
                for n in range(AT_ONCE + MAY_WAIT + TOO_MANY)
            }
            turned_away = _first(waiting, TOO_MANY)
            assert {(answer.status_code, answer.headers["Retry-After"]) for answer in turned_away} == {(503, "2")}
            assert sqlite_place.client().get("/health/live", timeout=5).status_code == 200
            assert sqlite_place.report(a_report())[0].outcome is ReportOutcome.NEW_CASE
        finally:
            go_on.set()
        statuses = Counter(future.result().status_code for future in waiting)
    assert statuses == {503: TOO_MANY, 401: AT_ONCE + MAY_WAIT}


def test_live_is_answered_while_every_thread_is_taken(sqlite_place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    taken, go_on = threading.Semaphore(0), threading.Event()

    def slow(_database: object, reports: list[Report], **_: object) -> list[ReportAnswer]:
        taken.release()
        go_on.wait(60)
        return [ReportAnswer(report_id=report.report_id, outcome=ReportOutcome.COUNTED) for report in reports]

    monkeypatch.setattr("api.routes.internal.record", slow)
    with _at_once(THREADS_OF_THE_POOL) as threads:
        try:
            for _ in range(THREADS_OF_THE_POOL):
                threads.submit(sqlite_place.service.report, [a_report()])
            assert all(taken.acquire(timeout=20) for _ in range(THREADS_OF_THE_POOL))
            assert sqlite_place.client().get("/health/live", timeout=5).json() == {"status": "live"}
        finally:
            go_on.set()


def _first(futures: set[Future[httpx.Response]], number: int) -> list[httpx.Response]:
    """The answers that come first, while the others wait."""
    done: set[Future[httpx.Response]] = set()
    while len(done) < number:
        newly, _ = wait(futures - done, timeout=20, return_when=FIRST_COMPLETED)
        assert newly, f"only {len(done)} of {number} were answered"
        done |= newly
    return [future.result() for future in done]
