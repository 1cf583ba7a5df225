"""Lists show what was asked for, in a stable order, page by page, and nothing that the caller may not see."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import update

from api.cases.schemas import CaseDetail, CasePage
from api.places.datum import wgs84_to_gcj02
from api.rights import Role
from api.schemas import ReportedPosition
from api.tables import Case
from tests.api.place import Place, a_report, a_watch

LIST = "/api/v1/cases"
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
FORK = (118.4336, 32.4521)


def _listed(client: httpx.Client, **asked: Any) -> list[str]:
    answer = client.get(LIST, params=asked)
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


def _walked(client: httpx.Client, **asked: Any) -> list[str]:
    """All pages, one after the other."""
    found: list[str] = []
    after: dict[str, str] = {}
    while True:
        page = client.get(LIST, params={**asked, **after}).json()
        found += [item["id"] for item in page["items"]]
        if page["next"] is None:
            return found
        after = {"after": page["next"]}


def _cases(place: Place, count: int, **changes: Any) -> list[str]:
    """New cases on one edge of their own, oldest first."""
    return [str(place.report(a_report(**changes))[0].case_id) for _ in range(count)]


def _set(place: Place, case_id: str, **values: Any) -> None:
    from uuid import UUID

    with place.app.state.services.database.write() as session:
        session.execute(update(Case).where(Case.id == UUID(case_id)).values(**values))


def test_a_page_shows_each_case_as_it_is_shown_alone(shared_place: Place) -> None:
    edge = f"edge-{uuid4().hex[:8]}"
    position = ReportedPosition(longitude=118.4336, latitude=32.4521, datum="GCJ02", position_error_m=4.5)
    _cases(shared_place, 2, edge_id=edge, position=position, score=0.625, dwell_s=301.5)
    _cases(shared_place, 1, edge_id=edge, kind="manhole-open", asset_id="MH-1")
    answer = shared_place.person(Role.SUPERVISOR).get(LIST, params={"edge": edge})
    assert answer.headers["Content-Type"] == "application/json"
    items = answer.json()["items"]
    assert len(items) == 3
    for item in items:
        alone = shared_place.case(item["id"])
        assert item == {name: alone[name] for name in item}
        assert CasePage.model_validate({"items": [item], "next": None}).model_dump(mode="json")["items"] == [item]
        assert CaseDetail.model_validate(alone).model_dump(mode="json") == alone


@pytest.mark.parametrize(("sort", "newest_first"), [("newest", True), ("due", False), ("review", False)])
def test_pages_hold_each_case_once_while_others_come_in(shared_place: Place, sort: str, newest_first: bool) -> None:
    edge, operator = f"edge-{uuid4().hex[:8]}", shared_place.person(Role.OPERATOR)
    ids = _cases(shared_place, 7, edge_id=edge)
    for number, case_id in enumerate(ids):
        _set(shared_place, case_id, stage="accept", stage_due_at=NOON + timedelta(seconds=number // 2))
    wanted = ids[::-1] if newest_first else ids
    assert _walked(operator, edge=edge, sort=sort, limit=2) == wanted
    first = operator.get(LIST, params={"edge": edge, "sort": sort, "limit": 3}).json()
    new = _cases(shared_place, 2, edge_id=edge)
    rest = _walked(operator, edge=edge, sort=sort, limit=2, after=first["next"])
    assert [item["id"] for item in first["items"]] + [case_id for case_id in rest if case_id not in new] == wanted


def test_alarms_are_reviewed_safety_first_then_by_hour_then_by_score(shared_place: Place) -> None:
    edge, operator = f"edge-{uuid4().hex[:8]}", shared_place.person(Role.OPERATOR)
    [late, unsure, sure, scoreless] = (
        _cases(shared_place, 1, edge_id=edge, score=score)[0] for score in (0.9, 0.4, 0.8, None)
    )
    [manhole] = _cases(shared_place, 1, edge_id=edge, kind="manhole-open")
    [filed] = _cases(shared_place, 1, edge_id=edge)
    operator.post(f"{LIST}/{filed}/confirm")
    for case_id in (unsure, sure, scoreless):
        _set(shared_place, case_id, created_at=NOON + timedelta(minutes=unsure < case_id))
    _set(shared_place, late, created_at=NOON + timedelta(hours=1))
    expected = [manhole, sure, unsure, scoreless, late]
    assert _listed(operator, edge=edge, sort="review") == expected
    assert _walked(operator, edge=edge, sort="review", limit=1) == expected


def test_every_filter_finds_its_cases_and_no_others(shared_place: Place) -> None:
    edge, person = f"edge-{uuid4().hex[:8]}", uuid4()
    supervisor = shared_place.person(Role.SUPERVISOR)
    [one, other] = _cases(shared_place, 2, edge_id=edge, source_id=f"cam-{edge}")
    shared_place.person(Role.OPERATOR).post(f"{LIST}/{one}/confirm")
    number = shared_place.case(one)["number"]
    values = {
        "grid_id": f"grid-{edge}",
        "district": "341199",
        "assignee_id": person,
        "channel": "hotline",
        "urgent": True,
        "supervised": True,
        "stage_due_at": NOON,
        "gone_at": NOON,
        "still_there": True,
        "filed_at": NOON,
        "created_at": NOON,
        "department": "transport",
    }
    _set(shared_place, one, **values)
    near_noon = {"from": (NOON - timedelta(hours=1)).isoformat(), "until": (NOON + timedelta(hours=1)).isoformat()}
    filters: list[dict[str, Any]] = [
        {"state": "filed"},
        {"department": ["transport", "police"]},
        {"grid": f"grid-{edge}"},
        {"district": "341199"},
        {"assignee": str(person)},
        {"channel": "hotline"},
        {"urgent": True},
        {"supervised": True},
        {"overdue": True},
        {"gone": True},
        {"still_there": True},
        {"number": number},
        {"number": number[:-1]},
        *({f"{column}_{side}": moment for side, moment in near_noon.items()} for column in ("created", "filed", "due")),
    ]
    for asked in filters:
        assert _listed(supervisor, edge=edge, **asked) == [one], asked
    opposite: list[dict[str, Any]] = [{"state": ["detected"]}, {"urgent": False}, {"gone": False}, {"overdue": False}]
    for asked in opposite:
        assert _listed(supervisor, edge=edge, **asked) == [other], asked
    assert _listed(supervisor, edge=edge, number=number[:-1] + "-") == []
    assert _listed(supervisor, source=f"cam-{edge}", kind=["street-encroachment", "manhole-open"]) == [other, one]


def test_areas_are_boxes_circles_and_polygons_in_either_datum(shared_place: Place) -> None:
    edge, supervisor = f"edge-{uuid4().hex[:8]}", shared_place.person(Role.SUPERVISOR)
    places = {"at": (0.0, 0.0), "east": (0.002, 0.0), "north": (0.0, 0.002)}
    ids = {}
    for name, (east, north) in places.items():
        position = ReportedPosition(longitude=FORK[0] + east, latitude=FORK[1] + north)
        [ids[name]] = _cases(shared_place, 1, edge_id=edge, position=position)
    _cases(shared_place, 1, edge_id=edge)  # nobody knows where
    west, south, far_east, far_north = FORK[0] - 0.001, FORK[1] - 0.001, FORK[0] + 0.004, FORK[1] + 0.004
    shifted = wgs84_to_gcj02(*FORK)
    triangle = f"{west},{south};{far_east},{south};{west},{far_north}"
    concave = f"{west},{south};{far_east},{south};{far_east},{far_north};{FORK[0] - 0.0005},{FORK[1] + 0.0005}"
    for asked, expected in (
        ({"box": f"{west},{south},{far_east},{far_north}"}, {"at", "east", "north"}),
        ({"box": f"{west},{south},{FORK[0] + 0.001},{far_north}"}, {"at", "north"}),
        ({"box": f"{far_east},{south},{west},{far_north}"}, set()),
        ({"near": f"{FORK[0]},{FORK[1]},50"}, {"at"}),
        ({"near": f"{FORK[0]},{FORK[1]},200"}, {"at", "east"}),
        ({"near": f"{FORK[0]},{FORK[1]},250"}, {"at", "east", "north"}),
        ({"near": f"{shifted[0]:.9f},{shifted[1]:.9f},50", "datum": "GCJ02"}, {"at"}),
        ({"near": f"{shifted[0]:.9f},{shifted[1]:.9f},50"}, set()),
        ({"polygon": triangle}, {"at", "east", "north"}),
        ({"polygon": concave}, {"at", "east"}),
    ):
        found = set(_listed(supervisor, edge=edge, **asked))
        assert found == {ids[name] for name in expected}, asked


@pytest.mark.parametrize(
    "asked",
    [
        {"after": "nonsense"},
        {"after": str(uuid4()), "sort": "due"},
        {"after": f"d999999999999999999.{uuid4().hex}", "sort": "due"},
        {"after": f"r0.1.1.{uuid4().hex}"},
        {"box": "1,2,3"},
        {"near": "200,1,5"},
        {"polygon": "1,2;3,4"},
        {"q": "???"},
        {"q": "road", "sort": "due"},
        {"limit": 201},
        {"created_from": "2026-01-01T00:00:00"},
        {"number": "%"},
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(shared_sqlite_place: Place, asked: dict[str, Any]) -> None:
    answer = shared_sqlite_place.person(Role.SUPERVISOR).get(LIST, params=asked)
    assert (answer.status_code, answer.headers["Content-Type"]) == (422, "application/problem+json")


def test_counts_are_of_what_the_caller_may_see(shared_place: Place) -> None:
    edge = f"edge-{uuid4().hex[:8]}"
    [one, _, _] = _cases(shared_place, 3, edge_id=edge)
    _cases(shared_place, 1, edge_id=edge, kind="manhole-open")
    shared_place.person(Role.OPERATOR).post(f"{LIST}/{one}/confirm")

    def counted(role: Role, **asked: Any) -> dict[str, int]:
        answer = shared_place.person(role).get(f"{LIST}/counts", params={"edge": edge, **asked})
        assert answer.status_code == 200, answer.text
        return {item["key"]: item["count"] for item in answer.json()["items"] if item["count"]}

    assert counted(Role.OPERATOR) == {"detected": 3, "filed": 1}
    assert counted(Role.OPERATOR, by="kind") == {"street-encroachment": 3, "manhole-open": 1}
    assert counted(Role.OPERATOR, by="kind", state="filed") == {"street-encroachment": 1}
    assert counted(Role.HANDLER) == {"filed": 1}
    assert counted(Role.HANDLER, by="department") == {"urban-management": 1}
    refused = shared_place.person(Role.HANDLER).get(f"{LIST}/counts", params={"state": "detected"})
    assert refused.status_code == 403


def test_a_count_says_where_it_stopped(shared_sqlite_place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    edge, watch = f"edge-{uuid4().hex[:8]}", a_watch()
    monkeypatch.setattr("api.cases.counts.CAP", 2)
    _cases(shared_sqlite_place, 3, edge_id=edge, kind="manhole-open", watch_id=watch)
    answer = shared_sqlite_place.person(Role.OPERATOR).get(f"{LIST}/counts", params={"edge": edge})
    detected = next(item for item in answer.json()["items"] if item["key"] == "detected")
    assert detected == {"key": "detected", "count": 2, "at_least": True}
