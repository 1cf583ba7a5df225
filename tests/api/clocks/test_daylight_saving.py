"""Working time where clocks change: windows are local times and count the seconds that really pass."""

from __future__ import annotations

import pytest

from api.clocks.work_time import counted_s, due_at
from tests.api.clocks.calendars import at, calendar

BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"
HOUR_S = 3600.0

# Berlin: Sunday 29 March 2026, 02:00 becomes 03:00; Sunday 25 October 2026, 03:00 becomes 02:00.
# New York: Sunday 8 March 2026, 02:00 becomes 03:00; Sunday 1 November 2026, 02:00 becomes 01:00.


@pytest.mark.parametrize(
    ("zone", "friday", "monday", "offset_friday_h", "offset_monday_h"),
    [
        (BERLIN, "2026-03-27", "2026-03-30", 1, 2),
        (BERLIN, "2026-10-23", "2026-10-26", 2, 1),
        (NEW_YORK, "2026-03-06", "2026-03-09", -5, -4),
        (NEW_YORK, "2026-10-30", "2026-11-02", -4, -5),
    ],
)
def test_work_begins_at_eight_on_the_clock_before_and_after_the_change(
    zone: str, friday: str, monday: str, offset_friday_h: int, offset_monday_h: int
) -> None:
    hours = calendar(zone)
    due = due_at(at(f"{friday} 17:00", zone), 2, "work_hour", hours)
    assert due == at(f"{monday} 09:00", zone)
    assert (due.hour, due.day) == (9 - offset_monday_h, int(monday[-2:]))
    assert at(f"{friday} 17:00", zone).hour == 17 - offset_friday_h


@pytest.mark.parametrize(
    ("zone", "start", "due"),
    [
        (BERLIN, "2026-03-28 12:00", "2026-03-29 13:00"),
        (BERLIN, "2026-10-24 12:00", "2026-10-25 11:00"),
        (NEW_YORK, "2026-03-07 12:00", "2026-03-08 13:00"),
        (NEW_YORK, "2026-10-31 12:00", "2026-11-01 11:00"),
    ],
)
def test_a_day_that_runs_on_is_24_hours_whatever_the_clock_shows(zone: str, start: str, due: str) -> None:
    assert due_at(at(start, zone), 1, "day", calendar(zone)) == at(due, zone)


NIGHT = ("22:00", "06:00")


@pytest.mark.parametrize(
    ("zone", "saturday", "sunday", "night_hours"),
    [
        (BERLIN, "2026-03-28", "2026-03-29", 7),
        (BERLIN, "2026-10-24", "2026-10-25", 9),
        (NEW_YORK, "2026-03-07", "2026-03-08", 7),
        (NEW_YORK, "2026-10-31", "2026-11-01", 9),
    ],
)
def test_a_night_over_the_change_counts_what_passes(zone: str, saturday: str, sunday: str, night_hours: int) -> None:
    hours = calendar(zone, NIGHT, weekdays=range(7))
    start, end = at(f"{saturday} 22:00", zone), at(f"{sunday} 06:00", zone)
    assert counted_s(start, end, "work_hour", hours) == night_hours * HOUR_S
    assert due_at(start, night_hours, "work_hour", hours) == end


@pytest.mark.parametrize(
    ("zone", "day", "window", "counted_minutes"),
    [
        # spring: 02:00 to 03:00 does not exist
        (BERLIN, "2026-03-29", ("01:00", "04:00"), 120),
        (BERLIN, "2026-03-29", ("02:00", "03:00"), 0),
        (BERLIN, "2026-03-29", ("02:15", "02:45"), 0),
        (BERLIN, "2026-03-29", ("02:30", "04:00"), 60),
        (BERLIN, "2026-03-29", ("01:30", "02:30"), 30),
        (NEW_YORK, "2026-03-08", ("02:30", "04:00"), 60),
        # autumn: the hour is there twice; an edge is the first time that the clock shows it
        (BERLIN, "2026-10-25", ("01:00", "04:00"), 240),
        (BERLIN, "2026-10-25", ("02:00", "03:00"), 120),
        (BERLIN, "2026-10-25", ("01:00", "02:30"), 90),
        (BERLIN, "2026-10-25", ("02:30", "04:00"), 150),
        (BERLIN, "2026-10-25", ("02:15", "02:45"), 30),
        (NEW_YORK, "2026-11-01", ("01:00", "02:00"), 120),
    ],
)
def test_a_window_in_the_hour_of_the_change(zone: str, day: str, window: tuple[str, str], counted_minutes: int) -> None:
    hours = calendar(zone, window, weekdays=range(7))
    counted = counted_s(at(f"{day} 00:00", zone), at(f"{day} 12:00", zone), "work_hour", hours)
    assert counted == counted_minutes * 60


@pytest.mark.parametrize("day", ["2026-03-28", "2026-10-24"])
def test_windows_that_meet_inside_the_changed_hour_neither_overlap_nor_leave_a_gap(day: str) -> None:
    halves = calendar(BERLIN, ("22:00", "02:30"), ("02:30", "06:00"), weekdays=range(7))
    whole = calendar(BERLIN, NIGHT, weekdays=range(7))
    start, end = at(f"{day} 12:00", BERLIN), at(f"{day[:-2]}{int(day[-2:]) + 1} 12:00", BERLIN)
    # The second half of the first calendar belongs to the next day, which is worked as well.
    assert counted_s(start, end, "work_hour", halves) == counted_s(start, end, "work_hour", whole)


def test_a_limit_that_ends_in_the_second_of_two_hours_is_due_there() -> None:
    hours = calendar(BERLIN, NIGHT, weekdays=range(7))
    start = at("2026-10-24 22:00", BERLIN)
    assert due_at(start, 4.5, "work_hour", hours) == at("2026-10-25 02:30", BERLIN)
    assert due_at(start, 5.5, "work_hour", hours) == at("2026-10-25 02:30", BERLIN, fold=1)


def test_china_had_no_change_since_1991_and_hours_are_the_same_all_year() -> None:
    hours = calendar()
    starts = {due_at(at(f"2026-{month:02}-02 00:00"), 0.001, "work_hour", hours).hour for month in range(1, 13)}
    assert starts == {0}  # 08:00 in Shanghai is midnight in UTC
