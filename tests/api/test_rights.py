"""Each cell of the table of rights holds for each route: on a real case, for people, keys and nobody."""

from __future__ import annotations

import csv
import hashlib
import re
from typing import Any

import httpx
import pytest
from fastapi import APIRouter

from api.access import UnauthorisedRoute, allowed, require_actions
from api.rights import INTERNAL, RIGHTS_CSV, Rights, RightsError, Role
from tests.api.asking import all_routes, bodies, filled, status_of
from tests.api.pictures import a_picture
from tests.api.place import Place, a_report

ROUTES = all_routes()
PEOPLE = {
    "operator": Role.OPERATOR,
    "supervisor": Role.SUPERVISOR,
    "integrator": Role.INTEGRATOR,
    "administrator": Role.ADMINISTRATOR,
}
OWN, OTHER = "handler_own_department", "handler_other_department"
DEPARTMENT, OTHER_DEPARTMENT = "urban-management", "sanitation"

OUR_ROWS = {"case.assign", "edge.register", "session.open", "session.own", "api.describe"}
"""What the client's table does not list, and our routes need a word for."""

CLIENTS_ROWS_SHA256 = "bd968e9c47dd5910985c10c1baed154c8ce171c4ea2aa2fe3fb882ea322381a6"
"""Of the client's table, as it was handed over: its rows stand in ours as they came."""

WITHOUT_ROUTE = {
    "case.list_detected": "asked inside of the list of cases: see the handler's list below",
    "indicators.read_all": "asked inside of the indicators: tests/api/indicators",
    "edge.send_events_evidence_status": "the gateway's doors: tests/ingest asks them with and without an edge's key",
    "edge.pull_own_configuration": "the gateway's doors, likewise",
    "evidence.read_plate_kept": "asked inside of reading evidence, where a plate may show: tests/api/test_evidence.py",
    "dead_letters.read_and_replay": "dead letters lie in the stream, and are handled by a command of ingestion",
    "model.list": "the models' routes are an issue of their own",
    "model.install_and_roll_out": "the models' routes are an issue of their own",
    "model.export_feedback": "the models' routes are an issue of their own",
}
"""Rows that no route of this API uses, and why."""
FITTING_BODIES: dict[str, dict[str, Any]] = {
    "/api/v1/cases/{case_id}/assign": {"json": {"assignee": f"handler-{DEPARTMENT}"}},
    "/api/v1/cases/{case_id}/evidence": {"files": {"file": ("after.jpg", a_picture())}, "data": {"role": "after"}},
}
"""Where the smallest body that the OpenAPI describes does not do, or asks for what no handler may say."""


def _table() -> dict[str, dict[str, str]]:
    with RIGHTS_CSV.open(encoding="utf-8", newline="") as file:
        return {row["action"]: row for row in csv.DictReader(file)}


TABLE = _table()


def test_the_client_s_rows_stand_as_they_came() -> None:
    lines = RIGHTS_CSV.read_text(encoding="utf-8").splitlines()
    carried_over = [line for line in lines if line.partition(",")[0] not in OUR_ROWS]
    assert hashlib.sha256("\n".join(carried_over).encode()).hexdigest() == CLIENTS_ROWS_SHA256
    assert len(lines) - len(carried_over) == len(OUR_ROWS)


def test_a_row_that_no_route_uses_has_its_reason() -> None:
    used = {asked.action for asked in ROUTES}
    assert TABLE.keys() - used == WITHOUT_ROUTE.keys()
    assert {action for action in used if not action.startswith(INTERNAL)} <= TABLE.keys()


@pytest.mark.parametrize("column", [*PEOPLE, "edge_key", "anonymous", "service", "a key of an integrator"])
def test_each_route_answers_as_its_cell_says(sqlite_place: Place, column: str) -> None:
    client, known = _client(sqlite_place, column), {"case_id": _filed_case(sqlite_place)}
    cell = "integrator" if column not in TABLE["case.read"] else column
    wrong = []
    for asked in ROUTES:
        if column == "service":
            expected = asked.action.startswith(INTERNAL) or TABLE[asked.action]["anonymous"] == "yes"
        else:
            expected = TABLE.get(asked.action, {}).get(cell) == "yes"
        status, text = status_of(client, asked.method, filled(asked, known))
        # Without a body: let in, and told that the made-up id or the empty body is of no use.
        if (status not in (401, 403)) != expected or status >= 500:
            wrong.append(f"{asked}: expected {'a way in' if expected else 'none'}, got {status} {text[:100]}")
    assert wrong == []


@pytest.mark.parametrize("column", [OWN, OTHER])
def test_a_handler_may_do_to_a_case_what_the_cell_of_its_department_says(sqlite_place: Place, column: str) -> None:
    case_id, number = _filed_case(sqlite_place), None
    number = sqlite_place.case(case_id)["number"]
    client = sqlite_place.person(Role.HANDLER, DEPARTMENT if column == OWN else OTHER_DEPARTMENT)
    document = sqlite_place.client().get("/openapi.json").json()
    wrong = []
    for asked in ROUTES:
        about_case = "{case_id}" in asked.path
        cell = TABLE.get(asked.action, {}).get(column if about_case else OWN)
        body = FITTING_BODIES.get(asked.path) or (next(bodies(document, asked)) if about_case else {})
        status, text = status_of(client, asked.method, filled(asked, {"case_id": case_id}), **body)
        if (status not in (401, 403)) != (cell == "yes") or status >= 500:
            wrong.append(f"{asked}: expected {cell}, got {status} {text[:100]}")
        if about_case and status == 422:
            wrong.append(f"{asked}: {body} does not fit, so nobody came to ask whose case it is; see FITTING_BODIES")
        if column == OTHER and TABLE.get(asked.action, {}).get(OTHER) != "yes" and (case_id in text or number in text):
            wrong.append(f"{asked}: shows a case of another department")
    assert wrong == []


