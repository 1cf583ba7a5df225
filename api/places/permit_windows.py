"""Tells whether a permit is open at a moment, and until when: by its dates, hours and weekdays in its own time zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_ALL_DAYS = frozenset(range(7))
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class PermitWindow:
    """Open from ``from_at`` until before ``until_at``, there on ``weekdays`` (0 is Monday) between two local times.

    daily_from, daily_until: both or neither; where the second is not later than the first, it is the next day's. The
    weekday is that of the day on which the hours begin.
    """

    from_at: datetime
    until_at: datetime
    zone: ZoneInfo
    daily_from: time | None = None
    daily_until: time | None = None
    weekdays: frozenset[int] = _ALL_DAYS

    def open_until(self, at: datetime) -> datetime | None:
        """Returns the end of the window that is open at this moment, in UTC; None where none is."""
        if not self.from_at <= at < self.until_at:
            return None
        if self.daily_from is None and self.weekdays == _ALL_DAYS:
            return self.until_at
        today = at.astimezone(self.zone).date()
        for day in (today - _DAY, today):
            starts_at, ends_at = self._hours_of(day)
            if day.weekday() in self.weekdays and starts_at <= at < ends_at:
                return min(self._last_end(day, ends_at), self.until_at)
        return None

    def _last_end(self, day: date, ends_at: datetime) -> datetime:
        """Follows windows that touch, as Saturday's and Sunday's whole days do; those of all days never end."""
        for _ in range(len(_ALL_DAYS)):
            day += _DAY
            starts_at, next_end = self._hours_of(day)
            if day.weekday() not in self.weekdays or starts_at > ends_at:
                return ends_at
            ends_at = next_end
        return self.until_at

    def _hours_of(self, day: date) -> tuple[datetime, datetime]:
        starts, ends = self.daily_from or time(), self.daily_until or time()
        last_day = day if ends > starts else day + _DAY
        return self._moment(day, starts), self._moment(last_day, ends)

    def _moment(self, day: date, clock_time: time) -> datetime:
        # Through UTC, because two local times of one zone are compared without their offsets.
        return datetime.combine(day, clock_time, self.zone).astimezone(UTC)
