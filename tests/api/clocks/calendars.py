"""The calendars and moments that the tests of clocks speak of."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from api.clocks.work_time import WorkingHours

CITY_HOURS = (("08:00", "12:00"), ("14:00", "18:00"))
MONDAY_TO_FRIDAY = range(5)

# The days of the State Council's notice for 2026 that the tests need, written out a second time on purpose.
CHINA_2026 = {
    **{date(2026, 2, day): False for day in range(15, 24)},
    date(2026, 2, 14): True,
    date(2026, 2, 28): True,
    **{date(2026, 10, day): False for day in range(1, 8)},
    date(2026, 9, 20): True,
    date(2026, 10, 10): True,
    **{date(2026, 9, day): False for day in (25, 26, 27)},
}


def calendar(
    time_zone: str = "Asia/Shanghai",
    *windows: tuple[str, str],
    weekdays: range = MONDAY_TO_FRIDAY,
    special_days: Mapping[date, bool] | None = None,
) -> WorkingHours:
    return WorkingHours.of(
        time_zone=time_zone, hours=windows or CITY_HOURS, weekdays=weekdays, special_days=special_days
    )


CHINA = calendar(special_days=CHINA_2026)


def at(text: str, time_zone: str = "Asia/Shanghai", *, fold: int = 0) -> datetime:
    """A local time such as "2026-09-30 16:00", as the moment in UTC; ``fold`` 1 is the second of two."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(time_zone), fold=fold).astimezone(UTC)