@pytest.mark.parametrize("kept_from", [False, True], ids=["its own scope", "another scope"])
def test_a_scoped_key_does_what_its_scope_says(sqlite_place: Place, kept_from: bool) -> None:
    rights, wrong = Rights.load(), []
    for action in sorted({asked.action for asked in ROUTES if rights.knows(asked.action)}):
        if not rights.may(Role.INTEGRATOR, action) or rights.may(Role.ANONYMOUS, action):
            continue
        scope = action if not kept_from else "places.read" if action != "places.read" else "session.own"
        client = sqlite_place.client(_key(sqlite_place, scopes=[scope]))
        for asked in ROUTES:
            if asked.action == action:
                status, text = status_of(client, asked.method, filled(asked, {}))
                if (status == 403) != kept_from or status == 401:
                    wrong.append(f"{asked}: scope {scope}, got {status} {text[:100]}")
    assert wrong == []


def test_a_handler_sees_filed_cases_of_the_own_department_only(sqlite_place: Place) -> None:
    mine, theirs, unfiled = sqlite_place.report(
        a_report(), a_report(kind="exposed-garbage", watch_id="bins"), a_report(watch_id="crossing")
    )
    for answer in (mine, theirs):
        sqlite_place.person(Role.OPERATOR).post(f"/api/v1/cases/{answer.case_id}/confirm")
    handler = sqlite_place.person(Role.HANDLER, "urban-management")
    listed = handler.get("/api/v1/cases").json()["items"]
    assert [case["id"] for case in listed] == [str(mine.case_id)]
    assert handler.get("/api/v1/cases", params={"state": "detected"}).status_code == 403
    statuses = [handler.get(f"/api/v1/cases/{answer.case_id}").status_code for answer in (mine, theirs, unfiled)]
    assert statuses == [200, 403, 403]
    for part in ("history", "reports", f"evidence/{'0' * 64}"):
        assert handler.get(f"/api/v1/cases/{theirs.case_id}/{part}").status_code == 403, part


def test_every_route_carries_its_action_in_openapi(shared_sqlite_place: Place) -> None:
    described = shared_sqlite_place.client().get("/openapi.json").json()
    actions = {
        (method.upper(), path): operation.get("x-action")
        for path, operations in described["paths"].items()
        for method, operation in operations.items()
    }
    shown = [asked for asked in ROUTES if asked.route.include_in_schema]
    assert actions == {(asked.method, asked.path): asked.action for asked in shown}
    hidden = {asked.action for asked in ROUTES if not asked.route.include_in_schema}
    assert hidden == {"api.describe"}


def test_the_docs_page_needs_nothing_from_outside(shared_sqlite_place: Place) -> None:
    client = shared_sqlite_place.client()
    assert client.get("/").headers["Location"] == "/docs"
    page = client.get("/docs").text
    assert "http" not in page
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert {path: client.get(path).status_code for path in loaded} == dict.fromkeys(loaded, 200)
    assert len(loaded) == 3
    assert client.get("/docs/redoc.standalone.js").status_code == 422
    assert client.get("/openapi.json").json()["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"


def test_an_application_with_an_undeclared_route_is_not_built() -> None:
    inner, outer = APIRouter(), APIRouter()

    @inner.get("/open")
    def _open() -> None: ...

    outer.include_router(inner)
    with pytest.raises(UnauthorisedRoute, match="declares 0 actions"):
        require_actions(outer.routes, Rights.load())


def test_an_action_outside_the_table_is_not_built() -> None:
    router = APIRouter()

    @router.get("/open", dependencies=[allowed("case.destroy")])
    def _open() -> None: ...

    with pytest.raises(UnauthorisedRoute, match=r"case\.destroy"):
        require_actions(router.routes, Rights.load())
    with pytest.raises(RightsError):
        Rights.load().may(Role.OPERATOR, "case.destroy")


def _filed_case(place: Place) -> str:
    (answer,) = place.report(a_report())
    confirmed = place.person(Role.OPERATOR).post(f"/api/v1/cases/{answer.case_id}/confirm")
    assert (confirmed.status_code, confirmed.json()["department"]) == (200, DEPARTMENT), confirmed.text
    return str(answer.case_id)


def _client(place: Place, column: str) -> httpx.Client:
    if column == "service":
        return place.client(place.service_key)
    if column == "edge_key":
        return place.client(place.edge_key())
    if column == "a key of an integrator":
        return place.client(_key(place))
    return place.person(PEOPLE[column]) if column in PEOPLE else place.client()


def _key(place: Place, **about: Any) -> str:
    made = place.person(Role.ADMINISTRATOR).post("/api/v1/keys", json={"name": "transport"} | about)
    assert made.status_code == 201, made.text
    return str(made.json()["key"])
