"""Administrators show, change, disable and enable people; what they do is written down, and one of them stays."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import pytest

from api.rights import Role
from tests.api.people.conftest import PASSWORD, Somebody, logged_in
from tests.api.place import Place


@pytest.fixture
def administrator(shared_place: Place) -> httpx.Client:
    return shared_place.person(Role.ADMINISTRATOR)


def _acts(place: Place, name: str) -> list[str]:
    listed = place.person(Role.SUPERVISOR).get("/api/v1/audit", params={"subject": f"person:{name}", "limit": 200})
    return [row["details"]["act"] for row in reversed(listed.json()["items"])]


def test_people_are_listed_by_name_and_by_role(shared_place: Place, administrator: httpx.Client, add: Somebody) -> None:
    department = f"d-{uuid4().hex[:8]}"
    names = sorted(add(shared_place, role="handler", department=department)["name"] for _ in range(3))
    about = {"department": department, "role": "handler", "limit": "2"}
    first = administrator.get("/api/v1/people", params=about).json()
    second = administrator.get("/api/v1/people", params=about | {"after": first["next"]}).json()
    assert [person["name"] for person in first["items"] + second["items"]] == names
    assert second["next"] is None
    assert "password" not in str(first["items"]).replace("has_password", "")


def test_a_change_holds_at_once_in_open_sessions(
    shared_place: Place, administrator: httpx.Client, add: Somebody
) -> None:
    person = add(shared_place, display_name="李", language="zh")
    client = logged_in(shared_place, person["name"])
    where = f"/api/v1/people/{person['id']}"
    changed = administrator.patch(where, json={"role": "handler", "department": "sanitation", "grids": ["g-1"]})
    assert changed.status_code == 200, changed.text
    me = client.get("/api/v1/me").json()
    assert (me["role"], me["department"], me["grids"], me["language"]) == ("handler", "sanitation", ["g-1"], "zh")
    assert "case.confirm_or_reject" not in me["actions"]
    back = administrator.patch(where, json={"role": "operator", "department": None, "grids": None}).json()
    assert (back["role"], back["department"], back["grids"], back["display_name"]) == ("operator", None, None, "李")
    assert administrator.get(where).json() == back
    administrator.patch(where, json={})
    assert _acts(shared_place, person["name"]) == ["added", "logged_in", "changed", "changed"]


@pytest.mark.parametrize(
    "change",
    [
        {"role": "handler"},
        {"department": "sanitation"},
        {"role": None},
        {"role": "service"},
        {"role": "edge_key"},
        {"grids": []},
        {"grids": ["no grid\u0000"]},
        {"language": "fr"},
        {"display_name": "\u0000"},
    ],
    ids=str,
)
def test_changes_that_do_not_fit_are_refused(
    shared_place: Place, administrator: httpx.Client, add: Somebody, change: dict[str, Any]
) -> None:
    person = add(shared_place)
    where = f"/api/v1/people/{person['id']}"
    assert administrator.patch(where, json=change).status_code == 422
    assert administrator.get(where).json() == person


def test_whoever_is_disabled_is_out_at_once_and_may_come_back(
    shared_place: Place, administrator: httpx.Client, add: Somebody
) -> None:
    person = add(shared_place)
    client = logged_in(shared_place, person["name"])
    where = f"/api/v1/people/{person['id']}"
    assert administrator.post(f"{where}/disable").json()["disabled_at"] is not None
    assert client.get("/api/v1/me").status_code == 401
    assert shared_place.log_in(person["name"], PASSWORD).status_code == 401
    assert administrator.post(f"{where}/enable").json()["disabled_at"] is None
    assert client.get("/api/v1/me").status_code == 401
    logged_in(shared_place, person["name"])
    assert _acts(shared_place, person["name"]) == ["added", "logged_in", "disabled", "enabled", "logged_in"]


def test_a_reset_ends_sessions_and_locks_and_shows_the_password_once(
    shared_place: Place, administrator: httpx.Client, add: Somebody
) -> None:
    person = add(shared_place)
    client = logged_in(shared_place, person["name"])
    for _ in range(6):
        shared_place.log_in(person["name"], "wrong")
    assert shared_place.log_in(person["name"], PASSWORD).status_code == 429
    reset = administrator.post(f"/api/v1/people/{person['id']}/password")
    assert reset.status_code == 201
    assert client.get("/api/v1/me").status_code == 401
    assert shared_place.log_in(person["name"], PASSWORD).status_code == 401
    logged_in(shared_place, person["name"], reset.json()["password"])
    listed = shared_place.person(Role.SUPERVISOR).get("/api/v1/audit", params={"subject": f"person:{person['name']}"})
    assert reset.json()["password"] not in listed.text


def test_an_administrator_logs_somebody_out_everywhere(
    shared_place: Place, administrator: httpx.Client, add: Somebody
) -> None:
    person = add(shared_place)
    clients = [logged_in(shared_place, person["name"]) for _ in range(2)]
    assert administrator.delete(f"/api/v1/people/{person['id']}/sessions").status_code == 204
    assert [client.get("/api/v1/me").status_code for client in clients] == [401, 401]


def test_the_last_administrator_stays(place: Place, add: Somebody) -> None:
    administrator = place.person(Role.ADMINISTRATOR)
    people = administrator.get("/api/v1/people", params={"role": "administrator"}).json()["items"]
    more = [add(place, role="administrator")["id"] for _ in range(4)]
    ids = [person["id"] for person in people] + more

    def remove(person_id: str) -> int:
        with httpx.Client(base_url=place.url, headers=administrator.headers, trust_env=False) as client:
            return client.patch(f"/api/v1/people/{person_id}", json={"role": "supervisor"}).status_code

    asking = next(person["id"] for person in people if person["name"].startswith("administrator-"))
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(remove, [one for one in ids if one != asking]))
    assert answers == [200] * (len(ids) - 1)
    assert administrator.patch(f"/api/v1/people/{asking}", json={"role": "operator"}).status_code == 409
    assert administrator.post(f"/api/v1/people/{asking}/disable").status_code == 409
    assert administrator.get("/api/v1/people").status_code == 200


def test_two_administrators_cannot_remove_each_other(place: Place) -> None:
    administrator = place.person(Role.ADMINISTRATOR)
    ids = [
        person["id"] for person in administrator.get("/api/v1/people", params={"role": "administrator"}).json()["items"]
    ]
    assert len(ids) == 2

    def disable(person_id: str) -> int:
        with httpx.Client(base_url=place.url, headers=administrator.headers, trust_env=False) as client:
            return client.post(f"/api/v1/people/{person_id}/disable").status_code

    with ThreadPoolExecutor(2) as threads:
        answers = sorted(threads.map(disable, ids))
    assert answers in ([200, 409], [200, 401]), "whoever comes second is the last, or out already"


def test_somebody_who_is_not_there_is_not_found(administrator: httpx.Client) -> None:
    where = f"/api/v1/people/{uuid4()}"
    statuses = [
        administrator.request(method, where + path).status_code
        for method, path in (
            ("GET", ""),
            ("POST", "/disable"),
            ("POST", "/enable"),
            ("POST", "/password"),
            ("DELETE", "/sessions"),
        )
    ]
    assert statuses == [404] * 5
