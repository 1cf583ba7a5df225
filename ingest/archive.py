"""Keeps what is done in a daily archive, from which an empty database can be built again."""

from __future__ import annotations

import base64
import binascii
import json
import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from ingest.archive_files import DailyFiles
from ingest.entries import DeadLetter, StreamEntry
from ingest.settled import ArchiveUnavailable

DROPPED = "dropped"
_TEXTS = ("entry_id", "edge_id", "source", "received_at", "request_id")


class LineUnreadable(ValueError):
    """A line in an archive file is no entry."""


class DailyArchive:
    """The archive of one writer in ``folder``; safe to share between threads."""

    def __init__(self, folder: Path, *, writer: str) -> None:
        self._folder = folder
        self._files = DailyFiles(folder, writer=writer)
        self._lock = threading.Lock()

    def write(self, entries: Sequence[StreamEntry]) -> None:
        """Writes entries into the files of the days (UTC) that they were received on; durable on return.

        Raises: ArchiveUnavailable: The disk is full, the folder is gone. A repetition is harmless: a reader gives each
        event once.
        """
        self._append([(day_of(entry), fields_of(entry)) for entry in entries])

    def write_dropped(self, letters: Sequence[DeadLetter], *, dropped_by: str, dropped_from: str) -> None:
        """Writes dead letters that a person drops, with their reasons, into the files of today. Raises: as write."""
        now = datetime.now(UTC)
        lines = []
        for letter in letters:
            fields = fields_of(letter.entry)
            fields.update(reason=letter.reason, failed_at=letter.failed_at, attempts=letter.attempts)
            fields.update(dropped_at=now.isoformat(), dropped_by=dropped_by, dropped_from=dropped_from)
            lines.append((now.date(), fields))
        self._append(lines)

    def close(self) -> None:
        with self._lock:
            self._files.close()

    def _append(self, lines: Sequence[tuple[date, dict[str, str | int]]]) -> None:
        by_day: dict[date, list[str]] = defaultdict(list)
        for day, fields in lines:
            by_day[day].append(json.dumps(fields, ensure_ascii=False, separators=(",", ":")) + "\n")
        try:
            with self._lock:
                # What Redis or a name holds may carry a half of a surrogate pair: kept as a question mark.
                self._files.append({day: "".join(texts).encode("utf-8", "replace") for day, texts in by_day.items()})
        except OSError as error:
            raise ArchiveUnavailable(f"cannot write to the archive {self._folder}: {error.strerror}") from error


def day_of(entry: StreamEntry) -> date:
    """Returns the UTC day that an entry was received on."""
    return received_at(entry).date()


def received_at(entry: StreamEntry) -> datetime:
    """Returns when the gateway received an entry; where that is unreadable, when Redis numbered it, else 1970."""
    try:
        moment = datetime.fromisoformat(entry.received_at)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    try:
        return datetime.fromtimestamp(place_of(entry)[0] / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)


def place_of(entry: StreamEntry) -> tuple[int, int]:
    """Returns the place that Redis gave an entry in its stream: milliseconds since 1970, and a number within them."""
    first, _, second = entry.entry_id.partition("-")
    if not (first.isdecimal() and second.isdecimal()) or len(first) > 18 or len(second) > 18:
        return 0, 0
    return int(first), int(second)


def fields_of(entry: StreamEntry) -> dict[str, str | int]:
    """Returns an entry as JSON's fields; an event that is no text is kept as base64, byte for byte."""
    fields: dict[str, str | int] = {name: getattr(entry, name) for name in _TEXTS}
    fields["partition"] = entry.partition
    try:
        return fields | {"event": entry.event.decode("utf-8")}
    except UnicodeDecodeError:
        return fields | {"event_base64": base64.b64encode(entry.event).decode("ascii")}


def entry_of(line: bytes) -> StreamEntry:
    """Returns the entry of a line. Raises: LineUnreadable."""
    try:
        fields: Any = json.loads(line)
        if "event_base64" in fields:
            event = base64.b64decode(fields["event_base64"], validate=True)
        else:
            event = fields["event"].encode("utf-8")
        return StreamEntry(
            event=event, partition=int(fields["partition"]), **{name: str(fields[name]) for name in _TEXTS}
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, binascii.Error) as error:
        raise LineUnreadable(f"no entry of the archive: {type(error).__name__}") from error


@dataclass(frozen=True, slots=True)
class ArchivedEntry:
    """An entry as it was archived, and when the gateway had received it (UTC)."""

    entry: StreamEntry
    received_at: datetime
