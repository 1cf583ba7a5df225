"""What was raised survives: one transaction for stay, event and evidence, and answers that are kept."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
import structlog.testing

from edge.outbox.box import Commit, Outbox, OutboxError
from edge.outbox.keeper import Keeper
from edge.staying.stay_records import record_of
from edge.staying.stays import Change, StayChange, WatchStays
from ingest.contract import Answer, ClearReason, EvidenceRole
from tests.edge.fakes import FakeClock, car, watch
from tests.edge.makers import DETECTOR, accept_all, an_event, an_item, commit, long_ago


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    box = Outbox(tmp_path / "outbox.sqlite")
    yield box
    box.close()


def test_events_wait_in_order_until_each_has_its_answer(outbox: Outbox) -> None:
    events = [an_event() for _ in range(4)]
    outbox.commit(Commit(events=events))
    waiting = outbox.waiting_events(10)

    outbox.answered(
        zip(
            [item.seq for item in waiting],
            [Answer.ACCEPTED, Answer.DUPLICATE, Answer.HELD, Answer.REFUSED],
            [None, None, "newer than this centre", "malformed"],
            strict=True,
        )
    )

    assert [item.event for item in waiting] == events
    assert outbox.waiting_events(10) == []
    assert outbox.counts().events == {"accepted": 2, "held": 1, "refused": 1}


def test_a_held_event_is_tried_again_a_day_later(outbox: Outbox, tmp_path: Path) -> None:
    outbox.commit(Commit(events=[an_event()]))
    seq = outbox.waiting_events(1)[0].seq
    outbox.answered([(seq, Answer.HELD, None)])
    yesterday = (datetime.now(UTC) - timedelta(days=1, minutes=1)).isoformat()
    outbox._db.execute("UPDATE events SET answered_at = ?", (yesterday,))

    assert [item.seq for item in outbox.waiting_events(1)] == [seq]


def test_a_week_after_its_answer_an_event_is_forgotten_and_its_pictures_are_named(outbox: Outbox) -> None:
    outbox.commit(Commit(events=[an_event()], evidence=[an_item(EvidenceRole.START)]))
    outbox.answered([(outbox.waiting_events(1)[0].seq, Answer.ACCEPTED, None)])
    outbox.evidence.arrived(["a" * 64])
    assert outbox.prune() == []

    long_ago(outbox, days=8)

    assert outbox.prune() == ["a" * 64]
    assert outbox.counts().events == {}


def test_a_commit_that_fails_keeps_nothing_of_it(outbox: Outbox) -> None:
    twice = an_event()

    with pytest.raises(OutboxError):
        outbox.commit(Commit(events=[an_event(), twice, twice]))

    assert outbox.waiting_events(10) == []
    outbox.commit(Commit(events=[twice]))
    assert len(outbox.waiting_events(10)) == 1


def test_a_damaged_file_is_an_error_in_words(tmp_path: Path) -> None:
    file = tmp_path / "outbox.sqlite"
    file.write_bytes(b"this is no database" * 100)

    with pytest.raises(OutboxError, match=r"outbox\.sqlite cannot be opened"):
        Outbox(file)


def test_every_commit_is_asked_to_reach_the_disk(outbox: Outbox) -> None:
    assert outbox._db.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
    assert outbox._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def _changes(stays: WatchStays, clock: FakeClock, *, looks: int) -> Iterator[list[StayChange]]:
    for _ in range(looks):
        yield stays.judge([car()], clock.pass_s(2), lambda _: b"\x01" * 576)


def test_what_only_passes_never_touches_the_disk_and_what_is_raised_is_kept_with_its_event(outbox: Outbox) -> None:
    clock, stays, keeper = FakeClock(), WatchStays(watch(dwell_s=4)), Keeper(outbox, edge_id="corner-7")
    incident: UUID | None = None
    for number, changes in enumerate(_changes(stays, clock, looks=4)):
        keeper.keep(keeper.commit_of(changes, moment=clock.now(), watch=stays.watch, sensor=None, detector=DETECTOR))
        incident = stays.stays[0].incident_id
        assert len(outbox.stays()) == (0 if number == 0 else 1)

    assert [item.event.incident_id for item in outbox.waiting_events(5)] == [incident]
    assert outbox.stays()[0].raised


def test_while_the_outbox_cannot_be_written_changes_wait_and_go_first_when_it_can(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.sqlite")
    keeper = Keeper(outbox, edge_id="corner-7")
    outbox._db.execute("PRAGMA max_page_count = 1")  # SQLite's own "disk full"
    events = [an_event(evidence=[an_item(EvidenceRole.START)]) for _ in range(30)]

    for event in events:
        keeper.keep(Commit(events=[event]))
    assert keeper.uncommitted > 0
    outbox._db.execute("PRAGMA max_page_count = 100000")
    last = an_event()
    keeper.keep(Commit(events=[last]))

    assert keeper.uncommitted == 0
    assert [item.event for item in outbox.waiting_events(50)] == [*events, last]
    outbox.close()


def test_a_cleared_event_says_why(outbox: Outbox) -> None:
    clock, stays = FakeClock(), WatchStays(watch(dwell_s=2, clear_s=4))
    list(_changes(stays, clock, looks=3))
    found = [c for _ in range(4) for c in stays.judge([], clock.pass_s(2), lambda _: b"")]

    commit = Keeper(outbox, edge_id="corner-7").commit_of(
        found, moment=clock.now(), watch=stays.watch, sensor=None, detector=DETECTOR
    )

    assert found[-1].change is Change.CLEARED
    assert [event.clear_reason for event in commit.events] == [ClearReason.GONE]


def test_a_commit_that_waited_writes_the_stay_as_it_was_then(tmp_path: Path) -> None:
    """Else a kill after it would leave a raised stay on the disk whose event never was."""
    outbox = Outbox(tmp_path / "outbox.sqlite")
    clock, stays, keeper = FakeClock(), WatchStays(watch(dwell_s=6)), Keeper(outbox, edge_id="corner-7")
    commits = [
        keeper.commit_of(changes, moment=clock.now(), watch=stays.watch, sensor=None, detector=DETECTOR)
        for changes in _changes(stays, clock, looks=5)
    ]
    assert stays.stays[0].raised

    raising = next(number for number, later in enumerate(commits) if later.events)
    for earlier in commits[:raising]:
        outbox.commit(earlier)

    assert [stay.raised for stay in outbox.stays()] == [False]
    outbox.close()


def test_an_event_that_cannot_be_read_any_more_is_set_apart_and_blocks_nothing(outbox: Outbox) -> None:
    good = an_event()
    outbox.commit(Commit(events=[an_event(), good]))
    outbox._db.execute("UPDATE events SET body = '{}' WHERE seq = 1")

    assert [item.event for item in outbox.waiting_events(10)] == [good]
    assert outbox.counts().events == {"unreadable": 1, "waiting": 1}


def test_what_an_open_stay_still_needs_is_not_pruned(outbox: Outbox) -> None:
    clock, stays, keeper = FakeClock(), WatchStays(watch(dwell_s=4)), Keeper(outbox, edge_id="corner-7")
    for changes in _changes(stays, clock, looks=4):
        if not stays.stays[0].evidence:
            stays.stays[0].evidence.append(an_item(EvidenceRole.START))
        keeper.keep(keeper.commit_of(changes, moment=clock.now(), watch=stays.watch, sensor=None, detector=DETECTOR))
    outbox.answered([(outbox.waiting_events(1)[0].seq, Answer.ACCEPTED, None)])
    outbox.evidence.arrived(["a" * 64])
    long_ago(outbox, days=8)

    assert outbox.prune() == []
    assert outbox.last_event(stays.stays[0].incident_id) is not None


def test_the_last_event_of_an_incident_stays_as_long_as_its_pictures_wait(outbox: Outbox) -> None:
    """Else nobody could tell, when they have to be given up."""
    event = an_event(evidence=[an_item()])
    commit(outbox, event)
    accept_all(outbox)
    long_ago(outbox, days=8)

    assert outbox.prune() == []
    assert outbox.last_event(event.incident_id) == event


def test_an_event_that_is_kept_already_holds_up_nothing_and_is_told(outbox: Outbox) -> None:
    keeper = Keeper(outbox, edge_id="corner-7")
    known, new, last = an_event(), an_event(), an_event()
    keeper.keep(Commit(events=[known]))

    with structlog.testing.capture_logs() as logs:
        assert keeper.keep(Commit(events=[known, new]))
    assert keeper.keep(Commit(events=[last]))

    assert [item.event for item in outbox.waiting_events(9)] == [known, new, last]
    assert (keeper.refused, keeper.uncommitted, keeper.fault) == (1, 0, None)
    told = [entry for entry in logs if entry["event"] == "change refused by the outbox"]
    assert [str(known.event_id) in entry["events"][0] for entry in told] == [True]


def test_what_waits_in_memory_grows_with_events_alone_and_none_is_dropped(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.sqlite")
    clock, stays = FakeClock(), WatchStays(watch(dwell_s=1e5))
    keeper = Keeper(outbox, edge_id="corner-7")
    outbox._db.execute("PRAGMA query_only = ON")
    events = [an_event() for _ in range(250)]
    with structlog.testing.capture_logs() as logs:
        for changes, event in zip(_changes(stays, clock, looks=250), events, strict=True):
            save = [record_of(change.stay) for change in changes]
            assert not keeper.keep(Commit(save=save, events=[event]))

    assert len(keeper._waiting) == 3  # hundreds of records of one stay, and one left for each hundred events
    assert keeper.uncommitted == 250 + 3
    assert "readonly" in str(keeper.fault)
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == ["outbox lost"]

    outbox._db.execute("PRAGMA query_only = OFF")
    assert keeper.keep(Commit())
    assert [item.event for item in outbox.waiting_events(999)] == events
    assert outbox.stays()[0].sightings == stays.stays[0].sightings
    assert (keeper.uncommitted, keeper.fault) == (0, None)
    outbox.close()


def test_a_stay_that_was_saved_and_then_forgotten_while_the_disk_was_lost_is_gone(outbox: Outbox) -> None:
    stays = WatchStays(watch())
    stays.judge([car()], FakeClock().now(), lambda _: b"")
    record = record_of(stays.stays[0])

    outbox.commit(Commit(save=[record]).then(Commit(forget=[record.incident_id])))
    assert outbox.stays() == []

    outbox.commit(Commit(forget=[record.incident_id]).then(Commit(save=[record])))
    assert [stay.incident_id for stay in outbox.stays()] == [record.incident_id]
