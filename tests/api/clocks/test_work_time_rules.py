"""What holds for every calendar, moment and limit; and what is refused."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.clocks.work_time import (
    BeyondHorizon,
    CalendarRefused,
    NoWorkingTime,
    WorkingHours,
    WorkTimeError,
    after_s,
    counted_s,
    due_at,
)
from tests.api.clocks.calendars import CHINA, at, calendar

CALENDARS = [
    CHINA,
    calendar("Europe/Berlin", ("22:00", "06:00"), ("09:30", "11:45"), weekdays=range(7)),
    calendar("America/New_York", ("00:00", "24:00")),
    calendar("Asia/Kathmandu", ("23:00", "01:01"), weekdays=range(2, 4)),
    calendar("Europe/Berlin", ("01:30", "02:10"), ("02:10", "02:40"), weekdays=range(6, 7)),
    calendar("Pacific/Apia", weekdays=range(7)),
]
calendars = st.sampled_from(CALENDARS)
units = st.sampled_from(["hour", "day", "urgent_hour", "work_hour", "workday"])
moments = st.timedeltas(timedelta(), timedelta(days=30 * 365)).map(
    lambda later: datetime(2010, 1, 1, tzinfo=UTC) + later
)
spans_s = st.integers(0, 400 * 3600 * 1_000_000).map(lambda us: us / 1_000_000)


@given(hours=calendars, unit=units, start=moments, seconds=spans_s)
@settings(deadline=None)
def test_counting_undoes_adding(hours: WorkingHours, unit: str, start: datetime, seconds: float) -> None:
    assert counted_s(start, after_s(start, seconds, unit, hours), unit, hours) == seconds
    assert counted_s(start, after_s(start, -seconds, unit, hours), unit, hours) == -seconds


@given(hours=calendars, unit=units, start=moments, seconds=spans_s)
@settings(deadline=None)
def test_a_due_moment_is_the_earliest(hours: WorkingHours, unit: str, start: datetime, seconds: float) -> None:
    due = after_s(start, seconds, unit, hours)
    if seconds > 0:
        assert counted_s(start, due - timedelta(microseconds=1), unit, hours) < seconds
    else:
        assert due == start


@given(hours=calendars, unit=units, three=st.tuples(moments, moments, moments))
@settings(deadline=None)
def test_counting_is_monotone_and_additive(
    hours: WorkingHours, unit: str, three: tuple[datetime, datetime, datetime]
) -> None:
    first, middle, last = sorted(three)
    parts = counted_s(first, middle, unit, hours), counted_s(middle, last, unit, hours)
    assert min(parts) >= 0
    assert sum(parts) == pytest.approx(counted_s(first, last, unit, hours), abs=1e-5)
    assert counted_s(first, last, unit, hours) <= (last - first).total_seconds()


@given(hours=calendars, unit=units, start=moments, one=spans_s, other=spans_s)
@settings(deadline=None)
def test_adding_twice_is_adding_the_sum(
    hours: WorkingHours, unit: str, start: datetime, one: float, other: float
) -> None:
    whole = after_s(start, one + other, unit, hours)
    in_two = after_s(after_s(start, one, unit, hours), other, unit, hours)
    # Where nothing is added in the second step, a moment outside working time may stay what it is.
    assert abs(counted_s(whole, in_two, unit, hours)) < 1e-5
    assert after_s(start, max(one, other), unit, hours) >= after_s(start, min(one, other), unit, hours)


@given(hours=calendars, start=moments, days=st.integers(0, 60))
@settings(deadline=None, max_examples=50)
def test_counting_agrees_with_looking_at_every_minute(hours: WorkingHours, start: datetime, days: int) -> None:
    start = start.replace(second=0, microsecond=0)
    end = start + timedelta(days=days % 4)
    minutes = (end - start) // timedelta(minutes=1)
    looked = sum(_works_at(hours, start + timedelta(minutes=n)) for n in range(minutes))
    assert hours.between(start, end) == 60 * looked


def _works_at(hours: WorkingHours, moment: datetime) -> bool:
    """Told from the clock on the wall alone; where it goes back, from when it showed a time first."""
    local = moment.astimezone(hours.zone)
    if local.fold:  # the second of two: it belongs to what ran when the clock went back
        gone_back = _first_of_fold(hours, moment)
        return _works_at(hours, gone_back - timedelta(minutes=1))
    wall = local.replace(tzinfo=None)
    for days_ago in (0, 1):
        day = wall.date() - timedelta(days=days_ago)
        minute = (wall - datetime.combine(day, datetime.min.time())) // timedelta(minutes=1)
        if hours.works_on(day) and any(w.start_min <= minute < w.end_min for w in hours.hours):
            return True
    return False


def _first_of_fold(hours: WorkingHours, moment: datetime) -> datetime:
    while moment.astimezone(hours.zone).fold:
        moment -= timedelta(minutes=1)
    return moment + timedelta(minutes=1)


@pytest.mark.parametrize(
    "never", [calendar(weekdays=range(0)), WorkingHours.of(time_zone="Asia/Shanghai", hours=[], weekdays=[0, 1])]
)
def test_a_calendar_without_working_time_is_told_and_not_searched_for_ever(never: WorkingHours) -> None:
    with pytest.raises(NoWorkingTime):
        due_at(at("2026-11-16 08:00"), 1, "work_hour", never)
    assert counted_s(at("2026-01-01 08:00"), at("2027-01-01 08:00"), "work_hour", never) == 0
    assert due_at(at("2026-11-16 08:00"), 1, "hour", never) == at("2026-11-16 09:00")


def test_a_calendar_with_one_working_day_in_its_life() -> None:
    once = calendar(weekdays=range(0), special_days={date(2027, 5, 1): True})
    assert due_at(at("2026-11-16 08:00"), 1, "workday", once) == at("2027-05-01 18:00")
    with pytest.raises(NoWorkingTime):
        due_at(at("2026-11-16 08:00"), 2, "workday", once)


@pytest.mark.parametrize(
    ("start", "limit", "unit"),
    [
        ("2026-11-16 08:00", 1e12, "hour"),
        ("2026-11-16 08:00", 1e7, "workday"),
        ("2026-11-16 08:00", float("inf"), "work_hour"),
        ("2026-11-16 08:00", float("nan"), "work_hour"),
        ("2026-11-16 08:00", float("nan"), "day"),
        ("9998-11-16 08:00", 1, "work_hour"),
        ("9990-11-16 08:00", 10_000, "workday"),
        ("9990-11-16 08:00", 10_000, "day"),
        ("0001-06-16 08:00", 1, "work_hour"),
    ],
)
def test_what_is_beyond_all_limits_is_a_typed_error(start: str, limit: float, unit: str) -> None:
    with pytest.raises(BeyondHorizon):
        due_at(at(start), limit, unit, CHINA)


def test_a_naive_moment_is_refused() -> None:
    with pytest.raises(WorkTimeError, match="naive"):
        CHINA.add(datetime(2026, 11, 16, 8), 60)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"hours": [["8:00", "12:00"]]}, "local times"),
        ({"hours": [["08:00"]]}, "local times"),
        ({"hours": [["24:00", "12:00"]]}, "local times"),
        ({"hours": [["08:00", "12:00"], ["11:59", "13:00"]]}, "08:00-12:00 and 11:59-13:00"),
        ({"hours": [["22:00", "06:00"], ["05:00", "07:00"]]}, "next day"),
        ({"hours": [["08:00", "08:00"], ["09:00", "10:00"]]}, "do not overlap"),
        ({"weekdays": [0, 7]}, "0 (Monday) to 6"),
        ({"time_zone": "Asia/Nowhere"}, "Asia/Nowhere"),
        ({"time_zone": "../etc/passwd"}, "time zone"),
        ({"time_zone": ""}, "time zone"),
    ],
)
def test_what_makes_no_calendar_is_refused_in_words(change: dict[str, object], said: str) -> None:
    fields: dict[str, object] = {"time_zone": "Asia/Shanghai", "hours": [["08:00", "12:00"]], "weekdays": [0]}
    with pytest.raises(CalendarRefused) as refused:
        WorkingHours.of(**fields | change)  # type: ignore[arg-type]
    assert said in str(refused.value)


def test_two_thousand_work_hours_take_well_under_two_milliseconds() -> None:
    start = at("2026-01-05 09:00")
    due_at(start, 2000, "work_hour", CHINA)
    began = time.perf_counter()
    for _ in range(100):
        due_at(start, 2000, "work_hour", CHINA)
    assert (time.perf_counter() - began) / 100 < 0.002
