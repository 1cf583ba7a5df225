"""Which seconds a working calendar counts: windows of local time on working days, measured in real elapsed time.

WorkTimeError
 +-- CalendarRefused    hours, weekdays or a time zone that make no calendar
 +-- NoWorkingTime      the calendar has not one working second in years
 +-- BeyondHorizon      the moments are too far apart, or too close to the end of all years
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Self
from zoneinfo import ZoneInfo

HORIZON_YEARS = 100
"""No limit runs longer, and nothing is counted over longer."""

_NO_WORK_YEARS = 5
_DAY_MIN = 1440
_SECOND_US = 1_000_000
_MINUTE_US = 60 * _SECOND_US
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00")


class WorkTimeError(Exception):
    """A moment or a span that cannot be worked out; the message says what was expected and got."""


class CalendarRefused(WorkTimeError):
    """What was given makes no calendar."""


class NoWorkingTime(WorkTimeError):
    """There is no working second in the five years that were looked at."""


class BeyondHorizon(WorkTimeError):
    """More than a hundred years, or outside the years 2 to 9997."""


@dataclass(frozen=True, slots=True)
class Window:
    """Minutes since local midnight of the day it begins on; ``end_min`` over 1440 is the next morning."""

    start_min: int
    end_min: int


@dataclass(frozen=True, slots=True)
class WorkingHours:
    """A calendar. A window belongs to the day it begins on: a night shift before a holiday is worked to its end.

    weekdays: 0 is Monday. special_days: local dates that are not what their weekday says, True for a working one;
    a make-up working day has the same windows as any.
    """

    zone: ZoneInfo
    hours: tuple[Window, ...]
    weekdays: frozenset[int]
    special_days: frozenset[tuple[date, bool]] = frozenset()

    @classmethod
    def of(
        cls,
        *,
        time_zone: str,
        hours: Sequence[Sequence[str]],
        weekdays: Iterable[int],
        special_days: Mapping[date, bool] | None = None,
    ) -> Self:
        """``hours``: pairs such as ("08:00", "12:00"); an end at or before its start is on the next morning.

        Raises: CalendarRefused.
        """
        days = frozenset(weekdays)
        if not days <= set(range(7)):
            raise CalendarRefused(f"expected weekdays of 0 (Monday) to 6, got {sorted(days)}")
        windows = tuple(sorted(map(_window, hours), key=lambda window: window.start_min))
        _refuse_overlaps(windows)
        special = frozenset((special_days or {}).items())
        return cls(zone=_zone(time_zone), hours=windows, weekdays=days, special_days=special)

    def add(self, start: datetime, seconds: float) -> datetime:
        """The earliest moment (UTC) at which so many working seconds have passed since ``start``; see ``between``.

        Negative seconds lead back. No seconds lead to ``start`` itself, also outside working time.
        Raises: NoWorkingTime. BeyondHorizon.
        """
        start_us, wanted_us = _since_epoch_us(start), _as_us(seconds)
        if wanted_us == 0:
            return _moment(start_us)
        year = self._local_year(start_us)
        # What is wanted, counted from the first window of the year before: its last one may still run.
        wanted_us += _passed_us(self, year - 1, start_us) + _passed_us(self, year, start_us)
        at = year - 1
        while wanted_us <= 0:
            at -= 1
            wanted_us += self._total_us(at, began=year)
        while wanted_us > (total_us := self._total_us(at, began=year)):
            wanted_us -= total_us
            at += 1
        return _moment(_year_of(self, at).reached_at_us(wanted_us))

    def between(self, start: datetime, end: datetime) -> float:
        """The working seconds from ``start`` to ``end``; negative where ``end`` is before it. Raises: BeyondHorizon."""
        start_us, end_us = _since_epoch_us(start), _since_epoch_us(end)
        if end_us < start_us:
            return -self.between(end, start)
        first, last = self._local_year(start_us), self._local_year(end_us)
        if last - first > HORIZON_YEARS:
            raise BeyondHorizon(f"expected moments {HORIZON_YEARS} years apart at most, got {last - first}")
        # Only the windows of a moment's own local year and of the one before can have begun and not ended.
        whole_us = sum(_year_of(self, year).total_us for year in range(first - 1, last - 1))
        passed_us = whole_us + _passed_us(self, last - 1, end_us) + _passed_us(self, last, end_us)
        return (passed_us - _passed_us(self, first - 1, start_us) - _passed_us(self, first, start_us)) / _SECOND_US

    def works_on(self, day: date) -> bool:
        """Whether windows begin on this local day."""
        for special, working in ((day, True), (day, False)):
            if (special, working) in self.special_days:
                return working
        return day.weekday() in self.weekdays

    def _local_year(self, moment_us: int) -> int:
        year = _moment(moment_us).astimezone(self.zone).year
        if not 2 < year < 9997:
            raise BeyondHorizon(f"expected a moment in the years 3 to 9996, got one in {year}")
        return year

    def _total_us(self, year: int, *, began: int) -> int:
        if abs(year - began) > HORIZON_YEARS or not 1 < year < 9998:
            raise BeyondHorizon(f"expected a moment within {HORIZON_YEARS} years, got one in {year}")
        total_us = _year_of(self, year).total_us
        if total_us == 0 and all(_year_of(self, year + n).total_us == 0 for n in _around(year)):
            raise NoWorkingTime(f"the calendar has no working time in the years around {year}")
        return total_us


@dataclass(frozen=True, slots=True)
class _Year:
    """The windows that begin in one local year, in microseconds since the epoch.

    before_us: what was worked in that year before the window of the same place.
    """

    starts_us: tuple[int, ...]
    ends_us: tuple[int, ...]
    before_us: tuple[int, ...]
    total_us: int

    def reached_at_us(self, worked_us: int) -> int:
        """worked_us: over 0, up to the total. At a window's edge it is the end, not the next one's start."""
        at = bisect_left(self.before_us, worked_us) - 1
        return self.starts_us[at] + worked_us - self.before_us[at]


def _passed_us(hours: WorkingHours, year: int, moment_us: int) -> int:
    index = _year_of(hours, year)
    at = bisect_right(index.starts_us, moment_us) - 1
    if at < 0:
        return 0
    return index.before_us[at] + min(moment_us, index.ends_us[at]) - index.starts_us[at]


@lru_cache(maxsize=256)
def _year_of(hours: WorkingHours, year: int) -> _Year:
    # Cached by value: every request reads the calendar anew, and it is the same one nearly always.
    starts_us, ends_us, before_us, total_us = [], [], [], 0
    day, next_year = date(year, 1, 1), date(year + 1, 1, 1)
    while day < next_year:
        for start_us, end_us in _windows_of_day(hours, day) if hours.works_on(day) else ():
            if end_us > start_us:  # a window inside the hour that spring takes away is empty
                starts_us.append(start_us)
                ends_us.append(end_us)
                before_us.append(total_us)
                total_us += end_us - start_us
        day += timedelta(days=1)
    return _Year(tuple(starts_us), tuple(ends_us), tuple(before_us), total_us)


def _windows_of_day(hours: WorkingHours, day: date) -> list[tuple[int, int]]:
    midnight = datetime.combine(day, time())
    offsets = [(midnight + timedelta(days=n)).replace(tzinfo=hours.zone).utcoffset() for n in range(3)]
    if len(set(offsets)) == 1:
        midnight_us = _since_epoch_us(midnight.replace(tzinfo=hours.zone))
        return [(midnight_us + w.start_min * _MINUTE_US, midnight_us + w.end_min * _MINUTE_US) for w in hours.hours]
    return [
        (_first_shown_us(hours.zone, midnight, w.start_min), _first_shown_us(hours.zone, midnight, w.end_min))
        for w in hours.hours
    ]


def _first_shown_us(zone: ZoneInfo, midnight: datetime, minutes: int) -> int:
    """When clocks of this zone first show that local time or a later one.

    So a time that spring leaves out is the moment of the change, and one that autumn shows twice is the first: windows
    that meet on the clock meet in time too.
    """
    wall = midnight + timedelta(minutes=minutes)
    early, late = sorted(_since_epoch_us(wall.replace(tzinfo=zone, fold=fold)) for fold in (0, 1))
    if _wall(zone, early) == wall:
        return early
    while early < late:
        middle = (early + late) // 2
        early, late = (early, middle) if _wall(zone, middle) >= wall else (middle + 1, late)
    return late


def _wall(zone: ZoneInfo, moment_us: int) -> datetime:
    return _moment(moment_us).astimezone(zone).replace(tzinfo=None, fold=0)


def _around(year: int) -> range:
    return range(max(-_NO_WORK_YEARS, 1 - year), min(_NO_WORK_YEARS, 9998 - year) + 1)


def _window(pair: Sequence[str]) -> Window:
    if len(pair) != 2 or not all(_CLOCK.fullmatch(text) for text in pair) or pair[0] == "24:00":
        raise CalendarRefused(f"expected two local times such as 08:00 and 12:00, got {', '.join(pair)}")
    start_min, end_min = (int(text[:2]) * 60 + int(text[3:]) for text in pair)
    return Window(start_min, end_min if end_min > start_min else end_min + _DAY_MIN)


def _refuse_overlaps(windows: Sequence[Window]) -> None:
    for earlier, later in pairwise(windows):
        if later.start_min < earlier.end_min:
            raise CalendarRefused(f"expected hours that do not overlap, got {_shown(earlier)} and {_shown(later)}")
    if windows and windows[-1].end_min - _DAY_MIN > windows[0].start_min:
        pair = f"{_shown(windows[-1])} and {_shown(windows[0])}"
        raise CalendarRefused(f"expected hours that do not overlap those of the next day, got {pair}")


def _shown(window: Window) -> str:
    return "-".join(f"{m // 60 % 24:02}:{m % 60:02}" for m in (window.start_min, window.end_min))


def _zone(time_zone: str) -> ZoneInfo:
    try:
        return ZoneInfo(time_zone)
    except (ValueError, OSError, LookupError):
        raise CalendarRefused(f"expected a time zone such as Asia/Shanghai, got {time_zone}") from None


def _as_us(seconds: float) -> int:
    try:
        return round(seconds * _SECOND_US)
    except (OverflowError, ValueError):
        raise BeyondHorizon(f"expected finite seconds, got {seconds}") from None


def _since_epoch_us(moment: datetime) -> int:
    if moment.tzinfo is None:
        raise WorkTimeError("expected a moment with a time zone, got a naive one")
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _moment(moment_us: int) -> datetime:
    try:
        return _EPOCH + timedelta(microseconds=moment_us)
    except OverflowError:
        raise BeyondHorizon("expected a moment in the years 3 to 9996, got a later or earlier one") from None
