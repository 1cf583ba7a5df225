"""Departments and assignments are data, and the next report goes by them."""

from __future__ import annotations

from uuid import uuid4

import pytest

from api.places.resolver import places_index
from api.rights import Role
from api.tables import Kind
from tests.api.place import Place
from tests.api.places.site import NOON

DEPARTMENTS, ASSIGNMENTS = "/api/v1/places/departments", "/api/v1/places/assignments"
NAMES = {"name_en": "Township", "name_zh": "乡镇"}


def department_of(place: Place, kind: str) -> str:
    with place.app.state.services.database.read() as session:
        return places_index(session).resolve(session.get_one(Kind, kind), None, None, NOON).department


def test_a_new_place_has_the_catalogue_s_departments_in_both_languages(shared_sqlite_place: Place) -> None:
    shown = {each["key"]: each for each in shared_sqlite_place.person(Role.OPERATOR).get(DEPARTMENTS).json()}
    assert shown["urban-management"] == {
        "key": "urban-management",
        "name_en": "Urban management bureau",
        "name_zh": "城市管理局",
        "retired": False,
    }


def test_an_assignment_sends_a_kind_to_a_department_until_it_is_taken_back_or_the_department_retires(
    shared_place: Place,
) -> None:
    administrator, key = shared_place.person(Role.ADMINISTRATOR), f"town-{uuid4().hex[:8]}"
    assert administrator.put(f"{DEPARTMENTS}/{key}", json=NAMES).json() == {"key": key, "retired": False, **NAMES}
    given = {"kind": "dirty-water", "department": key}
    made = administrator.post(ASSIGNMENTS, json=given)
    assert made.status_code == 201, made.text
    assert department_of(shared_place, "dirty-water") == key
    assert made.json() in administrator.get(ASSIGNMENTS).json()
    assert administrator.post(ASSIGNMENTS, json=given).status_code == 409
    administrator.put(f"{DEPARTMENTS}/{key}", json=NAMES | {"retired": True})
    assert department_of(shared_place, "dirty-water") == "water"
    administrator.put(f"{DEPARTMENTS}/{key}", json=NAMES)
    assert department_of(shared_place, "dirty-water") == key
    assert administrator.delete(f"{ASSIGNMENTS}/{made.json()['id']}").status_code == 204
    assert department_of(shared_place, "dirty-water") == "water"
    assert administrator.delete(f"{ASSIGNMENTS}/{made.json()['id']}").status_code == 404


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"department": "water"}, "kind"),
        ({"kind": "dirty-water", "department": "nobody"}, "department"),
        ({"kind": "no-such-kind", "department": "water"}, "kind"),
        ({"grid_id": "no-such-grid", "department": "water"}, "grid_id"),
        ({"road_class": "motorway", "department": "water"}, "road_class"),
    ],
)
def test_an_assignment_of_what_is_not_there_is_refused(
    shared_sqlite_place: Place, given: dict[str, str], said: str
) -> None:
    answer = shared_sqlite_place.person(Role.ADMINISTRATOR).post(ASSIGNMENTS, json=given)
    assert (answer.status_code, said in answer.text) == (422, True)


def test_an_id_beyond_all_ids_is_told(shared_place: Place) -> None:
    administrator = shared_place.person(Role.ADMINISTRATOR)
    for id in (0, 2**31, 2**80, "x"):
        assert administrator.delete(f"{ASSIGNMENTS}/{id}").status_code == 422
    assert administrator.delete(f"{ASSIGNMENTS}/{2**31 - 1}").status_code == 404
