"""Checks posted messages one by one: which go into the stream, which the edge parks, which are malformed."""

from __future__ import annotations

import json
from collections.abc import Container
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from fastapi import HTTPException

from ingest.contract import (
    EVENTS_PER_POST,
    SCHEMA_VERSION,
    Answer,
    EventAnswer,
    without_envelope,
)
from ingest.entries import StreamEntry
from ingest.reports import EntryUnreadable, report_of
from ingest.wording import REASON_MAX


class UncarriableError(Exception):
    """A message was parsed but has no sound JSON: a number out of range, half a surrogate pair, too deep."""


@dataclass(frozen=True, slots=True)
class Sound:
    """A message that may enter the stream; ``event_json`` is the very text that was checked.

    ``source`` is what saw it within its edge, as TYPE/ID.
    """

    position: int
    event_id: UUID
    source: str
    event_json: bytes


def messages_of(body: Any) -> list[Any]:
    """Returns the messages in a POST: an array, ``{"events": [...]}`` or one CloudEvents envelope.

    Raises: HTTPException: 400 if there is no list, 413 if it is too long.
    """
    if isinstance(body, dict) and "specversion" in body:
        body = [body]
    messages = body.get("events") if isinstance(body, dict) else body
    if not isinstance(messages, list):
        raise HTTPException(400, 'the body needs a list of events: [...] or {"events": [...]}')
    if len(messages) > EVENTS_PER_POST:
        raise HTTPException(413, f"a POST takes {EVENTS_PER_POST} events at most, got {len(messages)}")
    return messages


def sort_message(message: Any, *, position: int, edge_id: str, kinds: Container[str]) -> Sound | EventAnswer:
    """Returns the checked event, or the answer ``held`` or ``refused`` with its reason.

    Raises: What asking ``kinds`` raises.
    """
    message = without_envelope(message)
    event_id = _event_id(message)

    def answered(answer: Answer, reason: str) -> EventAnswer:
        return EventAnswer(position=position, event_id=event_id, answer=answer, reason=reason[:REASON_MAX])

    if _version(message) > SCHEMA_VERSION:
        return answered(Answer.HELD, f"the centre reads schema_version {SCHEMA_VERSION}, this is {_version(message)}")
    try:
        # The worker's own check, on the very text that it will read: what it would bury is never accepted.
        event_json = compact_json(message)
        report = report_of(_as_entry(event_json, edge_id))
    except (EntryUnreadable, UncarriableError) as error:
        return answered(Answer.REFUSED, str(error))
    if report.kind not in kinds:
        return answered(Answer.HELD, f"the centre does not know the kind {report.kind}")
    source = f"{report.source_type}/{report.source_id}"
    return Sound(position=position, event_id=report.report_id, source=source, event_json=event_json)


def _as_entry(event_json: bytes, edge_id: str) -> StreamEntry:
    """Returns the entry that an event will be; what the gateway itself adds to it is always sound."""
    return StreamEntry("0-0", event_json, edge_id, datetime.now(UTC).isoformat(), request_id="")


def compact_json(message: Any) -> bytes:
    """Returns a message as JSON that every reader takes. Raises: UncarriableError."""
    try:
        return json.dumps(message, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (ValueError, RecursionError) as error:
        raise UncarriableError("holds a number, a text or a nesting that JSON does not carry safely") from error


def _version(message: Any) -> int:
    """Returns the version that a message claims, also of one that this side cannot read any more."""
    version = message.get("schema_version") if isinstance(message, dict) else None
    try:
        return int(version) if isinstance(version, (int, float, str)) else SCHEMA_VERSION
    except (ValueError, OverflowError):
        return SCHEMA_VERSION


def _event_id(message: Any) -> UUID | None:
    text = message.get("event_id") if isinstance(message, dict) else None
    if not isinstance(text, str):
        return None
    try:
        return UUID(text)
    except ValueError:
        return None
