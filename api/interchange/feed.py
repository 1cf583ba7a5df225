"""Hands what happens to cases to all who listen in this process, for the price of one reader.

Everything but the reading runs on the event loop, so nothing here needs a lock.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog
from anyio import CapacityLimiter, to_thread

from api.database import Database
from api.interchange.events import CaseEvent, events_between
from api.interchange.horizon import SafeHorizon

POLL_S = 0.25
AFTER_A_FAULT_S = 2.0
FIRST_LOOK_S = 10.0
PIECE_EVENTS = 500
QUEUE_EVENTS = 2000
LISTENERS_MAX = 1000

_log = structlog.get_logger()


class Listener:
    """What waits for one who listens. ``lost``: more than ``QUEUE_EVENTS`` waited, so that some are missing."""

    def __init__(self) -> None:
        self.lost = False
        self._waiting: deque[CaseEvent] = deque()
        self._something = asyncio.Event()

    def begin(self) -> None:
        """Leaves out what came before: whoever listens has read it elsewhere."""
        self.lost = False
        self._waiting.clear()

    def offer(self, events: list[CaseEvent]) -> None:
        if self.lost or len(self._waiting) + len(events) > QUEUE_EVENTS:
            self.lost = True
            self._waiting.clear()
        else:
            self._waiting.extend(events)
        self._something.set()

    def wake(self) -> None:
        self._something.set()

    async def take(self, *, timeout_s: float) -> list[CaseEvent]:
        """Returns what has come, nothing after ``timeout_s``."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._something.wait(), timeout_s)
        self._something.clear()
        taken = list(self._waiting)
        self._waiting.clear()
        return taken


class Feed:
    """``position`` is the line up to which listeners have been told, None until the first look.

    It reads only while somebody listens.
    """

    def __init__(self, database: Database, *, poll_s: float = POLL_S) -> None:
        self.position: int | None = None
        self.closing = False
        self.horizon = SafeHorizon(database)
        self._database = database
        self._poll_s = poll_s
        self._listeners: set[Listener] = set()
        self._ready: asyncio.Event | None = None
        self._reader: asyncio.Task[None] | None = None

    @property
    def listeners(self) -> int:
        """How many listen now."""
        return len(self._listeners)

    @property
    def is_full(self) -> bool:
        return self.listeners >= LISTENERS_MAX

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Listener]:
        """A listener, once ``position`` is known. Raises: TimeoutError: If it cannot be read."""
        listener = Listener()
        self._listeners.add(listener)
        try:
            await self._position_is_known()
            yield listener
        finally:
            self._listeners.discard(listener)
            if not self._listeners:
                self._stop_reading()

    def close(self) -> None:
        """Lets all who listen know that it is over; to be called on the event loop."""
        self.closing = True
        for listener in self._listeners:
            listener.wake()
        if self._ready is not None:
            self._ready.set()

    async def _position_is_known(self) -> None:
        if self._reader is None or self._ready is None:
            self._ready = asyncio.Event()
            self._reader = asyncio.create_task(self._read(self._ready), name="feed")
        await asyncio.wait_for(self._ready.wait(), FIRST_LOOK_S)

    def _stop_reading(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
        self._reader = self._ready = self.position = None

    async def _read(self, ready: asyncio.Event) -> None:
        limiter, failing = CapacityLimiter(1), False
        while not self.closing:
            try:
                safe = await to_thread.run_sync(self.horizon.poll, limiter=limiter)
                if safe is not None:
                    while self.position is not None and self.position < safe:
                        await self._tell(self.position, safe, limiter)
                    self.position = safe
                    ready.set()
                failing, wait_s = False, self._poll_s
            except Exception as error:  # noqa: BLE001 (the top of a task: whoever listens must hear again)
                if not failing:
                    _log.error("feed cannot be read", error=type(error).__name__)
                failing, wait_s = True, AFTER_A_FAULT_S
            await asyncio.sleep(wait_s)

    async def _tell(self, after: int, safe: int, limiter: CapacityLimiter) -> None:
        events = await to_thread.run_sync(_piece, self._database, after, safe, limiter=limiter)
        self.position = events[-1].id if len(events) == PIECE_EVENTS else safe
        for listener in self._listeners:
            listener.offer(events)


def _piece(database: Database, after: int, until: int) -> list[CaseEvent]:
    with database.read() as session:
        return events_between(session, after=after, until=until, limit=PIECE_EVENTS)
