"""Every route declares its action, and lets in exactly those whom rights.csv lets in."""

from __future__ import annotations

import csv
import re
from uuid import uuid4

import httpx
import pytest
from fastapi import APIRouter

from api.access import UnauthorisedRoute, allowed, declared_actions, require_actions
from api.rights import RIGHTS_CSV, Rights, RightsError, Role
from api.routes import ROUTERS
from tests.api.place import Place, a_report

COLUMNS = {
    "operator": Role.OPERATOR,
    "supervisor": Role.SUPERVISOR,
    "handler_own_department": Role.HANDLER,
    "integrator": Role.INTEGRATOR,
    "administrator": Role.ADMINISTRATOR,
}
_DECLARED = [
    (method, route.path, action)
    for router in ROUTERS
    for route, action in declared_actions(router.routes)
    for method in route.methods or ()
]
# Logging out comes last, as nothing is allowed after it.
ROUTES = sorted(_DECLARED, key=lambda route: route[1].endswith("/sessions/current"))


@pytest.mark.parametrize("column", [*COLUMNS, "edge_key", "anonymous", "service"])
def test_each_route_answers_each_role_as_the_table_says(sqlite_place: Place, column: str) -> None:
    with RIGHTS_CSV.open(encoding="utf-8") as file:
        table = {row["action"]: row for row in csv.DictReader(file)}
    client = _client(sqlite_place, column)
    wrong = []
    for method, path, action in ROUTES:
        if column == "service":
            expected = action.startswith("internal.") or table[action]["anonymous"] == "yes"
        else:
            expected = table.get(action, {}).get(column) == "yes"
        status = client.request(method, _filled(path)).status_code
        # 404 and 422: let in, and told that the made-up id or empty body is of no use. A wrong login is 422 too.
        if (status not in (401, 403)) != expected:
            wrong.append(f"{method} {path} ({action}): expected {expected}, got {status}")
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
    described_by_itself = ("/", "/docs", "/docs/{asset}", "/openapi.json")
    assert actions == {(method, path): action for method, path, action in ROUTES if path not in described_by_itself}


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


def _client(place: Place, column: str) -> httpx.Client:
    if column == "service":
        return place.client(place.service_key)
    if column == "edge_key":
        return place.client(place.edge_key())
    return place.person(COLUMNS[column]) if column in COLUMNS else place.client()


def _filled(path: str) -> str:
    """Fills in ids of nothing; one that is not listed here is a word, so a route that wants a number says 422."""
    ids = {
        **{name: uuid4() for name in ("case_id", "key_id", "request_id", "ask_id", "webhook_id")},
        "delivery_id": 1,
    }
    known = {**ids, "edge_id": "no-such-edge", "sha256": "0" * 64, "asset": "favicon.png"}
    return re.sub(r"{(\w+)}", lambda name: str(known.get(name[1], "no-such")), path)
