"""Dues worked out by hand on a calendar: nights, weekends, holidays and make-up days."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from api.clocks.work_time import LimitUnit, after_s, counted_s, due_at, limit_s
from tests.api.clocks.calendars import CHINA, at, calendar

PLAIN = calendar()
HOUR_S = 3600.0


# In 2026 the 16th of November is a Monday, the 20th a Friday.
@pytest.mark.parametrize(
    ("start", "limit", "unit", "due"),
    [
        # units that run on, whatever the hour and the day
        ("2026-11-20 17:00", 2, "hour", "2026-11-20 19:00"),
        ("2026-11-20 23:30", 2, "urgent_hour", "2026-11-21 01:30"),
        ("2026-11-20 17:00", 1, "day", "2026-11-21 17:00"),
        ("2026-11-20 17:00", 0.5, "hour", "2026-11-20 17:30"),
        # within a window, over the break, over a night, over a weekend
        ("2026-11-16 08:00", 4, "work_hour", "2026-11-16 12:00"),
        ("2026-11-16 08:30", 4, "work_hour", "2026-11-16 14:30"),
        ("2026-11-16 17:00", 4, "work_hour", "2026-11-17 11:00"),
        ("2026-11-20 17:00", 4, "work_hour", "2026-11-23 11:00"),
        ("2026-11-20 17:59", 0.25, "work_hour", "2026-11-23 08:14"),
        # a start outside working time waits for the next window
        ("2026-11-16 06:00", 1, "work_hour", "2026-11-16 09:00"),
        ("2026-11-16 12:00", 1, "work_hour", "2026-11-16 15:00"),
        ("2026-11-16 13:15", 1, "work_hour", "2026-11-16 15:00"),
        ("2026-11-16 18:00", 1, "work_hour", "2026-11-17 09:00"),
        ("2026-11-21 03:00", 1, "work_hour", "2026-11-23 09:00"),
        # due at a window's edge: at its end, not at the next one's start
        ("2026-11-16 14:00", 4, "work_hour", "2026-11-16 18:00"),
        ("2026-11-20 16:00", 2, "work_hour", "2026-11-20 18:00"),
        # a workday is eight work hours
        ("2026-11-16 08:00", 1, "workday", "2026-11-16 18:00"),
        ("2026-11-16 11:00", 1, "workday", "2026-11-17 11:00"),
        ("2026-11-20 11:00", 1, "workday", "2026-11-23 11:00"),
        ("2026-11-20 15:00", 2, "workday", "2026-11-24 15:00"),
        ("2026-11-16 08:00", 10, "workday", "2026-11-27 18:00"),
        # no limit at all is due at once, also at night
        ("2026-11-21 03:00", 0, "work_hour", "2026-11-21 03:00"),
        ("2026-11-21 03:00", 0, "hour", "2026-11-21 03:00"),
    ],
)
def test_a_limit_on_a_plain_calendar(start: str, limit: float, unit: str, due: str) -> None:
    assert due_at(at(start), limit, unit, PLAIN) == at(due)
    assert counted_s(at(start), at(due), unit, PLAIN) == limit_s(limit, unit)


# National day 2026: off from Thursday the 1st to Wednesday the 7th of October; work on Sunday the 20th of September
# and on Saturday the 10th of October. Mid-autumn: off from Friday the 25th to Sunday the 27th of September.
@pytest.mark.parametrize(
    ("start", "limit", "unit", "due"),
    [
        ("2026-09-30 16:00", 4, "work_hour", "2026-10-08 10:00"),
        ("2026-09-30 08:00", 1, "workday", "2026-09-30 18:00"),
        ("2026-09-30 10:00", 1, "workday", "2026-10-08 10:00"),
        ("2026-10-03 09:00", 1, "workday", "2026-10-08 18:00"),
        ("2026-10-09 16:00", 4, "work_hour", "2026-10-10 10:00"),
        ("2026-10-10 16:00", 4, "work_hour", "2026-10-12 10:00"),
        ("2026-09-18 17:00", 2, "work_hour", "2026-09-20 09:00"),
        ("2026-09-24 17:00", 2, "work_hour", "2026-09-28 09:00"),
        ("2026-09-30 17:00", 2, "urgent_hour", "2026-09-30 19:00"),
        ("2026-09-30 17:00", 2, "day", "2026-10-02 17:00"),
        # 8 working days: 30 September, 8, 9, 10, 12, 13, 14, 15 October
        ("2026-09-30 08:00", 8, "workday", "2026-10-15 18:00"),
        # spring festival: off from Sunday the 15th to Monday the 23rd of February; work on Saturdays 14 and 28
        ("2026-02-13 17:00", 2, "work_hour", "2026-02-14 09:00"),
        ("2026-02-14 17:00", 2, "work_hour", "2026-02-24 09:00"),
        ("2026-02-20 10:00", 1, "workday", "2026-02-24 18:00"),
        ("2026-02-27 17:00", 2, "work_hour", "2026-02-28 09:00"),
        ("2026-02-28 17:00", 2, "work_hour", "2026-03-02 09:00"),
    ],
)
def test_chinese_holidays_and_make_up_days(start: str, limit: float, unit: str, due: str) -> None:
    assert due_at(at(start), limit, unit, CHINA) == at(due)
    assert counted_s(at(start), at(due), unit, CHINA) == limit_s(limit, unit)


def test_work_hours_of_whole_months_are_those_of_their_working_days() -> None:
    # October 2026: 31 days, 22 of them Monday to Friday, 5 of these off (1, 2, 5, 6, 7), one Saturday made up.
    assert counted_s(at("2026-10-01 00:00"), at("2026-11-01 00:00"), "workday", CHINA) == 18 * 8 * HOUR_S
    # February 2026: 28 days, 20 Monday to Friday, 6 off (16 to 20, 23), two Saturdays made up.
    assert counted_s(at("2026-02-01 00:00"), at("2026-03-01 00:00"), "workday", CHINA) == 16 * 8 * HOUR_S


@pytest.mark.parametrize(
    ("start", "end", "counted_hours"),
    [
        ("2026-11-16 09:00", "2026-11-16 11:30", 2.5),
        ("2026-11-16 11:00", "2026-11-16 15:00", 2),
        ("2026-11-16 12:00", "2026-11-16 14:00", 0),
        ("2026-11-16 18:00", "2026-11-17 08:00", 0),
        ("2026-11-20 18:00", "2026-11-23 08:00", 0),
        ("2026-11-16 00:00", "2026-11-23 00:00", 40),
        ("2026-11-21 10:00", "2026-11-22 10:00", 0),
        ("2026-12-31 17:00", "2027-01-01 09:00", 2),
    ],
)
def test_what_is_counted_between_two_moments(start: str, end: str, counted_hours: float) -> None:
    assert counted_s(at(start), at(end), "work_hour", PLAIN) == counted_hours * HOUR_S
    assert counted_s(at(end), at(start), "work_hour", PLAIN) == -counted_hours * HOUR_S


def test_a_suspension_across_months_leaves_the_remaining_seconds() -> None:
    # Three workdays (24 hours) from Monday the 21st of September at 10:00; suspended on Thursday the 24th at 09:00.
    start, suspended_at, resumed_at = at("2026-09-21 10:00"), at("2026-09-24 09:00"), at("2026-11-03 16:00")
    # Monday 10-12 and 14-18 are 6 hours, Tuesday and Wednesday 8 each, Thursday 08-09 one.
    used_s = counted_s(start, suspended_at, "workday", CHINA)
    remaining_s = limit_s(3, "workday") - used_s
    assert used_s == 23 * HOUR_S
    assert remaining_s == 1 * HOUR_S
    # Resumed on a Tuesday in November with one hour left.
    assert after_s(resumed_at, remaining_s, "workday", CHINA) == at("2026-11-03 17:00")


def test_a_suspension_over_national_day_resumed_on_a_holiday_counts_from_the_next_working_day() -> None:
    # Four work hours from the 29th of September at 16:00; suspended the next day at 09:00 with one hour left.
    used_s = counted_s(at("2026-09-29 16:00"), at("2026-09-30 09:00"), "work_hour", CHINA)
    assert used_s == 3 * HOUR_S
    assert after_s(at("2026-10-05 12:00"), 4 * HOUR_S - used_s, "work_hour", CHINA) == at("2026-10-08 09:00")


def test_a_suspended_overdue_case_stays_as_much_overdue() -> None:
    # Due on Monday at 10:00 and suspended at 16:00, 4 work hours late; resumed on Wednesday at 09:00.
    remaining_s = -counted_s(at("2026-11-16 10:00"), at("2026-11-16 16:00"), "work_hour", PLAIN)
    due = after_s(at("2026-11-18 09:00"), remaining_s, "work_hour", PLAIN)
    # One hour on Wednesday, three on Tuesday afternoon.
    assert remaining_s == -4 * HOUR_S
    assert due == at("2026-11-17 15:00")
    assert counted_s(due, at("2026-11-18 09:00"), "work_hour", PLAIN) == 4 * HOUR_S


NIGHTS = calendar("Asia/Shanghai", ("22:00", "06:00"))


@pytest.mark.parametrize(
    ("start", "limit", "due"),
    [
        ("2026-11-16 22:00", 8, "2026-11-17 06:00"),
        ("2026-11-16 20:00", 1, "2026-11-16 23:00"),
        ("2026-11-16 23:00", 3, "2026-11-17 02:00"),
        ("2026-11-17 05:00", 2, "2026-11-17 23:00"),
        # Friday's night runs into Saturday; Sunday's night, which would end on Monday, is none.
        ("2026-11-20 23:00", 7, "2026-11-21 06:00"),
        ("2026-11-21 05:00", 2, "2026-11-23 23:00"),
        ("2026-12-31 23:00", 3, "2027-01-01 02:00"),
        ("2027-01-01 01:00", 5, "2027-01-01 06:00"),
    ],
)
def test_a_night_shift_belongs_to_the_day_it_begins_on(start: str, limit: float, due: str) -> None:
    assert due_at(at(start), limit, "work_hour", NIGHTS) == at(due)
    assert counted_s(at(start), at(due), "work_hour", NIGHTS) == limit * HOUR_S


def test_a_night_before_a_holiday_is_worked_to_its_end() -> None:
    nights = calendar("Asia/Shanghai", ("22:00", "06:00"), special_days={date(2026, 11, 18): False})
    assert counted_s(at("2026-11-17 12:00"), at("2026-11-19 12:00"), "work_hour", nights) == 8 * HOUR_S


def test_a_workday_is_eight_hours_also_where_a_day_has_six() -> None:
    short = calendar("Asia/Shanghai", ("09:00", "12:00"), ("13:00", "16:00"))
    assert due_at(at("2026-11-16 09:00"), 1, "workday", short) == at("2026-11-17 11:00")


def test_a_day_can_be_worked_around_the_clock() -> None:
    always = calendar("Asia/Shanghai", ("00:00", "24:00"), weekdays=range(7))
    assert due_at(at("2026-11-20 17:00"), 30, "work_hour", always) == at("2026-11-21 23:00")


def test_a_limit_from_another_time_zone_is_the_same_moment() -> None:
    in_london = at("2026-11-16 00:30", "Europe/London")  # 08:30 in Shanghai
    assert due_at(in_london, 1, "work_hour", PLAIN) == at("2026-11-16 09:30")


def test_the_units_say_how_they_count() -> None:
    assert [unit for unit in LimitUnit if unit.counts_working_time] == ["work_hour", "workday"]
    assert [unit for unit in LimitUnit if unit.urgent] == ["urgent_hour"]
    assert {unit.value: unit.seconds for unit in LimitUnit} == {
        "hour": 3600,
        "day": 86_400,
        "urgent_hour": 3600,
        "work_hour": 3600,
        "workday": 28_800,
    }


def test_two_thousand_work_hours_are_found_without_counting_days() -> None:
    # 250 working days from Thursday the 1st of January 2026; without holidays 50 weeks.
    assert due_at(at("2026-01-01 08:00"), 2000, "work_hour", PLAIN) == at("2026-12-16 18:00")
    assert at("2026-12-16 18:00") - at("2026-01-01 08:00") == timedelta(days=349, hours=10)
