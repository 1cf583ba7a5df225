"""The clock of a stage, worked out by hand: pauses over nights and months, extensions, rework, and the ledger."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from api.acts.clocks import (
    Clock,
    Limit,
    NewLine,
    Stage,
    after,
    extend,
    next_step_at,
    pause,
    recomputed,
    replay,
    resume,
    share_reached,
    start,
    stop,
)
from api.clocks.work_time import WorkingHours

_SHANGHAI = timedelta(hours=8)
_CHECK = Limit(1, "workday")
_HOURS = WorkingHours.of(
    time_zone="Asia/Shanghai", hours=[["08:00", "12:00"], ["14:00", "18:00"]], weekdays=[0, 1, 2, 3, 4]
)


def _at(text: str) -> datetime:
    """A moment by Shanghai's clocks; 2026-11-23 is a Monday."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC) - _SHANGHAI


class Ledger:
    """Takes what happened, and keeps clock and lines."""

    def __init__(self) -> None:
        self.lines: list[NewLine] = []

    @property
    def clock(self) -> Clock:
        return replay(self.lines)

    def add(self, line: NewLine | None) -> Clock:
        assert line is not None
        self.lines.append(line)
        return self.clock

    def start(self, stage: Stage, limit: Limit, at: str) -> Clock:
        return self.add(start(stage, limit, at=_at(at), hours=_HOURS, check=_CHECK))

    def pause(self, at: str) -> Clock:
        return self.add(pause(self.clock, at=_at(at), hours=_HOURS))

    def resume(self, at: str) -> Clock:
        return self.add(resume(self.clock, at=_at(at), hours=_HOURS, check=_CHECK))

    def extend(self, limit: Limit, at: str) -> Clock:
        return self.add(extend(self.clock, limit, at=_at(at), hours=_HOURS, check=_CHECK))

    def stop(self, at: str) -> Clock:
        return self.add(stop(self.clock, at=_at(at), hours=_HOURS))


def test_four_work_hours_from_late_on_friday_end_on_monday() -> None:
    clock = Ledger().start(Stage.HANDLE, Limit(4, "work_hour"), "2026-11-27 17:00")
    assert clock.handle_due_at == clock.stage_due_at == _at("2026-11-30 11:00")
    # A workday of check more: an hour of Monday morning, four of the afternoon, three of Tuesday.
    assert clock.close_due_at == _at("2026-12-01 11:00")


def test_a_pause_over_months_leaves_what_was_left() -> None:
    ledger = Ledger()
    ledger.start(Stage.HANDLE, Limit(4, "work_hour"), "2026-11-23 08:00")
    paused = ledger.pause("2026-11-23 10:30")
    assert (paused.remaining_s, paused.stage_due_at, paused.handle_due_at) == (1.5 * 3600, None, None)
    resumed = ledger.resume("2027-01-04 17:00")
    assert resumed.handle_due_at == _at("2027-01-05 08:30")
    assert resumed.paused_at is None
    assert resumed.close_due_at == _at("2027-01-06 08:30")


def test_an_overdue_clock_that_rests_is_as_overdue_afterwards() -> None:
    ledger = Ledger()
    ledger.start(Stage.HANDLE, Limit(2, "urgent_hour"), "2026-11-23 08:00")
    assert ledger.pause("2026-11-23 11:00").remaining_s == -3600
    assert ledger.resume("2026-11-25 11:00").handle_due_at == _at("2026-11-25 10:00")


def test_an_extension_adds_to_the_due_and_to_the_limit() -> None:
    ledger = Ledger()
    ledger.start(Stage.HANDLE, Limit(4, "work_hour"), "2026-11-23 08:00")
    extended = ledger.extend(Limit(4, "work_hour"), "2026-11-23 09:00")
    assert (extended.stage_limit, extended.handle_due_at) == (8, _at("2026-11-23 18:00"))


