"""Says at a moment whether a watch watches: active hours, seasons, permits, all in the edge's local time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

from detectors.base import BoxXyxy
from edge.looking.zones import stands_in
from ingest.configuration import Watch
from ingest.contract import ClearReason
from ingest.watch_times import Permit, Season, Weekday, WeeklyHours

_WEEKDAYS = list(Weekday)
_CLOCK_IS_SET = datetime(2000, 1, 1, tzinfo=UTC)
"""A box without a clock battery says 1970: it knows no hours, and watches all the time rather than never."""


class Windows:
    """The times of one watch. The wall clock decides: what happens at 19:00 happens at 19:00 of the street.

    An hour that daylight saving skips is in no window, and one that comes twice is in its window both times.
    """

    def __init__(self, watch: Watch, time_zone: tzinfo) -> None:
        self._active = watch.active
        self._seasons = watch.seasons
        self._everywhere = [permit for permit in watch.permits if permit.zone is None]
        self._in_a_zone = [permit for permit in watch.permits if permit.zone is not None]
        self._time_zone = time_zone
        self._always = watch.active is None and watch.seasons is None and not watch.permits

    def why_closed(self, utc: datetime) -> ClearReason | None:
        """Returns why nothing at all is watched at ``utc``, or None where it is."""
        if self._always or utc < _CLOCK_IS_SET:
            return None
        local = utc.astimezone(self._time_zone)
        if not any(self._in_season(day) for day in self._active_days(local)):
            return ClearReason.OUT_OF_HOURS
        if any(self._in_force(permit, local) for permit in self._everywhere):
            return ClearReason.PERMITTED
        return None

    def permits(self, box_xyxy: BoxXyxy | None, utc: datetime) -> bool:
        """Whether what stands here is permitted at ``utc`` by a permit with a zone."""
        if not self._in_a_zone or box_xyxy is None or utc < _CLOCK_IS_SET:
            return False
        local = utc.astimezone(self._time_zone)
        return any(
            self._in_force(permit, local) and stands_in(box_xyxy, permit.zone or ()) for permit in self._in_a_zone
        )

    def _active_days(self, local: datetime) -> list[datetime]:
        """Returns the days to which the active hours of this moment belong: a night belongs to that of its evening."""
        if self._active is None:
            return [local]
        return [day for hours in self._active for day in _days_of(hours, local)]

    def _in_season(self, day: datetime) -> bool:
        return self._seasons is None or any(_within_season(season, day) for season in self._seasons)

    def _in_force(self, permit: Permit, local: datetime) -> bool:
        if permit.from_ is not None and local < self._aware(permit.from_):
            return False
        if permit.to is not None and local >= self._aware(permit.to):
            return False
        return permit.weekly is None or any(_within_hours(hours, local) for hours in permit.weekly)

    def _aware(self, moment: datetime) -> datetime:
        """In UTC: two times of one zone compare as clocks on the wall, and an hour that comes twice would be one."""
        return (moment if moment.tzinfo else moment.replace(tzinfo=self._time_zone)).astimezone(UTC)


def _within_hours(hours: WeeklyHours, local: datetime) -> bool:
    return bool(_days_of(hours, local))


def _days_of(hours: WeeklyHours, local: datetime) -> list[datetime]:
    """Returns the days whose hours hold this moment: today's, or those of the night that began yesterday."""
    time, yesterday = local.strftime("%H:%M"), local - timedelta(days=1)
    if hours.from_ < hours.to:
        begun = [local] if hours.from_ <= time < hours.to else []
    else:
        begun = [local] * (time >= hours.from_) + [yesterday] * (time < hours.to)
    return [day for day in begun if _WEEKDAYS[day.weekday()] in hours.days]


def _within_season(season: Season, local: datetime) -> bool:
    day = local.strftime("%m-%d")
    if season.from_ <= season.to:
        return season.from_ <= day <= season.to
    return day >= season.from_ or day <= season.to
