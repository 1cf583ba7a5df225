"""The tables of the outbox, and how a file of an earlier version becomes one of this version.

``PRAGMA user_version`` names the version: 0 was the first, 1 knows sources, answers and whose evidence is whose.
"""

from __future__ import annotations

import sqlite3

VERSION = 1

_TABLES = """
CREATE TABLE stays (incident_id TEXT PRIMARY KEY, watch_id TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT NOT NULL UNIQUE, incident_id TEXT NOT NULL,
    occurred_at TEXT NOT NULL, body TEXT NOT NULL, state TEXT NOT NULL, answered_at TEXT, reason TEXT,
    source TEXT NOT NULL DEFAULT '', size_bytes INTEGER NOT NULL DEFAULT 0, added_at TEXT NOT NULL DEFAULT '',
    answers INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE evidence (
    sha256 TEXT PRIMARY KEY, media_type TEXT NOT NULL, size_bytes INTEGER NOT NULL, role TEXT NOT NULL,
    state TEXT NOT NULL, reason TEXT, added_at TEXT NOT NULL, taken_at TEXT, on_disk INTEGER NOT NULL DEFAULT 1
);
CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""

_COLUMNS = """
ALTER TABLE events ADD COLUMN source TEXT NOT NULL DEFAULT '';
ALTER TABLE events ADD COLUMN size_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE events ADD COLUMN added_at TEXT NOT NULL DEFAULT '';
ALTER TABLE events ADD COLUMN answers INTEGER NOT NULL DEFAULT 0;
ALTER TABLE evidence ADD COLUMN taken_at TEXT;
ALTER TABLE evidence ADD COLUMN on_disk INTEGER NOT NULL DEFAULT 1;
"""

# Whose evidence is whose: what has to be given up is told by an event of each incident that it belongs to.
_TABLES_OF_1 = """
CREATE TABLE incident_evidence (
    incident_id TEXT NOT NULL, sha256 TEXT NOT NULL, PRIMARY KEY (incident_id, sha256)
) WITHOUT ROWID;
CREATE INDEX incident_evidence_by_sha256 ON incident_evidence (sha256);
DROP INDEX IF EXISTS events_by_state;
DROP INDEX IF EXISTS evidence_by_state;
CREATE INDEX events_by_state ON events (state, answered_at);
CREATE INDEX events_waiting ON events (source, seq) WHERE state = 'waiting';
CREATE INDEX events_waiting_by_age ON events (seq) WHERE state = 'waiting';
CREATE INDEX events_by_incident ON events (incident_id, seq);
CREATE INDEX evidence_by_place ON evidence (state, role, added_at);
CREATE INDEX evidence_on_disk ON evidence (on_disk, state, size_bytes);
"""

_FILL = """
UPDATE events SET source = coalesce(json_extract(body, '$.source.type') || '/' || json_extract(body, '$.source.id'), '')
    WHERE json_valid(body);
UPDATE events SET size_bytes = length(CAST(body AS BLOB)), added_at = occurred_at, answers = answered_at IS NOT NULL;
CREATE TEMP TABLE listed AS
    SELECT e.incident_id, json_extract(i.value, '$.sha256') AS sha256, json_extract(i.value, '$.taken_at') AS taken_at
    FROM (SELECT incident_id, body FROM events WHERE json_valid(body)) e, json_each(e.body, '$.evidence') i;
INSERT OR IGNORE INTO incident_evidence SELECT incident_id, sha256 FROM listed WHERE sha256 IS NOT NULL;
UPDATE evidence SET taken_at = (SELECT min(taken_at) FROM listed WHERE listed.sha256 = evidence.sha256);
DROP TABLE listed;
INSERT INTO notes SELECT 'sacrificed', count(*) FROM evidence WHERE state = 'sacrificed'
    ON CONFLICT (name) DO UPDATE SET value = excluded.value;
"""


class NewerVersion(Exception):
    """The file was written by a later version of this program, which this one must not touch."""


def version_of(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def bring_up_to_date(db: sqlite3.Connection) -> None:
    """Makes or upgrades the tables in one transaction. Raises: sqlite3.Error, NewerVersion: Nothing has changed."""
    if version_of(db) == VERSION:
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        _upgrade(db, version_of(db))
        db.execute(f"PRAGMA user_version = {VERSION}")
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def _upgrade(db: sqlite3.Connection, found: int) -> None:
    if found > VERSION:
        raise NewerVersion(f"it is of version {found}, this program knows {VERSION}")
    if found == VERSION:  # another process was faster
        return
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'events'").fetchone():
        _run(db, _TABLES + _TABLES_OF_1)
        return
    _run(db, _COLUMNS + _TABLES_OF_1 + _FILL)


def _run(db: sqlite3.Connection, statements: str) -> None:
    # Not executescript: that commits first, and a half-made upgrade would be one that cannot be repeated.
    for statement in statements.split(";\n"):
        if statement.strip():
            db.execute(statement)


def make_shrinkable(db: sqlite3.Connection) -> None:
    """Lets the file give its free pages back to the disk. A file of the first version is written anew for it once.

    Raises: sqlite3.Error: There was no room for that; all is as before.
    """
    if db.execute("PRAGMA auto_vacuum").fetchone() != (2,):
        db.execute("PRAGMA auto_vacuum = INCREMENTAL")
        db.execute("VACUUM")
