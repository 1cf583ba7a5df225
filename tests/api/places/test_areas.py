"""Grids and roads come in as GeoJSON, in either datum, checked whole; and go out as they came."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from sqlalchemy import delete, select

from api.kept import Subject
from api.places.resolver import places_index
from api.rights import Role
from api.tables import AuditRow, Grid, KeptVersion, Kind, Road
from tests.api.place import Place
from tests.api.places.site import NOON, line, polygon, square

GRIDS, ROADS = "/api/v1/places/grids", "/api/v1/places/roads"


def grid(id: str, geometry: Any, **properties: Any) -> dict[str, Any]:
    named = {"id": id, "name_en": id, "name_zh": "网格", "district": "341122"}
    return {"type": "Feature", "properties": named | properties, "geometry": geometry}


def road(id: str, geometry: Any, **properties: Any) -> dict[str, Any]:
    named = {"id": id, "name": "G104", "road_class": "national", "width_m": 24}
    return {"type": "Feature", "properties": named | properties, "geometry": geometry}


def collection(*features: Any) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": list(features)}


@pytest.fixture
def clean(shared_place: Place) -> Iterator[Place]:
    """Without grids and roads, before and after."""
    administrator = shared_place.person(Role.ADMINISTRATOR)
    for path in (GRIDS, ROADS):
        assert administrator.put(path, json=collection()).status_code == 200
    yield shared_place
    for path in (GRIDS, ROADS):
        assert administrator.put(path, json=collection()).status_code == 200


def version_of(place: Place) -> int:
    with place.app.state.services.database.read() as session:
        return session.scalar(select(KeptVersion.version).where(KeptVersion.id == Subject.PLACES)) or 0


def told(answer: httpx.Response) -> tuple[Any, ...]:
    assert answer.status_code == 200, answer.text
    found = answer.json()
    return found["added"], found["changed"], found["removed"], found["unchanged"]


def test_what_comes_in_goes_out_and_counts_at_once(clean: Place) -> None:
    administrator = clean.person(Role.ADMINISTRATOR)
    before = version_of(clean)
    multi = {"type": "MultiPolygon", "coordinates": [square(119, 32, 0.1)["coordinates"]]}
    assert told(administrator.put(GRIDS, json=collection(grid("a", square(118, 32, 1)), grid("b", multi)))) == (
        ["a", "b"],
        [],
        [],
        0,
    )
    assert version_of(clean) == before + 1
    shown = clean.person(Role.OPERATOR).get(GRIDS).json()
    assert [feature["geometry"] for feature in shown["features"]] == [square(118, 32, 1), multi]
    assert shown["features"][0]["properties"] == {
        "id": "a",
        "name_en": "a",
        "name_zh": "网格",
        "district": "341122",
    }
    with clean.app.state.services.database.read() as session:
        kind = session.get_one(Kind, "grain-drying")
        found = places_index(session).resolve(kind, 118.5, 32.5, NOON)
        row = session.scalars(select(AuditRow).order_by(AuditRow.id.desc())).first()
    assert (found.grid_id, found.district) == ("a", "341122")
    assert row is not None
    assert (row.action, row.details["act"], row.details["ids"]) == (
        "places.edit_grids_departments_permits",
        "grids imported",
        ["a", "b"],
    )


def test_put_replaces_the_map_post_completes_it_and_a_dry_run_changes_nothing(clean: Place) -> None:
    administrator = clean.person(Role.ADMINISTRATOR)
    a, b, c = (grid(id, square(118 + n, 32, 1)) for n, id in enumerate("abc"))
    administrator.put(GRIDS, json=collection(a, b))
    moved = grid("b", square(119, 32, 0.5))
    before = version_of(clean)
    expected = (["c"], ["b"], ["a"], 0)
    assert told(administrator.put(GRIDS, params={"dry_run": True}, json=collection(moved, c))) == expected
    assert version_of(clean) == before
    assert told(administrator.post(GRIDS, json=collection(moved, c))) == (["c"], ["b"], [], 0)
    assert told(administrator.put(GRIDS, json=collection(moved, c))) == ([], [], ["a"], 2)
    assert administrator.delete(f"{GRIDS}/c").status_code == 204
    assert administrator.delete(f"{GRIDS}/c").status_code == 404
    assert [feature["id"] for feature in administrator.get(GRIDS).json()["features"]] == ["b"]


def test_both_datums_come_in_and_wgs84_is_kept(clean: Place) -> None:
    administrator = clean.person(Role.ADMINISTRATOR)
    given = square(118.43, 32.45, 0.01)
    administrator.put(GRIDS, params={"datum": "GCJ02"}, json=collection(grid("a", given)))
    kept = administrator.get(GRIDS).json()["features"][0]["geometry"]["coordinates"][0]
    back = administrator.get(GRIDS, params={"datum": "GCJ02"}).json()["features"][0]["geometry"]["coordinates"][0]
    for (x, y), (kept_x, kept_y), (back_x, back_y) in zip(given["coordinates"][0], kept, back, strict=True):
        assert 0.003 < abs(x - kept_x) + abs(y - kept_y) < 0.02
        assert abs(x - back_x) + abs(y - back_y) < 1e-7
    again = administrator.get(GRIDS, params={"datum": "GCJ02"}).json()
    assert again["datum"] == "GCJ02"


def test_roads_are_lines_with_a_width_or_areas(clean: Place) -> None:
    administrator = clean.person(Role.ADMINISTRATOR)
    lines = {"type": "MultiLineString", "coordinates": [[[118, 32], [118.1, 32]], [[118.2, 32], [118.3, 32]]]}
    features = [road("g104", line((118, 32), (119, 32), (119, 33))), road("s1", lines, road_class="provincial")]
    features.append(road("yard", square(118, 33, 0.01), road_class="city-street"))
    assert told(administrator.post(ROADS, json=collection(*features)))[0] == ["g104", "s1", "yard"]
    shown = administrator.get(ROADS).json()["features"]
    assert [(each["id"], each["properties"]["road_class"]) for each in shown] == [
        ("g104", "national"),
        ("s1", "provincial"),
        ("yard", "city-street"),
    ]
    assert administrator.put(ROADS, json=shown and administrator.get(ROADS).json()).json()["unchanged"] == 3
    assert administrator.delete(f"{ROADS}/yard").status_code == 204


BOW_TIE = polygon((118, 32), (119, 33), (119, 32), (118, 33))
OPEN = {"type": "Polygon", "coordinates": [[[118, 32], [119, 32], [119, 33], [118, 33]]]}


@pytest.mark.parametrize(
    ("feature", "said"),
    [
        (grid("a", BOW_TIE), "Self-intersection"),
        (grid("a", OPEN), "not closed"),
        (grid("a", line((118, 32), (119, 32))), "Polygon or MultiPolygon"),
        (grid("a", square(179.5, 32, 1)), "longitude -180 to 180"),
        (grid("a", square(118, 89.5, 1)), "latitude -90 to 90"),
        (grid("a", {"type": "Polygon", "coordinates": [[[118, "32"], [119, 32], [119, 33], [118, 32]]]}), "[longitude"),
        (grid("a", {"type": "Polygon", "coordinates": []}), "coordinates: expected a list"),
        (grid("a", {"type": "Polygon", "coordinates": [[[118, 32], [119, 32], [118, 32]]]}), "4 positions or more"),
        (grid("a", {"type": ["Polygon"], "coordinates": []}), "geometry.type"),
        (grid("a", {"type": "Polygon", "coordinates": [[[True, 32], [119, 32], [119, 33], [True, 32]]]}), "[longitude"),
        (grid("a", None), "geometry: expected an object"),
        (grid("a b", square(118, 32, 1)), "properties.id"),
        (grid("a", square(118, 32, 1), district="3411"), "properties.district"),
        (grid("a", square(118, 32, 1), name_en="\x00"), "properties.name_en"),
        ({"type": "Feature", "properties": [], "geometry": None}, "properties: expected an object"),
        ({"type": "Point"}, "type Feature"),
        (7, "type Feature"),
    ],
)
def test_a_grid_that_is_none_is_named_with_what_was_expected(
    shared_sqlite_place: Place, feature: Any, said: str
) -> None:
    body = collection(grid("good", square(118, 32, 1)), feature)
    answer = shared_sqlite_place.person(Role.ADMINISTRATOR).post(GRIDS, json=body)
    assert answer.status_code == 422, answer.text
    [error] = answer.json()["errors"]
    assert error["where"].startswith("features[1]")
    assert said in error["why"]
    kept = shared_sqlite_place.person(Role.OPERATOR).get(GRIDS).json()["features"]
    assert "good" not in [each["id"] for each in kept]


@pytest.mark.parametrize(
    ("feature", "said"),
    [
        (road("r", line((118, 32), (118, 32))), "Too few points"),
        (road("r", {"type": "LineString", "coordinates": [[118, 32]]}), "2 positions or more"),
        (road("r", {"type": "LineString", "coordinates": [[1e400, 32], [1, 2]]}), "[longitude"),
        (road("r", line((118, 32), (119, 32)), road_class="motorway"), "properties.road_class"),
        (road("r", line((118, 32), (119, 32)), width_m=0), "properties.width_m"),
        (road("r", line((118, 32), (119, 32)), width_m=501), "properties.width_m"),
    ],
)
def test_a_road_that_is_none_is_named_too(shared_sqlite_place: Place, feature: Any, said: str) -> None:
    content = json.dumps(collection(feature)).encode()
    answer = shared_sqlite_place.person(Role.ADMINISTRATOR).put(ROADS, content=content)
    assert answer.status_code == 422, answer.text
    assert said in answer.json()["errors"][0]["why"]


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"7", b'{"type": "FeatureCollection"}', b'{"type": "FeatureCollection", "features": {}}', b"[" * 99],
)
def test_what_is_no_collection_is_told(shared_sqlite_place: Place, body: bytes) -> None:
    assert shared_sqlite_place.person(Role.ADMINISTRATOR).put(GRIDS, content=body).status_code == 422


def test_an_id_stands_once_and_every_fault_is_told_up_to_a_hundred(shared_sqlite_place: Place) -> None:
    administrator = shared_sqlite_place.person(Role.ADMINISTRATOR)
    twice = administrator.post(GRIDS, json=collection(*[grid("a", square(118, 32, 1))] * 2))
    assert "stands twice" in twice.json()["errors"][0]["why"]
    many = administrator.post(GRIDS, json=collection(*[grid(f"g{n}", OPEN) for n in range(150)]))
    assert (len(many.json()["errors"]), many.json()["errors_count"]) == (100, 150)


def test_too_much_at_once_is_refused(shared_sqlite_place: Place) -> None:
    administrator = shared_sqlite_place.person(Role.ADMINISTRATOR)
    ring = [[118 + n * 1e-6, 32] for n in range(200_001)]
    answer = administrator.post(GRIDS, json=collection(grid("a", {"type": "Polygon", "coordinates": [ring]})))
    assert (answer.status_code, "200000 positions" in answer.text) == (422, True)
    assert administrator.post(GRIDS, content=b" " * 16_000_001).status_code == 413


def test_a_grid_with_an_assignment_stays_until_that_is_taken_back(clean: Place) -> None:
    administrator = clean.person(Role.ADMINISTRATOR)
    administrator.put(GRIDS, json=collection(grid("a", square(118, 32, 1))))
    given = {"grid_id": "a", "department": "water"}
    assignment = administrator.post("/api/v1/places/assignments", json=given).json()
    for answer in (administrator.put(GRIDS, json=collection()), administrator.delete(f"{GRIDS}/a")):
        assert (answer.status_code, "grid a" in answer.json()["detail"]) == (409, True)
    assert administrator.delete(f"/api/v1/places/assignments/{assignment['id']}").status_code == 204
    assert told(administrator.put(GRIDS, json=collection())) == ([], [], ["a"], 0)


def test_the_tables_hold_nothing_of_a_refused_import(clean: Place) -> None:
    administrator = clean.person(Role.ADMINISTRATOR)
    administrator.post(GRIDS, json=collection(grid("a", square(118, 32, 1)), grid("b", OPEN)))
    with clean.app.state.services.database.write() as session:
        assert session.scalars(select(Grid)).all() == []
        session.execute(delete(Road))


def test_changes_at_once_happen_one_after_the_other(clean: Place) -> None:
    administrator = clean.person(Role.ADMINISTRATOR)
    before = version_of(clean)
    maps = [collection(grid("a", square(118, 32, 1 + n / 10)), grid(f"b{n}", square(119, 32, 1))) for n in range(12)]
    with ThreadPoolExecutor(6) as threads:
        statuses = list(threads.map(lambda map: administrator.put(GRIDS, json=map).status_code, maps))
    assert statuses == [200] * 12
    assert version_of(clean) == before + 12
    left = {feature["id"] for feature in administrator.get(GRIDS).json()["features"]}
    assert left in [{"a", f"b{n}"} for n in range(12)]
