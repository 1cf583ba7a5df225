"""When a watch watches: weekly hours, seasons of the year, and permits under which nothing is raised.

All are local time of the edge (``time_zone``); a moment with an offset of its own is taken as it says.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, field_validator, model_validator

from ingest.contract import Point, Short

TimeOfDay = Annotated[str, StringConstraints(pattern=r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$")]
"""``HH:MM``; 24:00 is the end of the day."""

DayOfYear = Annotated[str, StringConstraints(pattern=r"^\d\d-\d\d$")]
"""``MM-DD``; 02-29 is the last of February where there is none."""


class Weekday(StrEnum):
    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


class _Span(BaseModel):
    """Base of what has ``from`` and ``to``; ``from`` is a word of Python and keeps its name on the wire."""

    model_config = ConfigDict(extra="forbid", frozen=True, serialize_by_alias=True)


class WeeklyHours(_Span):
    """Local hours on some days of the week, all seven where none is named.

    ``to`` at or before ``from`` is on the next morning; such a night belongs to the day on which it begins.
    """

    days: Annotated[list[Weekday], Field(min_length=1, max_length=7)] = list(Weekday)
    from_: TimeOfDay = Field(alias="from")
    to: TimeOfDay

    @model_validator(mode="after")
    def _begins_before_the_end_of_the_day(self) -> Self:
        if self.from_ == "24:00":
            raise ValueError('from "24:00" is the next day: write "00:00" and that day')
        return self


class Season(_Span):
    """Days of each year, both ends included; ``to`` before ``from`` crosses the turn of the year.

    Active hours over midnight belong to the day on which they begin.
    """

    from_: DayOfYear = Field(alias="from")
    to: DayOfYear

    @field_validator("from_", "to")
    @classmethod
    def _is_a_day(cls, day: str) -> str:
        try:
            date.fromisoformat(f"2024-{day}")  # a leap year: 02-29 is a day
        except ValueError:
            raise ValueError(f"no day of the year: {day!r}; expected MM-DD") from None
        return day


def _no_number(moment: Any) -> Any:
    # A bare number would be read as seconds since 1970, and 20260601 is no moment that anybody meant.
    if isinstance(moment, (int, float)):
        raise ValueError("expected a moment such as 2026-06-01 18:00")  # noqa: TRY004 - pydantic wants this one
    return moment


Moment = Annotated[datetime, BeforeValidator(_no_number)]


class Permit(_Span):
    """What is allowed: from one moment to another, on weekly hours within them, or both; in ``zone`` or everywhere.

    ``zone`` is a polygon in shares of the picture: only what stands in it is permitted.
    """

    name: Short
    from_: Moment | None = Field(default=None, alias="from")
    to: Moment | None = None
    weekly: Annotated[list[WeeklyHours], Field(min_length=1, max_length=50)] | None = None
    zone: Annotated[list[Point], Field(min_length=3, max_length=100)] | None = None

    @model_validator(mode="after")
    def _says_when(self) -> Self:
        if self.to is None and self.weekly is None:
            raise ValueError("a permit needs to, or weekly, or both: it must end")
        # Which of a local moment and one with an offset is earlier only the edge's time zone tells.
        comparable = self.from_ and self.to and (self.from_.tzinfo is None) == (self.to.tzinfo is None)
        if comparable and self.from_ and self.to and self.to <= self.from_:
            raise ValueError("a permit needs from before to")
        for moment in (self.from_, self.to):
            _must_fit(moment)
        return self


def _must_fit(moment: datetime | None) -> None:
    try:
        if moment is not None and not 2 <= moment.astimezone(UTC).year <= 9998:
            raise ValueError("expected a moment between the years 2 and 9998")
    except OverflowError as error:
        raise ValueError("expected a moment between the years 2 and 9998") from error
