"""Limits in the five units: when something is due, and how many seconds of its limit have passed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.clocks.working_hours import (
    HORIZON_YEARS,
    BeyondHorizon,
    CalendarRefused,
    NoWorkingTime,
    WorkingHours,
    WorkTimeError,
)
from api.tables import Calendar, CalendarDay

__all__ = [
    "DEFAULT_CALENDAR",
    "BeyondHorizon",
    "CalendarMissing",
    "CalendarRefused",
    "LimitUnit",
    "NoWorkingTime",
    "WorkTimeError",
    "WorkingHours",
    "after_s",
    "counted_s",
    "due_at",
    "limit_s",
    "load_working_hours",
    "working_hours_of",
]

DEFAULT_CALENDAR = "default"
_HORIZON_S = HORIZON_YEARS * 366 * 86_400


class CalendarMissing(WorkTimeError):
    """The database holds no calendar of that key; the first start makes the default one."""


class LimitUnit(StrEnum):
    """hour, day and urgent_hour run on at night and on holidays; work_hour and workday count working time only.

    urgent_hour is an hour that is reported as urgent. A workday is eight work hours, however long a calendar's day is:
    the same limit then means the same work everywhere, and one that began at 11:00 ends at a definite moment.
    """

    HOUR = "hour"
    DAY = "day"
    URGENT_HOUR = "urgent_hour"
    WORK_HOUR = "work_hour"
    WORKDAY = "workday"

    @property
    def seconds(self) -> int:
        return _SECONDS[self]

    @property
    def counts_working_time(self) -> bool:
        return self in (LimitUnit.WORK_HOUR, LimitUnit.WORKDAY)

    @property
    def urgent(self) -> bool:
        return self is LimitUnit.URGENT_HOUR


_SECONDS = {
    LimitUnit.HOUR: 3600,
    LimitUnit.DAY: 86_400,
    LimitUnit.URGENT_HOUR: 3600,
    LimitUnit.WORK_HOUR: 3600,
    LimitUnit.WORKDAY: 28_800,
}


def limit_s(limit: float, unit: str) -> float:
    """The counted seconds of a limit. ``unit``: a value of LimitUnit."""
    return limit * LimitUnit(unit).seconds


def due_at(start: datetime, limit: float, unit: str, hours: WorkingHours) -> datetime:
    """The moment (UTC) at which a limit that began at ``start`` is used up. Raises: NoWorkingTime. BeyondHorizon."""
    return after_s(start, limit_s(limit, unit), unit, hours)


def after_s(start: datetime, seconds: float, unit: str, hours: WorkingHours) -> datetime:
    """The earliest moment (UTC) at which so many seconds that the unit counts have passed: ``counted_s`` undone.

    seconds: to the microsecond; negative ones, which is what is left of an overdue limit, lead back.
    Raises: NoWorkingTime. BeyondHorizon.
    """
    if LimitUnit(unit).counts_working_time:
        return hours.add(start, seconds)
    if not abs(seconds) <= _HORIZON_S:
        raise BeyondHorizon(f"expected {_HORIZON_S} seconds at most, got {seconds}")
    try:
        return start.astimezone(UTC) + timedelta(microseconds=round(seconds * 1_000_000))
    except OverflowError:
        raise BeyondHorizon("expected a moment before the year 9999, got a later one") from None


def counted_s(start: datetime, end: datetime, unit: str, hours: WorkingHours) -> float:
    """The seconds from ``start`` to ``end`` that the unit counts; negative where ``end`` is earlier.

    Raises: BeyondHorizon.
    """
    if LimitUnit(unit).counts_working_time:
        return hours.between(start, end)
    return (end - start).total_seconds()


def working_hours_of(calendar: Calendar, days: dict[str, bool]) -> WorkingHours:
    """``days``: special days by their ISO date, True for a working one. Raises: CalendarRefused."""
    special_days = {date.fromisoformat(day): working for day, working in days.items()}
    return WorkingHours.of(
        time_zone=calendar.time_zone, hours=calendar.hours, weekdays=calendar.weekdays, special_days=special_days
    )


def load_working_hours(session: Session, key: str = DEFAULT_CALENDAR) -> WorkingHours:
    """The working time by which limits are counted now. Raises: CalendarMissing. CalendarRefused."""
    calendar = session.get(Calendar, key)
    if calendar is None:
        raise CalendarMissing(f"expected a calendar {key}, found none; streetcase api prepare makes the default one")
    days = session.scalars(select(CalendarDay).where(CalendarDay.calendar_key == key))
    return working_hours_of(calendar, {day.day: day.working for day in days})
