"""Looks into an outbox from outside, while the edge runs and while it does not, and changes nothing."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from edge.outbox.database import OutboxError
from edge.outbox.schema import VERSION, version_of

_COLUMNS = "event_id, incident_id, source, state, answers, answered_at, reason, added_at, occurred_at, body"


@dataclass(frozen=True, slots=True)
class SeenEvidence:
    """Evidence of an event as the outbox knows it; ``state`` is None where it is not kept there any more."""

    sha256: str
    role: str
    media_type: str
    size_bytes: int
    state: str | None
    reason: str | None
    file_is_here: bool


@dataclass(frozen=True, slots=True)
class SeenEvent:
    """``answers`` counts those of the gateway; ``message`` is the event, or its bare text where it is no JSON."""

    event_id: str
    incident_id: str
    source: str
    state: str
    answers: int
    answered_at: str | None
    reason: str | None
    added_at: str
    occurred_at: datetime
    message: Any
    evidence: tuple[SeenEvidence, ...]

    def told(self, name: str) -> str:
        """Returns a text of the message (kind, phase, watch_id), or nothing where it has none."""
        return str(self.message.get(name, "")) if isinstance(self.message, dict) else ""

    @property
    def evidence_states(self) -> Counter[str]:
        return Counter(item.state or "forgotten" for item in self.evidence)


class OutboxView:
    """Use it as a context manager. Raises: OutboxError: There is no outbox, or it is of another version."""

    def __init__(self, db: sqlite3.Connection, evidence: Path) -> None:
        self._db = db
        self._evidence = evidence

    def newest(self, *, state: str | None = None, incident_id: str | None = None, limit: int) -> list[SeenEvent]:
        """Returns the newest events first."""
        return self._events(
            "WHERE (?1 IS NULL OR state = ?1) AND (?2 IS NULL OR incident_id = ?2) ORDER BY seq DESC LIMIT ?3",
            state,
            incident_id,
            limit,
        )

    def named(self, event_or_incident_id: str) -> list[SeenEvent]:
        """Returns the event of this id, or all events of the incident of this id, the oldest first."""
        return self._events("WHERE event_id = ?1 OR incident_id = ?1 ORDER BY seq", event_or_incident_id)

    def _events(self, condition: str, *values: object) -> list[SeenEvent]:
        rows = self._db.execute(f"SELECT {_COLUMNS} FROM events {condition}", values).fetchall()  # noqa: S608
        return [self._event(row) for row in rows]

    def _event(self, row: tuple[Any, ...]) -> SeenEvent:
        event_id, incident_id, source, state, answers, answered_at, reason, added_at, occurred_at, body = row
        try:
            message = json.loads(body)
        except ValueError:
            message = body
        named = message.get("evidence") if isinstance(message, dict) else None
        return SeenEvent(
            event_id=event_id,
            incident_id=incident_id,
            source=source,
            state=state,
            answers=answers,
            answered_at=answered_at,
            reason=reason,
            added_at=added_at,
            occurred_at=datetime.fromisoformat(occurred_at),
            message=message,
            evidence=tuple(self._item(item) for item in named if isinstance(item, dict))
            if isinstance(named, list)
            else (),
        )

    def _item(self, item: dict[str, Any]) -> SeenEvidence:
        sha256 = str(item.get("sha256", ""))
        row = self._db.execute("SELECT state, reason FROM evidence WHERE sha256 = ?", (sha256,)).fetchone()
        state, reason = row or (None, None)
        return SeenEvidence(
            sha256=sha256,
            role=str(item.get("role", "")),
            media_type=str(item.get("media_type", "")),
            size_bytes=size_bytes if isinstance(size_bytes := item.get("size_bytes"), int) else 0,
            state=state,
            reason=reason,
            file_is_here=(self._evidence / sha256[:2] / sha256).is_file(),
        )


@contextmanager
def viewed(data_dir: Path) -> Iterator[OutboxView]:
    """Opens the outbox of an edge's data folder for reading. Raises: OutboxError."""
    file = data_dir / "outbox.sqlite"
    if not file.is_file():
        raise OutboxError(f"{file}: there is no outbox; is this an edge's data_dir?")
    try:
        db = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=10, isolation_level=None)
        try:
            if version_of(db) != VERSION:
                raise OutboxError(f"{file}: written by another version; start this version's edge once to upgrade it")
            yield OutboxView(db, data_dir / "evidence")
        finally:
            db.close()
    except sqlite3.Error as error:
        raise OutboxError(f"{file}: cannot be read: {error}") from error
