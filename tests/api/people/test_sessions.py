"""Sessions move from token to token, end by themselves, and end at once where a token was stolen."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from api.clock import utc_now
from api.people.keys import sha256_of
from api.people.sessions import rotate
from api.rights import Role
from tests.api.people.conftest import PASSWORD, Somebody, logged_in
from tests.api.place import Clocked, Place


def test_a_token_is_exchanged_and_the_old_one_works_for_seconds_only(
    clocked: Place, clock: Clocked, add: Somebody
) -> None:
    old = logged_in(clocked, add(clocked)["name"])
    moved = old.post("/api/v1/sessions/rotate")
    assert moved.status_code == 201, moved.text
    new = clocked.client(moved.json()["token"])
    assert [client.get("/api/v1/me").status_code for client in (old, new)] == [200, 200]
    clock.pass_by(9)
    assert old.get("/api/v1/me").status_code == 200
    listed = new.get("/api/v1/sessions").json()["items"]
    assert [session["current"] for session in listed] == [True]


def test_a_replaced_token_that_comes_again_ends_the_whole_login(clocked: Place, clock: Clocked, add: Somebody) -> None:
    person = add(clocked)
    old, elsewhere = logged_in(clocked, person["name"]), logged_in(clocked, person["name"])
    new = clocked.client(old.post("/api/v1/sessions/rotate").json()["token"])
    clock.pass_by(11)
    assert new.get("/api/v1/me").status_code == 200
    assert old.get("/api/v1/me").status_code == 401
    assert new.get("/api/v1/me").status_code == 401, "whichever of the two is the thief"
    assert elsewhere.get("/api/v1/me").status_code == 200
    rows = clocked.person(Role.SUPERVISOR).get("/api/v1/audit", params={"subject": f"person:{person['name']}"})
    assert rows.json()["items"][0]["details"] == {"act": "login_ended", "reason": "a replaced token was used"}


def test_a_token_exchanged_twice_leaves_one_in_force(clocked: Place, clock: Clocked, add: Somebody) -> None:
    old = logged_in(clocked, add(clocked)["name"])
    lost, kept = (clocked.client(old.post("/api/v1/sessions/rotate").json()["token"]) for _ in range(2))
    listed = kept.get("/api/v1/sessions").json()["items"]
    assert [session["current"] for session in listed] == [True]
    clock.pass_by(11)
    assert kept.get("/api/v1/me").status_code == 200
    assert lost.get("/api/v1/me").status_code == 401
    assert kept.get("/api/v1/me").status_code == 401, "whichever of the two is the thief"


def test_a_token_exchanged_while_all_sessions_are_ended_ends_with_them(place: Place, add: Somebody) -> None:
    """The exchange has begun and is not through when an administrator logs the person out."""
    person = add(place)
    bearer = place.log_in(person["name"], PASSWORD).json()["token"]
    manager, sessions = place.person(Role.ADMINISTRATOR), f"/api/v1/people/{person['id']}/sessions"
    with ThreadPoolExecutor(1) as aside:
        with place.app.state.services.database.write() as session:
            moved = rotate(session, sha256_of(bearer), now=utc_now())
            assert moved is not None
            ending = aside.submit(manager.delete, sessions)
            time.sleep(0.5)
        assert ending.result().status_code == 204
    assert place.client(moved.token).get("/api/v1/me").status_code == 401


def test_a_token_exchanged_while_its_login_is_ended_ends_with_it(place: Place, add: Somebody) -> None:
    bearer = place.log_in(add(place)["name"], PASSWORD).json()["token"]
    client = place.client(bearer)
    with ThreadPoolExecutor(1) as aside:
        with place.app.state.services.database.write() as session:
            moved = rotate(session, sha256_of(bearer), now=utc_now())
            assert moved is not None
            ending = aside.submit(client.delete, "/api/v1/sessions/current")
            time.sleep(0.5)
        assert ending.result().status_code == 204
    assert place.client(moved.token).get("/api/v1/me").status_code == 401


@pytest.mark.parametrize("wanted", ["log in", "change it"])
def test_a_password_that_is_reset_while_it_is_checked_opens_nothing(
    *, place: Place, add: Somebody, monkeypatch: pytest.MonkeyPatch, wanted: str
) -> None:
    person = add(place)
    client, passwords = logged_in(place, person["name"]), place.app.state.services.passwords
    matches, reset = passwords.matches, f"/api/v1/people/{person['id']}/password"

    def slowly(password: str, password_hash: str | None) -> bool:
        found: bool = matches(password, password_hash)
        assert place.person(Role.ADMINISTRATOR).post(reset).status_code == 201
        return found

    monkeypatch.setattr(passwords, "matches", slowly)
    if wanted == "log in":
        assert place.log_in(person["name"], PASSWORD).status_code == 401
    else:
        change = {"present": PASSWORD, "new": "another password of the tests"}
        assert client.put("/api/v1/me/password", json=change).status_code == 422
    monkeypatch.undo()
    assert place.log_in(person["name"], "another password of the tests").status_code == 401
    assert place.log_in(person["name"], PASSWORD).status_code == 401


def test_exchanging_does_not_make_a_login_last_longer(clocked: Place, clock: Clocked, add: Somebody) -> None:
    client = logged_in(clocked, add(clocked)["name"])
    for _ in range(11):
        clock.pass_by(3600)
        client = clocked.client(client.post("/api/v1/sessions/rotate").json()["token"])
    assert client.get("/api/v1/me").status_code == 200
    clock.pass_by(3601)
    assert client.get("/api/v1/me").status_code == 401


def test_a_session_ends_two_hours_after_its_last_use(clocked: Place, clock: Clocked, add: Somebody) -> None:
    name = add(clocked)["name"]
    used, left = logged_in(clocked, name), logged_in(clocked, name)
    for _ in range(3):
        clock.pass_by(3600)
        assert used.get("/api/v1/me").status_code == 200
    assert left.get("/api/v1/me").status_code == 401
    assert len(used.get("/api/v1/sessions").json()["items"]) == 1


def test_own_sessions_are_listed_and_ended_one_by_one(clocked: Place, add: Somebody) -> None:
    name = add(clocked)["name"]
    one, two = logged_in(clocked, name), logged_in(clocked, name)
    stranger = logged_in(clocked, add(clocked)["name"])
    listed = one.get("/api/v1/sessions").json()["items"]
    assert sorted(session["current"] for session in listed) == [False, True]
    assert {session["address"] for session in listed} == {"127.0.0.1"}
    other = next(session["id"] for session in listed if not session["current"])
    assert stranger.delete(f"/api/v1/sessions/logins/{other}").status_code == 404
    assert one.delete(f"/api/v1/sessions/logins/{other}").status_code == 204
    assert [client.get("/api/v1/me").status_code for client in (one, two)] == [200, 401]
    assert one.delete(f"/api/v1/sessions/logins/{uuid4()}").status_code == 404


def test_logging_out_ends_all_tokens_of_the_login(clocked: Place, add: Somebody) -> None:
    old = logged_in(clocked, add(clocked)["name"])
    new = clocked.client(old.post("/api/v1/sessions/rotate").json()["token"])
    assert new.delete("/api/v1/sessions/current").status_code == 204
    assert [client.get("/api/v1/me").status_code for client in (old, new)] == [401, 401]


def test_a_new_password_ends_all_other_sessions(clocked: Place, add: Somebody) -> None:
    name = add(clocked)["name"]
    here, there = logged_in(clocked, name), logged_in(clocked, name)
    change = {"present": PASSWORD, "new": "another password of the tests"}
    assert here.put("/api/v1/me/password", json=change | {"present": "wrong"}).status_code == 422
    assert here.put("/api/v1/me/password", json=change | {"new": "too short"}).status_code == 422
    assert here.put("/api/v1/me/password", json=change).status_code == 204
    assert [client.get("/api/v1/me").status_code for client in (here, there)] == [200, 401]
    assert clocked.log_in(name, PASSWORD).status_code == 401
    logged_in(clocked, name, change["new"])


def test_a_stolen_session_is_no_way_to_guess_the_password(clocked: Place, add: Somebody) -> None:
    client = logged_in(clocked, add(clocked)["name"])
    change = {"present": "wrong", "new": "another password of the tests"}
    statuses = [client.put("/api/v1/me/password", json=change).status_code for _ in range(6)]
    assert statuses == [422] * 5 + [429]


def test_people_change_their_own_name_and_language_and_nothing_else(clocked: Place, add: Somebody) -> None:
    client = logged_in(clocked, add(clocked)["name"])
    me = client.patch("/api/v1/me", json={"language": "en", "display_name": "Li", "role": "administrator"}).json()
    assert (me["language"], me["display_name"], me["role"]) == ("en", "Li", "operator")
    assert client.patch("/api/v1/me", json={"display_name": None}).json()["display_name"] is None


@pytest.mark.parametrize("path", ["/api/v1/sessions/rotate", "/api/v1/sessions/current", "/api/v1/me"])
def test_a_key_has_no_session(shared_sqlite_place: Place, path: str) -> None:
    edge = shared_sqlite_place.client(shared_sqlite_place.edge_key())
    method = {"rotate": "POST", "current": "DELETE", "me": "PATCH"}[path.rpartition("/")[2]]
    assert edge.request(method, path, json={}).status_code == {"POST": 409, "DELETE": 204, "PATCH": 409}[method]
    assert edge.get("/api/v1/sessions").json() == {"items": []}
