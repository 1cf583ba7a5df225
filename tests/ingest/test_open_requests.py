"""Waiting for requests: one question a second for all who wait, none while nobody does, and nobody costs a thread."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from api.client import ApiUnavailable
from api.schemas import OpenEdgeRequest
from ingest.open_requests import OpenRequests

WAITING = 5000
EVERY_S = 0.1


class FakeApi:
    """An API of which requests can be asked, and which can be away."""

    def __init__(self) -> None:
        self.open: list[OpenEdgeRequest] = []
        self.failure: ApiUnavailable | None = None
        self.questions = 0

    def ask(self) -> list[OpenEdgeRequest]:
        self.questions += 1
        if self.failure:
            raise self.failure
        return list(self.open)

    def add(self, edge_id: str) -> OpenEdgeRequest:
        request = OpenEdgeRequest(
            request_id=uuid4(),
            edge_id=edge_id,
            type="snapshot",
            camera="market-east",
            expires_at=datetime.now(UTC) + timedelta(minutes=2),
        )
        self.open.append(request)
        return request


Story = Callable[[OpenRequests], Awaitable[None]]


def tell(api: FakeApi, story: Story, *, again_s: float = 0.5) -> None:
    async def run() -> None:
        requests = OpenRequests(api.ask, every_s=EVERY_S, again_s=again_s)
        try:
            await asyncio.wait_for(story(requests), 20)
        finally:
            requests.close()

    asyncio.run(run())


@pytest.fixture
def api() -> FakeApi:
    return FakeApi()


def test_what_is_open_is_given_at_once_and_to_its_own_edge(api: FakeApi) -> None:
    request = api.add("a")

    async def story(requests: OpenRequests) -> None:
        assert await requests.wait_for("a", wait_s=10) == [request]
        assert await requests.wait_for("b", wait_s=0) == []

    tell(api, story)


def test_a_new_request_ends_the_wait(api: FakeApi) -> None:
    async def story(requests: OpenRequests) -> None:
        waiting = asyncio.create_task(requests.wait_for("a", wait_s=10))
        await asyncio.sleep(2.5 * EVERY_S)
        assert not waiting.done()
        request, started = api.add("a"), time.monotonic()
        assert await waiting == [request]
        assert time.monotonic() - started < 5 * EVERY_S

    tell(api, story)


def test_after_its_wait_an_edge_hears_that_there_is_nothing(api: FakeApi) -> None:
    async def story(requests: OpenRequests) -> None:
        started = time.monotonic()
        assert await requests.wait_for("a", wait_s=0.3) == []
        assert 0.25 < time.monotonic() - started < 1

    tell(api, story)


def test_nobody_is_asked_while_nobody_waits(api: FakeApi) -> None:
    async def story(requests: OpenRequests) -> None:
        await asyncio.sleep(3 * EVERY_S)
        assert api.questions == 0
        await requests.wait_for("a", wait_s=0.25)
        asked = api.questions
        assert 2 <= asked <= 4
        await asyncio.sleep(3 * EVERY_S)
        assert api.questions <= asked + 1

    tell(api, story)


@pytest.fixture
def _others_are_no_garbage() -> Iterator[None]:
    """What other tests left in this process is not looked through again and again while this one is measured."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("_others_are_no_garbage")
def test_thousands_wait_on_one_question_a_round_and_no_thread_of_their_own(api: FakeApi) -> None:
    async def story(requests: OpenRequests) -> None:
        threads = threading.active_count()
        waiting = [asyncio.create_task(requests.wait_for(f"edge-{n}", wait_s=15)) for n in range(WAITING)]
        await asyncio.sleep(1)  # starting thousands takes its time, above all in a process that has run other tests
        asked_before = api.questions
        cpu_s = time.thread_time()  # of this loop: other tests' places have threads of their own
        await asyncio.sleep(1)
        assert time.thread_time() - cpu_s < 0.5
        assert api.questions - asked_before <= 1 + 1 / EVERY_S
        assert threading.active_count() < threads + 5
        request = api.add("edge-77")
        assert await waiting[77] == [request]
        assert sum(task.done() for task in waiting) == 1
        api.failure = ApiUnavailable("away")
        answers = await asyncio.gather(*waiting, return_exceptions=True)
        assert sum(isinstance(answer, ApiUnavailable) for answer in answers) == WAITING - 1
        assert not requests._waiting

    tell(api, story)


def test_a_failure_is_never_an_empty_answer(api: FakeApi) -> None:
    api.failure = ApiUnavailable("away")

    async def story(requests: OpenRequests) -> None:
        for _ in range(10):
            with pytest.raises(ApiUnavailable):
                await requests.wait_for("a", wait_s=0)
        assert api.questions == 1, "who comes at once after a failure hears of the same one"
        api.failure, request = None, api.add("a")
        await asyncio.sleep(EVERY_S)
        assert await requests.wait_for("a", wait_s=0) == [request]

    tell(api, story)


def test_a_busy_edge_is_not_given_the_same_again_and_again(api: FakeApi) -> None:
    first = api.add("a")

    async def story(requests: OpenRequests) -> None:
        assert await requests.wait_for("a", wait_s=10) == [first]
        second = api.add("a")
        assert await requests.wait_for("a", wait_s=10) == [second]
        started = time.monotonic()
        assert first in await requests.wait_for("a", wait_s=10)
        assert time.monotonic() - started > 0.2

    tell(api, story)


def test_what_was_answered_is_given_no_more(api: FakeApi) -> None:
    request = api.add("a")

    async def story(requests: OpenRequests) -> None:
        assert await requests.wait_for("a", wait_s=0) == [request]
        requests.forget("a", request.request_id)
        requests.forget("nobody", request.request_id)
        api.open.clear()
        assert await requests.wait_for("a", wait_s=0.3) == []

    tell(api, story, again_s=0)


def test_one_that_stops_waiting_leaves_nothing_behind(api: FakeApi) -> None:
    async def story(requests: OpenRequests) -> None:
        waiting = [asyncio.create_task(requests.wait_for("a", wait_s=10)) for _ in range(3)]
        await asyncio.sleep(2 * EVERY_S)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert not requests._waiting
        await asyncio.sleep(2 * EVERY_S)
        asked = api.questions
        await asyncio.sleep(3 * EVERY_S)
        assert api.questions == asked

    tell(api, story)
