"""People log in and out, are locked out after failures, and are added by an administrator alone."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from argon2 import PasswordHasher, extract_parameters

from api.people.accounts import LoginLocked, LoginRefused
from api.people.logins import FREE_FAILURES, LONGEST_LOCK_S, Attempt, lock_s, log_in
from api.people.passwords import Passwords
from api.people.sessions import Lasting
from api.rights import Role
from tests.api.conftest import SettingsFactory
from tests.api.place import Clocked, Place

PASSWORD = "a password of the tests"


@pytest.fixture
def clock() -> Clocked:
    return Clocked()


@pytest.fixture
def clocked(settings_for: SettingsFactory, tmp_path: Path, clock: Clocked) -> Iterator[Place]:
    with Place(settings_for(f"sqlite:///{tmp_path / 'cases.db'}"), clock=clock) as made:
        yield made


def _add(place: Place, **person: object) -> int:
    person = {"name": "li", "role": "operator", "password": PASSWORD} | person
    return place.person(Role.ADMINISTRATOR).post("/api/v1/people", json=person).status_code


def test_a_session_lasts_until_it_is_ended_or_expires(clocked: Place, clock: Clocked) -> None:
    assert _add(clocked, name="李") == 201
    opened = clocked.log_in("李", PASSWORD)
    one, two = clocked.client(opened.json()["token"]), clocked.client(clocked.log_in("李", PASSWORD).json()["token"])
    me = one.get("/api/v1/me").json()
    assert (me["name"], me["role"]) == ("李", "operator")
    assert "case.confirm_or_reject" in me["actions"]
    assert "people.manage" not in me["actions"]
    assert one.delete("/api/v1/sessions/current").status_code == 204
    assert [client.get("/api/v1/me").status_code for client in (one, two)] == [401, 200]
    clock.pass_by(12 * 3600 + 1)
    assert two.get("/api/v1/me").status_code == 401


def test_a_name_is_locked_after_repeated_failures_and_longer_each_time(clocked: Place, clock: Clocked) -> None:
    _add(clocked)
    for name in ("li", "nobody"):
        answers = [clocked.log_in(name, "wrong") for _ in range(FREE_FAILURES + 1)]
        assert [answer.status_code for answer in answers] == [401] * FREE_FAILURES + [429], name
    locked = clocked.log_in("li", PASSWORD)
    assert (locked.status_code, locked.headers["Retry-After"]) == (429, "30")
    clock.pass_by(31)
    assert clocked.log_in("li", "wrong").status_code == 401
    assert clocked.log_in("li", PASSWORD).headers["Retry-After"] == "60"
    clock.pass_by(61)
    assert clocked.log_in("li", PASSWORD).status_code == 201
    assert clocked.log_in("li", "wrong").status_code == 401, "a success starts the count anew"


def test_guesses_at_the_same_moment_all_count(place: Place) -> None:
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda _: place.log_in("administrator", "wrong").status_code, range(20)))
    assert sorted(answers) == [401] * FREE_FAILURES + [429] * (20 - FREE_FAILURES)


def test_forty_right_logins_at_the_same_moment_all_succeed(place: Place) -> None:
    password = str(place.administrator_password)
    with ThreadPoolExecutor(40) as threads:
        answers = list(threads.map(lambda _: place.log_in("administrator", password).status_code, range(40)))
    assert answers == [201] * 40


def test_a_right_guess_is_not_told_from_a_wrong_one_once_the_name_is_locked(place: Place) -> None:
    services = place.app.state.services
    about: dict[str, Any] = {"now": services.clock(), "lasting": Lasting.of(place.settings)}

    class Overtaken(Passwords):
        """While it checks, other guesses at the same name turn out wrong."""

        def matches(self, password: str, password_hash: str | None) -> bool:
            for _ in range(FREE_FAILURES):
                with pytest.raises(LoginRefused):
                    log_in(services.database, services.passwords, Attempt("administrator", "wrong"), **about)
            return super().matches(password, password_hash)

    right = Attempt("administrator", str(place.administrator_password))
    with pytest.raises(LoginLocked):
        log_in(services.database, Overtaken(), right, **about)


@pytest.mark.parametrize(
    ("failures", "expected_s"),
    [(0, 0), (4, 0), (5, 30), (6, 60), (8, 240), (40, LONGEST_LOCK_S), (9999, LONGEST_LOCK_S)],
)
def test_locks_double_up_to_an_hour(failures: int, expected_s: float) -> None:
    assert lock_s(failures) == expected_s


def test_passwords_are_hashed_at_the_library_s_own_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.people.passwords.PasswordHasher", PasswordHasher)
    cost = extract_parameters(Passwords().hash(PASSWORD))
    assert cost == extract_parameters(PasswordHasher().hash(PASSWORD))
    assert cost.memory_cost >= 65_536


def test_an_unknown_name_takes_as_long_as_a_wrong_password(clocked: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[object] = []
    verify = PasswordHasher.verify

    def watched(hasher: PasswordHasher, password_hash: str, password: str) -> bool:
        checked.append(extract_parameters(password_hash))
        return verify(hasher, password_hash, password)

    # By the hashes that are checked and what they cost, as times vary with the machine's other work.
    monkeypatch.setattr(PasswordHasher, "verify", watched)
    statuses = [clocked.log_in(name, "wrong").status_code for name in ("administrator", "nobody")]
    assert (statuses, len(checked)) == ([401, 401], 2)
    assert checked[0] == checked[1]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, 201),
        ({"password": "elevenchars"}, 422),
        ({"role": "handler"}, 422),
        ({"role": "handler", "department": "sanitation"}, 201),
        ({"department": "sanitation"}, 422),
        ({"role": "service"}, 422),
        ({"role": "edge_key"}, 422),
        ({"name": "administrator"}, 409),
        ({"name": "a\x00b"}, 422),
    ],
)
def test_adding_people_checks_what_is_said(shared_sqlite_place: Place, change: dict[str, str], expected: int) -> None:
    assert _add(shared_sqlite_place, **{"name": f"li-{uuid4().hex[:8]}"} | change) == expected


def test_no_password_comes_back_in_an_error(shared_sqlite_place: Place) -> None:
    answer = shared_sqlite_place.person(Role.ADMINISTRATOR).post(
        "/api/v1/people", json={"name": "li", "role": "nobody", "password": "tell-no-one-of-this"}
    )
    assert answer.status_code == 422
    assert "tell-no-one" not in answer.text


def test_a_revoked_edge_key_is_nobody_s(shared_sqlite_place: Place) -> None:
    administrator = shared_sqlite_place.person(Role.ADMINISTRATOR)
    enrolled = administrator.post("/api/v1/edges", json={"edge_id": "gate-3"}).json()
    assert enrolled["key"].startswith("sc_edge_")
    found = shared_sqlite_place.service.authenticate_edge(enrolled["key"])
    assert found is not None
    assert (found.edge_id, str(found.key_id)) == ("gate-3", enrolled["key_id"])
    other = administrator.delete(f"/api/v1/edges/gate-4/keys/{enrolled['key_id']}")
    assert other.status_code == 404
    revoked = administrator.delete(f"/api/v1/edges/gate-3/keys/{enrolled['key_id']}")
    assert revoked.status_code == 204
    assert shared_sqlite_place.service.authenticate_edge(enrolled["key"]) is None
    assert shared_sqlite_place.service.authenticate_edge("\ud7ff no key") is None
    assert shared_sqlite_place.service.authenticate_edge(shared_sqlite_place.service_key) is None
