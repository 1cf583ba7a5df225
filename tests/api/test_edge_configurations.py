"""What the centre tells an edge to watch: set as a whole, kept with its history, and never more than watches."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from api.rights import Role
from api.tables import EdgeConfigurationRow
from tests.api.place import Place

WATCH = {"id": "pavement", "kind": "street-encroachment", "camera": "market-east", "dwell_s": 300.0}
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def edge_id(shared_place: Place) -> str:
    edge_id = f"edge-{uuid4().hex[:12]}"
    shared_place.edge_key(edge_id)
    return edge_id


def path_of(edge_id: str) -> str:
    return f"/api/v1/edges/{edge_id}/configuration"


def test_what_was_set_is_shown_to_people_and_to_ingestion(shared_place: Place, edge_id: str) -> None:
    supervisor = shared_place.person(Role.SUPERVISOR)
    assert supervisor.get(path_of(edge_id)).status_code == 404
    assert shared_place.service.edge_configuration(edge_id) is None
    answer = supervisor.put(path_of(edge_id), json={"watches": [WATCH]})
    assert answer.status_code == 200, answer.text
    assert answer.json()["body"] == {"edge_id": edge_id, "watches": [WATCH]}
    assert answer.json()["set_by"] == "person:supervisor-all"
    shown = shared_place.person(Role.OPERATOR).get(path_of(edge_id))
    assert (shown.json(), shown.headers["ETag"]) == (answer.json(), answer.headers["ETag"])
    kept = shared_place.service.edge_configuration(edge_id)
    assert kept is not None
    assert (f'"{kept.revision}"', kept.body) == (shown.headers["ETag"], shown.json()["body"])


def test_each_change_is_kept_and_the_newest_holds(shared_place: Place, edge_id: str) -> None:
    supervisor = shared_place.person(Role.SUPERVISOR)
    revisions = [
        supervisor.put(path_of(edge_id), json={"watches": watches}).json()["revision"]
        for watches in ([], [WATCH], [WATCH | {"dwell_s": 60.0}], [])
    ]
    assert len(set(revisions)) == 3, "the same watches have the same revision"
    with shared_place.app.state.services.database.read() as session:
        rows = session.scalars(select(EdgeConfigurationRow).where(EdgeConfigurationRow.edge_id == edge_id))
        assert [row.revision for row in rows] == revisions
    kept = shared_place.service.edge_configuration(edge_id)
    assert kept is not None
    assert kept.revision == revisions[-1]


def test_the_same_set_again_is_no_change(shared_place: Place, edge_id: str) -> None:
    first, again = (
        shared_place.person(role).put(path_of(edge_id), json={"watches": [WATCH]})
        for role in (Role.SUPERVISOR, Role.INTEGRATOR)
    )
    assert (again.status_code, again.json()) == (200, first.json())
    with shared_place.app.state.services.database.read() as session:
        rows = session.scalars(select(EdgeConfigurationRow).where(EdgeConfigurationRow.edge_id == edge_id))
        assert len(rows.all()) == 1


def test_of_ten_who_saw_the_same_revision_one_changes_it(shared_place: Place, edge_id: str) -> None:
    supervisor = shared_place.person(Role.SUPERVISOR)
    seen = supervisor.put(path_of(edge_id), json={"watches": []}).headers["ETag"]

    def put(dwell_s: float) -> int:
        body = {"watches": [WATCH | {"dwell_s": dwell_s}]}
        return supervisor.put(path_of(edge_id), json=body, headers={"If-Match": seen}).status_code

    with ThreadPoolExecutor(10) as threads:
        assert sorted(threads.map(put, range(10))) == [200, *[412] * 9]


def test_whoever_saw_an_older_revision_changes_nothing(shared_place: Place, edge_id: str) -> None:
    supervisor = shared_place.person(Role.SUPERVISOR)

    def put(watches: list[dict[str, Any]], if_match: str) -> int:
        answer = supervisor.put(path_of(edge_id), json={"watches": watches}, headers={"If-Match": if_match})
        if answer.status_code == 412:
            current = supervisor.get(path_of(edge_id)).json().get("revision")
            assert answer.json()["current"] == {"revision": current}
        return answer.status_code

    assert put([], '"anything"') == put([], "*") == 412, "there is nothing yet"
    first = supervisor.put(path_of(edge_id), json={"watches": []}).headers["ETag"]
    assert put([WATCH], '"another"') == 412
    assert put([WATCH], f'"another", {first}') == 200
    assert put([], first) == 412
    assert put([], "*") == 200


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ([], "object"),
        ({}, "watches"),
        ({"watches": {}}, "watches"),
        ({"watches": ["pavement"]}, "watches"),
        ({"watches": [], "edge_id": "another"}, "edge_id"),
        ({"watches": [], "edge_id": 7}, "edge_id"),
        *(({"watches": [], key: []}, key) for key in ("cameras", "brokers", "sensors", "centre", "data_dir", "xyz")),
    ],
    ids=str,
)
def test_only_watches_come_from_the_centre(shared_sqlite_place: Place, body: Any, named: str) -> None:
    shared_sqlite_place.edge_key("only-watches")
    answer = shared_sqlite_place.person(Role.INTEGRATOR).put(path_of("only-watches"), json=body)
    assert answer.status_code == 422
    assert named in answer.json()["detail"]


def deep(levels: int) -> bytes:
    return b'{"watches": [{"a": ' + b"[" * levels + b"]" * levels + b"}]}"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"{", 422),
        (b"\xff", 422),
        (b'{"watches": [{"score": NaN}]}', 422),
        (b'{"watches": [{"score": 1e999}]}', 422),
        (b'{"watches": [{"id": "\\ud800"}]}', 422),
        (b'{"\\ud800": 1}', 422),
        (b'{"watches": [{"n": ' + b"9" * 5000 + b"}]}", 422),
        (b"[" * 500_000, 422),
        (deep(900), 422),
        (deep(40), 422),
        (deep(20), 200),
        (b'{"watches": [{"id": "a\\u0000b", "note": "\xe5\x8d\xa0"}]}', 200),
        (b'{"watches": [' + b" " * 999_000 + b"]}", 200),
        (b'{"watches": [' + b" " * 1_000_000 + b"]}", 413),
    ],
    ids=range(15),
)
def test_no_body_makes_it_fail(shared_place: Place, edge_id: str, body: bytes, status: int) -> None:
    supervisor = shared_place.person(Role.SUPERVISOR)
    answer = supervisor.put(path_of(edge_id), content=body, headers=JSON)
    assert answer.status_code == status, answer.text
    assert supervisor.get(path_of(edge_id)).status_code == (200 if status == 200 else 404)
    kept = shared_place.service.edge_configuration(edge_id)
    assert (kept is not None) == (status == 200)
    if kept:
        assert kept.body["watches"] == json.loads(body)["watches"]


@pytest.mark.parametrize(
    ("edge_id", "status"), [("never-enrolled", 404), ("..", 404), ("a b", 422), ("x" * 65, 422), ("%00", 422)]
)
def test_an_edge_that_was_never_enrolled_has_no_configuration(shared_place: Place, edge_id: str, status: int) -> None:
    answer = shared_place.person(Role.SUPERVISOR).put(path_of(edge_id), json={"watches": []})
    assert answer.status_code == status


def test_a_strangers_megabyte_is_not_read(shared_sqlite_place: Place) -> None:
    answer = shared_sqlite_place.client().put(path_of("gate-3"), content=b"{" * 900_000, headers=JSON)
    assert answer.status_code == 401
