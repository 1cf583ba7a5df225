"""What the gateway remembers of configurations: for seconds, and never more than it has room for."""

from __future__ import annotations

import asyncio

import pytest
from fastapi import Request, Response

from api.client import ApiUnavailable
from api.schemas import EdgeConfigurationKept
from ingest.configuration_door import FRESH_S, KEPT_MAX_BYTES, ConfigurationDoor


class Api:
    """An API that has one configuration for all edges, and tells its own time."""

    def __init__(self) -> None:
        self.kept: EdgeConfigurationKept | None = EdgeConfigurationKept(revision="r1", body={"watches": []})
        self.questions = 0
        self.away = False
        self.now_s = 1000.0

    def ask(self, edge_id: str) -> EdgeConfigurationKept | None:
        self.questions += 1
        if self.away:
            raise ApiUnavailable("away")
        return self.kept


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def door(api: Api) -> ConfigurationDoor:
    return ConfigurationDoor(api.ask, clock=lambda: api.now_s)


def get(door: ConfigurationDoor, edge_id: str = "a", if_none_match: str = "") -> Response:
    headers = [(b"if-none-match", if_none_match.encode())]
    request = Request({"type": "http", "method": "GET", "headers": headers, "state": {"edge_id": edge_id}})
    return asyncio.run(door.get(request))


def test_it_is_asked_for_once_in_a_few_seconds(door: ConfigurationDoor, api: Api) -> None:
    assert [get(door).headers["ETag"] for _ in range(3)] == ['"r1"'] * 3
    api.kept = EdgeConfigurationKept(revision="r2", body={"watches": [{}]})
    assert (get(door, if_none_match='"r1"').status_code, api.questions) == (304, 1)
    api.now_s += FRESH_S
    changed = get(door, if_none_match='"r1"')
    assert (changed.status_code, changed.body, api.questions) == (200, b'{"watches":[{}],"edge_id":"a"}', 2)


def test_so_is_that_there_is_none(door: ConfigurationDoor, api: Api) -> None:
    api.kept = None
    assert [get(door).status_code for _ in range(3)] == [204] * 3
    assert api.questions == 1
    api.kept = EdgeConfigurationKept(revision="r1", body={"watches": []})
    api.now_s += FRESH_S
    assert get(door).headers["ETag"] == '"r1"'


def test_a_failure_is_not_remembered_nor_covered_by_something_old(door: ConfigurationDoor, api: Api) -> None:
    get(door)
    api.now_s += FRESH_S
    api.away = True
    with pytest.raises(ApiUnavailable):
        get(door)
    api.away = False
    assert get(door).status_code == 200


def test_large_ones_of_many_edges_do_not_fill_the_memory(door: ConfigurationDoor, api: Api) -> None:
    api.kept = EdgeConfigurationKept(revision="r1", body={"watches": [{"note": "x" * 1_000_000}]})
    for number in range(50):
        get(door, f"edge-{number}")
    kept = sum(each.size_bytes for each in door._kept.values())
    assert 0.9 * KEPT_MAX_BYTES < kept == door._kept_bytes <= KEPT_MAX_BYTES
    api.now_s += FRESH_S
    get(door)
    assert list(door._kept) == ["a"]
