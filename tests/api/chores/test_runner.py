"""Chores are done by one process of all, again and again, whatever becomes of one of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from api.app import create_app
from api.chores.leader import Leadership
from api.chores.runner import Chore, ChoreRunner
from api.database import Database
from api.first_start import prepare
from api.services import Services
from api.settings import ApiSettings

SOON_S = 10.0


@pytest.fixture
def services(settings: ApiSettings) -> Iterator[Services]:
    prepare(settings)
    services: Services = create_app(settings).state.services
    yield services
    services.database.close()


def test_a_chore_is_repeated_and_one_that_fails_keeps_no_other_back(services: Services) -> None:
    often = threading.Semaphore(0)

    def fails(_services: Services) -> None:
        raise RuntimeError("on purpose")

    runner = ChoreRunner(
        services, [Chore("fails", 0.01, fails), Chore("works", 0.01, lambda _services: often.release())]
    )
    runner.start()
    assert all(often.acquire(timeout=SOON_S) for _ in range(3))
    runner.stop()


def test_a_slow_chore_does_not_hold_up_a_prompt_one(services: Services) -> None:
    often, ended = threading.Semaphore(0), threading.Event()

    def wait(_services: Services) -> None:
        ended.wait(SOON_S)

    slow = Chore("slow", 0.01, wait)
    runner = ChoreRunner(services, [slow, Chore("prompt", 0.01, lambda _services: often.release(), prompt=True)])
    runner.start()
    assert all(often.acquire(timeout=SOON_S) for _ in range(3))
    ended.set()
    runner.stop()


def test_nothing_prompt_is_done_where_another_process_leads(services: Services) -> None:
    leader, done = Leadership(services.database), threading.Event()
    assert leader.held()
    runner = ChoreRunner(services, [Chore("prompt", 0.01, lambda _services: done.set(), prompt=True)])
    runner.start()
    assert not done.wait(0.5)
    runner.stop()
    leader.close()


def test_one_leads_and_another_follows_when_it_is_gone(settings: ApiSettings) -> None:
    prepare(settings)
    with ExitStack() as opened:
        first, second = (Database(settings.database_url) for _ in range(2))
        opened.callback(first.close)
        opened.callback(second.close)
        one, other = Leadership(first), Leadership(second)
        assert (one.held(), other.held(), one.held()) == (True, False, True)
        one.close()
        assert (other.held(), one.held()) == (True, False)
        other.close()
