"""Turns an entry of the stream into the report that the API takes."""

from __future__ import annotations

from pydantic import ValidationError

from api.schemas import Report
from ingest.contract import Event
from ingest.entries import StreamEntry
from ingest.wording import sentence


class EntryUnreadable(Exception):
    """The bytes in an entry are no event, or no report can be made of it; trying again cannot help."""


def report_of(entry: StreamEntry) -> Report:
    """Returns the report of an entry. Raises: EntryUnreadable: If it cannot be one; the message says why."""
    try:
        event = Event.model_validate_json(entry.event)
        if event.edge_id != entry.edge_id:
            raise EntryUnreadable(f"edge_id is {event.edge_id}, but it was posted with the key of {entry.edge_id}")
        return Report.model_validate(_fields(event, entry))
    except ValidationError as error:
        raise EntryUnreadable(sentence(error)) from error


def _fields(event: Event, entry: StreamEntry) -> dict[str, object]:
    """The report has the event's fields by the same names, but for the id, the source and the way it took."""
    fields: dict[str, object] = event.model_dump(exclude={"schema_version", "event_id", "source", "clock_offset_ms"})
    return fields | {
        "report_id": event.event_id,
        "source_type": event.source.type,
        "source_id": event.source.id,
        "preset": event.source.preset,
        "received_at": entry.received_at,
        "stream_entry": entry.entry_id,
        "request_id": entry.request_id or None,
    }
