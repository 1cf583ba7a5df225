"""Writes the feed as server-sent events: what was missed first, then what happens, with signs of life between."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass

import anyio
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import Send

from api.cases.errors import CaseForbidden
from api.cases.scope import check_visible, visible
from api.database import Database
from api.interchange.events import CaseEvent, EventFilter, events_between
from api.interchange.feed import Feed, Listener
from api.people.callers import Caller
from api.problems import Problem
from api.rights import Rights

ACTION = "case.list_filed"
HEARTBEAT_S = 15.0
CHECK_RIGHTS_S = 20.0
SEND_S = 30.0
"""So long a client may read nothing while something waits for it; then it is cut off, and comes back for the rest."""

RETRY_MS = 2000
PIECE_EVENTS = 500
PIECE_LINES = 20_000
"""So many lines are searched at once for events that a caller may see and wants."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What one caller gets to hear: what the caller may see, of what is wanted."""

    rights: Rights
    caller: Caller
    wanted: EventFilter

    def covers(self, event: CaseEvent) -> bool:
        try:
            check_visible(self.rights, self.caller, event, action=ACTION)
        except CaseForbidden:
            return False
        return self.wanted.wants(event)


def read_piece(
    database: Database, reach: Reach, *, after: int, until: int, limit: int = PIECE_EVENTS
) -> tuple[list[CaseEvent], int]:
    """Returns events after a line and up to another, and the line up to which these are all."""
    until = min(until, after + PIECE_LINES)
    conditions = [*visible(reach.rights, reach.caller, action=ACTION), *reach.wanted.conditions()]
    with database.read() as session:
        events = events_between(session, after=after, until=until, limit=limit, conditions=conditions)
    return events, events[-1].id if len(events) == limit else until


class Stream:
    """The events of one client. ``ask_again`` returns who it is now, or raises a Problem once it may not listen."""

    def __init__(
        self, *, feed: Feed, database: Database, reach: Reach, after: int | None, ask_again: Callable[[], Caller]
    ) -> None:
        self._feed = feed
        self._database = database
        self._reach = reach
        self._after = after
        self._ask_again = ask_again
        self._asked_s = self._said_s = time.monotonic()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield f"retry: {RETRY_MS}\n\n".encode()
        try:
            async with self._feed.listening() as listener, aclosing(self._all(listener)) as pieces:
                async for piece in pieces:
                    yield piece
        except (Problem, TimeoutError, SQLAlchemyError):
            yield b": closed\n\n"

    async def _all(self, listener: Listener) -> AsyncGenerator[bytes, None]:
        position = self._feed.position or 0
        # One who knows more than there is, as after a backup was restored, begins at the end.
        after = position if self._after is None else min(self._after, position)
        while not self._feed.closing and after < (self._feed.position or 0):
            after, piece = await self._missed(after)
            yield piece
        # Nothing was awaited since: all that is missing comes to the listener from here on.
        listener.begin()
        while not self._feed.closing and not listener.lost:
            if piece := await self._next(listener):
                yield piece

    async def _missed(self, after: int) -> tuple[int, bytes]:
        await self._check_rights()
        until = self._feed.position or 0
        events, after = await run_in_threadpool(read_piece, self._database, self._reach, after=after, until=until)
        return after, written(events) or sign_of_life(after)

    async def _next(self, listener: Listener) -> bytes:
        events = await listener.take(timeout_s=max(0.0, self._said_s + HEARTBEAT_S - time.monotonic()))
        position = self._feed.position or 0  # read before anything is awaited, or more may have come by then
        await self._check_rights()
        said = written([event for event in events if self._reach.covers(event)])
        if not said and time.monotonic() - self._said_s >= HEARTBEAT_S:
            said = sign_of_life(position)
        if said:
            self._said_s = time.monotonic()
        return said

    async def _check_rights(self) -> None:
        if time.monotonic() - self._asked_s >= CHECK_RIGHTS_S:
            caller = await run_in_threadpool(self._ask_again)
            self._asked_s = time.monotonic()
            self._reach = Reach(self._reach.rights, caller, self._reach.wanted)


def written(events: list[CaseEvent]) -> bytes:
    return b"".join(
        f"id: {event.id}\nevent: {event.event}\ndata: {event.model_dump_json()}\n\n".encode() for event in events
    )


def sign_of_life(position: int) -> bytes:
    """A comment, and how far it has come: whoever wants little need not begin far back."""
    return f": alive\nid: {position}\n\n".encode()


class EventStreamResponse(StreamingResponse):
    """Ends where a client reads nothing for ``SEND_S``, which the server then cuts off."""

    media_type = "text/event-stream"

    def __init__(self, stream: Stream) -> None:
        # Proxies would else keep events back until there are many.
        super().__init__(aiter(stream), headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})

    async def stream_response(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async with aclosing(self.body_iterator) as pieces:  # type: ignore[type-var]
            async for piece in pieces:
                with anyio.move_on_after(SEND_S) as waiting:
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                if waiting.cancelled_caught:
                    return
        await send({"type": "http.response.body", "body": b"", "more_body": False})
