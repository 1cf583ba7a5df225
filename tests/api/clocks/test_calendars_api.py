"""People edit working calendars, and take holidays from a file."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import select

from api.clocks.work_time import due_at, load_working_hours
from api.rights import Role
from api.tables import AuditRow
from tests.api.clocks.calendars import at
from tests.api.place import Place

PLAIN: dict[str, Any] = {
    "name": "Summer",
    "time_zone": "Asia/Shanghai",
    "hours": [["15:00", "19:00"], ["07:00", "11:00"]],
    "weekdays": [4, 0, 1, 2, 3],
}
CSV = {"Content-Type": "text/csv"}


def _made(place: Place, **changes: Any) -> tuple[str, httpx.Response]:
    path = f"/api/v1/calendars/calendar-{uuid4().hex[:8]}"
    return path, place.person(Role.ADMINISTRATOR).put(path, json=PLAIN | changes)


def test_a_new_place_shows_the_default_calendar_with_its_days(place: Place) -> None:
    shown = place.person(Role.OPERATOR).get("/api/v1/calendars/default").json()
    assert shown["hours"] == [["08:00", "12:00"], ["14:00", "18:00"]]
    assert shown["weekdays"] == [0, 1, 2, 3, 4]
    assert shown["time_zone"] == "Asia/Shanghai"
    assert {"day": "2026-10-10", "working": True, "name": "国庆节补班"} in shown["days"]
    assert [calendar["key"] for calendar in place.person(Role.OPERATOR).get("/api/v1/calendars").json()] == ["default"]


def test_the_default_calendar_is_what_limits_are_counted_by(place: Place) -> None:
    place.person(Role.ADMINISTRATOR).put("/api/v1/calendars/default", json=PLAIN)
    with place.app.state.services.database.read() as session:
        hours = load_working_hours(session)
    # The holidays that were there stay: the seventh of October is still off.
    assert due_at(at("2026-10-07 10:00"), 1, "work_hour", hours) == at("2026-10-08 08:00")


def test_a_calendar_is_made_and_changed(shared_place: Place) -> None:
    path, answer = _made(shared_place)
    assert answer.status_code == 200, answer.text
    assert answer.json() == PLAIN | {
        "key": path.rpartition("/")[2],
        "hours": [["07:00", "11:00"], ["15:00", "19:00"]],
        "weekdays": [0, 1, 2, 3, 4],
    }
    nights = PLAIN | {"hours": [["22:00", "06:00"]]}
    assert shared_place.person(Role.ADMINISTRATOR).put(path, json=nights).status_code == 200
    assert shared_place.person(Role.OPERATOR).get(path).json()["hours"] == [["22:00", "06:00"]]
    with shared_place.app.state.services.database.read() as session:
        subject = f"calendar:{path.rpartition('/')[2]}"
        rows = session.scalars(select(AuditRow).where(AuditRow.subject == subject).order_by(AuditRow.id))
        details = [row.details for row in rows]
    assert [each["hours"] for each in details] == [PLAIN["hours"], nights["hours"]]


@pytest.mark.parametrize(
    "change",
    [
        {"time_zone": "Asia/Nowhere"},
        {"time_zone": "../../etc/passwd"},
        {"time_zone": "a\x00b"},
        {"hours": []},
        {"hours": [["08:00", "12:00"], ["11:00", "13:00"]]},
        {"hours": [["25:00", "12:00"]]},
        {"hours": [["08:00"]]},
        {"weekdays": []},
        {"weekdays": [7]},
        {"name": ""},
    ],
)
def test_a_calendar_that_cannot_be_is_refused(shared_sqlite_place: Place, change: dict[str, Any]) -> None:
    path, answer = _made(shared_sqlite_place, **change)
    assert answer.status_code == 422, answer.text
    assert shared_sqlite_place.person(Role.OPERATOR).get(path).status_code == 404


def test_days_are_imported_exported_and_removed(shared_place: Place) -> None:
    path, _ = _made(shared_place)
    person = shared_place.person(Role.ADMINISTRATOR)
    text = "day,working,name\n2027-01-01,0,元旦\n2027-01-02,1,补班\n"
    tried = person.post(f"{path}/days.csv", content=text.encode(), headers=CSV, params={"dry_run": True})
    assert (tried.status_code, tried.json()["added"]) == (200, 2)
    assert person.get(path).json()["days"] == []
    assert person.post(f"{path}/days.csv", content=text.encode(), headers=CSV).json()["added"] == 2
    assert person.get(f"{path}/days.csv").text == text
    assert [day["working"] for day in person.get(path).json()["days"]] == [False, True]
    other = "day,working,name\n2027-01-02,0,元旦\n"
    took = person.post(f"{path}/days.csv", content=other.encode(), headers=CSV, params={"missing": "remove"}).json()
    assert (took["changed"], took["removed"]) == (1, 1)
    assert person.get(f"{path}/days.csv").text == other


def test_a_bad_day_is_told_and_nothing_is_taken(shared_place: Place) -> None:
    path, _ = _made(shared_place)
    person = shared_place.person(Role.ADMINISTRATOR)
    text = "day,working,name\n2027-01-01,0,元旦\n2027-02-29,0,元旦\n2027-01-03,maybe,元旦\n"
    answer = person.post(f"{path}/days.csv", content=text.encode(), headers=CSV)
    assert answer.status_code == 422
    assert [error["line"] for error in answer.json()["errors"]] == [3, 4]
    assert person.get(path).json()["days"] == []


def test_days_belong_to_a_calendar_that_exists(shared_sqlite_place: Place) -> None:
    person = shared_sqlite_place.person(Role.ADMINISTRATOR)
    text = b"day,working,name\n2027-01-01,0,New year\n"
    assert person.post("/api/v1/calendars/no-such/days.csv", content=text, headers=CSV).status_code == 404
    assert person.get("/api/v1/calendars/no-such/days.csv").status_code == 404
    assert person.get("/api/v1/calendars/no-such").status_code == 404
    assert shared_sqlite_place.person(Role.SUPERVISOR).put("/api/v1/calendars/default", json=PLAIN).status_code == 403


def test_a_calendar_cannot_have_endless_days(shared_sqlite_place: Place) -> None:
    path, _ = _made(shared_sqlite_place)
    days = [
        f"{year}-{month:02}-{day:02},0,x"
        for year in range(2000, 2013)
        for month in range(1, 13)
        for day in range(1, 29)
    ]
    text = "\n".join(["day,working,name", *days[:4001]])
    answer = shared_sqlite_place.person(Role.ADMINISTRATOR).post(f"{path}/days.csv", content=text, headers=CSV)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["expected"] == "4000 days at most"
