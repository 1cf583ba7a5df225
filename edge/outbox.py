"""Keeps stays, events and evidence through restarts and days without a link, in one SQLite file.

A change of a stay, the event that it caused and that event's evidence list are one transaction: a kill -9
between them cannot raise an incident twice, nor forget that it was raised.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from edge.stay_records import StayRecord, stay_from_json
from edge.stays import Stay
from ingest.contract import Answer, Event, EvidenceItem, EvidenceState

KEEP_ACCEPTED = timedelta(days=7)
RETRY_HELD = timedelta(days=1)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS stays (
    incident_id TEXT PRIMARY KEY, watch_id TEXT NOT NULL, body TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT NOT NULL UNIQUE, incident_id TEXT NOT NULL,
    occurred_at TEXT NOT NULL, body TEXT NOT NULL, state TEXT NOT NULL, answered_at TEXT, reason TEXT
);
CREATE INDEX IF NOT EXISTS events_by_state ON events (state, seq);
CREATE TABLE IF NOT EXISTS evidence (
    sha256 TEXT PRIMARY KEY, media_type TEXT NOT NULL, size_bytes INTEGER NOT NULL, role TEXT NOT NULL,
    state TEXT NOT NULL, reason TEXT, added_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS evidence_by_state ON evidence (state, added_at);
CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


class OutboxError(Exception):
    """The outbox cannot be written or read (disk full, damaged file); nothing that was accepted is touched."""


@dataclass(frozen=True, slots=True)
class Commit:
    """What one look or reading changed, to be kept all together or not at all.

    ``save`` holds records and not stays: a commit that has to wait must not pick up what later looks change.
    """

    save: Sequence[StayRecord] = ()
    forget: Sequence[UUID] = ()
    events: Sequence[Event] = ()
    evidence: Sequence[EvidenceItem] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.save or self.forget or self.events or self.evidence)


@dataclass(frozen=True, slots=True)
class WaitingEvent:
    seq: int
    event: Event


@dataclass(slots=True)
class Counts:
    """Events by state, and evidence items and bytes that still wait."""

    events: dict[str, int] = field(default_factory=dict)
    evidence_items: int = 0
    evidence_bytes: int = 0
    sacrificed: int = 0
    oldest_waiting_at: datetime | None = None


class Outbox:
    """One connection, for one process; its calls may come from several threads."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        try:
            self._db = sqlite3.connect(file, timeout=30, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            # FULL: an event that was raised must outlive a power cut, and each commit is fsynced for it.
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise OutboxError(f"outbox {file.name} cannot be opened: {error}") from error

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                try:
                    yield self._db
                except BaseException:
                    self._db.execute("ROLLBACK")
                    raise
                self._db.execute("COMMIT")
            except sqlite3.Error as error:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise OutboxError(f"outbox cannot be written: {error}") from error

    def commit(self, change: Commit) -> None:
        """Keeps everything of ``change`` in one durable transaction. Raises: OutboxError: Nothing was kept."""
        if change.is_empty:
            return
        now = datetime.now(UTC).isoformat()
        with self._transaction() as db:
            db.executemany("DELETE FROM stays WHERE incident_id = ?", [(str(i),) for i in change.forget])
            db.executemany(
                "INSERT INTO stays VALUES (?, ?, ?) ON CONFLICT (incident_id) DO UPDATE SET body = excluded.body",
                [(str(record.incident_id), record.watch_id, record.body) for record in change.save],
            )
            db.executemany(
                "INSERT INTO evidence VALUES (?, ?, ?, ?, 'pending', NULL, ?) ON CONFLICT DO NOTHING",
                [(e.sha256, e.media_type, e.size_bytes, e.role.value, now) for e in change.evidence],
            )
            db.executemany(
                "INSERT INTO events (event_id, incident_id, occurred_at, body, state) VALUES (?, ?, ?, ?, 'waiting')",
                [
                    (str(e.event_id), str(e.incident_id), e.occurred_at.isoformat(), e.model_dump_json())
                    for e in change.events
                ],
            )

    def stays(self) -> list[Stay]:
        """Returns the kept stays. Raises: OutboxError: One was written by a version that this one cannot read."""
        rows = self._rows("SELECT body FROM stays ORDER BY incident_id")
        try:
            return [stay_from_json(body) for (body,) in rows]
        except ValidationError as error:
            raise OutboxError(f"a kept stay cannot be read: {error.error_count()} errors") from error

    def evidence_names(self) -> set[str]:
        """Returns the sha256 of all evidence that events or stays name."""
        rows = self._rows("SELECT sha256 FROM evidence")
        return {sha for (sha,) in rows} | {item.sha256 for stay in self.stays() for item in stay.evidence}

    def waiting_events(self, limit: int) -> list[WaitingEvent]:
        """Returns the oldest events not yet answered, those held since yesterday behind them."""
        retry_before = (datetime.now(UTC) - RETRY_HELD).isoformat()
        rows = self._rows(
            "SELECT seq, body FROM events WHERE state = 'waiting' OR (state = 'held' AND answered_at < ?)"
            " ORDER BY state DESC, seq LIMIT ?",
            retry_before,
            limit,
        )
        readable: list[WaitingEvent] = []
        for seq, body in rows:
            try:
                readable.append(WaitingEvent(seq, Event.model_validate_json(body)))
            except ValidationError as error:
                # Written by another version, or damaged: set apart and counted, so that it blocks nothing behind it.
                self._set_apart(seq, f"cannot be read any more: {error.error_count()} errors")
        return readable

    def _set_apart(self, seq: int, reason: str) -> None:
        now = datetime.now(UTC).isoformat()
        with self._transaction() as db:
            db.execute(
                "UPDATE events SET state = 'unreadable', answered_at = ?, reason = ? WHERE seq = ?", (now, reason, seq)
            )

    def answered(self, answers: Iterable[tuple[int, Answer, str | None]]) -> None:
        """Notes the gateway's answers by ``seq``; refused events stay in quarantine, never deleted."""
        now = datetime.now(UTC).isoformat()
        with self._transaction() as db:
            db.executemany(
                "UPDATE events SET state = ?, answered_at = ?, reason = ? WHERE seq = ?",
                [("accepted" if a is Answer.DUPLICATE else a.value, now, reason, seq) for seq, a, reason in answers],
            )

    def evidence_states(self, sha256s: Sequence[str]) -> dict[str, tuple[EvidenceState, str | None]]:
        marks = ",".join("?" * len(sha256s))
        rows = self._rows(f"SELECT sha256, state, reason FROM evidence WHERE sha256 IN ({marks})", *sha256s)  # noqa: S608
        return {sha: (EvidenceState(state), reason) for sha, state, reason in rows}

    def pending_evidence(self, limit: int) -> list[tuple[str, str]]:
        """Returns (sha256, media type) of what still has to go, what goes before its event first."""
        return [
            (sha, media_type)
            for sha, media_type in self._rows(
                "SELECT sha256, media_type FROM evidence WHERE state = 'pending'"
                " ORDER BY role NOT IN ('start', 'crop'), added_at LIMIT ?",
                limit,
            )
        ]

    def set_evidence(self, sha256: str, state: EvidenceState, reason: str | None = None) -> None:
        with self._transaction() as db:
            db.execute("UPDATE evidence SET state = ?, reason = ? WHERE sha256 = ?", (state.value, reason, sha256))

    def send_again(self, since: datetime | None) -> int:
        """Puts accepted events back in line, from ``since`` on; returns how many."""
        with self._transaction() as db:
            done = db.execute(
                "UPDATE events SET state = 'waiting' WHERE state = 'accepted' AND occurred_at >= ?",
                ((since or datetime.min.replace(tzinfo=UTC)).astimezone(UTC).isoformat(),),
            )
            return done.rowcount

    def prune(self) -> list[str]:
        """Forgets accepted events older than a week; returns the sha256 of delivered evidence that may go too.

        What an open stay still needs stays: its next event names its evidence, its end its last event.
        """
        limit = (datetime.now(UTC) - KEEP_ACCEPTED).isoformat()
        needed = json.dumps([item.sha256 for stay in self.stays() for item in stay.evidence])
        with self._transaction() as db:
            db.execute(
                "DELETE FROM events WHERE state = 'accepted' AND answered_at < ?"
                " AND incident_id NOT IN (SELECT incident_id FROM stays)",
                (limit,),
            )
            rows = db.execute(
                "DELETE FROM evidence WHERE state = 'present' AND added_at < ?"
                " AND sha256 NOT IN (SELECT value FROM json_each(?)) RETURNING sha256",
                (limit, needed),
            ).fetchall()
        return [sha for (sha,) in rows]

    def note(self, name: str) -> str | None:
        rows = self._rows("SELECT value FROM notes WHERE name = ?", name)
        return str(rows[0][0]) if rows else None

    def last_event(self, incident_id: UUID) -> Event | None:
        rows = self._rows("SELECT body FROM events WHERE incident_id = ? ORDER BY seq DESC LIMIT 1", str(incident_id))
        return Event.model_validate_json(rows[0][0]) if rows else None

    def set_note(self, name: str, value: str) -> None:
        with self._transaction() as db:
            db.execute(
                "INSERT INTO notes VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", (name, value)
            )

    def counts(self) -> Counts:
        counts = Counts(events=dict(self._rows("SELECT state, COUNT(*) FROM events GROUP BY state")))
        for state, items, size_bytes in self._rows(
            "SELECT state, COUNT(*), SUM(size_bytes) FROM evidence GROUP BY state"
        ):
            if state == EvidenceState.PENDING:
                counts.evidence_items, counts.evidence_bytes = items, size_bytes
            elif state == EvidenceState.SACRIFICED:
                counts.sacrificed = items
        oldest = self._rows("SELECT MIN(occurred_at) FROM events WHERE state = 'waiting'")[0][0]
        counts.oldest_waiting_at = datetime.fromisoformat(oldest) if oldest else None
        return counts

    def _rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock:
            try:
                return self._db.execute(statement, values).fetchall()
            except sqlite3.Error as error:
                raise OutboxError(f"outbox cannot be read: {error}") from error
