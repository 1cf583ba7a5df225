"""The calendar that a new place starts with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from api.catalogue.csv_tables import read_table
from api.catalogue.rows import DayRow
from api.clocks.work_time import DEFAULT_CALENDAR
from api.inserting import insert_if_absent
from api.tables import Calendar, CalendarDay

DAYS_CSV = Path(__file__).parent.parent / "catalogue" / "calendar_days.csv"
"""China's public holidays and make-up working days of 2026, by the State Council's notice for that year."""

_CHINA = frozenset({"Asia/Shanghai", "Asia/Urumqi", "Asia/Chongqing", "Asia/Harbin", "PRC"})


def seed_calendar(session: Session, time_zone: str) -> None:
    """Makes the calendar that limits are counted by, where there is none: the city's own outlives an upgrade."""
    row = {
        "key": DEFAULT_CALENDAR,
        "name": "Default",
        "time_zone": time_zone,
        "hours": [["08:00", "12:00"], ["14:00", "18:00"]],
        "weekdays": [0, 1, 2, 3, 4],
    }
    made = insert_if_absent(session, Calendar, [row], unique=["key"])
    # Days with it alone: a day that the city has removed must not come back.
    if made and time_zone in _CHINA:
        insert_if_absent(session, CalendarDay, _days(), unique=["calendar_key", "day"])


def _days() -> list[dict[str, Any]]:
    lines = read_table(DAYS_CSV.read_bytes(), DayRow)
    return [{"calendar_key": DEFAULT_CALENDAR, **line.row.model_dump()} for line in lines]
