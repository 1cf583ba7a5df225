"""Statuses on their way to the API: short whatever an edge wrote, in batches, and kept while the API is away."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from api.client import ApiRefused, ApiUnavailable
from api.schemas import AILING_MAX, STATUSES_PER_PUT, EdgeStatusReport
from ingest.edge_messages import EdgeStatus
from ingest.status_relay import NUMBER_MAX, StatusRelay, in_short
from tests.services.processes import wait_until

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "edge-status-v1.json").read_text())
NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


class FakeApi:
    def __init__(self) -> None:
        self.failure: Exception | None = None
        self.puts: list[dict[str, str]] = []

    def report(self, reports: Sequence[EdgeStatusReport]) -> None:
        if self.failure:
            raise self.failure
        self.puts.append({report.edge_id: report.status.version for report in reports})


def status(edge_id: str = "laian-01", **changes: Any) -> EdgeStatus:
    return EdgeStatus.model_validate_json(json.dumps(GOLDEN | {"edge_id": edge_id} | changes))


def test_a_status_is_told_in_short() -> None:
    short = in_short(status())
    assert (short.version, short.load, short.configuration_revision) == ("0.1.0", 0.41, "8c1f03ab")
    assert short.cameras == {"live": 1, "lost": 1}
    assert [camera.id for camera in short.ailing_cameras] == ["bridge-south"]
    assert (short.sensors, short.ailing_sensors, short.watches, short.open_incidents) == (1, [], 1, 2)
    assert (short.backlog.events, short.backlog.evidence_bytes) == (3, 4012233)


def test_whatever_an_edge_wrote_is_short_and_taken_by_the_api() -> None:
    huge, long = 10**4000, "占" * 500
    ill = {"state": "blind", "fault": long, "looks": huge}
    full = status(
        load=1.7e308,
        clock_offset_ms=-huge,
        configuration_fault=long,
        cameras=[{"id": f"c{number}".ljust(64, "x"), **ill} for number in range(1000)],
        sensors=[{"id": f"s{number}", "fault": long} for number in range(50_000)],
        backlog={"events": huge, "used_bytes": huge, "fault": long, "oldest_at": "0001-01-01T00:00:00Z"},
        started_at="9999-12-31T23:59:59Z",
    )
    report = EdgeStatusReport(edge_id="laian-01", received_at=NOW, status=in_short(full))
    text = report.model_dump_json(exclude_none=True)
    assert len(text.encode()) < 200_000
    assert TypeAdapter(EdgeStatusReport).validate_python(json.loads(text)) == report
    assert (report.status.backlog.events, report.status.clock_offset_ms) == (NUMBER_MAX, -NUMBER_MAX)
    assert (len(report.status.ailing_cameras), len(report.status.ailing_sensors)) == (AILING_MAX, AILING_MAX)
    assert (report.status.cameras, report.status.sensors) == ({"blind": 1000}, 50_000)


def test_of_each_edge_the_last_is_passed_on_and_only_once() -> None:
    api = FakeApi()
    relay = StatusRelay(api.report)
    for version in ("1", "2"):
        relay.note(status("a", version=version), received_at=NOW)
    relay.note(status("b"), received_at=NOW)
    relay.pass_on()
    relay.pass_on()
    assert api.puts == [{"a": "2", "b": "0.1.0"}]


def test_many_go_in_batches() -> None:
    api = FakeApi()
    relay = StatusRelay(api.report)
    for number in range(STATUSES_PER_PUT + 1):
        relay.note(status(f"edge-{number}"), received_at=NOW)
    relay.pass_on()
    assert [len(put) for put in api.puts] == [STATUSES_PER_PUT, 1]


def test_while_the_api_is_away_they_wait_and_a_newer_one_replaces_an_older() -> None:
    api = FakeApi()
    relay = StatusRelay(api.report)
    api.failure = ApiUnavailable("away")
    for edge_id in ("a", "b"):
        relay.note(status(edge_id, version="1"), received_at=NOW)
    relay.pass_on()
    relay.note(status("a", version="2"), received_at=NOW + timedelta(seconds=30))
    api.failure = None
    relay.pass_on()
    assert api.puts == [{"a": "2", "b": "1"}]


def test_what_the_api_refuses_is_let_go() -> None:
    api = FakeApi()
    relay = StatusRelay(api.report)
    api.failure = ApiRefused(422, "no")
    relay.note(status("a"), received_at=NOW)
    relay.pass_on()
    api.failure = None
    relay.pass_on()
    assert api.puts == []


def test_it_goes_on_by_itself_and_stops_when_told() -> None:
    api = FakeApi()
    relay = StatusRelay(api.report, every_s=0.02)
    relay.start()
    relay.note(status("a"), received_at=NOW)
    wait_until(lambda: bool(api.puts), timeout_s=5, what="it is passed on")
    relay.close()
    relay.note(status("b"), received_at=NOW)
    assert api.puts == [{"a": "0.1.0"}]
