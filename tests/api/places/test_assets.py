"""Components come in as CSV or JSON; each fault names its line and column."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from api.places.assets import ROWS_MAX
from api.rights import Role
from tests.api.place import Place

ASSETS = "/api/v1/places/assets"
CSV = {"Content-Type": "text/csv; charset=utf-8"}


def posted(place: Place, table: str | bytes, **params: Any) -> httpx.Response:
    content = table.encode() if isinstance(table, str) else table
    return place.person(Role.INTEGRATOR).post(ASSETS, content=content, headers=CSV, params=params)


def test_a_table_comes_in_and_what_is_there_already_is_left(shared_place: Place) -> None:
    mark = uuid4().hex[:8]
    table = (
        "\ufeffid,name,code_scheme,code,department,longitude,latitude,datum\r\n"
        f'{mark}-1,"雨水井盖, 东",cn-component,0101,water,118.4336,32.4525,GCJ02\r\n'
        f"{mark}-2,路灯,,,,,,\r\n"
    )
    dry = posted(shared_place, table, dry_run=True)
    assert dry.json() == {"dry_run": True, "added": 2, "changed": 0, "unchanged": 0}, dry.text
    assert posted(shared_place, table).json() == {"dry_run": False, "added": 2, "changed": 0, "unchanged": 0}
    changed = table.replace("路灯", "街灯")
    assert posted(shared_place, changed).json() == {"dry_run": False, "added": 0, "changed": 1, "unchanged": 1}
    listed = shared_place.person(Role.OPERATOR).get(ASSETS, params={"after": f"{mark}-", "limit": 2}).json()
    first, second = listed["items"]
    assert (first["name"], first["code"], first["department"]) == ("雨水井盖, 东", "0101", "water")
    assert first["position"]["gcj02"] == {"longitude": 118.4336, "latitude": 32.4525}
    assert (second["name"], second["position"], second["code"]) == ("街灯", None, None)


def test_json_says_the_same(shared_sqlite_place: Place) -> None:
    mark = uuid4().hex[:8]
    rows = [{"id": f"{mark}-1", "name": "lamp", "longitude": 118.4, "latitude": 32.4}]
    answer = shared_sqlite_place.person(Role.INTEGRATOR).post(ASSETS, json=rows)
    assert answer.json() == {"dry_run": False, "added": 1, "changed": 0, "unchanged": 0}


@pytest.mark.parametrize(
    ("table", "where", "why"),
    [
        ("id,name\nA,lamp\n,lamp\n", "line 3, id", "required"),
        ("id,name,longitude,latitude\nA,lamp,181,32\n", "line 2, longitude", "180"),
        ("id,name,longitude,latitude\nA,lamp,118,\n", "line 2", "belong together"),
        ("id,name,longitude,latitude\nA,lamp,nan,32\n", "line 2, longitude", "finite"),
        ("id,name\nA,lamp\nA,lamp\n", "line 3, id", "twice"),
        ("id,name\nA,lamp,more\n", "line 2, id", "required"),
        ("id,name,colour\nA,lamp,red\n", "line 1", "expected columns"),
        ("name\nlamp\n", "line 1", "expected columns"),
        ("", "line 1", "expected columns"),
        ('id,name\nA,"lamp\n', "body", "CSV"),
        ("id,name,department\nA,lamp,nobody\n", "department", "nobody"),
        ("id,name\nA,井盖\n".encode("gbk"), "body", "UTF-8"),
        ("id,name\n" + "A,lamp\n" * (ROWS_MAX + 1), "body", "rows at most"),
        ("id,name\nA," + "x" * 200_000 + "\n", "body", "CSV"),
        ("id,name\nA,\x00\n", "line 2, name", "pattern"),
    ],
)
def test_a_fault_names_line_and_column(shared_sqlite_place: Place, table: str | bytes, where: str, why: str) -> None:
    answer = posted(shared_sqlite_place, table)
    assert answer.status_code == 422, answer.text
    error = answer.json()["errors"][0]
    assert (error["where"], why in error["why"]) == (where, True), error


@pytest.mark.parametrize("body", [b"", b"{}", b"7", b"[7]", b'[{"id": 1}]', b"[" * 99_999, b"\xff"])
def test_what_is_no_table_is_told(shared_sqlite_place: Place, body: bytes) -> None:
    assert shared_sqlite_place.person(Role.INTEGRATOR).post(ASSETS, content=body).status_code == 422
