"""A case keeps times that can be, whatever clock an edge has, and the report keeps what the edge said."""

from __future__ import annotations

import re
from typing import Any

import psycopg
import pytest

from api.rights import Role
from tests.api.conftest import SettingsFactory
from tests.api.place import Place, a_report, followed

RECEIVED = "2026-11-23T01:05:00Z"


def _lines(place: Place, case_id: object, part: str) -> list[dict[str, Any]]:
    answer = place.person(Role.SUPERVISOR).get(f"/api/v1/cases/{case_id}/{part}")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


@pytest.mark.parametrize(
    ("given", "seen", "doubted"),
    [
        # No battery: the box believes that it is 1970.
        (("1970-01-01T00:01:00Z", "1970-01-01T00:06:00Z"), (RECEIVED, RECEIVED), {"first_seen_at", "occurred_at"}),
        (("1970-01-01T00:01:00Z", "2026-11-22T23:00:00Z"), ("2026-11-22T23:00:00Z",) * 2, {"first_seen_at"}),
        (("2026-11-23T01:00:00Z", "2026-11-24T01:05:01Z"), ("2026-11-23T01:00:00Z", RECEIVED), {"occurred_at"}),
        (("0001-01-01T00:00:00Z", "9999-12-31T20:00:00Z"), (RECEIVED, RECEIVED), {"first_seen_at", "occurred_at"}),
        # A day ahead, or years old from an outbox, can be.
        (("2026-11-23T01:00:00Z", "2026-11-24T01:05:00Z"), ("2026-11-23T01:00:00Z", "2026-11-24T01:05:00Z"), set()),
        (("2000-01-01T00:00:00Z", "2000-01-01T00:05:00Z"), ("2000-01-01T00:00:00Z", "2000-01-01T00:05:00Z"), set()),
    ],
)
def test_what_cannot_be_gives_way_to_when_it_was_received(
    *, shared_place: Place, given: tuple[str, str], seen: tuple[str, str], doubted: set[str]
) -> None:
    [answer] = shared_place.report(a_report(first_seen_at=given[0], occurred_at=given[1]))
    case = shared_place.case(answer.case_id)
    assert (case["first_seen_at"], case["last_seen_at"]) == seen
    assert (case["incidents"][0]["first_seen_at"], case["incidents"][0]["last_seen_at"]) == seen
    [kept] = _lines(shared_place, answer.case_id, "reports")
    assert (kept["payload"]["first_seen_at"], kept["payload"]["occurred_at"]) == given
    assert kept["occurred_at"] == given[1]
    details = _lines(shared_place, answer.case_id, "history")[0]["details"]
    assert set(details.get("doubted", {})) == doubted
    assert ("received_at" in details) == bool(doubted)


@pytest.mark.parametrize("end", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_a_gateway_at_the_end_of_the_calendar_keeps_nobody_else_from_reporting(shared_place: Place, end: str) -> None:
    """Hours are taken from what is known of a case where the next one looks for it, and zones added in exports."""
    spot = {"longitude": 119.5, "latitude": 32.1}
    wild = a_report(first_seen_at=end, occurred_at=end, received_at=end, position=spot)
    shared_place.report(wild)
    shared_place.report(followed(wild, phase="updated", occurred_at=end, received_at=end))
    [answer] = shared_place.report(a_report(position=spot))
    assert answer.case_id is not None
    exported = shared_place.person(Role.SUPERVISOR).get("/api/v1/cases/export", params={"edge": wild.edge_id})
    assert str(answer.case_id) in exported.text


def test_a_box_without_a_date_can_still_say_that_it_is_gone(shared_sqlite_place: Place) -> None:
    raised = a_report(first_seen_at="1970-01-01T00:00:00Z", occurred_at="1970-01-01T00:05:00Z")
    cleared = followed(raised, phase="cleared", occurred_at="1970-01-01T00:25:00Z", received_at="2026-11-23T01:25:00Z")
    answers = shared_sqlite_place.report(raised, cleared)
    assert shared_sqlite_place.case(answers[0].case_id)["gone_at"] == "2026-11-23T01:25:00Z"


def test_a_database_that_prefers_another_time_zone_changes_nothing(
    postgres_url: str, settings_for: SettingsFactory
) -> None:
    with psycopg.connect(re.sub(r"\+psycopg", "", postgres_url), autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE \"{connection.info.dbname}\" SET timezone TO 'Asia/Shanghai'")
    with Place(settings_for(postgres_url)) as place:
        [answer] = place.report(a_report(occurred_at="9999-12-31T20:00:00Z"))
        [kept] = _lines(place, answer.case_id, "reports")
        assert kept["occurred_at"] == "9999-12-31T20:00:00Z"
        with place.app.state.services.database.engine.connect() as connection:
            assert connection.exec_driver_sql("SHOW timezone").scalar() == "UTC"
