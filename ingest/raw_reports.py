"""Turns an entry into the report that the API takes, without the checks that the API repeats anyhow.

The gateway has checked every event as :mod:`ingest.reports` does, and the API checks every report. In between, a worker
only renames: that costs it a fifth.
"""

from __future__ import annotations

from typing import Any

from pydantic_core import from_json, to_json

from api.schemas import Report
from ingest.entries import StreamEntry
from ingest.reports import EntryUnreadable

_COPIED = tuple(
    name
    for name in Report.model_fields
    if name not in {"report_id", "source_type", "source_id", "preset", "received_at", "stream_entry", "request_id"}
)


def raw_report_of(entry: StreamEntry) -> bytes:
    """Returns the JSON of an entry's report. Raises: EntryUnreadable: If it holds no event of its edge."""
    try:
        event = from_json(entry.event)
    except ValueError as error:
        raise EntryUnreadable(f"Invalid JSON: {error}") from error
    if not isinstance(event, dict):
        raise EntryUnreadable("expected an event, got no JSON object")
    if event.get("edge_id") != entry.edge_id:
        raise EntryUnreadable(
            f"edge_id is {event.get('edge_id')}, but it was posted with the key of {entry.edge_id}"[:300]
        )
    return to_json(_fields(event, entry))


def _fields(event: dict[str, Any], entry: StreamEntry) -> dict[str, Any]:
    source = event.get("source")
    seen_by = source if isinstance(source, dict) else {}
    return {name: event[name] for name in _COPIED if name in event} | {
        "report_id": event.get("event_id"),
        "source_type": seen_by.get("type"),
        "source_id": seen_by.get("id"),
        "preset": seen_by.get("preset"),
        "received_at": entry.received_at,
        "stream_entry": entry.entry_id,
        "request_id": entry.request_id or None,
    }
