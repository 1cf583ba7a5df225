"""One thing that several cameras, sensors and people see is one case; two things are two."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import permutations
from typing import Any
from uuid import uuid4

import pytest

from api.client import ApiClient
from api.rights import Role
from api.schemas import Report, ReportAnswer, ReportOutcome
from api.tables import Camera, Edge, Sensor
from tests.api.cases.scenes import (
    NOW,
    a_sight,
    again,
    case_of,
    cases_of,
    do,
    later,
    links_of,
    north_of,
    row_of,
    set_case,
    somewhere,
)
from tests.api.place import Place, a_watch

CAR: dict[str, Any] = {"kind": "illegal-parking"}
MANHOLE: dict[str, Any] = {"kind": "manhole-open"}


def at_once(place: Place, batches: list[list[Report]]) -> list[ReportAnswer]:
    def send(reports: list[Report]) -> list[ReportAnswer]:
        client = ApiClient(place.url, place.service_key, timeout_s=60)
        try:
            return client.report(reports)
        finally:
            client.close()

    with ThreadPoolExecutor(len(batches)) as threads:
        return [answer for answers in threads.map(send, batches) for answer in answers]


def a_call(place: tuple[float, float], *, metres: float = 0, **changes: Any) -> dict[str, Any]:
    word = {
        "source": "hotline",
        "kind": "street-encroachment",
        "description": "路边摆摊",
        "occurred_at": NOW.isoformat(),
    }
    return {**word, "position": north_of(place, metres), **changes}


def say(place: Place, word: dict[str, Any], role: Role = Role.OPERATOR) -> dict[str, Any]:
    answer = place.person(role).post("/api/v1/reports", json=word)
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


@pytest.mark.parametrize(
    ("metres", "hours", "kinds", "joins"),
    [
        (40, 0, ("street-encroachment", "street-encroachment"), True),
        (40, 0, ("street-encroachment", "shop-overflow"), True),
        (40, 23, ("street-encroachment", "street-vendor"), True),
        (60, 0, ("street-encroachment", "street-encroachment"), False),
        (40, 25, ("street-encroachment", "street-encroachment"), False),
        (10, 0, ("street-encroachment", "goods-piled"), False),
        (28, 3, ("illegal-parking", "fire-lane-blocked"), True),
        (28, 5, ("illegal-parking", "fire-lane-blocked"), False),
    ],
)
def test_two_cameras_join_within_metres_and_hours_of_the_family(
    *, shared_sqlite_place: Place, metres: float, hours: float, kinds: tuple[str, str], joins: bool
) -> None:
    place = somewhere()
    one = a_sight(place, kind=kinds[0])
    other = later(a_sight(place, metres=metres, kind=kinds[1]), hours=hours, phase="raised")
    first, second = shared_sqlite_place.report(one, other)
    assert (first.case_id == second.case_id) is joins
    assert second.outcome is (ReportOutcome.JOINED if joins else ReportOutcome.NEW_CASE)


def test_a_join_across_cells_and_in_another_request_finds_the_case(shared_place: Place) -> None:
    # 0.005 degrees are a cell: one report on each side of its border.
    longitude = 110.0 + uuid4().int % 1000 / 200
    west, east = ({"longitude": longitude + east, "latitude": 31.0001} for east in (-0.0001, 0.0001))
    first = case_of(shared_place, a_sight(position=west))
    assert case_of(shared_place, a_sight(position=east)) == first


def test_one_camera_s_two_things_are_two_cases_where_the_kind_does_not_join_by_watch(
    shared_sqlite_place: Place,
) -> None:
    place = somewhere()
    one = a_sight(place, source_id="c1", **MANHOLE)
    same_camera = a_sight(place, metres=5, source_id="c1", watch_id=a_watch(), kind="street-encroachment")
    other_watch = a_sight(place, metres=5, source_id="c1", watch_id=a_watch(), kind="street-encroachment")
    cases = cases_of(shared_sqlite_place.report(one, same_camera, other_watch))
    assert len(set(cases)) == 3, "a camera tells its own things apart"


def test_two_open_manholes_forty_metres_apart_are_two_cases(shared_place: Place) -> None:
    place = somewhere()
    answers = shared_place.report(a_sight(place, **MANHOLE), a_sight(place, metres=40, **MANHOLE))
    assert len(set(cases_of(answers))) == 2


def test_a_component_joins_by_its_asset_whoever_sees_it(shared_sqlite_place: Place) -> None:
    asset = f"manhole-{uuid4().hex[:8]}"
    first = case_of(shared_sqlite_place, a_sight(asset_id=asset, **MANHOLE))
    sensor = a_sight(asset_id=asset, source_type="sensor", **MANHOLE)
    other = a_sight(asset_id=f"{asset}-b", source_id=sensor.source_id, source_type="sensor", **MANHOLE)
    assert case_of(shared_sqlite_place, sensor) == first
    assert case_of(shared_sqlite_place, other) != first, "never two assets"
    word = a_call(somewhere(), kind="manhole-open", asset_id=asset)
    assert say(shared_sqlite_place, word)["case_id"] == str(first)


@pytest.mark.parametrize(
    ("kind", "source_type", "joins"),
    [
        ("street-light-out", "sensor", True),
        ("camera-fault", "camera", True),
        ("edge-fault", "edge", True),
        ("manhole-open", "camera", False),
    ],
)
def test_a_fault_and_a_sensor_s_component_join_by_their_source(
    *, shared_sqlite_place: Place, kind: str, source_type: str, joins: bool
) -> None:
    # An edge of its own: an edge with an open fault is blind, whatever it saw for another test.
    common: dict[str, Any] = {"kind": kind, "source_type": source_type, "edge_id": f"edge-{uuid4().hex[:8]}"}
    one = a_sight(**common)
    other = a_sight(**common, source_id=one.source_id, watch_id=a_watch())
    first, second = shared_sqlite_place.report(one, other)
    assert (first.case_id == second.case_id) is joins


def test_two_cars_in_one_parking_watch_are_gone_when_both_are(shared_place: Place) -> None:
    one = a_sight(**CAR)
    other = again(one)
    case_id = case_of(shared_place, one, other)
    assert shared_place.case(case_id)["incidents_count"] == 2
    shared_place.report(later(one, hours=1, phase="cleared"))
    assert shared_place.case(case_id)["gone_at"] is None
    shared_place.report(later(other, hours=2, phase="cleared"))
    assert shared_place.case(case_id)["gone_at"] is not None


def test_two_overlapping_cameras_at_once_make_one_case(shared_place: Place) -> None:
    for _ in range(5):
        place = somewhere()
        batches = [[a_sight(place, metres=metres)] for metres in (0, 10, 20, 30)]
        assert len(set(cases_of(at_once(shared_place, batches)))) == 1


def test_overlapping_cameras_in_batches_that_cross_over_make_one_case_for_each_place(
    shared_postgres_place: Place,
) -> None:
    places = [somewhere() for _ in range(12)]
    batches = []
    for number in range(6):
        seen = [a_sight(place, metres=number * 5, source_id=f"c{number}") for place in places]
        batches.append(seen if number % 2 else seen[::-1])
    answers = at_once(shared_postgres_place, batches)
    assert all(answer.outcome is not ReportOutcome.REFUSED for answer in answers)
    assert [shared_postgres_place.case(case_id)["incidents_count"] for case_id in set(cases_of(answers))] == [6] * 12


def test_ten_thousand_reports_of_one_incident_from_twenty_writers_make_one_case(shared_postgres_place: Place) -> None:
    raised = a_sight()
    reports = [raised, *[later(raised, hours=n / 3600) for n in range(9_999)]]
    writers = [list(reports[number::20]) for number in range(20)]

    def write(own: list[Report]) -> set[object]:
        client = ApiClient(shared_postgres_place.url, shared_postgres_place.service_key, timeout_s=120)
        try:
            return {
                answer.case_id for start in range(0, len(own), 50) for answer in client.report(own[start : start + 50])
            }
        finally:
            client.close()

    with ThreadPoolExecutor(20) as threads:
        cases = set().union(*threads.map(write, writers))
    [case_id] = cases
    case = shared_postgres_place.case(case_id)
    assert (case["incidents_count"], case["reports_count"]) == (1, 10_000)
    assert case["incidents"][0]["reports_count"] == 10_000


def test_a_camera_joins_what_a_person_reported_first(shared_place: Place) -> None:
    place = somewhere()
    case_id = say(shared_place, a_call(place))["case_id"]
    sight = a_sight(place, metres=20)
    assert str(case_of(shared_place, sight)) == case_id
    case = shared_place.case(case_id)
    assert (case["source_type"], case["edge_id"], case["incidents_count"]) == ("person", None, 2)
    shared_place.report(later(sight, hours=1, phase="cleared"))
    assert shared_place.case(case_id)["gone_at"] is not None, "a camera saw it go"
    assert str(case_of(shared_place, again(sight, hours=2))) == case_id, "its watch now belongs to the case"


def test_a_person_joins_what_a_camera_saw_first(shared_place: Place) -> None:
    place = somewhere()
    case_id = case_of(shared_place, a_sight(place))
    answer = say(shared_place, a_call(place, metres=20))
    assert (answer["outcome"], answer["case_id"]) == ("joined", str(case_id))
    history = shared_place.person(Role.SUPERVISOR).get(f"/api/v1/cases/{case_id}/history").json()["items"]
    [line] = [line for line in history if line["action"] == "reported"]
    assert line["details"]["description"] == "路边摆摊"


def test_each_caller_is_a_source_of_their_own_and_a_patrol_is_one(shared_sqlite_place: Place) -> None:
    place = somewhere()
    calls = [say(shared_sqlite_place, a_call(place, metres=metres)) for metres in (0, 10)]
    assert calls[0]["case_id"] == calls[1]["case_id"]
    elsewhere = somewhere()
    walks = [say(shared_sqlite_place, a_call(elsewhere, metres=metres, source="patrol")) for metres in (0, 10)]
    assert walks[0]["case_id"] != walks[1]["case_id"], "who writes two reports has seen two things"


def test_a_person_s_word_after_the_camera_s_keeps_a_case_from_being_gone(shared_sqlite_place: Place) -> None:
    place = somewhere()
    sight = a_sight(place)
    case_id = case_of(shared_sqlite_place, sight)
    shared_sqlite_place.report(later(sight, hours=0.1, phase="cleared"))
    say(shared_sqlite_place, a_call(place, occurred_at=(NOW + timedelta(hours=0.2)).isoformat()))
    assert shared_sqlite_place.case(case_id)["gone_at"] is None


def test_a_position_in_gcj02_is_turned_and_both_are_kept(shared_sqlite_place: Place) -> None:
    wgs84 = {"longitude": 118.4312, "latitude": 32.4471}
    gcj02 = {"longitude": 118.436543, "latitude": 32.444966, "datum": "GCJ02"}
    seen = shared_sqlite_place.case(case_of(shared_sqlite_place, a_sight(position=gcj02, **MANHOLE)))["position"]
    assert abs(seen["longitude"] - wgs84["longitude"]) < 0.001
    assert (seen["given_longitude"], seen["given_latitude"], seen["given_datum"]) == (118.436543, 32.444966, "GCJ02")


def test_what_a_report_leaves_out_is_taken_from_what_is_registered(shared_sqlite_place: Place) -> None:
    edge_id, place, asset = f"edge-{uuid4().hex[:8]}", somewhere(), f"lamp-{uuid4().hex[:6]}"
    with shared_sqlite_place.app.state.services.database.write() as session:
        session.add(Edge(id=edge_id, created_at=NOW))
        session.flush()
        here = {"longitude": place[0], "latitude": place[1]}
        session.add(Camera(edge_id=edge_id, id="c1", name="c1", presets=[], **here))
        session.add(Sensor(edge_id=edge_id, id="s1", name="s1", asset_id=asset, **here))
    seen = a_sight(edge_id=edge_id, source_id="c1", position=None)
    lamp = a_sight(edge_id=edge_id, source_id="s1", source_type="sensor", position=None, kind="street-light-out")
    case = shared_sqlite_place.case(case_of(shared_sqlite_place, seen))
    assert (case["position"]["longitude"], case["position"]["latitude"]) == place
    assert row_of(shared_sqlite_place, case_of(shared_sqlite_place, lamp)).asset_id == asset


def test_a_case_whose_kind_a_person_changed_joins_by_both_families(shared_sqlite_place: Place) -> None:
    place = somewhere()
    case_id = case_of(shared_sqlite_place, a_sight(place, kind="unknown-object"))
    set_case(shared_sqlite_place, case_id, kind_key="street-encroachment", given_family="trading")
    assert case_of(shared_sqlite_place, a_sight(place, metres=10)) == case_id
    assert case_of(shared_sqlite_place, a_sight(place, metres=20, kind="goods-piled")) == case_id


def test_order_does_not_matter_where_all_are_near_each_other(shared_sqlite_place: Place) -> None:
    for order in permutations(range(3)):
        place = somewhere()
        seen = [a_sight(place, metres=metres) for metres in (0, 20, 40)]
        assert len({case_of(shared_sqlite_place, seen[at]) for at in order}) == 1


def test_an_ended_case_is_not_joined_and_what_comes_back_is_a_recurrence(shared_place: Place) -> None:
    place = somewhere()
    first = a_sight(place)
    ended = case_of(shared_place, first)
    do(shared_place, ended, "reject", reason="a shadow")
    came_back = case_of(shared_place, again(first))
    near = case_of(shared_place, a_sight(place, metres=20, edge_id="gate-9"))
    assert near == came_back != ended
    row = row_of(shared_place, came_back)
    assert row.recurrences_count == 1
    assert links_of(shared_place, came_back) == [("recurrence", str(ended))]


def test_more_reports_than_go_together_are_all_recorded(shared_sqlite_place: Place) -> None:
    reports = [a_sight() for _ in range(120)]
    answers = shared_sqlite_place.report(*reports)
    assert [answer.report_id for answer in answers] == [report.report_id for report in reports]
    assert len(set(cases_of(answers))) == 120
