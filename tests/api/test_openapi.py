"""The OpenAPI says of each operation who may call it, and in which ways it may say no."""

from __future__ import annotations

from typing import Any

import pytest

from api.rights import Rights, Role
from tests.api.place import Place

JSON = {"application/problem+json"}


def _operations(place: Place) -> list[tuple[str, dict[str, Any]]]:
    paths = place.client().get("/openapi.json").json()["paths"]
    return [(f"{method} {path}", operation) for path, item in paths.items() for method, operation in item.items()]


def test_every_operation_names_an_action_of_the_table(shared_sqlite_place: Place) -> None:
    rights = Rights.load()

    assert [
        name for name, operation in _operations(shared_sqlite_place) if not rights.knows(operation["x-action"])
    ] == []


def test_what_is_not_for_everybody_says_how_it_refuses(shared_sqlite_place: Place) -> None:
    rights = Rights.load()
    for name, operation in _operations(shared_sqlite_place):
        if rights.may(Role.ANONYMOUS, operation["x-action"]):
            assert operation["security"] == [], name
        elif " /open311/" in name:
            assert "403" in operation["responses"], name
        else:
            assert {"401", "403"} <= set(operation["responses"]), name
            assert set(operation["responses"]["401"]["content"]) == JSON, name


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/api/v1/edges", "GET, POST"),
        ("OPTIONS", "/api/v1/edges/gate-3/configuration", "GET, PUT"),
        ("POST", "/health/live", "GET"),
    ],
)
def test_a_wrong_method_is_told_all_that_the_address_knows(
    shared_sqlite_place: Place, method: str, path: str, allowed: str
) -> None:
    answer = shared_sqlite_place.client().request(method, path)

    assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)


def test_an_address_with_a_slash_too_many_is_unknown_and_leads_nowhere(shared_sqlite_place: Place) -> None:
    assert shared_sqlite_place.client().get("/api/v1/edges/").status_code == 404
