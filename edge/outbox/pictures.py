"""The pictures' side of the outbox: which go next, which have arrived, and which had to be given up.

What is given up is told: its row keeps the reason, and an event of each incident that it belonged to says so, in the
transaction that marks the row.
"""

from __future__ import annotations

import heapq
import json
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from edge.outbox.database import Database
from edge.outbox.queue import add_events, first_readable
from edge.staying.events import sacrifice_told
from ingest.contract import Event, EvidenceItem, EvidenceRole, EvidenceState

FIRST_ROLES = (EvidenceRole.START, EvidenceRole.CROP)
"""What an operator needs to see that something is there: these go before all others."""

SACRIFICE_ORDER = (
    EvidenceRole.TIMELAPSE,
    EvidenceRole.WIDE,
    EvidenceRole.AFTER,
    EvidenceRole.CONFIRM,
    EvidenceRole.START,
    EvidenceRole.CHART,
    EvidenceRole.CROP,
)
"""Given up from the left (design: Offline)."""

BLOCK_BYTES = 4096
FRESH = timedelta(seconds=10)
_ON_DISK = f"((size_bytes + {BLOCK_BYTES - 1}) / {BLOCK_BYTES} * {BLOCK_BYTES})"


@dataclass(frozen=True, slots=True)
class Item:
    """One piece of evidence that has to go, or may have to."""

    sha256: str
    media_type: str
    size_bytes: int
    role: EvidenceRole

    @property
    def disk_bytes(self) -> int:
        return -(-self.size_bytes // BLOCK_BYTES) * BLOCK_BYTES


@dataclass(frozen=True, slots=True)
class Total:
    items: int
    size_bytes: int


def add_evidence(db: sqlite3.Connection, items: Sequence[EvidenceItem], *, of: Sequence[Event], added_at: str) -> None:
    """Keeps that these have to go, and to which incidents they belong, within the caller's transaction."""
    db.executemany(
        "INSERT INTO evidence (sha256, media_type, size_bytes, role, state, added_at, taken_at)"
        " VALUES (?, ?, ?, ?, 'pending', ?, ?) ON CONFLICT DO NOTHING",
        [(e.sha256, e.media_type, e.size_bytes, e.role.value, added_at, e.taken_at.isoformat()) for e in items],
    )
    db.executemany(
        "INSERT OR IGNORE INTO incident_evidence VALUES (?, ?)",
        [(str(event.incident_id), item.sha256) for event in of for item in event.evidence],
    )


class OutboxEvidence:
    def __init__(self, database: Database) -> None:
        self._database = database

    def names(self) -> set[str]:
        """Returns the sha256 of all whose file is still needed or kept."""
        return {sha256 for (sha256,) in self._database.rows("SELECT sha256 FROM evidence WHERE on_disk")}

    def states(self, sha256s: Collection[str]) -> dict[str, tuple[EvidenceState, str | None]]:
        rows = self._database.rows(
            "SELECT sha256, state, reason FROM evidence WHERE sha256 IN (SELECT value FROM json_each(?))",
            json.dumps(list(sha256s)),
        )
        return {sha256: (EvidenceState(state), reason) for sha256, state, reason in rows}

    def next(
        self, *, newest: bool, besides: Collection[str] = (), only_fresh: bool = False, max_bytes: int | None = None
    ) -> Item | None:
        """Returns what goes next: start and crop before all others, the newest or the oldest of them.

        ``only_fresh``: nothing but start and crop of the last seconds, whose event is about to go.
        """
        with self._database.reading() as db:
            for roles in (FIRST_ROLES, [role for role in EvidenceRole if role not in FIRST_ROLES]):
                found = [_next(db, role, newest=newest, besides=besides, max_bytes=max_bytes) for role in roles]
                candidates = sorted((row for row in found if row is not None), reverse=newest)
                if candidates and only_fresh:
                    fresh_since = (datetime.now(UTC) - FRESH).isoformat()
                    candidates = [row for row in candidates if row[0] >= fresh_since]
                if candidates:
                    return _item(candidates[0][1:])
                if only_fresh:
                    break
        return None

    def pending_total(self) -> Total:
        rows = self._database.rows(
            "SELECT COUNT(*), coalesce(SUM(size_bytes), 0) FROM evidence WHERE on_disk IN (0, 1) AND state = 'pending'"
        )
        return Total(*rows[0])

    def pending_page(self, limit: int, *, after: str = "") -> list[str]:
        """Returns the sha256 of so many that have to go, in an order of their own: the next page is ``after`` it."""
        rows = self._database.rows(
            "SELECT sha256 FROM evidence WHERE state = 'pending' AND sha256 > ? ORDER BY sha256 LIMIT ?", after, limit
        )
        return [sha256 for (sha256,) in rows]

    def arrived(self, sha256s: Iterable[str]) -> None:
        """Notes what the centre has. What was given up stays so: its incident has been told already."""
        # Not fsynced: what a power cut makes us forget is sent again, and is there already.
        with self._database.transaction(durable=False) as db:
            db.executemany(
                "UPDATE evidence SET state = 'present', reason = NULL WHERE sha256 = ? AND state = 'pending'",
                [(sha256,) for sha256 in sha256s],
            )

    def sacrifice(self, reasons: Mapping[str, str], *, now: datetime) -> int:
        """Gives up what still waits of these; one event for each incident tells it. Returns how many were given up."""
        added_at = datetime.now(UTC).isoformat()
        with self._database.transaction() as db:
            lost = [
                sha256
                for sha256, reason in reasons.items()
                if db.execute(
                    "UPDATE evidence SET state = 'sacrificed', on_disk = 0, reason = ?"
                    " WHERE sha256 = ? AND state = 'pending'",
                    (reason, sha256),
                ).rowcount
            ]
            _count(db, "sacrificed", len(lost))
            add_events(db, _announcements(db, lost, now=now), added_at=added_at)
        return len(lost)

    def disk_bytes(self) -> int:
        """What the files take, in whole blocks of the disk."""
        return int(self._database.rows(f"SELECT coalesce(SUM({_ON_DISK}), 0) FROM evidence WHERE on_disk = 1")[0][0])  # noqa: S608

    def delivered(self, *, disk_bytes: int) -> list[str]:
        """Returns the oldest that the centre has and that are kept for safety only, of so many bytes together."""
        with self._database.reading() as db:
            # Role by role there is an index by age; merged, no more rows are read than are taken.
            rows = heapq.merge(*(_by_age(db, "present", role) for role in EvidenceRole))
            return [item.sha256 for item in _until((_item(row[1:]) for row in rows), disk_bytes)]

    def removed(self, sha256s: Iterable[str]) -> None:
        """Notes that the files of these are not here any more; that they are at the centre stays noted."""
        with self._database.transaction(durable=False) as db:
            db.executemany("UPDATE evidence SET on_disk = 0 WHERE sha256 = ?", [(sha256,) for sha256 in sha256s])

    def least_worth(self, *, disk_bytes: int) -> list[str]:
        """Returns what is given up first of all that still waits, of so many bytes together."""
        with self._database.reading() as db:
            rows = (row for role in SACRIFICE_ORDER for row in _by_age(db, "pending", role))
            return [item.sha256 for item in _until((_item(row[1:]) for row in rows), disk_bytes)]


def _by_age(db: sqlite3.Connection, state: str, role: EvidenceRole) -> Iterable[tuple[Any, ...]]:
    """Returns what has a file here, the oldest first, as rows that begin with their age."""
    return db.execute(
        "SELECT added_at, sha256, media_type, size_bytes, role FROM evidence"
        " WHERE state = ? AND role = ? AND on_disk ORDER BY added_at",
        (state, role.value),
    )


def _until(items: Iterable[Item], disk_bytes: int) -> Iterable[Item]:
    """Yields items until they take so many bytes together."""
    for item in items:
        if disk_bytes <= 0:
            return
        disk_bytes -= item.disk_bytes
        yield item


def _next(
    db: sqlite3.Connection, role: EvidenceRole, *, newest: bool, besides: Collection[str], max_bytes: int | None
) -> tuple[Any, ...] | None:
    rows = db.execute(
        "SELECT added_at, sha256, media_type, size_bytes, role FROM evidence WHERE state = 'pending' AND role = ?"  # noqa: S608
        f" AND size_bytes <= ? ORDER BY added_at {'DESC' if newest else 'ASC'} LIMIT ?",
        (role.value, max_bytes if max_bytes is not None else 1 << 62, len(besides) + 1),
    )
    return next((tuple(row) for row in rows if row[1] not in besides), None)


def _item(row: Sequence[Any]) -> Item:
    sha256, media_type, size_bytes, role = row
    return Item(sha256, media_type, size_bytes, EvidenceRole(role))


def _announcements(db: sqlite3.Connection, lost: Sequence[str], *, now: datetime) -> list[Event]:
    """Returns one event for each incident that has lost something; it tells the state of all its evidence."""
    incidents = db.execute(
        "SELECT DISTINCT incident_id FROM incident_evidence WHERE sha256 IN (SELECT value FROM json_each(?))"
        " ORDER BY incident_id",
        (json.dumps(list(lost)),),
    ).fetchall()
    told = []
    for (incident_id,) in incidents:
        last = _last_readable(db, incident_id)
        if last is not None:
            states = {
                sha256: (EvidenceState(state), reason)
                for sha256, state, reason in db.execute(
                    "SELECT sha256, state, reason FROM incident_evidence JOIN evidence USING (sha256)"
                    " WHERE incident_id = ?",
                    (incident_id,),
                )
            }
            told.append(sacrifice_told(last, states, now=now))
    return told


def _last_readable(db: sqlite3.Connection, incident_id: str) -> Event | None:
    """Returns the incident's last event, but for those that the centre will never take."""
    bodies = db.execute(
        "SELECT body FROM events WHERE incident_id = ? AND state NOT IN ('refused', 'unreadable') ORDER BY seq DESC",
        (incident_id,),
    )
    return first_readable(body for (body,) in bodies)


def _count(db: sqlite3.Connection, name: str, more: int) -> None:
    if more:
        db.execute(
            "INSERT INTO notes VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = CAST(value AS INTEGER) + ?",
            (name, str(more), more),
        )
