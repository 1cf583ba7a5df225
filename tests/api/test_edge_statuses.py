"""The list of edges: each with how it last was, and how long ago that was heard."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from api.client import ApiRefused
from api.rights import Role
from api.schemas import STATUSES_PER_PUT, EdgeStatusReport
from tests.api.conftest import SettingsFactory
from tests.api.place import Clocked, Place


@pytest.fixture
def clocked(settings_for: SettingsFactory, database_url: str) -> Iterator[tuple[Place, Clocked]]:
    clock = Clocked()
    with Place(settings_for(database_url), clock) as place:
        yield place, clock


def status(edge_id: str, received_at: datetime, **changes: Any) -> EdgeStatusReport:
    short = {"version": "0.1.0", "sent_at": received_at, "started_at": received_at} | changes
    return EdgeStatusReport.model_validate({"edge_id": edge_id, "received_at": received_at, "status": short})


def listed(place: Place, **parameters: Any) -> dict[str, Any]:
    answer = place.person(Role.OPERATOR).get("/api/v1/edges", params=parameters)
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page


def test_edges_are_listed_with_their_last_status_and_its_age(clocked: tuple[Place, Clocked]) -> None:
    place, clock = clocked
    for edge_id in ("gate-1", "gate-2"):
        place.edge_key(edge_id)
    ailing = [{"id": "bridge", "state": "lost", "fault": "refused"}]
    shown = {"cameras": {"live": 3, "lost": 1}, "ailing_cameras": ailing, "load": 0.5}
    place.service.report_edge_statuses([status("gate-1", clock.now, **shown), status("never-enrolled", clock.now)])
    revision = place.person(Role.SUPERVISOR).put("/api/v1/edges/gate-1/configuration", json={"watches": []}).json()
    clock.pass_by(90)
    first, second = listed(place)["items"]
    assert (first["edge_id"], first["age_s"], first["centre_revision"]) == ("gate-1", 90, revision["revision"])
    assert first["status"]["cameras"] == {"live": 3, "lost": 1}
    assert first["status"]["ailing_cameras"] == ailing
    assert (second["edge_id"], second["age_s"], second["status"]) == ("gate-2", None, None)


def test_an_older_status_never_replaces_a_newer_one_nor_does_a_fast_clock(clocked: tuple[Place, Clocked]) -> None:
    place, clock = clocked
    place.edge_key("gate-1")
    before, ahead = clock.now - timedelta(minutes=1), clock.now + timedelta(hours=1)

    def report(*statuses: EdgeStatusReport) -> str:
        place.service.report_edge_statuses(statuses)
        version: str = listed(place)["items"][0]["status"]["version"]
        return version

    assert report(status("gate-1", clock.now, version="2"), status("gate-1", before, version="1")) == "2"
    assert report(status("gate-1", before, version="1")) == "2"
    assert report(status("gate-1", ahead, version="3")) == "3"
    clock.pass_by(1)
    assert report(status("gate-1", clock.now, version="4")) == "4"


def test_the_list_comes_in_pages(clocked: tuple[Place, Clocked]) -> None:
    place, _ = clocked
    for number in range(5):
        place.edge_key(f"gate-{number}")
    first = listed(place, limit=3)
    assert [edge["edge_id"] for edge in first["items"]] == ["gate-0", "gate-1", "gate-2"]
    second = listed(place, limit=3, after=first["next"])
    assert ([edge["edge_id"] for edge in second["items"]], second["next"]) == (["gate-3", "gate-4"], None)


def test_too_many_or_broken_statuses_are_refused(shared_sqlite_place: Place) -> None:
    now = Clocked().now
    with pytest.raises(ApiRefused, match="422"):
        shared_sqlite_place.service.report_edge_statuses([status("gate-1", now)] * (STATUSES_PER_PUT + 1))
    client = shared_sqlite_place.client(shared_sqlite_place.service_key)
    for body in (b"", b"[" * 60_000, b"7", b'[{"edge_id": "\\ud800"}]', b'[{"status": {"load": NaN}}]'):
        answer = client.put("/internal/v1/edges/statuses", content=body)
        assert answer.status_code == 422, answer.text
    assert shared_sqlite_place.person(Role.OPERATOR).get("/api/v1/edges", params={"limit": 0}).status_code == 422
    assert shared_sqlite_place.person(Role.OPERATOR).get("/api/v1/edges", params={"after": "a b"}).status_code == 422
