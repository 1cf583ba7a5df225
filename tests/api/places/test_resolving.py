"""Anybody who works here can ask what a position means, and why."""

from __future__ import annotations

from typing import Any

import pytest

from api.rights import Role
from tests.api.place import Place
from tests.api.places.site import line, square
from tests.api.places.test_areas import collection, grid, road

RESOLVE = "/api/v1/places/resolve"


def test_a_position_is_shown_with_all_that_it_means(sqlite_place: Place) -> None:
    administrator = sqlite_place.person(Role.ADMINISTRATOR)
    area = square(118, 32, 1)
    administrator.post("/api/v1/places/grids", json=collection(grid("xinan-3", area)))
    administrator.post("/api/v1/places/roads", json=collection(road("g104", line((118, 32.5), (119, 32.5)))))
    when = {"from_at": "2026-06-01T00:00:00+08:00", "until_at": "2026-07-01T00:00:00+08:00"}
    permitted = {"name": "Harvest", "kinds": ["grain-drying"], "area": area, **when}
    permit = administrator.post("/api/v1/places/permits", json=permitted).json()
    asked: dict[str, Any] = {
        "longitude": 118.5,
        "latitude": 32.5,
        "kind": "grain-drying",
        "at": "2026-06-05T12:00:00+08:00",
    }
    answer = sqlite_place.person(Role.OPERATOR).get(RESOLVE, params=asked)
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    assert shown["grid"] == {"id": "xinan-3", "name_en": "xinan-3", "name_zh": "网格", "district": "341122"}
    assert shown["road"] == {"id": "g104", "name": "G104", "road_class": "national"}
    assert (shown["department"]["key"], shown["department"]["name_zh"]) == ("transport", "交通运输局")
    assert (shown["because"], shown["assignment"]["road_class"]) == ("assignment", "national")
    assert shown["permit"] == {"id": permit["id"], "name": "Harvest", "open_until": "2026-06-30T16:00:00Z"}
    assert shown["position"]["wgs84"] == {"longitude": 118.5, "latitude": 32.5}
    gcj02 = shown["position"]["gcj02"]
    moved = sqlite_place.person(Role.OPERATOR).get(RESOLVE, params=asked | gcj02 | {"datum": "GCJ02"}).json()
    assert (moved["road"], moved["grid"]) == (shown["road"], shown["grid"])


def test_nothing_known_of_a_position_leaves_the_kind_s_department_and_the_site_s_district(
    sqlite_place: Place,
) -> None:
    asked: dict[str, Any] = {"longitude": 0, "latitude": 0, "kind": "manhole-open"}
    shown = sqlite_place.person(Role.OPERATOR).get(RESOLVE, params=asked).json()
    assert (shown["grid"], shown["road"], shown["permit"], shown["assignment"]) == (None, None, None, None)
    assert (shown["district"], shown["department"]["key"], shown["because"]) == ("341122", "municipal-works", "kind")


@pytest.mark.parametrize(
    "changes",
    [
        {"longitude": 181},
        {"latitude": "nan"},
        {"longitude": "inf"},
        {"kind": "a b"},
        {"datum": "BD09"},
        {"at": "2026-06-05T12:00:00"},
        {"at": "yesterday"},
        {"latitude": None},
    ],
)
def test_what_cannot_be_resolved_is_told(shared_sqlite_place: Place, changes: dict[str, Any]) -> None:
    asked: dict[str, Any] = {"longitude": 118.5, "latitude": 32.5, "kind": "grain-drying"} | changes
    params = {name: value for name, value in asked.items() if value is not None}
    assert shared_sqlite_place.person(Role.OPERATOR).get(RESOLVE, params=params).status_code == 422


def test_an_unknown_kind_is_told(shared_sqlite_place: Place) -> None:
    asked: dict[str, Any] = {"longitude": 118.5, "latitude": 32.5, "kind": "no-such-kind"}
    assert shared_sqlite_place.person(Role.OPERATOR).get(RESOLVE, params=asked).status_code == 404


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_any_moment_can_be_asked_about(shared_sqlite_place: Place, at: str) -> None:
    asked: dict[str, Any] = {"longitude": 100.005, "latitude": 30.005, "kind": "street-vendor", "at": at}
    assert shared_sqlite_place.person(Role.OPERATOR).get(RESOLVE, params=asked).status_code == 200
