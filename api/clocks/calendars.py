"""Shows and edits working calendars. What changes here holds for limits that begin, stop or go on afterwards.

A due moment that is fixed already stays: nobody's limit is rewritten behind their back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.catalogue.csv_tables import Line, LineError
from api.catalogue.imports import CatalogueTable
from api.catalogue.rows import DayRow
from api.clocks.work_time import CalendarRefused
from api.clocks.working_hours import WorkingHours
from api.kept import Subject, changed
from api.tables import Calendar, CalendarDay

MAX_DAYS = 4000
"""Special days of one calendar: more than ten years of them."""


class DayTable(CatalogueTable[DayRow]):
    """The special days of one calendar."""

    def __init__(self, calendar_key: str) -> None:
        super().__init__("days", DayRow, CalendarDay, subject=Subject.RULES, calendar_key=calendar_key)

    def check(self, session: Session, lines: Sequence[Line[DayRow]]) -> Iterator[LineError]:  # noqa: ARG002
        for line in islice(lines, MAX_DAYS, MAX_DAYS + 1):
            yield LineError(line.number, None, f"{MAX_DAYS} days at most", f"{len(lines)} days")


@dataclass(frozen=True, slots=True)
class CalendarHours:
    """hours: pairs of local times; weekdays: 0 is Monday."""

    name: str
    time_zone: str
    hours: list[list[str]]
    weekdays: list[int]


def calendars(session: Session) -> list[Calendar]:
    return list(session.scalars(select(Calendar).order_by(Calendar.key)))


def find_calendar(session: Session, key: str) -> Calendar | None:
    return session.get(Calendar, key)


def set_calendar(session: Session, key: str, wanted: CalendarHours) -> Calendar:
    """Makes or changes a calendar; its special days stay. Raises: CalendarRefused."""
    if not wanted.hours or not wanted.weekdays:
        raise CalendarRefused("expected at least one pair of hours and one weekday, or no limit would ever end")
    WorkingHours.of(time_zone=wanted.time_zone, hours=wanted.hours, weekdays=wanted.weekdays)
    changed(session, Subject.RULES)
    calendar = session.get(Calendar, key)
    if calendar is None:
        calendar = Calendar(key=key)
        session.add(calendar)
    calendar.name, calendar.time_zone = wanted.name, wanted.time_zone
    calendar.hours, calendar.weekdays = sorted(wanted.hours), sorted(set(wanted.weekdays))
    session.flush()
    return calendar
