"""An outbox of an earlier version opens and loses nothing; one of a later version is left alone."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from edge.outbox.box import Commit, Outbox, OutboxError
from edge.outbox.schema import VERSION
from ingest.contract import Answer, EvidenceRole, EvidenceState
from tests.edge.fakes import START
from tests.edge.makers import accept_all, an_event, an_item

FIRST_VERSION = """
CREATE TABLE stays (incident_id TEXT PRIMARY KEY, watch_id TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT NOT NULL UNIQUE, incident_id TEXT NOT NULL,
    occurred_at TEXT NOT NULL, body TEXT NOT NULL, state TEXT NOT NULL, answered_at TEXT, reason TEXT
);
CREATE INDEX events_by_state ON events (state, seq);
CREATE TABLE evidence (
    sha256 TEXT PRIMARY KEY, media_type TEXT NOT NULL, size_bytes INTEGER NOT NULL, role TEXT NOT NULL,
    state TEXT NOT NULL, reason TEXT, added_at TEXT NOT NULL
);
CREATE INDEX evidence_by_state ON evidence (state, added_at);
CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


def _first_version(file: Path) -> sqlite3.Connection:
    db = sqlite3.connect(file, isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.executescript(FIRST_VERSION)
    return db


def test_a_file_of_the_first_version_opens_and_loses_nothing(tmp_path: Path) -> None:
    file = tmp_path / "outbox.sqlite"
    start, crop = an_item(EvidenceRole.START, "a"), an_item(EvidenceRole.CROP, "b")
    events = [an_event(source="yard", evidence=[start, crop]), an_event(source="gate", evidence=[start]), an_event()]
    then = START.isoformat()
    with closing(_first_version(file)) as db:
        for event, state in zip(events, ["waiting", "accepted", "refused"], strict=True):
            known = (str(event.event_id), str(event.incident_id), event.occurred_at.isoformat())
            answered_at = None if state == "waiting" else event.occurred_at.isoformat()
            db.execute(
                "INSERT INTO events (event_id, incident_id, occurred_at, body, state, answered_at, reason)"
                " VALUES (?, ?, ?, ?, ?, ?, 'why')",
                (*known, event.model_dump_json(), state, answered_at),
            )
        db.execute(
            "INSERT INTO events VALUES (9, 'x', 'y', '2026-06-01T00:00:00+00:00', 'no json', 'waiting', NULL, NULL)"
        )
        for item, state in ((start, "pending"), (crop, "sacrificed")):
            db.execute(
                f"INSERT INTO evidence VALUES (?, 'image/jpeg', 9, ?, ?, NULL, '{then}')",
                (item.sha256, item.role.value, state),
            )
        db.execute("INSERT INTO notes VALUES ('stream_epoch', 'e1')")

    outbox = Outbox(file)

    assert outbox.counts().events == {"waiting": 2, "accepted": 1, "refused": 1}
    assert [item.event for item in outbox.waiting_events(9)] == [events[0]]
    assert outbox.counts().events["unreadable"] == 1
    assert outbox.counts().sacrificed == 1
    assert outbox.note("stream_epoch") == "e1"
    rows = outbox._db.execute("SELECT source, size_bytes > 100, answers FROM events ORDER BY seq").fetchall()
    assert rows == [("camera/yard", 1, 0), ("camera/gate", 1, 1), ("camera/yard", 1, 1), ("", 0, 0)]
    links = outbox._db.execute("SELECT count(*) FROM incident_evidence").fetchone()
    assert links == (3,)
    assert outbox.evidence.next(newest=True) is not None
    assert outbox._db.execute("SELECT taken_at FROM evidence WHERE role = 'start'").fetchone() == (
        start.taken_at.isoformat().replace("+00:00", "Z"),
    )
    # It works on, and gives what it forgets back to the disk.
    outbox.commit(Commit(events=[an_event() for _ in range(2000)]))
    accept_all(outbox)
    large = outbox.file_bytes
    outbox.forget_accepted(size_bytes=10**9)
    outbox.shrink()
    assert outbox.file_bytes < large / 4
    outbox.close()


def test_an_upgrade_that_breaks_off_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "outbox.sqlite"
    with closing(_first_version(file)) as db:
        db.execute("CREATE TABLE incident_evidence (in_the_way TEXT)")

    with pytest.raises(OutboxError, match="cannot be opened"):
        Outbox(file)

    with closing(sqlite3.connect(file)) as db:
        assert "source" not in {row[1] for row in db.execute("PRAGMA table_info(events)")}
        db.execute("DROP TABLE incident_evidence")
    Outbox(file).close()


def test_a_file_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "outbox.sqlite"
    Outbox(file).close()
    with closing(sqlite3.connect(file)) as db:
        db.execute(f"PRAGMA user_version = {VERSION + 1}")

    with pytest.raises(OutboxError, match=f"it is of version {VERSION + 1}, this program knows {VERSION}"):
        Outbox(file)


def test_what_was_answered_before_the_upgrade_can_go_again(tmp_path: Path) -> None:
    file = tmp_path / "outbox.sqlite"
    outbox = Outbox(file)
    outbox.commit(Commit(events=[an_event()]))
    outbox.answered([(1, Answer.ACCEPTED, None)])
    outbox.close()

    outbox = Outbox(file)
    assert outbox.send_again(None) == 1
    assert outbox.evidence_states(["a" * 64]) == {}
    assert EvidenceState.PENDING not in outbox.evidence_states(["b" * 64])
    outbox.close()
