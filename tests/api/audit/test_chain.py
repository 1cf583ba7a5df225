"""The audit trail is sealed within a second, and whoever changes a byte of it is found out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from api.audit.chain import Head, Verdict, head_of, seal, verify
from api.audit.trail import write_audit
from api.database import Database
from api.migrate import migrate
from api.tables import AuditRow
from tests.api.place import Place

NOW = datetime(2026, 11, 23, 4, 0, 0, 123000, tzinfo=UTC)
ROWS = 7


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    with closing(_migrated(database_url)) as made:
        yield made


def _migrated(database_url: str) -> Database:
    made = Database(database_url)
    migrate(made)
    return made


def _write(session: Session, count: int = ROWS, *, actor: str = "person:李") -> None:
    for number in range(count):
        details = {"name": f"门店 {number}", "share": 0.1, "none": None, "list": [1, 2.5]}
        at, request = NOW + timedelta(microseconds=number), f"request-{number}"
        write_audit(
            session, "people.manage", f"person:{number}", at=at, actor=actor, request_id=request, details=details
        )
        session.flush()


@pytest.fixture
def sealed(database: Database) -> Database:
    with database.write() as session:
        _write(session)
    with database.write() as session:
        assert seal(session, limit=3) == 3
        assert seal(session) == ROWS - 3
        assert seal(session) == 0
    return database


def _verdict(database: Database, **about: Any) -> Verdict:
    with database.read() as session:
        return verify(session, now=NOW, **about)


@contextmanager
def _tampering(database: Database) -> Iterator[Session]:
    with database.write() as session:
        yield session


class _Undo(Exception):
    """Rolls a transaction back."""


@contextmanager
def _undone(database: Database) -> Iterator[Session]:
    with suppress(_Undo), database.write() as session:
        yield session
        raise _Undo


def test_a_sealed_chain_is_sound_as_a_whole_and_in_parts(sealed: Database) -> None:
    whole, part, rest = _verdict(sealed), _verdict(sealed, limit=4), _verdict(sealed, after=4, limit=4)
    assert (whole.sound, whole.place, whole.more, whole.unsealed) == (True, ROWS, False, 0)
    assert (part.sound, part.place, part.more) == (True, 4, True)
    assert (rest.sound, rest.place, rest.more, rest.hash) == (True, ROWS, False, whole.hash)
    beyond = _verdict(sealed, after=99)
    assert beyond.fault is not None
    assert beyond.fault.place == 99


def test_both_databases_chain_the_same_rows_to_the_same_hash(sealed: Database) -> None:
    assert _verdict(sealed).hash == "16c26945800c791b7bfe9ad2d66cde45532c1e2ec3ab5a6aab59ecd7c9ca94e8"


LATER = {True: "strftime('%Y-%m-%d %H:%M:%f', at, '+1 second')", False: "at + interval '1 microsecond'"}
EDITS = [
    ("id", "id + 100"),
    ("at", "LATER"),
    ("actor", "'person:季'"),
    ("action", "'people.manags'"),
    ("subject", "'person:3 '"),
    ("details", "replace(CAST(details AS TEXT), '0.1', '0.2')"),
    ("details", "replace(CAST(details AS TEXT), '0.1', ' 0.1')"),
    ("details", "'\"no object\"'"),
    ("details", "'null'"),
    ("request_id", "NULL"),
    ("request_id", "'request-4'"),
    ("previous_hash", "upper(previous_hash)"),
    ("previous_hash", "NULL"),
    ("hash", "upper(hash)"),
    ("hash", "NULL"),
    ("place", "place + 100"),
    ("place", "NULL"),
]


def test_an_edit_of_any_column_is_found_where_it_is(sealed: Database) -> None:
    found = {}
    for column, edited in EDITS:
        value = LATER[sealed.is_sqlite] if edited == "LATER" else edited
        if column == "details" and not sealed.is_sqlite:
            value = f"CAST({value} AS json)"
        with _undone(sealed) as session:
            session.execute(text(f"UPDATE audit SET {column} = {value} WHERE place = 4"))
            verdict = verify(session, now=NOW)
        found[column, edited] = (verdict.fault.place if verdict.fault else None, verdict.place)
    assert found == dict.fromkeys(EDITS, (4, 3))
    assert {column for column, _ in EDITS} == set(AuditRow.__table__.columns.keys())
    assert _verdict(sealed).sound


@pytest.mark.parametrize(
    "edited", ["actor = CAST(X'ff41' AS TEXT)", "details = 'not json'", "at = 'noon'", "place = 'last' || place"]
)
def test_what_only_sqlite_takes_is_a_fault_and_no_crash(tmp_path: Path, edited: str) -> None:
    with closing(_migrated(f"sqlite:///{tmp_path / 'cases.db'}")) as database:
        with database.write() as session:
            _write(session)
            seal(session)
        with _tampering(database) as session:
            session.execute(text(f"UPDATE audit SET {edited} WHERE place = 5"))
        verdict = _verdict(database)
    assert verdict.fault is not None
    assert (verdict.fault.place, verdict.place) == (5, 4)


REMOVED_OR_MOVED = {
    "the first removed": (["DELETE FROM audit WHERE place = 1"], 1),
    "one removed": (["DELETE FROM audit WHERE place = 3"], 3),
    "one removed, the rest moved up": (
        ["DELETE FROM audit WHERE place = 3", "UPDATE audit SET place = place - 1 WHERE place > 3"],
        3,
    ),
    "two swapped": (
        [
            "UPDATE audit SET place = 99 WHERE place = 2",
            "UPDATE audit SET place = 2 WHERE place = 5",
            "UPDATE audit SET place = 5 WHERE place = 99",
        ],
        2,
    ),
    "one put in front": (["UPDATE audit SET place = 0 WHERE place = 7"], 0),
}


def test_removed_and_moved_rows_are_found(sealed: Database) -> None:
    found = {}
    for name, (change, _) in REMOVED_OR_MOVED.items():
        with _undone(sealed) as session:
            for statement in change:
                session.execute(text(statement))
            verdict = verify(session, now=NOW)
        found[name] = verdict.fault.place if verdict.fault else None
    assert found == {name: place for name, (_, place) in REMOVED_OR_MOVED.items()}


def test_a_cut_tail_and_a_chain_made_anew_are_found_by_an_exported_head(sealed: Database) -> None:
    with sealed.read() as session:
        place, digest = head_of(session)
    heads = [Head(place=place, hash=digest, said_by="2026-11-22 in a copy")]
    assert (_verdict(sealed, heads=heads).sound, _verdict(sealed, heads=heads).heads) == (True, 1)
    with _tampering(sealed) as session:
        session.execute(text("DELETE FROM audit WHERE place > 5"))
    assert _verdict(sealed).sound, "the rows alone cannot tell"
    cut = _verdict(sealed, heads=heads)
    assert cut.fault is not None
    assert (cut.fault.place, "2026-11-22 in a copy" in cut.fault.reason) == (6, True)

    with _tampering(sealed) as session:
        session.execute(text("UPDATE audit SET place = NULL, actor = 'person:nobody'"))
        _write(session, 2)
        seal(session)
    assert _verdict(sealed).sound
    anew = _verdict(sealed, heads=heads)
    assert anew.fault is not None
    assert anew.fault.place == place


def test_a_row_committed_late_gets_a_later_place(postgres_url: str) -> None:
    with closing(_migrated(postgres_url)) as database:
        with database.write() as slow:
            _write(slow, 1, actor="person:slow")
            with database.write() as session:
                _write(session, 1, actor="person:quick")
            with database.write() as session:
                assert seal(session) == 1
        with database.write() as session:
            assert seal(session) == 1
            actors = session.execute(text("SELECT actor FROM audit ORDER BY place")).scalars().all()
        assert actors == ["person:quick", "person:slow"]
        assert _verdict(database).sound


def test_many_writers_and_two_sealers_make_one_chain(database: Database) -> None:
    def write(writer: int) -> None:
        for _ in range(10):
            with database.write() as session:
                _write(session, 2, actor=f"person:{writer}")

    def seal_some(_sealer: int) -> None:
        for _ in range(15):
            with database.write() as session:
                seal(session, limit=5)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda job: job[0](job[1]), [(write, n) for n in range(6)] + [(seal_some, n) for n in (1, 2)]))
    with database.write() as session:
        seal(session)
    verdict = _verdict(database)
    assert (verdict.sound, verdict.place, verdict.unsealed) == (True, 120, 0)


def test_a_running_place_seals_within_about_a_second(place: Place) -> None:
    database = place.app.state.services.database
    _wait(lambda: _sealed_within(database, 5))
    taken = []
    for _ in range(3):
        with database.write() as session:
            _write(session, 3)
        begun = time.monotonic()
        _wait(lambda: _verdict(database).unsealed == 0)
        taken.append(time.monotonic() - begun)
    assert min(taken) < 1.0
    assert _verdict(database).sound


def _sealed_within(database: Database, count: int) -> bool:
    with database.write() as session:
        _write(session, count)
    time.sleep(0.7)
    return _verdict(database).unsealed == 0


def _wait(done: Any) -> None:
    deadline = time.monotonic() + 20
    while not done():
        assert time.monotonic() < deadline, "nothing was sealed"
        time.sleep(0.05)


def test_what_waits_to_be_sealed_is_told(database: Database) -> None:
    with database.write() as session:
        _write(session, 2)
    with database.read() as session:
        verdict = verify(session, now=NOW + timedelta(seconds=90))
    assert (verdict.sound, verdict.place, verdict.unsealed) == (True, 0, 2)
    assert verdict.oldest_unsealed_s == pytest.approx(90)
