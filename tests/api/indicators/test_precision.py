"""How often a camera, watch or model was right, and what its wrong alarms cost operators."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from api.cases.states import CaseState
from api.rights import Role
from tests.api.indicators.histories import a_case, a_department, an_alarm, local, put
from tests.api.indicators.test_counting import asked
from tests.api.place import Place


def put_alarms(place: Place, department: str) -> None:
    """All made on 1 March at 0:00. Camera 1: 2 right, 3 wrong. Camera 2: 1 right, under another kind."""
    of, two = department, {"source_id": "camera-2", "watch_id": "watch-2", "weights_sha256": "b" * 64}
    put(
        place,
        a_case(of, CaseState.FILED, filed="01 00:01"),
        a_case(of, CaseState.CLOSED, filed="01 00:02", ended="01 05:00"),
        an_alarm(of, CaseState.REJECTED, ended="01 00:03", muted_count=4),
        an_alarm(of, CaseState.REJECTED, ended="01 00:04", muted_count=1),
        an_alarm(of, CaseState.REJECTED, ended="01 01:00"),
        a_case(of, CaseState.FILED, filed="01 00:10", **two, kind_key="grain-drying"),
        # nobody decided these, or not in March, or no machine saw them, or they are out of all statistics
        an_alarm(of, CaseState.REJECTED, ended="01 00:03", permit_id=uuid4(), muted_count=9),
        an_alarm(of, CaseState.EXPIRED, ended="01 00:03"),
        an_alarm(of, CaseState.DETECTED),
        an_alarm(of, CaseState.REJECTED, ended="2025-04-01 00:00"),
        a_case(of, CaseState.FILED, filed="01 00:01", source_type="person"),
        a_case(of, CaseState.VOID, filed="01 00:01"),
        a_case(of, CaseState.FILED, filed="01 00:01", exempt=True),
        a_case(of, CaseState.FILED, filed="01 00:01", kind_key="camera-fault"),
    )


def shown(group: dict[str, Any]) -> tuple[Any, ...]:
    figures = group["figures"]
    rate = figures["precision"]["percent"]
    return group["key"], figures["confirmed"], figures["rejected"], rate, figures["median_decision_s"]


def test_precision_is_of_what_people_decided_on_machines_alarms(shared_place: Place) -> None:
    department = a_department()
    put_alarms(shared_place, department)

    told = asked(shared_place.person(Role.SUPERVISOR), "/precision", department=department)

    # Camera 1 waited 1, 2, 3, 4 and 60 minutes: the middle one is 3. All six: 1, 2, 3, 4, 10, 60, so 3.5.
    assert [shown(group) for group in told["groups"]] == [
        ("gate-3/camera-1", 2, 3, 40.0, 180),
        ("gate-3/camera-2", 1, 0, 100.0, 600),
    ]
    total = told["total"]
    assert total["precision"] == {"numerator": 3, "denominator": 6, "percent": 50.0}
    assert (total["median_decision_s"], total["muted_events"], total["kind_changed"]) == (210, 5, 0)
    # Three wrong alarms at 30 seconds each.
    assert (told["review_s"], total["minutes_on_wrong"]) == (30.0, 1.5)


def test_precision_is_by_the_kind_that_the_machine_saw(shared_place: Place) -> None:
    department = a_department()
    put(
        shared_place,
        a_case(department, CaseState.FILED, filed="01 00:01", kind_key="grain-drying", detected_kind_key="goods-piled"),
        an_alarm(department, CaseState.REJECTED, ended="01 00:03", kind_key="goods-piled"),
    )
    told = asked(shared_place.person(Role.SUPERVISOR), "/precision", department=department, by="kind")
    assert [shown(group)[:4] for group in told["groups"]] == [("goods-piled", 1, 1, 50.0)]
    assert told["total"]["kind_changed"] == 1
    assert told["groups"][0]["name_en"] == "Goods or material piled in public space"


def test_precision_of_watches_and_models(shared_sqlite_place: Place) -> None:
    department = a_department()
    put_alarms(shared_sqlite_place, department)
    supervisor = shared_sqlite_place.person(Role.SUPERVISOR)

    watches, models = (
        asked(supervisor, "/precision", department=department, by=by)["groups"] for by in ("watch", "model")
    )

    assert [shown(group)[:3] for group in watches] == [("gate-3/watch-1", 2, 3), ("gate-3/watch-2", 1, 0)]
    assert [shown(group)[:3] for group in models] == [(f"yolo/{'a' * 64}", 2, 3), (f"yolo/{'b' * 64}", 1, 0)]
    assert models[0]["name_en"] == "yolo/aaaaaaaa"


def test_where_nothing_was_decided_there_is_no_precision(shared_place: Place) -> None:
    told = asked(shared_place.person(Role.SUPERVISOR), "/precision", department=a_department())
    assert told["groups"] == []
    assert told["total"]["precision"]["percent"] is None
    assert (told["total"]["median_decision_s"], told["total"]["minutes_on_wrong"]) == (None, 0.0)


def test_waiting_is_counted_after_2038_too(shared_place: Place) -> None:
    department = a_department()
    made, filed = "2039-03-01 09:00", "2039-03-01 09:02"
    put(shared_place, a_case(department, CaseState.FILED, filed=filed, created_at=local(made)))
    told = asked(shared_place.person(Role.SUPERVISOR), "/precision", department=department, on="2039-03-15")
    assert told["total"]["median_decision_s"] == 120
