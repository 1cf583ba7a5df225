"""What is seen after a person, or time, has acted on a case; and what a blind camera, or a permit, makes of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from api.cases.states import CaseState
from api.places.resolver import places_changed
from api.rights import Role
from api.schemas import Report, ReportOutcome
from api.tables import Permit
from tests.api.cases.scenes import (
    NOW,
    a_sight,
    acts_of,
    again,
    case_of,
    do,
    later,
    links_of,
    north_of,
    row_of,
    set_case,
    somewhere,
)
from tests.api.place import Place

HOUR = timedelta(hours=1)


def in_state(place: Place, state: CaseState, **values: Any) -> tuple[Report, Any]:
    """A case that has come into this state at NOW, and the report that made it."""
    report = a_sight(occurred_at=NOW - HOUR, first_seen_at=NOW - HOUR)
    case_id = case_of(place, report)
    set_case(place, case_id, state=state, **values)
    return report, case_id


def closed(place: Place) -> tuple[Report, Any]:
    return in_state(place, CaseState.CLOSED, closed_at=NOW, ended_at=NOW, limit=2.0, limit_unit="hour", stage=None)


def test_a_handled_case_that_is_still_seen_goes_to_checking(shared_place: Place) -> None:
    report, case_id = in_state(shared_place, CaseState.HANDLED, handled_at=NOW)
    shared_place.report(later(report, hours=-0.1))
    assert shared_place.case(case_id)["state"] == "handled", "seen before it was handled"
    shared_place.report(later(report, hours=0.5), later(report, hours=1))
    case = shared_place.case(case_id)
    assert (case["state"], case["still_there"], case["second_look"]) == ("checking", True, "still_there")
    assert acts_of(shared_place, case_id).count("still_there") == 1
    shared_place.report(later(report, hours=2, phase="cleared"))
    assert shared_place.case(case_id)["second_look"] == "gone", "the last word"
    closing = f"/api/v1/cases/{case_id}/close"
    answer = shared_place.person(Role.OPERATOR).post(closing, json={"checked_by": "camera"})
    assert (answer.status_code, answer.json().get("state")) == (200, "closed"), "as its camera proposed"


def test_a_new_incident_of_the_watch_of_a_handled_case_marks_it_too(shared_sqlite_place: Place) -> None:
    report, case_id = in_state(shared_sqlite_place, CaseState.HANDLED, handled_at=NOW)
    assert case_of(shared_sqlite_place, again(report)) == case_id
    assert shared_sqlite_place.case(case_id)["state"] == "checking"


def test_an_expired_alarm_that_is_seen_again_is_detected(shared_place: Place) -> None:
    report, case_id = in_state(shared_place, CaseState.EXPIRED, ended_at=NOW, stage=None)
    shared_place.report(later(report, hours=-0.1), later(report, hours=0, phase="cleared"))
    assert shared_place.case(case_id)["state"] == "expired"
    shared_place.report(later(report, hours=0.5))
    row = row_of(shared_place, case_id)
    assert (row.state, row.stage, row.ended_at) == ("detected", "accept", None)
    assert case_of(shared_place, again(report)) == case_id, "and is joined again"


def test_a_closed_case_that_is_still_seen_is_reopened_within_the_window(shared_place: Place) -> None:
    report, case_id = closed(shared_place)
    assert shared_place.report(later(report, hours=-0.1))[0].outcome is ReportOutcome.COUNTED
    assert shared_place.case(case_id)["state"] == "closed"
    shared_place.report(later(report, hours=1.9))
    row = row_of(shared_place, case_id)
    assert (row.state, row.reopened_count, row.stage, row.closed_at) == ("handling", 1, "handle", None)
    assert acts_of(shared_place, case_id)[-1] == "reopened"


@pytest.mark.parametrize("state", [CaseState.CLOSED, CaseState.VOID])
def test_past_the_window_it_is_a_new_case_that_is_linked(shared_sqlite_place: Place, state: CaseState) -> None:
    report, old = closed(shared_sqlite_place)
    set_case(shared_sqlite_place, old, state=state)
    [answer] = shared_sqlite_place.report(later(report, hours=25))
    assert answer.outcome is ReportOutcome.NEW_CASE
    assert ("after_close", str(old)) in links_of(shared_sqlite_place, answer.case_id)
    assert case_of(shared_sqlite_place, later(report, hours=26)) == answer.case_id
    assert shared_sqlite_place.case(old)["state"] == state


def test_a_new_incident_after_closing_is_a_recurrence(shared_sqlite_place: Place) -> None:
    report, old = closed(shared_sqlite_place)
    new = case_of(shared_sqlite_place, again(report))
    assert links_of(shared_sqlite_place, new) == [("recurrence", str(old))]
    set_case(shared_sqlite_place, new, state=CaseState.CLOSED, closed_at=NOW, ended_at=NOW)
    assert row_of(shared_sqlite_place, case_of(shared_sqlite_place, again(report))).recurrences_count == 2


def test_what_ended_long_ago_is_no_recurrence(shared_sqlite_place: Place) -> None:
    report, old = closed(shared_sqlite_place)
    set_case(shared_sqlite_place, old, ended_at=NOW - timedelta(days=31))
    assert links_of(shared_sqlite_place, case_of(shared_sqlite_place, again(report))) == []


@pytest.mark.parametrize(
    ("phase", "reason", "expected"),
    [("updated", None, "seen"), ("cleared", "gone", "gone"), ("cleared", "out_of_hours", "no_longer_watched")],
)
def test_the_second_look_says_what_the_camera_says(
    *, shared_sqlite_place: Place, phase: str, reason: str | None, expected: str
) -> None:
    report = a_sight()
    case_id = case_of(shared_sqlite_place, report)
    shared_sqlite_place.report(later(report, hours=1, phase=phase, clear_reason=reason))
    assert shared_sqlite_place.case(case_id)["second_look"] == expected


@pytest.mark.parametrize("kind", ["camera-fault", "edge-fault"])
def test_blind_is_not_gone(shared_place: Place, kind: str) -> None:
    edge: dict[str, Any] = {"edge_id": f"edge-{uuid4().hex[:8]}"}
    seen, lost, gone = (a_sight(**edge) for _ in range(3))
    case_ids = [case_of(shared_place, report) for report in (seen, lost, gone)]
    shared_place.report(later(lost, hours=0.5, phase="cleared", clear_reason="lost"))
    shared_place.report(later(gone, hours=0.5, phase="cleared"))
    source: dict[str, Any] = {"source_type": "edge"} if kind == "edge-fault" else {"source_id": seen.source_id}
    fault = a_sight(**edge | {"kind": kind, "position": None} | source)
    fault_case = case_of(shared_place, fault)
    looks = [shared_place.case(case_id)["second_look"] for case_id in case_ids]
    assert looks == ["unknown", "no_longer_watched", "gone"]
    assert shared_place.case(fault_case)["second_look"] == "seen"
    shared_place.report(later(fault, hours=1, phase="cleared"))
    assert shared_place.case(case_ids[0])["second_look"] == "seen"


@pytest.mark.parametrize("way", ["reject", "void"])
def test_who_turns_a_camera_fault_down_ends_the_blindness(*, shared_place: Place, way: str) -> None:
    edge: dict[str, Any] = {"edge_id": f"edge-{uuid4().hex[:8]}"}
    seen = a_sight(**edge)
    case_id = case_of(shared_place, seen)
    fault = a_sight(**edge, kind="camera-fault", source_id=seen.source_id, position=None)
    fault_case = case_of(shared_place, fault)
    assert shared_place.case(case_id)["second_look"] == "unknown"
    if way == "void":
        do(shared_place, fault_case, "confirm")
    do(shared_place, fault_case, way, Role.SUPERVISOR, reason="a spider, and it sees")
    assert shared_place.case(case_id)["second_look"] == "seen"
    set_case(shared_place, fault_case, muted_until=NOW + 24 * HOUR)
    shared_place.report(later(fault, hours=1))
    assert shared_place.case(case_id)["second_look"] == "seen", "what is muted blinds nobody"
    [answer] = shared_place.report(later(fault, hours=100))
    assert answer.outcome is ReportOutcome.NEW_CASE
    assert shared_place.case(case_id)["second_look"] == "unknown", "it is there past the mute"


def test_a_permitted_fault_blinds_all_the_same(shared_sqlite_place: Place) -> None:
    spot = somewhere()
    a_permit(shared_sqlite_place, spot, kinds=["camera-fault"])
    seen = a_sight(spot, metres=300)
    case_id = case_of(shared_sqlite_place, seen)
    fault = a_sight(spot, kind="camera-fault", source_id=seen.source_id)
    assert row_of(shared_sqlite_place, case_of(shared_sqlite_place, fault)).state == "rejected"
    assert shared_sqlite_place.case(case_id)["second_look"] == "unknown"


def test_a_camera_and_a_sensor_of_one_name_do_not_blind_each_other(shared_place: Place) -> None:
    edge: dict[str, Any] = {"edge_id": f"edge-{uuid4().hex[:8]}", "source_id": "gate"}
    seen, felt = a_sight(**edge), a_sight(**edge, source_type="sensor", kind="street-light-out")
    case_ids = [case_of(shared_place, report) for report in (seen, felt)]
    fault = a_sight(**edge, source_type="sensor", kind="sensor-fault", position=None)
    shared_place.report(fault)
    assert [shared_place.case(case_id)["second_look"] for case_id in case_ids] == ["seen", "unknown"]
    shared_place.report(later(fault, hours=1, phase="cleared"))
    shared_place.report(a_sight(**edge, kind="camera-fault", position=None))
    assert [shared_place.case(case_id)["second_look"] for case_id in case_ids] == ["unknown", "seen"]


def test_of_what_people_alone_reported_no_camera_says_anything(shared_sqlite_place: Place) -> None:
    word = {"source": "patrol", "kind": "goods-piled", "position": north_of(somewhere(), 0)}
    answer = shared_sqlite_place.person(Role.OPERATOR).post("/api/v1/reports", json=word)
    assert shared_sqlite_place.case(answer.json()["case_id"])["second_look"] is None


def a_permit(place: Place, spot: tuple[float, float], *, kinds: list[str], until_h: float = 1) -> str:
    x, y, side = *spot, 0.001
    ring = [
        [x - side, y - side],
        [x + side, y - side],
        [x + side, y + side],
        [x - side, y + side],
        [x - side, y - side],
    ]
    with place.app.state.services.database.write() as session:
        permit = Permit(
            name="night market",
            kinds=kinds,
            geometry={"type": "Polygon", "coordinates": [ring]},
            from_at=NOW - 24 * HOUR,
            until_at=NOW + until_h * HOUR,
            time_zone="Asia/Shanghai",
            created_at=NOW,
            created_by="person:li",
        )
        session.add(permit)
        places_changed(session)
        session.flush()
        return str(permit.id)


def test_a_permitted_alarm_is_turned_down_until_the_permit_ends(shared_place: Place) -> None:
    spot = somewhere()
    permit_id = a_permit(shared_place, spot, kinds=["street-encroachment"])
    report = a_sight(spot)
    old = case_of(shared_place, report, later(report, hours=0.5))
    row = row_of(shared_place, old)
    assert (row.state, str(row.permit_id), row.muted_count) == ("rejected", permit_id, 1)
    assert row.rejected_reason is not None
    assert "night market" in row.rejected_reason
    assert acts_of(shared_place, old)[:2] == ["detected", "permitted"]
    [answer] = shared_place.report(later(report, hours=1.5))
    assert (answer.outcome, row_of(shared_place, answer.case_id).state) == (ReportOutcome.NEW_CASE, "detected")
    assert ("after_mute", str(old)) in links_of(shared_place, answer.case_id)


def test_no_permit_covers_a_safety_kind_or_another_place_and_a_person_s_report_is_only_marked(
    shared_sqlite_place: Place,
) -> None:
    spot = somewhere()
    permit_id = a_permit(shared_sqlite_place, spot, kinds=["street-encroachment", "fire-lane-blocked"])
    for report in (a_sight(spot, kind="fire-lane-blocked"), a_sight(spot, metres=500)):
        assert row_of(shared_sqlite_place, case_of(shared_sqlite_place, report)).state == "detected"
    word = {"source": "patrol", "kind": "street-encroachment", "position": north_of(spot, 60)}
    answer = shared_sqlite_place.person(Role.OPERATOR).post("/api/v1/reports", json=word)
    row = row_of(shared_sqlite_place, answer.json()["case_id"])
    assert (row.state, str(row.permit_id)) == ("detected", permit_id)


def test_a_permit_that_is_revoked_mutes_no_longer(shared_place: Place) -> None:
    spot = somewhere()
    permit_id = a_permit(shared_place, spot, kinds=["street-encroachment"], until_h=48)
    report = a_sight(spot)
    old = case_of(shared_place, report)
    revoking = f"/api/v1/places/permits/{permit_id}/revoke"
    assert shared_place.person(Role.ADMINISTRATOR).post(revoking).status_code == 200
    assert acts_of(shared_place, old)[-1] == "mute_ended"
    assert case_of(shared_place, later(report, hours=-0.1)) == old, "seen while it was permitted"
    [answer] = shared_place.report(later(report, hours=0.5))
    assert (answer.outcome, row_of(shared_place, answer.case_id).state) == (ReportOutcome.NEW_CASE, "detected")
    assert ("after_mute", str(old)) in links_of(shared_place, answer.case_id)
    assert shared_place.person(Role.ADMINISTRATOR).post(revoking).status_code == 200
    assert acts_of(shared_place, old).count("mute_ended") == 2, "revoked once, and left by what is still seen"
