"""Entries of an archive, and what a folder of it holds."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ingest.archive_reader import ArchiveFaults, read_archive
from ingest.entries import StreamEntry

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def an_entry(
    number: int, *, at: datetime = NOON, event: bytes | None = None, entry_id: str | None = None
) -> StreamEntry:
    """The ``number``-th entry: received so many seconds behind ``at``, and in the stream at that moment."""
    received_at = at + timedelta(seconds=number)
    event_id = uuid.uuid5(uuid.NAMESPACE_OID, f"{number}")
    return StreamEntry(
        entry_id=entry_id or f"{int(received_at.timestamp() * 1000)}-0",
        event=event if event is not None else b'{"event_id":"%s","kind":"\xe5\x9e\x83"}' % str(event_id).encode(),
        edge_id="edge-1",
        received_at=received_at.isoformat(),
        request_id="request-1",
        source="camera/c-1",
        partition=3,
    )


def read(folder: Path, faults: ArchiveFaults | None = None, *, days: int = 10) -> list[StreamEntry]:
    since = NOON - timedelta(days=days)
    archived = read_archive(folder, since=since, until=NOON + timedelta(days=days), faults=faults)
    return [found.entry for found in archived]


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
