"""Integrators' keys do what their scopes say until they expire or are taken back."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from api.people.callers import find_caller
from api.rights import Role
from tests.api.place import Clocked, Place


def _make(place: Place, **about: object) -> dict[str, Any]:
    wanted = {"name": f"transport-{uuid4().hex[:6]}"} | about
    answer = place.person(Role.ADMINISTRATOR).post("/api/v1/keys", json=wanted)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def test_a_key_does_what_its_scopes_say_and_nothing_else(shared_place: Place) -> None:
    made = _make(shared_place, scopes=["places.read", "session.own"])
    assert made["key"].startswith("sc_integrator_")
    client = shared_place.client(made["key"])
    me = client.get("/api/v1/me").json()
    assert (me["name"], me["role"], me["actions"]) == (
        f"key:{made['name']}",
        "integrator",
        ["places.read", "session.own"],
    )
    assert client.get("/api/v1/edges").status_code == 200
    refused = client.get("/api/v1/kinds")
    assert (refused.status_code, "limited to other actions" in refused.json()["detail"]) == (403, True)
    everything = shared_place.client(_make(shared_place)["key"])
    assert everything.get("/api/v1/kinds").status_code == 200
    assert everything.get("/api/v1/cases").status_code == 403, "no more than the role may do"


@pytest.mark.parametrize("scopes", [["people.manage"], ["case.read"], ["no.such"], ["internal.reports"], [], ["x"]])
def test_a_scope_beyond_the_role_is_refused(shared_sqlite_place: Place, scopes: list[str]) -> None:
    wanted = {"name": "transport", "scopes": scopes}
    assert shared_sqlite_place.person(Role.ADMINISTRATOR).post("/api/v1/keys", json=wanted).status_code == 422


def test_a_key_expires_and_tells_when_it_was_last_used(clocked: Place, clock: Clocked) -> None:
    made = _make(clocked, expires_in_days=1)
    client = clocked.client(made["key"])

    def last_used() -> object:
        session = clocked.app.state.services.database.read
        with session() as reading:
            caller = find_caller(reading, made["key"], now=clock())
        assert caller is not None
        return caller.last_used_at

    assert client.get("/api/v1/me").status_code == 200
    first = last_used()
    assert first == clock()
    clock.pass_by(59)
    client.get("/api/v1/me")
    assert last_used() == first, "at most once a minute"
    clock.pass_by(2)
    client.get("/api/v1/me")
    assert last_used() == clock()
    clock.pass_by(24 * 3600)
    assert client.get("/api/v1/me").status_code == 401


def test_a_revoked_key_is_nobody_s_and_stays_listed(shared_place: Place) -> None:
    administrator = shared_place.person(Role.ADMINISTRATOR)
    name = f"transport-{uuid4().hex[:6]}"
    old, new = _make(shared_place, name=name), _make(shared_place, name=name)
    assert administrator.delete(f"/api/v1/keys/{old['id']}").status_code == 204
    assert shared_place.client(old["key"]).get("/api/v1/me").status_code == 401
    assert shared_place.client(new["key"]).get("/api/v1/me").status_code == 200
    listed = administrator.get("/api/v1/keys", params={"limit": 200})
    ours = [key for key in listed.json()["items"] if key["name"] == name]
    assert [(key["id"], key["revoked_at"] is None) for key in ours] == [(new["id"], True), (old["id"], False)]
    assert old["key"] not in listed.text
    page = administrator.get("/api/v1/keys", params={"limit": 1}).json()
    assert administrator.get("/api/v1/keys", params={"after": page["next"]}).json()["items"][0]["id"] == old["id"]
    rows = shared_place.person(Role.SUPERVISOR).get("/api/v1/audit", params={"subject": f"key:{old['id']}"})
    assert [row["details"]["act"] for row in rows.json()["items"]] == ["revoked", "made"]
    assert administrator.delete(f"/api/v1/keys/{uuid4()}").status_code == 404


def test_an_edge_s_key_is_not_taken_back_here(shared_sqlite_place: Place) -> None:
    administrator = shared_sqlite_place.person(Role.ADMINISTRATOR)
    edge = administrator.post("/api/v1/edges", json={"edge_id": "gate-9"}).json()
    assert administrator.delete(f"/api/v1/keys/{edge['key_id']}").status_code == 404