def test_the_dates_of_the_round_stay_through_the_check_and_end_with_the_return() -> None:
    ledger = Ledger()
    first = ledger.start(Stage.HANDLE, Limit(2, "hour"), "2026-11-23 08:00")
    ledger.stop("2026-11-23 09:00")
    checking = ledger.start(Stage.CHECK, _CHECK, "2026-11-23 09:00")
    assert (checking.handle_due_at, checking.close_due_at) == (first.handle_due_at, first.close_due_at)
    ledger.stop("2026-11-23 09:30")
    rework = ledger.start(Stage.HANDLE, Limit(2, "hour"), "2026-11-23 09:30")
    assert rework.handle_due_at == _at("2026-11-23 11:30")
    ledger.stop("2026-11-23 10:00")
    returned = ledger.start(Stage.DISPATCH, Limit(1, "hour"), "2026-11-23 10:00")
    assert (returned.handle_due_at, returned.close_due_at) == (None, None)
    assert recomputed(ledger.lines, _HOURS, check=_CHECK) == ledger.lines


def test_a_check_that_rests_while_merged_leaves_as_much_until_the_closing() -> None:
    ledger = Ledger()
    ledger.start(Stage.HANDLE, Limit(4, "work_hour"), "2026-11-23 08:00")
    ledger.stop("2026-11-23 10:00")
    checking = ledger.start(Stage.CHECK, _CHECK, "2026-11-23 10:00")
    # Two hours of the handling were not used: the check is due at 10:00, the closing at 12:00 of the next day.
    assert (checking.stage_due_at, checking.close_due_at) == (_at("2026-11-24 10:00"), _at("2026-11-24 12:00"))
    paused = ledger.pause("2026-11-23 11:00")
    assert (paused.stage_due_at, paused.close_due_at) == (None, checking.close_due_at)
    resumed = ledger.resume("2026-11-26 11:00")
    assert (resumed.stage_due_at, resumed.close_due_at) == (_at("2026-11-27 10:00"), _at("2026-11-27 12:00"))
    assert resumed.handle_due_at == checking.handle_due_at, "it was handled in its time"
    assert recomputed(ledger.lines, _HOURS, check=_CHECK) == ledger.lines


def test_what_is_left_when_it_stops_is_in_the_ledger() -> None:
    ledger = Ledger()
    ledger.start(Stage.ACCEPT, Limit(0.5, "hour"), "2026-11-23 08:00")
    ended = ledger.stop("2026-11-23 08:40")
    assert ended == Clock()
    assert (ledger.lines[-1].remaining_s, ledger.lines[-1].due_at) == (-600, _at("2026-11-23 08:30"))


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.5, "2026-11-23 15:00"), (0.8, "2026-11-23 17:24"), (1.0, "2026-11-24 09:00"), (2.0, "2026-11-25 09:00")],
)
def test_shares_of_a_limit_are_counted_as_the_limit_is(share: float, expected: str) -> None:
    clock = Ledger().start(Stage.HANDLE, Limit(1, "workday"), "2026-11-23 09:00")
    assert next_step_at(clock, [share], known_overdue=True, hours=_HOURS) == _at(expected)
    assert share_reached(clock, share, at=_at(expected), hours=_HOURS)
    assert not share_reached(clock, share, at=_at(expected) - timedelta(seconds=1), hours=_HOURS)


def test_a_calendar_without_working_time_makes_nothing_due() -> None:
    never = WorkingHours.of(time_zone="Asia/Shanghai", hours=[], weekdays=[])
    line = start(Stage.HANDLE, Limit(1, "workday"), at=_at("2026-11-23 09:00"), hours=never, check=_CHECK)
    clock = after(Clock(), line)
    assert (clock.stage, clock.stage_due_at, clock.handle_due_at) == ("handle", None, None)
    assert pause(clock, at=_at("2026-11-23 10:00"), hours=never) is not None
    assert next_step_at(clock, [0.8], known_overdue=False, hours=never) is None


def test_nothing_happens_to_a_clock_that_does_not_run() -> None:
    now = _at("2026-11-23 09:00")
    assert stop(Clock(), at=now, hours=_HOURS) is None
    assert pause(Clock(), at=now, hours=_HOURS) is None
    assert resume(Clock(), at=now, hours=_HOURS, check=_CHECK) is None
    assert extend(Clock(), _CHECK, at=now, hours=_HOURS, check=_CHECK) is None
