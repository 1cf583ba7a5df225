"""Remembers which entries make the API fail, so that one of them holds up no others."""

from __future__ import annotations

from collections.abc import Iterable

import structlog

from ingest.stream import StreamEntry

AT_ONCE = 20


class SetAside:
    """Entries at which the API answered 500 while it stood alone with them; they stay pending in the stream.

    An API that fails at everything looks the same at first. So there is room for ``AT_ONCE`` entries only, until the
    API has taken something again: beyond, the fault counts as the API's, and its end is waited for.
    """

    def __init__(self, log: structlog.stdlib.BoundLogger) -> None:
        self._log = log
        self._told: set[str] = set()
        self._since_success: set[str] = set()

    @property
    def full(self) -> bool:
        return len(self._since_success) >= AT_ONCE

    def put(self, entry: StreamEntry, reason: str) -> None:
        """Sets an entry aside and logs it, unless that was done before."""
        self._since_success.add(entry.entry_id)
        if entry.entry_id not in self._told:
            self._told.add(entry.entry_id)
            self._log.error("event set aside", entry_id=entry.entry_id, edge_id=entry.edge_id, reason=reason)

    def settled(self, entry_ids: Iterable[str]) -> None:
        """Notes that the API has taken or refused these, so it works."""
        self._since_success.clear()
        self._told.difference_update(entry_ids)
