"""Working calendars: hours, weekdays, time zone, and the days that are not what their weekday says."""

from __future__ import annotations

from dataclasses import asdict
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.access import allowed
from api.catalogue.rows import DayRow, Named
from api.clocks.calendars import CalendarHours, DayTable, calendars, find_calendar, set_calendar
from api.clocks.work_time import CalendarRefused
from api.people.callers import Caller
from api.problems import Problem
from api.routes.catalogue_edit import Edit
from api.schemas import Key, Short
from api.services import Here, RequestId
from api.tables import Calendar

router = APIRouter(prefix="/api/v1/calendars", tags=["calendars"])

LocalTime = Annotated[str, StringConstraints(pattern=r"^\d{2}:\d{2}$")]


class WantedCalendar(BaseModel):
    """hours: pairs of local times, an end at or before its start is on the next morning; weekdays: 0 is Monday."""

    name: Named
    time_zone: Short
    hours: Annotated[
        list[Annotated[list[LocalTime], Field(min_length=2, max_length=2)]], Field(min_length=1, max_length=24)
    ]
    weekdays: Annotated[list[Annotated[int, Field(ge=0, le=6)]], Field(min_length=1, max_length=7)]


class ShownCalendar(WantedCalendar):
    """``default`` is the one that limits are counted by."""

    model_config = ConfigDict(from_attributes=True)

    key: Key


class CalendarWithDays(ShownCalendar):
    days: list[DayRow]


@router.get("", dependencies=[allowed("catalogue.read")])
def list_calendars(here: Here) -> list[ShownCalendar]:
    with here.database.read() as session:
        return [ShownCalendar.model_validate(calendar) for calendar in calendars(session)]


@router.get("/{key}", dependencies=[allowed("catalogue.read")])
def show(key: Key, here: Here) -> CalendarWithDays:
    with here.database.read() as session:
        calendar = find_calendar(session, key)
        if calendar is None:
            raise Problem(HTTPStatus.NOT_FOUND, f"there is no calendar {key}")
        days = DayTable(key).exported(session)
        return CalendarWithDays(**_shown(calendar).model_dump(), days=days)


@router.put("/{key}")
def replace(
    *,
    key: Key,
    wanted: WantedCalendar,
    caller: Annotated[Caller, allowed("catalogue.edit")],
    here: Here,
    request_id: RequestId,
) -> ShownCalendar:
    """Makes or changes a calendar; its special days stay. Dues that are fixed already stay too."""
    try:
        hours = CalendarHours(**wanted.model_dump())
        with Edit(f"calendar:{key}", caller, here, request_id).transaction(asdict(hours)) as session:
            calendar = set_calendar(session, key, hours)
    except CalendarRefused as error:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from None
    return _shown(calendar)


def _shown(calendar: Calendar) -> ShownCalendar:
    return ShownCalendar.model_validate(calendar)
