"""Knows what is open for which edge: asks the API once a second for all who wait, and not while nobody does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from uuid import UUID

import anyio

from api.client import ApiError, ApiUnavailable
from api.schemas import OpenEdgeRequest
from ingest.api_line import Clock

EVERY_S = 1.0
AGAIN_S = 5.0
Ask = Callable[[], list[OpenEdgeRequest]]
_Word = asyncio.Future[ApiError | None]


class OpenRequests:
    """For the event loop alone: whoever waits costs a future and no thread.

    A request that was given is given again after ``again_s`` at the soonest, so that an edge that is busy with it may
    go on asking for others.
    """

    def __init__(
        self, ask: Ask, *, every_s: float = EVERY_S, again_s: float = AGAIN_S, clock: Clock = time.monotonic
    ) -> None:
        self._ask = ask
        self._every_s = every_s
        self._again_s = again_s
        self._clock = clock
        self._open: dict[str, list[OpenEdgeRequest]] = {}
        self._given_at: dict[UUID, float] = {}
        self._waiting: dict[str, set[_Word]] = {}
        self._asked_at = float("-inf")
        self._failure: ApiError | None = None
        self._closed: ApiError | None = None
        self._thread = anyio.CapacityLimiter(1)
        self._round: asyncio.Task[None] | None = None
        self._rounds: asyncio.Task[None] | None = None

    async def wait_for(self, edge_id: str, *, wait_s: float) -> list[OpenEdgeRequest]:
        """Returns what is open for the edge, at once or as soon as there is something, nothing after ``wait_s``.

        Raises: ApiUnavailable: If the API cannot say, now or later while the edge waits.
        """
        _raise(self._closed)
        until = self._clock() + wait_s
        await self._hear()
        _raise(self._failure)
        while not (due := self._due(edge_id)) and (left_s := until - self._clock()) > 0:
            _raise(await self._next_word(edge_id, timeout_s=left_s))
        now = self._clock()
        self._given_at |= {request.request_id: now for request in due}
        return due

    def forget(self, edge_id: str, request_id: UUID) -> None:
        """Gives a request no more; called once it has its answer."""
        if edge_id in self._open:
            requests = self._open[edge_id]
            self._open[edge_id] = [request for request in requests if request.request_id != request_id]

    def close(self) -> None:
        """Sends away all who wait, now and from now on: a server that stops would wait for each of them."""
        self._closed = ApiUnavailable("the gateway stops")
        self._tell(list(self._waiting), self._closed)

    def _due(self, edge_id: str) -> list[OpenEdgeRequest]:
        before = self._clock() - self._again_s
        requests = self._open.get(edge_id, ())
        return [request for request in requests if self._given_at.get(request.request_id, before) <= before]

    async def _hear(self) -> None:
        """Returns once the API was asked within the last second, whether it answered or not."""
        if self._round is None and self._clock() - self._asked_at >= self._every_s:
            self._round = asyncio.create_task(self._ask_once())
        if self._round is not None:
            # Shielded, because others wait for the same answer.
            await asyncio.shield(self._round)

    async def _ask_once(self) -> None:
        self._asked_at = self._clock()
        try:
            self._heard(await anyio.to_thread.run_sync(self._ask, limiter=self._thread))
        except ApiError as error:
            self._failure = error
            self._tell(list(self._waiting), error)
        finally:
            self._round = None

    def _heard(self, requests: Iterable[OpenEdgeRequest]) -> None:
        self._failure = None
        self._open = {}
        for request in requests:
            self._open.setdefault(request.edge_id, []).append(request)
        known = {request.request_id for of_edge in self._open.values() for request in of_edge}
        self._given_at = {request_id: at for request_id, at in self._given_at.items() if request_id in known}
        self._tell([edge_id for edge_id in self._open if edge_id in self._waiting and self._due(edge_id)], None)

    def _tell(self, edge_ids: Iterable[str], failure: ApiError | None) -> None:
        for edge_id in edge_ids:
            for word in self._waiting[edge_id]:
                if not word.done():
                    word.set_result(failure)

    async def _next_word(self, edge_id: str, *, timeout_s: float) -> ApiError | None:
        """Returns when something may be open for the edge, when the API fails, or when the time is over."""
        word: _Word = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(edge_id, set()).add(word)
        if self._rounds is None or self._rounds.done():
            self._rounds = asyncio.create_task(self._go_round())
        try:
            await asyncio.wait({word}, timeout=timeout_s)
            return word.result() if word.done() else None
        finally:
            self._waiting[edge_id].discard(word)
            if not self._waiting[edge_id]:
                del self._waiting[edge_id]

    async def _go_round(self) -> None:
        while self._waiting and not self._closed:
            await asyncio.sleep(max(0.01, self._asked_at + self._every_s - self._clock()))
            await self._hear()


def _raise(failure: ApiError | None) -> None:
    if failure is not None:
        # Anew for each who waits: one exception raised by thousands would carry the traces of them all.
        raise ApiUnavailable(str(failure))
