"""A new place has a calendar to count by; what a city made of it stays."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import delete, select, update

from api.clocks.work_time import CalendarMissing, due_at, load_working_hours
from api.database import Database
from api.first_start import prepare
from api.settings import ApiSettings
from api.tables import Calendar, CalendarDay
from tests.api.clocks.calendars import CHINA_2026, at


def test_a_place_in_china_starts_with_the_holidays_of_2026(settings: ApiSettings) -> None:
    prepare(settings)
    database = Database(settings.database_url)
    with database.read() as session:
        hours = load_working_hours(session)
        days = {date.fromisoformat(day.day): day.working for day in session.scalars(select(CalendarDay))}
    database.close()
    assert CHINA_2026.items() <= days.items()
    # Seven holidays: 3 + 9 + 3 + 5 + 3 + 3 + 7 days off, and six made up.
    assert sum(not working for working in days.values()) == 33
    assert sum(days.values()) == 6
    assert due_at(at("2026-09-30 16:00"), 4, "work_hour", hours) == at("2026-10-08 10:00")


def test_a_place_elsewhere_starts_without_holidays(settings: ApiSettings) -> None:
    settings = replace(settings, time_zone="Europe/Berlin")
    prepare(settings)
    database = Database(settings.database_url)
    with database.read() as session:
        hours = load_working_hours(session)
    database.close()
    assert (hours.zone.key, hours.special_days) == ("Europe/Berlin", frozenset())


def test_what_a_city_changed_outlives_the_next_start(settings: ApiSettings) -> None:
    prepare(settings)
    database = Database(settings.database_url)
    with database.write() as session:
        session.execute(update(Calendar).values(hours=[["09:00", "17:00"]]))
        session.execute(delete(CalendarDay).where(CalendarDay.day == "2026-05-01"))
    prepare(settings)
    with database.read() as session:
        hours = load_working_hours(session)
        assert due_at(at("2026-05-01 09:00"), 1, "workday", hours) == at("2026-05-01 17:00")
        with pytest.raises(CalendarMissing):
            load_working_hours(session, "no-such")
    database.close()
