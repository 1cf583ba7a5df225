"""Permits are given, shown and revoked; none is given for a kind of safety."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from api.places.resolver import places_index
from api.rights import Role
from api.tables import Kind
from tests.api.place import Place
from tests.api.places.site import NOON, polygon, square

PERMITS = "/api/v1/places/permits"
FAR_OFF = square(100, 30, 0.01)
"""Where no other test looks."""


def a_market(**changes: Any) -> dict[str, Any]:
    fields = {
        "name": "夜市",
        "kinds": ["street-vendor", "street-encroachment"],
        "area": FAR_OFF,
        "from_at": "2026-05-01T00:00:00+08:00",
        "until_at": "2199-10-01T00:00:00+08:00",
        "daily_from": "18:00",
        "daily_until": "02:00",
        "weekdays": [4, 5, 4],
    }
    return fields | changes


def permit_at(place: Place, at: Any, kind: str = "street-vendor") -> str | None:
    with place.app.state.services.database.read() as session:
        found = places_index(session).resolve(session.get_one(Kind, kind), 100.005, 30.005, at)
        return None if found.permit_id is None else str(found.permit_id)


def test_a_night_market_is_permitted_on_its_nights_until_it_is_revoked(shared_place: Place) -> None:
    administrator = shared_place.person(Role.ADMINISTRATOR)
    made = administrator.post(PERMITS, json=a_market())
    assert made.status_code == 201, made.text
    permit = made.json()
    assert (permit["weekdays"], permit["time_zone"], permit["kinds"]) == (
        [4, 5],
        "Asia/Shanghai",
        ["street-encroachment", "street-vendor"],
    )
    friday_night = NOON + timedelta(days=4, hours=8)
    assert permit_at(shared_place, friday_night) == permit["id"]
    assert permit_at(shared_place, friday_night - timedelta(days=1)) is None
    assert permit_at(shared_place, friday_night, "illegal-parking") is None
    listed = shared_place.person(Role.OPERATOR).get(PERMITS, params={"limit": 200}).json()
    assert permit["id"] in [each["id"] for each in listed["items"]]
    for _ in range(2):
        revoked = administrator.post(f"{PERMITS}/{permit['id']}/revoke")
        assert (revoked.status_code, revoked.json()["open_until"]) == (200, None)
    listed = administrator.get(PERMITS, params={"limit": 200}).json()
    assert permit["id"] not in [each["id"] for each in listed["items"]]
    over = administrator.get(PERMITS, params={"limit": 200, "over": True}).json()
    assert permit["id"] in [each["id"] for each in over["items"]]
    assert administrator.post(f"{PERMITS}/{uuid4()}/revoke").status_code == 404


def test_permits_come_in_pages_and_in_either_datum(shared_sqlite_place: Place) -> None:
    administrator = shared_sqlite_place.person(Role.ADMINISTRATOR)
    made = [administrator.post(PERMITS, json=a_market(datum="GCJ02")).json() for _ in range(3)]
    before = made[0]["area"]["coordinates"][0][0]
    assert abs(before[0] - 100) < 1e-6
    found, after = [], None
    while True:
        page = administrator.get(PERMITS, params={"limit": 2, "datum": "WGS84", **({"after": after} if after else {})})
        found += page.json()["items"]
        after = page.json()["next"]
        if after is None:
            break
    mine = [each for each in found if each["id"] in [permit["id"] for permit in made]]
    assert [each["id"] for each in mine] == [permit["id"] for permit in made]
    assert mine[0]["area"]["coordinates"][0][0] != before
    for permit in made:
        administrator.post(f"{PERMITS}/{permit['id']}/revoke")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kinds": ["manhole-open"]}, "safety"),
        ({"kinds": ["street-vendor", "fire-lane-blocked"]}, "safety"),
        ({"kinds": ["no-such-kind"]}, "catalogue"),
        ({"kinds": []}, "kinds"),
        ({"area": polygon((100, 30), (101, 31), (101, 30), (100, 31))}, "Self-intersection"),
        ({"area": {}}, "geometry.type"),
        ({"until_at": "2026-05-01T00:00:00+08:00"}, "from_at before until_at"),
        ({"until_at": "9999-12-31T23:59:59Z"}, "2200"),
        ({"from_at": "2026-05-01T00:00:00"}, "from_at"),
        ({"daily_until": None}, "belong together"),
        ({"daily_from": "24:00"}, "daily_from"),
        ({"weekdays": [7]}, "weekdays"),
        ({"weekdays": []}, "weekdays"),
        ({"name": ""}, "name"),
    ],
)
def test_a_permit_that_cannot_be_given_is_told(shared_sqlite_place: Place, changes: dict[str, Any], said: str) -> None:
    answer = shared_sqlite_place.person(Role.ADMINISTRATOR).post(PERMITS, json=a_market(**changes))
    assert (answer.status_code, said in answer.text) == (422, True), answer.text
