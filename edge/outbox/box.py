"""Keeps stays, events and evidence through restarts and days without a link, in one SQLite file.

A change of a stay, the event that it caused and that event's evidence list are one transaction: a kill -9
between them cannot raise an incident twice, nor forget that it was raised.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from pydantic import ValidationError

from edge.outbox.database import CommitRefused, Database, OutboxError
from edge.outbox.pictures import OutboxEvidence, add_evidence
from edge.outbox.queue import Batch, OutboxQueue, WaitingEvent, add_events
from edge.staying.stay_records import StayRecord, stay_from_json
from edge.staying.stays import Stay
from ingest.contract import Answer, Event, EvidenceItem, EvidenceState

__all__ = ["Batch", "Commit", "CommitRefused", "Counts", "Outbox", "OutboxError", "WaitingEvent"]

KEEP_ACCEPTED = timedelta(days=7)


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

    @property
    def changes(self) -> int:
        return len(self.save) + len(self.forget) + len(self.events)

    def then(self, later: Commit) -> Commit:
        """Returns both in one: of a stay that both save only the later record is left, of events none is lost."""
        gone = {*later.forget, *(record.incident_id for record in later.save)}
        return Commit(
            save=[*(record for record in self.save if record.incident_id not in gone), *later.save],
            forget=[*self.forget, *later.forget],
            events=[*self.events, *later.events],
            evidence=[*self.evidence, *later.evidence],
        )


@dataclass(slots=True)
class Counts:
    """Events by state, and evidence items and bytes that still wait; ``sacrificed`` counts since the first start."""

    events: dict[str, int] = field(default_factory=dict)
    evidence_items: int = 0
    evidence_bytes: int = 0
    sacrificed: int = 0
    oldest_waiting_at: datetime | None = None


class Outbox:
    """One file, for one process; its calls may come from several threads.

    ``queue`` is the events' side of it and ``evidence`` the pictures'. Every call may raise OutboxError.
    """

    def __init__(self, file: Path) -> None:
        self._database = Database(file)
        self.queue = OutboxQueue(self._database)
        self.evidence = OutboxEvidence(self._database)

    def close(self) -> None:
        self._database.close()

    @property
    def fault(self) -> str | None:
        """Why the last write failed; None once one succeeds."""
        return self._database.fault

    @property
    def file_bytes(self) -> int:
        """What the file and its log take on the disk, without the evidence beside it."""
        return self._database.size_bytes

    def version(self) -> object:
        """Returns what differs once anybody has written to the outbox, this process or another."""
        return self._database.version()

    @property
    def _db(self) -> sqlite3.Connection:
        return self._database.connection

    def commit(self, change: Commit) -> None:
        """Keeps everything of ``change`` in one durable transaction.

        Raises: OutboxError: Nothing was kept. CommitRefused: And a repetition cannot help.
        """
        if change.is_empty:
            return
        now = datetime.now(UTC).isoformat()
        with self._database.transaction() as db:
            db.executemany("DELETE FROM stays WHERE incident_id = ?", [(str(i),) for i in change.forget])
            db.executemany(
                "INSERT INTO stays VALUES (?, ?, ?) ON CONFLICT (incident_id) DO UPDATE SET body = excluded.body",
                [(str(record.incident_id), record.watch_id, record.body) for record in change.save],
            )
            add_evidence(db, change.evidence, of=change.events, added_at=now)
            add_events(db, change.events, added_at=now)

    def without_known(self, change: Commit) -> Commit:
        """Returns ``change`` without those of its events that are kept already, or that it names twice."""
        new = {event.event_id: event for event in change.events if self.queue.state_of(event.event_id) is None}
        return Commit(save=change.save, forget=change.forget, events=list(new.values()), evidence=change.evidence)

    def stays(self) -> list[Stay]:
        """Returns the kept stays. Raises: OutboxError: One was written by a version that this one cannot read."""
        rows = self._database.rows("SELECT body FROM stays ORDER BY incident_id")
        try:
            return [stay_from_json(body) for (body,) in rows]
        except ValidationError as error:
            raise OutboxError(f"a kept stay cannot be read: {error.error_count()} errors") from error

    def open_incidents(self) -> list[UUID]:
        """Returns the incidents of the stays that were raised."""
        rows = self._database.rows(
            "SELECT incident_id FROM stays WHERE json_extract(body, '$.raised') ORDER BY incident_id"
        )
        return [UUID(incident_id) for (incident_id,) in rows]

    def stays_evidence(self) -> dict[str, int]:
        """Returns sha256 and bytes of what the kept stays name; what is not raised yet has no row of its own."""
        return {item.sha256: item.size_bytes for stay in self.stays() for item in stay.evidence}

    def evidence_names(self) -> set[str]:
        """Returns the sha256 of all evidence whose file events or stays still need."""
        return self.evidence.names() | set(self.stays_evidence())

    def last_event(self, incident_id: UUID) -> Event | None:
        return self.queue.last_event(incident_id)

    def waiting_events(self, limit: int) -> list[WaitingEvent]:
        """Returns the oldest events not yet answered, those held since yesterday among them."""
        self.queue.release_held()
        return self.queue.oldest(limit)

    def answered(self, answers: Iterable[tuple[int, Answer, str | None]]) -> None:
        self.queue.answered(answers)

    def send_again(self, since: datetime | None) -> int:
        return self.queue.send_again(since)

    def evidence_states(self, sha256s: Sequence[str]) -> dict[str, tuple[EvidenceState, str | None]]:
        return self.evidence.states(sha256s)

    def prune(self) -> list[str]:
        """Forgets accepted events older than a week; returns the sha256 of delivered evidence that may go too.

        What an open stay still needs stays: its next event names its evidence, its end its last event. So does what
        evidence that still waits needs: the event that would have to tell that it was given up.
        """
        limit = (self.queue.now() - KEEP_ACCEPTED).isoformat()
        needed = json.dumps(list(self.stays_evidence()))
        with self._database.transaction(durable=False) as db:
            db.execute(
                "DELETE FROM events WHERE state = 'accepted' AND answered_at < ?"
                " AND incident_id NOT IN (SELECT incident_id FROM stays) AND incident_id NOT IN"
                " (SELECT incident_id FROM incident_evidence JOIN evidence USING (sha256) WHERE state = 'pending')",
                (limit,),
            )
            rows = db.execute(
                "DELETE FROM evidence WHERE state <> 'pending' AND added_at < ?"
                " AND sha256 NOT IN (SELECT value FROM json_each(?)) RETURNING sha256, on_disk",
                (limit, needed),
            ).fetchall()
            db.execute("DELETE FROM incident_evidence WHERE sha256 NOT IN (SELECT sha256 FROM evidence)")
        return [sha256 for sha256, on_disk in rows if on_disk]

    def forget_accepted(self, *, size_bytes: int) -> int:
        """Forgets the oldest accepted events of so many bytes together, a week old or not; returns how many."""
        return self.queue.forget_accepted(size_bytes=size_bytes)

    def shrink(self) -> None:
        """Gives what was forgotten back to the disk."""
        self._database.shrink()

    def note(self, name: str) -> str | None:
        rows = self._database.rows("SELECT value FROM notes WHERE name = ?", name)
        return str(rows[0][0]) if rows else None

    def set_note(self, name: str, value: str) -> None:
        with self._database.transaction() as db:
            db.execute(
                "INSERT INTO notes VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", (name, value)
            )

    def counts(self) -> Counts:
        pending = self.evidence.pending_total()
        return Counts(
            events=self.queue.counts(),
            evidence_items=pending.items,
            evidence_bytes=pending.size_bytes,
            sacrificed=int(self.note("sacrificed") or 0),
            oldest_waiting_at=self.queue.oldest_waiting_at(),
        )
