"""What goes into the stream and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    APPENDED = "appended"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class NewEntry:
    """One event to append: ``event`` is its JSON exactly as checked, ``received_at`` an aware UTC time.

    ``source`` names what saw it within its edge, as TYPE/ID: the events of one source keep their order.
    """

    event_id: str
    event: bytes
    edge_id: str
    source: str
    received_at: datetime
    request_id: str


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of each entry, in order, and the epoch of the stream that holds them.

    Edges that knew another epoch send again what was accepted since ``resend_from``; where None, everything.
    """

    epoch: str
    resend_from: datetime | None
    outcomes: list[Outcome]


@dataclass(frozen=True, slots=True)
class StreamEntry:
    """One event as it lies in the stream; nothing in it is trusted yet. ``entry_id`` is unique in its partition."""

    entry_id: str
    event: bytes
    edge_id: str
    received_at: str
    request_id: str
    source: str = ""
    partition: int = 0

    @property
    def place(self) -> str:
        """Where it lies, unique in the stream."""
        return f"{self.partition}:{self.entry_id}"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An entry that could not become a report, and why; ``attempts`` counts how often the API failed at it."""

    letter_id: str
    entry: StreamEntry
    reason: str
    failed_at: str
    attempts: int = 0


def text_of(raw: Any) -> str:
    """Returns what Redis answered as text; bytes that are none are marked, not refused."""
    return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw)


def read_entry(entry_id: Any, fields: dict[bytes, bytes], *, partition: int) -> StreamEntry:
    """Returns the entry behind the fields of a partition's stream."""
    return StreamEntry(
        entry_id=text_of(entry_id),
        event=fields.get(b"event", b""),
        edge_id=text_of(fields.get(b"edge_id", b"")),
        received_at=text_of(fields.get(b"received_at", b"")),
        request_id=text_of(fields.get(b"request_id", b"")),
        source=text_of(fields.get(b"source", b"")),
        partition=partition,
    )


def read_moved_entry(fields: dict[bytes, bytes]) -> StreamEntry:
    """Returns the entry behind the fields of a sink's stream or of a dead letter, which name where it lay before."""
    return read_entry(fields.get(b"entry_id", b""), fields, partition=_number(fields.get(b"partition")))


def read_letter(letter_id: Any, fields: dict[bytes, bytes]) -> DeadLetter:
    return DeadLetter(
        letter_id=text_of(letter_id),
        entry=read_moved_entry(fields),
        reason=text_of(fields.get(b"reason", b"")),
        failed_at=text_of(fields.get(b"failed_at", b"")),
        attempts=_number(fields.get(b"attempts")),
    )


def _number(raw: bytes | None) -> int:
    return int(raw) if raw is not None and raw.isdigit() else 0
