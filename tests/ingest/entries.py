"""Entries for tests of the stream."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any, cast

import redis

from ingest.entries import read_moved_entry
from ingest.stream import EventStream, NewEntry, StreamEntry


def new_entry(
    event_id: str | None = None, event: bytes = b"{}", edge_id: str = "laian-01", source: str = "camera/east-gate"
) -> NewEntry:
    return NewEntry(
        event_id=event_id or str(uuid.uuid4()),
        event=event,
        edge_id=edge_id,
        source=source,
        received_at=datetime.now(UTC),
        request_id="request-1",
    )


def read(stream: EventStream, *, count: int = 100, block_ms: int = 100) -> list[StreamEntry]:
    """Returns new entries of all partitions."""
    return stream.read(range(stream.partitions()), count=count, block_ms=block_ms)


def pending(stream: EventStream, *, min_idle_ms: int = 0) -> list[StreamEntry]:
    """Takes over and returns what was read and not settled, of all partitions."""
    found = []
    for partition in range(stream.partitions()):
        go_on = ""
        while go_on != "0-0":
            go_on, entries = stream.claim(partition, after=go_on or "0-0", min_idle_ms=min_idle_ms, count=100)
            found += entries
    return found


def entries_for(client: redis.Redis, stream: EventStream, sink: str) -> list[StreamEntry]:
    """Returns what waits for a sink."""
    return [read_moved_entry(fields) for _, fields in cast(Any, client.xrange(stream.keys.sink(sink)))]
