"""A place whose clock the test moves, and people who log in there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

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


Somebody = Callable[..., dict[str, Any]]


@pytest.fixture
def add() -> Somebody:
    """Adds somebody with a name of their own to a place, and returns what the API shows of them."""

    def added(place: Place, **about: object) -> dict[str, Any]:
        person = {"name": f"li-{uuid4().hex[:8]}", "role": "operator", "password": PASSWORD} | about
        answer = place.person(Role.ADMINISTRATOR).post("/api/v1/people", json=person)
        assert answer.status_code == 201, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    return added


def logged_in(place: Place, name: str, password: str = PASSWORD) -> httpx.Client:
    answer = place.log_in(name, password)
    assert answer.status_code == 201, answer.text
    return place.client(answer.json()["token"])
