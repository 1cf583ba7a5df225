"""A person who is limited to grids reads, lists, counts, searches and exports cases of these grids alone."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from api.clock import utc_now
from api.people.accounts import add_person
from api.people.keys import sha256_of
from api.rights import Role
from api.tables import Case, LoginSession
from tests.api.asking import Asked, all_routes, bodies, filled, status_of
from tests.api.place import Place, a_report

MINE, THEIRS = "grid-1", "grid-2"
READING = [asked for asked in all_routes() if asked.method == "GET" and "{case_id}" not in asked.path]
LISTING = [asked for asked in READING if asked.action.startswith(("case.", "indicators."))]


@pytest.fixture
def case_id(sqlite_place: Place) -> str:
    return _a_case(sqlite_place)


def _a_case(place: Place) -> str:
    """A filed case in grid 2."""
    (answer,) = place.report(a_report())
    assert place.person(Role.OPERATOR).post(f"/api/v1/cases/{answer.case_id}/confirm").status_code == 200
    with place.app.state.services.database.write() as session:
        session.execute(update(Case).values(grid_id=THEIRS))
    return str(answer.case_id)


def _limited(place: Place, role: Role, grid: str) -> httpx.Client:
    department = "urban-management" if role is Role.HANDLER else None
    now, name = utc_now(), f"{role}-{grid}"
    with place.app.state.services.database.write() as session:
        person = add_person(
            session, name=name, role=role, department=department, password_hash="", now=now, grids=[grid]
        )
        about: dict[str, Any] = {"person_id": person.id, "created_at": now, "expires_at": now.replace(year=9000)}
        session.add(LoginSession(token_hash=sha256_of(name), **about))
    return place.client(name)


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.SUPERVISOR, Role.HANDLER])
def test_a_case_of_another_grid_is_neither_read_nor_changed(sqlite_place: Place, case_id: str, role: Role) -> None:
    number, document = sqlite_place.case(case_id)["number"], sqlite_place.client().get("/openapi.json").json()
    mine, theirs = _limited(sqlite_place, role, MINE), _limited(sqlite_place, role, THEIRS)
    assert theirs.get(f"/api/v1/cases/{case_id}").status_code == 200
    wrong = []
    for asked in (one for one in all_routes() if "{case_id}" in one.path):
        status, text = status_of(
            mine, asked.method, filled(asked, {"case_id": case_id}), **next(bodies(document, asked))
        )
        if status not in (403, 422) or number in text:
            wrong.append(f"{asked}: {status} {text[:100]}")
    assert wrong == []


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.SUPERVISOR, Role.HANDLER])
def test_no_list_count_or_figure_tells_of_a_case_of_another_grid(sqlite_place: Place, role: Role) -> None:
    mine, theirs = _limited(sqlite_place, role, MINE), _limited(sqlite_place, role, THEIRS)
    before = {str(asked): _answer(mine, asked) for asked in LISTING}
    others_before = {str(asked): _answer(theirs, asked) for asked in LISTING}
    case_id = _a_case(sqlite_place)
    assert {str(asked): _answer(mine, asked) for asked in LISTING} == before
    changed = [asked.path for asked in LISTING if _answer(theirs, asked) != others_before[str(asked)]]
    assert "/api/v1/cases" in changed
    assert case_id in theirs.get("/api/v1/cases").text


def test_the_audit_trail_tells_whoever_is_limited_to_grids_nothing_of_cases(sqlite_place: Place, case_id: str) -> None:
    assert case_id in sqlite_place.person(Role.SUPERVISOR).get("/api/v1/audit").text
    assert case_id not in _limited(sqlite_place, Role.SUPERVISOR, MINE).get("/api/v1/audit").text


def _answer(client: httpx.Client, asked: Asked) -> str:
    text = status_of(client, "GET", filled(asked, {}), headers={"X-Request-Id": "same"})[1]
    # How far the feed has come is no secret, nor when a bulletin was made; what they tell is.
    return re.sub(r'"next":\d+|\d\d:\d\d', "", text)
