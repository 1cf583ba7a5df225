"""Cameras and sensors are registered with a position in either datum, and given back in both."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from api.rights import Role
from api.tables import AuditRow
from tests.api.place import Place

PLACES = "/api/v1/places"


@pytest.fixture
def edge_id(shared_place: Place) -> str:
    name = f"edge-{uuid4().hex[:12]}"
    shared_place.edge_key(name)
    return name


def test_a_camera_of_a_chinese_map_is_kept_in_wgs84_and_shown_in_both(shared_place: Place, edge_id: str) -> None:
    supervisor = shared_place.person(Role.SUPERVISOR)
    position = {"longitude": 118.4336, "latitude": 32.4525, "datum": "GCJ02"}
    given = {"name": "人民路口", "position": position, "presets": ["home"]}
    path = f"{PLACES}/cameras/{edge_id}/camera-1"
    put = supervisor.put(path, json=given)
    assert put.status_code == 200, put.text
    shown = put.json()
    assert shown["position"]["gcj02"] == {"longitude": 118.4336, "latitude": 32.4525}
    assert shown["position"]["given_datum"] == "GCJ02"
    wgs84 = shown["position"]["wgs84"]
    assert 0.001 < abs(wgs84["longitude"] - 118.4336) < 0.01
    assert supervisor.get(path).json() == shown
    again = supervisor.put(path, json={"name": "Renmin crossing", "position": wgs84})
    assert again.json()["position"]["wgs84"] == wgs84
    assert abs(again.json()["position"]["gcj02"]["longitude"] - 118.4336) < 1e-8
    assert (again.json()["presets"], again.json()["name"]) == ([], "Renmin crossing")
    assert supervisor.put(path, json={"name": "somewhere"}).json()["position"] is None
    with shared_place.app.state.services.database.read() as session:
        rows = session.scalars(select(AuditRow).where(AuditRow.subject == f"camera:{edge_id}/camera-1")).all()
    assert [row.action for row in rows] == ["places.edit_cameras_and_watches"] * 3


def test_sensors_name_the_component_that_they_watch(shared_place: Place, edge_id: str) -> None:
    integrator = shared_place.person(Role.INTEGRATOR)
    for n in range(3):
        body = {"name": f"Manhole {n}", "asset_id": f"MH-{n}"}
        assert integrator.put(f"{PLACES}/sensors/{edge_id}/sensor-{n}", json=body).status_code == 200
    first = integrator.get(f"{PLACES}/sensors", params={"edge_id": edge_id, "limit": 2}).json()
    assert ([each["asset_id"] for each in first["items"]], first["next"]) == (["MH-0", "MH-1"], f"{edge_id}/sensor-1")
    rest = integrator.get(f"{PLACES}/sensors", params={"edge_id": edge_id, "after": first["next"]}).json()
    assert ([each["id"] for each in rest["items"]], rest["next"]) == (["sensor-2"], None)
    assert integrator.delete(f"{PLACES}/sensors/{edge_id}/sensor-2").status_code == 204
    assert integrator.delete(f"{PLACES}/sensors/{edge_id}/sensor-2").status_code == 404
    assert integrator.get(f"{PLACES}/sensors/{edge_id}/sensor-2").status_code == 404


def test_many_who_register_the_same_camera_at_once_register_one(shared_place: Place, edge_id: str) -> None:
    supervisor = shared_place.person(Role.SUPERVISOR)
    path = f"{PLACES}/cameras/{edge_id}/camera-1"
    with ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(lambda n: supervisor.put(path, json={"name": f"n{n}"}).status_code, range(16)))
    assert statuses == [200] * 16
    listed = supervisor.get(f"{PLACES}/cameras", params={"edge_id": edge_id}).json()
    assert len(listed["items"]) == 1


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"name": ""},
        {"name": "x", "position": {"longitude": 118}},
        {"name": "x", "position": {"longitude": 118, "latitude": 91}},
        {"name": "x", "position": {"longitude": 118, "latitude": True}},
        {"name": "x", "position": {"longitude": 1, "latitude": 1, "datum": "BD09"}},
        {"name": "x", "presets": ["a b"]},
        {"name": "x", "note": "\x00"},
    ],
)
def test_a_camera_that_is_none_is_told(shared_sqlite_place: Place, given: dict[str, Any]) -> None:
    shared_sqlite_place.edge_key("gate-3")
    answer = shared_sqlite_place.person(Role.SUPERVISOR).put(f"{PLACES}/cameras/gate-3/c", json=given)
    assert answer.status_code == 422, answer.text


def test_a_camera_of_an_unknown_edge_is_not_taken(shared_place: Place) -> None:
    supervisor = shared_place.person(Role.SUPERVISOR)
    assert supervisor.put(f"{PLACES}/cameras/never-enrolled/c", json={"name": "x"}).status_code == 404
    assert supervisor.get(f"{PLACES}/cameras", params={"after": "no-slash"}).status_code == 422
