"""The events' side of the outbox: which go next, what was answered, what goes again, what may be forgotten."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from pydantic import ValidationError

from edge.outbox.database import Database
from ingest.contract import Answer, Event

RETRY_HELD = timedelta(days=1)
CLOCK_MARGIN = timedelta(seconds=60)
"""Sent again is rather too much than too little: offsets are measured to a second, and answers travel."""

# What must not be forgotten though it was accepted: the last event of an incident that still stays (its end copies
# it), or whose evidence still waits (what is given up is told by a copy of it).
_NEEDED = """
seq IN (SELECT max(seq) FROM events WHERE incident_id IN (SELECT incident_id FROM stays) GROUP BY incident_id)
OR seq IN (SELECT max(seq) FROM events WHERE incident_id IN (
    SELECT incident_id FROM incident_evidence JOIN evidence USING (sha256) WHERE evidence.state = 'pending')
    GROUP BY incident_id)
"""


@dataclass(frozen=True, slots=True)
class WaitingEvent:
    """An event in line; ``added_at`` is when it was committed, by this machine's clock."""

    seq: int
    event: Event
    added_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """How much one POST may carry: events, and bytes before compression. One event may be larger than all of it."""

    events: int
    size_bytes: int

    def halved(self) -> Batch:
        return Batch(events=max(1, self.events // 2), size_bytes=max(1, self.size_bytes // 2))

    def doubled(self, largest: Batch) -> Batch:
        return Batch(
            events=min(largest.events, self.events * 2), size_bytes=min(largest.size_bytes, self.size_bytes * 2)
        )


def add_events(db: sqlite3.Connection, events: Sequence[Event], *, added_at: str) -> None:
    """Puts events in line, within the caller's transaction."""
    bodies = [event.model_dump_json() for event in events]
    db.executemany(
        "INSERT INTO events (event_id, incident_id, occurred_at, body, state, source, size_bytes, added_at)"
        " VALUES (?, ?, ?, ?, 'waiting', ?, ?, ?)",
        [
            (
                str(event.event_id),
                str(event.incident_id),
                event.occurred_at.isoformat(),
                body,
                f"{event.source.type.value}/{event.source.id}",
                len(body.encode()),
                added_at,
            )
            for event, body in zip(events, bodies, strict=True)
        ],
    )


def first_readable(bodies: Iterable[str]) -> Event | None:
    """Returns the first that is an event of the contract; another version may have written the others."""
    for body in bodies:
        try:
            return Event.model_validate_json(body)
        except ValidationError:
            continue
    return None


class OutboxQueue:
    """``clock_offset_ms`` is the centre's clock minus this one's: answers are noted in the centre's time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.clock_offset_ms: int | None = None

    def now(self) -> datetime:
        """The time at the centre, as far as it is known."""
        return datetime.now(UTC) + timedelta(milliseconds=self.clock_offset_ms or 0)

    def state_of(self, event_id: UUID) -> str | None:
        """Returns waiting, accepted, held, refused or unreadable; None where the event is not kept."""
        rows = self._database.rows("SELECT state FROM events WHERE event_id = ?", str(event_id))
        return str(rows[0][0]) if rows else None

    def next(self, batch: Batch) -> list[WaitingEvent]:
        """Returns what the next POST carries, in the order of ``seq``.

        One half is for the sources that spoke last, the other for the oldest events of all, so that a backlog drains
        and starves nothing new. Of each source it is what waited longest: no event overtakes one of its own source.
        """
        with self._database.reading() as db:
            half = Batch(events=batch.events // 2, size_bytes=batch.size_bytes // 2)
            chosen = _of_the_latest_sources(db, half)
            chosen |= _oldest(db, batch, besides=chosen)
            rows = _bodies(db, chosen)
        return self._readable(rows)

    def oldest(self, limit: int) -> list[WaitingEvent]:
        return self._readable(
            self._database.rows(
                "SELECT seq, body, added_at FROM events WHERE state = 'waiting' ORDER BY seq LIMIT ?", limit
            )
        )

    def _readable(self, rows: Iterable[tuple[int, str, str]]) -> list[WaitingEvent]:
        readable: list[WaitingEvent] = []
        for seq, body, added_at in rows:
            try:
                readable.append(WaitingEvent(seq, Event.model_validate_json(body), _moment(added_at)))
            except ValidationError as error:
                # Written by another version, or damaged: set apart and counted, so that it blocks nothing behind it.
                self._set_apart(seq, f"cannot be read any more: {error.error_count()} errors")
        return readable

    def _set_apart(self, seq: int, reason: str) -> None:
        now = self.now().isoformat()
        with self._database.transaction() as db:
            db.execute(
                "UPDATE events SET state = 'unreadable', answered_at = ?, reason = ? WHERE seq = ?", (now, reason, seq)
            )

    def answered(self, answers: Iterable[tuple[int, Answer, str | None]]) -> None:
        """Notes the gateway's answers by ``seq``; refused events stay in quarantine, never deleted."""
        now = self.now().isoformat()
        # Not fsynced: an answer that a power cut takes back is given again, as a duplicate.
        with self._database.transaction(durable=False) as db:
            db.executemany(
                "UPDATE events SET state = ?, answered_at = ?, reason = ?, answers = answers + 1 WHERE seq = ?",
                [("accepted" if a is Answer.DUPLICATE else a.value, now, reason, seq) for seq, a, reason in answers],
            )

    def release_held(self) -> int:
        """Puts what was held a day ago back in line; returns how many."""
        before = (self.now() - RETRY_HELD).isoformat()
        due = "state = 'held' AND answered_at < ?"
        if not self._database.rows(f"SELECT 1 FROM events WHERE {due} LIMIT 1", before):  # noqa: S608 - no input in it
            return 0
        with self._database.transaction(durable=False) as db:
            return db.execute(f"UPDATE events SET state = 'waiting' WHERE {due}", (before,)).rowcount  # noqa: S608

    def send_again(self, since: datetime | None) -> int:
        """Puts back in line what was accepted from ``since`` on, a moment of the centre's clock; returns how many.

        When it occurred does not matter: an event of last week that was accepted a minute ago is as lost as a new one.
        Its pictures wait again too: a centre that has lost the one may have lost the other, and is asked.
        """
        from_then_on = "" if since is None else (since.astimezone(UTC) - CLOCK_MARGIN).isoformat()
        with self._database.transaction() as db:
            db.execute(
                "UPDATE evidence SET state = 'pending' WHERE state = 'present' AND sha256 IN ("
                " SELECT sha256 FROM incident_evidence JOIN events USING (incident_id)"
                " WHERE events.state = 'accepted' AND answered_at >= ?)",
                (from_then_on,),
            )
            return db.execute(
                "UPDATE events SET state = 'waiting' WHERE state = 'accepted' AND answered_at >= ?", (from_then_on,)
            ).rowcount

    def put_back(self, *, state: str, event_ids: Collection[str] | None = None) -> int:
        """Puts events of one state back in line, all of them or those named; returns how many."""
        with self._database.transaction() as db:
            if event_ids is None:
                return db.execute("UPDATE events SET state = 'waiting' WHERE state = ?", (state,)).rowcount
            again = "UPDATE events SET state = 'waiting' WHERE state = ? AND event_id = ?"
            return sum(db.execute(again, (state, event_id)).rowcount for event_id in event_ids)

    def last_event(self, incident_id: UUID) -> Event | None:
        """Returns the incident's last event, or the last one that can be read."""
        bodies = self._database.rows(
            "SELECT body FROM events WHERE incident_id = ? ORDER BY seq DESC", str(incident_id)
        )
        return first_readable(body for (body,) in bodies)

    def counts(self) -> dict[str, int]:
        return dict(self._database.rows("SELECT state, COUNT(*) FROM events GROUP BY state"))

    def oldest_waiting_at(self) -> datetime | None:
        """Returns when that occurred which has waited longest."""
        oldest = self._database.rows("SELECT occurred_at FROM events WHERE state = 'waiting' ORDER BY seq LIMIT 1")
        return _moment(oldest[0][0]) if oldest else None

    def forget_accepted(self, *, size_bytes: int) -> int:
        """Forgets the oldest accepted events of so many bytes together, but for the needed; returns how many."""
        with self._database.transaction() as db:
            freed = 0
            seqs: list[tuple[int]] = []
            for seq, size in db.execute(
                "SELECT seq, size_bytes FROM events WHERE state = 'accepted'"  # noqa: S608 - no input in it
                f" AND NOT ({_NEEDED}) ORDER BY answered_at, seq"
            ):
                if freed >= size_bytes:
                    break
                freed += size
                seqs.append((seq,))
            db.executemany("DELETE FROM events WHERE seq = ?", seqs)
        return len(seqs)

    def thin_updates(self) -> int:
        """Deletes waiting ``updated`` events that a later event of their incident says better; returns how many."""
        with self._database.transaction() as db:
            return db.execute(
                "DELETE FROM events WHERE state = 'waiting' AND json_valid(body)"
                " AND json_extract(body, '$.phase') = 'updated' AND EXISTS (SELECT 1 FROM events AS later"
                " WHERE later.incident_id = events.incident_id AND later.seq > events.seq"
                " AND later.state IN ('waiting', 'accepted'))"
            ).rowcount


def _of_the_latest_sources(db: sqlite3.Connection, half: Batch) -> set[int]:
    """Goes through the sources, the one that spoke last first, and takes of each what waits, from its oldest on."""
    chosen: set[int] = set()
    size_bytes = 0
    sources = db.execute(
        "SELECT source FROM events WHERE state = 'waiting' GROUP BY source ORDER BY max(seq) DESC LIMIT ?",
        (half.events,),
    ).fetchall()
    for (source,) in sources:
        for seq, size in db.execute(
            "SELECT seq, size_bytes FROM events WHERE state = 'waiting' AND source = ? ORDER BY seq LIMIT ?",
            (source, half.events - len(chosen)),
        ):
            if chosen and size_bytes + size > half.size_bytes:
                return chosen
            chosen.add(seq)
            size_bytes += size
        if len(chosen) >= half.events:
            break
    return chosen


def _oldest(db: sqlite3.Connection, batch: Batch, *, besides: set[int]) -> set[int]:
    """Takes the oldest events of all, but for those chosen already, until the batch is full."""
    chosen: set[int] = set()
    room = batch.events - len(besides)
    size_bytes = sum(size for _, size in _sizes(db, besides))
    for seq, size in db.execute(
        "SELECT seq, size_bytes FROM events WHERE state = 'waiting' ORDER BY seq LIMIT ?", (batch.events,)
    ):
        if len(chosen) >= room:
            break
        if seq in besides:
            continue
        if (chosen or besides) and size_bytes + size > batch.size_bytes:
            break
        chosen.add(seq)
        size_bytes += size
    return chosen


def _sizes(db: sqlite3.Connection, seqs: Collection[int]) -> list[tuple[int, int]]:
    return db.execute(
        f"SELECT seq, size_bytes FROM events WHERE seq IN ({','.join('?' * len(seqs))})",  # noqa: S608 - marks only
        list(seqs),
    ).fetchall()


def _bodies(db: sqlite3.Connection, seqs: Collection[int]) -> list[tuple[int, str, str]]:
    return db.execute(
        f"SELECT seq, body, added_at FROM events WHERE seq IN ({','.join('?' * len(seqs))}) ORDER BY seq",  # noqa: S608
        list(seqs),
    ).fetchall()


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text) if text else datetime.min.replace(tzinfo=UTC)
