"""Remembers which entries make the API fail, so that one of them holds up no others, and when that counts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import structlog

from ingest.entries import StreamEntry

AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Failure:
    """The API answered 500 while it stood alone with this entry; ``at_s`` is when, by the monotonic clock."""

    entry: StreamEntry
    reason: str
    at_s: float


class SetAside:
    """Entries at which the API answered 500 while it stood alone with them; they stay pending in the stream.

    An API that fails at everything looks the same at first. So there is room for ``AT_ONCE`` entries only, until the
    API has taken something again: beyond, the fault counts as the API's, and its end is waited for. For the same reason
    a failure counts against its entry only once the API has taken another within ``proven_within_s`` of it.
    """

    def __init__(
        self,
        log: structlog.stdlib.BoundLogger,
        *,
        proven_within_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log = log
        self._proven_within_s = proven_within_s
        self._clock = clock
        self._told: set[str] = set()
        self._since_success: dict[str, Failure] = {}

    @property
    def full(self) -> bool:
        return len(self._since_success) >= AT_ONCE

    def put(self, entry: StreamEntry, reason: str) -> None:
        """Sets an entry aside and logs it, unless that was done before."""
        self._since_success[entry.place] = Failure(entry, reason, self._clock())
        if entry.place not in self._told:
            self._told.add(entry.place)
            self._log.error(
                "event set aside",
                partition=entry.partition,
                entry_id=entry.entry_id,
                edge_id=entry.edge_id,
                reason=reason,
            )

    def settled(self, entries: Iterable[StreamEntry]) -> list[Failure]:
        """Notes that the API has taken or refused these, so it works; returns the failures that count by that."""
        for entry in entries:
            self._told.discard(entry.place)
            self._since_success.pop(entry.place, None)
        failures, self._since_success = list(self._since_success.values()), {}
        oldest_s = self._clock() - self._proven_within_s
        return [failure for failure in failures if failure.at_s >= oldest_s]

    def forget(self, entry: StreamEntry) -> None:
        """An entry came to its end elsewhere."""
        self._told.discard(entry.place)
