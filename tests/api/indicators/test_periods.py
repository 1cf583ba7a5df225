"""Periods begin at local midnight, whatever the clocks do, and follow each other without a gap."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.indicators.periods import EARLIEST, LATEST, PeriodKind, last_periods, midnight, period_between, period_of

SHANGHAI = ZoneInfo("Asia/Shanghai")
ZONES = ("Asia/Shanghai", "Europe/Berlin", "America/Havana", "America/Santiago", "Pacific/Apia", "Asia/Kathmandu")


@pytest.mark.parametrize(
    ("kind", "name", "from_at", "until_at"),
    [
        (PeriodKind.DAY, "2026-11-23", "2026-11-22T16:00", "2026-11-23T16:00"),
        (PeriodKind.MONTH, "2026-11", "2026-10-31T16:00", "2026-11-30T16:00"),
        (PeriodKind.QUARTER, "2026-Q4", "2026-09-30T16:00", "2026-12-31T16:00"),
        (PeriodKind.YEAR, "2026", "2025-12-31T16:00", "2026-12-31T16:00"),
    ],
)
def test_a_period_runs_from_midnight_in_shanghai(kind: PeriodKind, name: str, from_at: str, until_at: str) -> None:
    period = period_of(kind, date(2026, 11, 23), SHANGHAI)
    assert (period.name, period.from_at, period.until_at) == (name, _utc(from_at), _utc(until_at))


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("America/Santiago", date(2026, 9, 6), 23),  # clocks go from 24:00 to 01:00: there is no midnight
        ("America/Havana", date(2026, 11, 1), 25),  # clocks go from 01:00 to 00:00: midnight comes twice
        ("Pacific/Apia", date(2011, 12, 30), 0),  # the day that Samoa left out
    ],
)
def test_a_day_is_as_long_as_the_clocks_make_it(zone: str, day: date, hours: int) -> None:
    period = period_of(PeriodKind.DAY, day, ZoneInfo(zone))
    assert period.until_at - period.from_at == timedelta(hours=hours)


def test_a_month_with_a_change_of_the_clocks_is_an_hour_longer() -> None:
    october = period_of(PeriodKind.MONTH, date(2026, 10, 9), ZoneInfo("Europe/Berlin"))
    assert (october.from_at, october.until_at) == (_utc("2026-09-30T22:00"), _utc("2026-10-31T23:00"))


@given(kind=st.sampled_from(PeriodKind), day=st.dates(), zone=st.sampled_from(ZONES))
def test_periods_follow_each_other_without_a_gap(kind: PeriodKind, day: date, zone: str) -> None:
    earlier, later = last_periods(kind, day, ZoneInfo(zone), count=2)
    assert earlier.from_at <= earlier.until_at == later.from_at <= later.until_at
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(zone))
    if day.year not in (1, 9999) and (zone, day) != ("Pacific/Apia", date(2011, 12, 30)):
        assert later.from_at <= noon.astimezone(UTC) < later.until_at


def test_the_periods_before_go_over_the_new_year() -> None:
    assert [period.name for period in last_periods(PeriodKind.MONTH, date(2026, 1, 31), SHANGHAI, count=3)] == [
        "2025-11",
        "2025-12",
        "2026-01",
    ]
    assert period_of(PeriodKind.QUARTER, date(2026, 3, 31), SHANGHAI, back=1).name == "2025-Q4"
    assert period_of(PeriodKind.DAY, date(2026, 3, 1), SHANGHAI, back=1).name == "2026-02-28"
    assert period_of(PeriodKind.YEAR, date(2026, 3, 1), SHANGHAI, back=1).name == "2025"


def test_time_that_no_calendar_holds_is_cut_off() -> None:
    assert midnight(date.min, SHANGHAI) == EARLIEST
    assert period_of(PeriodKind.YEAR, date.max, SHANGHAI).until_at == LATEST
    before = period_of(PeriodKind.YEAR, date.min, SHANGHAI, back=1)
    assert before.from_at == before.until_at == EARLIEST


def test_a_time_of_ones_own_ends_before_its_last_day() -> None:
    period = period_between(date(2026, 11, 1), date(2026, 11, 8), SHANGHAI)
    assert (period.name, period.until_at) == ("2026-11-01/2026-11-08", _utc("2026-11-07T16:00"))
    assert period.runs_at(_utc("2026-11-07T15:59"))
    assert not period.runs_at(_utc("2026-11-07T16:00"))


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
