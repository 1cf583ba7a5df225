"""Whose figures a person sees: all, those of the own department, or what became of alarms; within the own grids."""

from __future__ import annotations

import httpx

from api.cases.states import CaseState
from api.people.keys import sha256_of
from api.rights import Role
from api.tables import LoginSession, Person
from tests.api.indicators.histories import a_case, a_department, an_alarm, put
from tests.api.indicators.test_counting import asked, percents
from tests.api.place import Place


def put_two_departments(place: Place) -> tuple[str, str]:
    mine, theirs = a_department(), a_department()
    for department in (mine, theirs):
        put(
            place,
            a_case(department, CaseState.HANDLED, due="10 12:00", handled="10 11:00", grid_id="grid-a"),
            a_case(department, CaseState.HANDLING, due="10 12:00", grid_id="grid-b"),
            an_alarm(department, CaseState.REJECTED, ended="10 12:00", grid_id="grid-b"),
        )
    return mine, theirs


def test_a_handler_sees_what_the_own_department_did_and_no_alarms(shared_place: Place) -> None:
    mine, theirs = put_two_departments(shared_place)
    handler = shared_place.person(Role.HANDLER, mine)

    told = asked(handler, by="department")

    assert told["scope"] == "department"
    assert [(group["key"], group["figures"]["counts"]["due_to_handle"]) for group in told["groups"]] == [(mine, 2)]
    # Rejected alarms are hidden from handlers: of what they may see, each alarm was filed, so there is no such rate.
    assert percents(told["total"])["filing"] is None
    assert asked(handler, department=theirs)["total"]["counts"]["due_to_handle"] == 0
    assert asked(handler, "/precision")["total"]["confirmed"] == 0
    standings = asked(handler, "/league")["standings"]
    assert [(one["key"], one["rank"], one["figures"]["score"] is None) for one in standings] == [(mine, None, False)]
    assert asked(handler, "/series")["points"][-1]["figures"]["counts"]["due_to_handle"] == 2


def test_an_operator_sees_what_became_of_alarms_of_all_departments(shared_place: Place) -> None:
    mine, theirs = put_two_departments(shared_place)
    operator = shared_place.person(Role.OPERATOR)
    for department in (mine, theirs):
        told = asked(operator, department=department)
        assert (told["scope"], told["total"]["counts"]["due_to_handle"]) == ("review", 0)
        assert percents(told["total"])["filing"] == 66.67
        assert asked(operator, "/precision", department=department)["total"]["rejected"] == 1


def test_supervisor_and_administrator_see_all(shared_place: Place) -> None:
    mine, _ = put_two_departments(shared_place)
    for role in (Role.SUPERVISOR, Role.ADMINISTRATOR):
        told = asked(shared_place.person(role), department=mine)
        assert (told["scope"], told["total"]["counts"]["due_to_handle"]) == ("all", 2)
        assert percents(told["total"])["filing"] == 66.67


def test_who_has_grids_sees_the_figures_of_those(shared_place: Place) -> None:
    mine, _ = put_two_departments(shared_place)
    supervisor = _with_grids(shared_place, ["grid-a", "grid-c"])

    told = asked(supervisor, department=mine, by="grid")

    assert [group["key"] for group in told["groups"]] == ["grid-a"]
    assert percents(told["total"])["handling"] == 100.0
    assert percents(told["total"])["filing"] == 100.0


def test_who_may_not_read_indicators_is_refused(shared_sqlite_place: Place) -> None:
    paths = ("", "/league", "/series", "/precision", "/bulletin")
    integrator, nobody = shared_sqlite_place.person(Role.INTEGRATOR), shared_sqlite_place.client()
    assert {integrator.get(f"/api/v1/indicators{path}").status_code for path in paths} == {403}
    assert {nobody.get(f"/api/v1/indicators{path}").status_code for path in paths} == {401}


def _with_grids(place: Place, grids: list[str]) -> httpx.Client:
    database, token = place.app.state.services.database, f"st_{a_department()}"
    now = place.app.state.services.clock()
    with database.write() as session:
        person = Person(name=a_department(), role=Role.SUPERVISOR, grids=grids, password_hash="none", created_at=now)
        session.add(person)
        session.flush()
        expires_at = now.replace(year=now.year + 1)
        session.add(
            LoginSession(token_hash=sha256_of(token), person_id=person.id, created_at=now, expires_at=expires_at)
        )
    return place.client(token)
