"""Dead letters as people see and handle them: those of the API, or of one sink."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import redis

from ingest.archive import DROPPED, DailyArchive
from ingest.dead_letters import DeadLetters, SinkDeadLetters
from ingest.entries import DeadLetter

PAGE = 500


class NoSuchLetter(Exception):
    """An id that no dead letter has; the message names it."""


class NoSuchSink(Exception):
    """A name of a sink that never had an event; the message names it."""


@dataclass(frozen=True, slots=True)
class LetterBox:
    """``whose`` says in words where the letters lie. Methods raise StreamUnavailable when Redis does not serve."""

    letters: DeadLetters | SinkDeadLetters
    whose: str

    @classmethod
    def open(cls, client: redis.Redis, *, prefix: str, sink: str | None) -> LetterBox:
        """Raises: NoSuchSink."""
        if sink is None:
            return cls(DeadLetters(client, prefix=prefix), "the API")
        of_sink = SinkDeadLetters(client, sink, prefix=prefix)
        if not of_sink.sink_is_known():
            raise NoSuchSink(f"no sink {sink!r} has had any event; the names are in STREETCASE_SINKS_FILE")
        return cls(of_sink, f"sink {sink}")

    def all(self) -> Iterator[DeadLetter]:
        """Yields the letters, the oldest first; those that come meanwhile may be among them."""
        after = "-"
        while page := self.letters.letters(after=after, count=PAGE):
            yield from page
            after = page[-1].letter_id

    def found(self, letter_ids: Sequence[str]) -> list[DeadLetter]:
        """Returns the letters of these ids, each once. Raises: NoSuchLetter: If one of them is not there."""
        found = []
        for letter_id in dict.fromkeys(letter_ids):
            letter = self.letters.find(letter_id)
            if letter is None:
                raise NoSuchLetter(f"no dead letter {letter_id!r} of {self.whose}; nothing was done")
            found.append(letter)
        return found

    def count(self) -> int:
        return self.letters.count()

    def drop(self, letters: Sequence[DeadLetter], *, archive_dir: Path, dropped_by: str) -> int:
        """Drops letters, each after it is written down; returns how many were still there.

        Raises: ArchiveUnavailable: What was not written down is not dropped.
        """
        archive = DailyArchive(archive_dir / DROPPED, writer="dead-letters")
        dropped = 0
        try:
            for start in range(0, len(letters), PAGE):
                page = letters[start : start + PAGE]
                archive.write_dropped(page, dropped_by=dropped_by, dropped_from=self.whose)
                dropped += sum(self.letters.drop(letter.letter_id) for letter in page)
        finally:
            archive.close()
        return dropped


def described(letter: DeadLetter, *, whole: bool) -> dict[str, Any]:
    """Returns what there is to say about a letter, fit for JSON and for a terminal; ``whole`` adds its event."""
    event = _event(letter)
    known: dict[str, Any] = event if isinstance(event, dict) else {}
    about: dict[str, Any] = {
        "id": letter.letter_id,
        "edge_id": harmless(letter.entry.edge_id),
        **{name: _short(known.get(name)) for name in ("kind", "phase", "event_id", "incident_id")},
        "reason": harmless(letter.reason),
        "failed_at": harmless(letter.failed_at),
        "attempts": letter.attempts,
        "received_at": harmless(letter.entry.received_at),
        "request_id": harmless(letter.entry.request_id),
        "stream_entry": f"{letter.entry.partition}:{letter.entry.entry_id}",
    }
    if whole:
        about["event"] = event if event is not None else harmless(letter.entry.event.decode("utf-8", "replace"))
    return about


def event_text(letter: DeadLetter) -> str:
    """Returns the event for people: its JSON with indents, or what its bytes say where they are no JSON."""
    event = _event(letter)
    if event is not None:
        lines = json.dumps(event, indent=2, ensure_ascii=False).split("\n")
        return "event: " + "\n".join(harmless(line) for line in lines)
    size_bytes = len(letter.entry.event)
    return f"event, {size_bytes:,} bytes that are no JSON: " + harmless(letter.entry.event.decode("utf-8", "replace"))


def age(letter: DeadLetter, *, now: datetime | None = None) -> str:
    """Returns how long ago it failed, such as ``3 h``; "?" where it does not say when."""
    try:
        age_s = ((now or datetime.now(UTC)) - datetime.fromisoformat(letter.failed_at)).total_seconds()
    except (ValueError, TypeError):
        return "?"
    for size_s, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if age_s >= size_s:
            return f"{int(age_s // size_s)} {unit}"
    return f"{max(0, int(age_s))} s"


def harmless(text: str) -> str:
    """Returns a text of others without what could steer a terminal."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def _event(letter: DeadLetter) -> Any:
    """Returns the event's JSON, as far as it can be printed; None where its bytes are none."""
    try:
        event = json.loads(letter.entry.event)
        printable = json.dumps(event, indent=1, ensure_ascii=False).encode("utf-8", "replace")
        return json.loads(printable)
    except (ValueError, RecursionError):
        return None


def _short(value: Any) -> str | None:
    return harmless(value)[:100] if isinstance(value, str) else None
