"""A box gets its key for a one-time token: once, in time, however many ask at the same moment."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from sqlalchemy import select

from api.rights import Role
from api.tables import AuditRow, EdgeToken
from tests.api.conftest import SettingsFactory
from tests.api.place import Clocked, Place


@pytest.fixture
def edge_id() -> str:
    return f"box-{uuid4().hex[:12]}"


def made_token(place: Place, edge_id: str, **more: object) -> str:
    made = place.person(Role.ADMINISTRATOR).post("/api/v1/edges/tokens", json={"edge_id": edge_id, **more})
    assert made.status_code == 201, made.text
    assert made.json()["edge_id"] == edge_id
    return str(made.json()["token"])


def test_a_token_becomes_a_key_once(shared_place: Place, edge_id: str) -> None:
    token = made_token(shared_place, edge_id)
    stranger = shared_place.client()
    registered = stranger.post("/api/v1/edges/register", json={"token": token})
    assert registered.status_code == 201, registered.text
    key = registered.json()["key"]
    assert registered.json() == {"edge_id": edge_id, "key": key}
    found = shared_place.service.authenticate_edge(key)
    assert found is not None
    assert found.edge_id == edge_id
    again = stranger.post("/api/v1/edges/register", json={"token": token})
    assert (again.status_code, again.json()["code"]) == (404, "unknown_token")


def test_of_twenty_who_show_the_same_token_one_gets_a_key(shared_place: Place, edge_id: str) -> None:
    token = made_token(shared_place, edge_id)
    clients = [shared_place.client() for _ in range(20)]
    with ThreadPoolExecutor(20) as threads:
        answers = list(
            threads.map(
                lambda client: client.post("/api/v1/edges/register", json={"token": token}).status_code, clients
            )
        )
    assert sorted(answers) == [201] + [404] * 19
    keys = shared_place.person(Role.ADMINISTRATOR).get(f"/api/v1/edges/{edge_id}/keys").json()
    assert len(keys) == 1


def test_a_newer_token_voids_an_older_one(shared_sqlite_place: Place, edge_id: str) -> None:
    tokens = [made_token(shared_sqlite_place, edge_id) for _ in range(2)]
    statuses = [
        shared_sqlite_place.client().post("/api/v1/edges/register", json={"token": token}).status_code
        for token in tokens
    ]
    assert statuses == [404, 201]


@pytest.mark.parametrize("token", ["et_guessed", "", "\\u0000", "村"])
def test_what_is_no_token_gets_nothing(shared_place: Place, token: str) -> None:
    body = f'{{"token": "{token}"}}'.encode()
    headers = {"Content-Type": "application/json"}
    asked = shared_place.client().post("/api/v1/edges/register", content=body, headers=headers)
    assert asked.status_code == 404
    assert shared_place.service.register_edge("et_guessed") is None


@pytest.mark.parametrize(
    "body", [{}, {"token": 7}, {"token": "x" * 201}, {"token": None}, [], "token", {"token": ["et_"]}]
)
def test_what_is_no_registration_is_told(shared_sqlite_place: Place, body: object) -> None:
    assert shared_sqlite_place.client().post("/api/v1/edges/register", json=body).status_code == 422


@pytest.mark.parametrize(
    "body",
    [{"edge_id": "a b"}, {"edge_id": "a", "valid_hours": 0}, {"edge_id": "a", "valid_hours": 721}, {"valid_hours": 1}],
)
def test_a_token_that_cannot_be_made_is_told(shared_sqlite_place: Place, body: object) -> None:
    made = shared_sqlite_place.person(Role.ADMINISTRATOR).post("/api/v1/edges/tokens", json=body)
    assert made.status_code == 422


@pytest.fixture
def clocked(settings_for: SettingsFactory, database_url: str) -> Iterator[tuple[Place, Clocked]]:
    clock = Clocked()
    with Place(settings_for(database_url), clock) as place:
        yield place, clock


def test_an_old_token_is_worth_nothing_and_no_secret_is_kept(clocked: tuple[Place, Clocked], edge_id: str) -> None:
    place, clock = clocked
    token = made_token(place, edge_id, valid_hours=2)
    with place.app.state.services.database.read() as session:
        [row] = session.scalars(select(EdgeToken))
        assert token not in f"{row.token_hash} {row.created_by}"
        assert len(row.token_hash) == 64
    clock.pass_by(2 * 3600)
    assert place.client().post("/api/v1/edges/register", json={"token": token}).status_code == 404
    clock.pass_by(31 * 24 * 3600)
    logged_in = place.log_in("administrator", str(place.administrator_password))
    administrator = place.client(logged_in.json()["token"])  # the first login is over by now
    assert administrator.post("/api/v1/edges/tokens", json={"edge_id": "another"}).status_code == 201
    listed = administrator.get("/api/v1/edges/tokens").json()
    assert [each["edge_id"] for each in listed] == ["another"]


def test_a_revoked_edge_is_shut_out_and_its_token_void(shared_place: Place, edge_id: str) -> None:
    administrator = shared_place.person(Role.ADMINISTRATOR)
    keys = [shared_place.edge_key(edge_id) for _ in range(2)]
    token = made_token(shared_place, edge_id)
    assert administrator.delete(f"/api/v1/edges/{edge_id}/keys").status_code == 204
    assert [shared_place.service.authenticate_edge(key) for key in keys] == [None, None]
    assert shared_place.service.register_edge(token) is None
    shown = administrator.get(f"/api/v1/edges/{edge_id}/keys").json()
    assert [key["revoked_at"] is None for key in shown] == [False, False]
    assert administrator.delete(f"/api/v1/edges/{edge_id}/keys").status_code == 204
    assert administrator.delete("/api/v1/edges/never-was/keys").status_code == 404


def test_a_box_that_never_came_can_be_turned_away(shared_sqlite_place: Place, edge_id: str) -> None:
    token = made_token(shared_sqlite_place, edge_id)
    administrator = shared_sqlite_place.person(Role.ADMINISTRATOR)
    assert administrator.delete(f"/api/v1/edges/{edge_id}/keys").status_code == 204
    assert shared_sqlite_place.service.register_edge(token) is None


def test_each_step_is_in_the_audit_trail(shared_place: Place, edge_id: str) -> None:
    registered = shared_place.service.register_edge(made_token(shared_place, edge_id))
    assert registered is not None
    shared_place.person(Role.ADMINISTRATOR).delete(f"/api/v1/edges/{edge_id}/keys")
    with shared_place.app.state.services.database.read() as session:
        rows = session.scalars(
            select(AuditRow).where(AuditRow.subject == f"edge:{edge_id}").order_by(AuditRow.id)
        ).all()
    assert [(row.action, row.details.get("act")) for row in rows] == [
        ("edge.enrol_and_revoke", "token made"),
        ("edge.register", None),
        ("edge.enrol_and_revoke", "edge revoked"),
    ]
    assert all(registered.key not in str(row.details) for row in rows)
