"""Case histories with pauses, returns, rework and extensions give the figures that were worked out by hand."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from api.cases.states import CaseState
from api.rights import Role
from tests.api.indicators.histories import a_case, a_department, an_alarm, local, put
from tests.api.place import Place

MARCH = {"period": "month", "on": "2025-03-15"}


def asked(client: httpx.Client, path: str = "", **params: Any) -> dict[str, Any]:
    answer = client.get(f"/api/v1/indicators{path}", params=MARCH | params)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def percents(figures: dict[str, Any]) -> dict[str, float | None]:
    return {name: rate["percent"] for name, rate in figures["rates"].items()}


def a_march_of(department: str) -> list[Any]:
    """The month that the next test works out by hand."""
    of = department
    counted = [
        # in time at every stage; on the very minute; late at both
        a_case(of, CaseState.CLOSED, due="10 12:00", handled="10 11:00", closed="10 17:00"),
        a_case(of, CaseState.CLOSED, due="11 12:00", handled="11 12:00", closed="11 18:00"),
        a_case(of, CaseState.CLOSED, due="12 12:00", handled="12 13:00", closed="12 19:00"),
        # open and past due
        a_case(of, CaseState.HANDLING, due="13 12:00"),
        # extended twice, handled in time, being checked although that was due
        a_case(of, CaseState.CHECKING, due="14 12:00", handled="14 11:00", extension_count=2),
        # reworked and closed in time; being reworked, and late with it
        a_case(of, CaseState.CLOSED, due="15 12:00", handled="15 11:00", closed="15 17:00", rework_count=1),
        a_case(of, CaseState.HANDLING, due="16 12:00", rework_count=1),
        # returned once, dispatched again, done in time
        a_case(of, CaseState.CLOSED, due="17 12:00", handled="17 11:00", closed="17 17:00", return_count=1),
        # reopened: what was handled and closed before counts no more
        a_case(of, CaseState.HANDLING, due="18 12:00", handled="18 11:00", closed="18 17:00", reopened_count=1),
        # due at the very first moment of the month, filed in the one before
        a_case(of, CaseState.CLOSED, due="01 00:00", handled="2025-02-28 23:00", closed="01 01:00"),
    ]
    left_out = [
        # suspended: by when it is due is open until it is resumed
        a_case(of, CaseState.SUSPENDED, due="19 12:00", paused_at=local("19 11:00"), suspension_count=1),
        # due at the first moment of the next month, so that it belongs to that one; filed in this
        a_case(of, CaseState.CLOSED, due="2025-04-01 00:00", handled="31 23:00", closed="31 23:30"),
        a_case(of, CaseState.VOID, due="20 12:00"),
        a_case(of, CaseState.MERGED, due="20 12:00", handled="20 11:00"),
        a_case(of, CaseState.CLOSED, due="20 12:00", handled="20 11:00", closed="20 13:00", exempt=True),
        a_case(of, CaseState.HANDLING, due="20 12:00", kind_key="camera-fault"),
    ]
    alarms = [
        *(an_alarm(of, CaseState.REJECTED, ended=f"0{day} 09:00") for day in range(1, 5)),
        an_alarm(of, CaseState.REJECTED, ended="05 09:00", permit_id=uuid4()),
        an_alarm(of, CaseState.REJECTED, ended="2025-04-01 00:00"),
        an_alarm(of, CaseState.EXPIRED, ended="05 09:00"),
        an_alarm(of, CaseState.DETECTED),
    ]
    return [*counted, *left_out, *alarms]


def test_a_months_figures_are_those_worked_out_by_hand(shared_place: Place) -> None:
    department = a_department()
    put(shared_place, *a_march_of(department))

    told = asked(shared_place.person(Role.SUPERVISOR), department=department)

    # Ten are due to be handled: 3 are not, and all 3 are overdue; of the 7 that are, one was late. One was extended.
    # Ten are due to be closed: 6 are, 1 of them late; 2 were reworked. Filed in March: the ten less the one filed in
    # February, the suspended one and the one due in April; 4 alarms were rejected by a person.
    assert told["total"]["counts"] == {
        "due_to_handle": 10,
        "handled": 7,
        "handled_on_time": 6,
        "extended": 1,
        "overdue_open": 3,
        "due_to_close": 10,
        "closed": 6,
        "closed_on_time": 5,
        "reworked": 2,
        "received": 15,
        "filed": 11,
    }
    assert percents(told["total"]) == {
        "handling": 70.0,
        "on_time_handling": 60.0,
        "closing": 60.0,
        "on_time_closing": 50.0,
        "rework": 20.0,
        "extension": 10.0,
        "overdue_open": 30.0,
        "filing": 73.33,
    }
    # 30 x 0.7 + 20 x 0.6 + 20 x 0.8 + 20 x 0.7 + 10 x 0.9 = 21 + 12 + 16 + 14 + 9
    assert told["total"]["score"] == 72.0
    assert (told["scope"], told["period"]["name"], told["period"]["running"]) == ("all", "2025-03", False)


def test_what_moves_out_of_the_month_counts_in_the_next_one(shared_place: Place) -> None:
    department = a_department()
    suspended = a_case(department, CaseState.SUSPENDED, due="19 12:00", paused_at=local("19 11:00"))
    put(shared_place, suspended, a_case(department, CaseState.HANDLED, due="2025-04-01 00:00", handled="31 23:00"))
    supervisor = shared_place.person(Role.SUPERVISOR)
    assert asked(supervisor, department=department)["total"]["counts"]["due_to_handle"] == 0

    # Resumed in April: the two counted hours that were left made it due on the 3rd, and it was handled before.
    with shared_place.app.state.services.database.write() as session:
        resumed = session.merge(suspended)
        resumed.state, resumed.paused_at = CaseState.HANDLED, None
        resumed.handle_due_at, resumed.handled_at = local("2025-04-03 10:00"), local("2025-04-03 09:00")
        resumed.close_due_at = local("2025-04-03 16:00")

    march, april = (asked(supervisor, department=department, on=f"2025-{month}-01")["total"] for month in ("03", "04"))
    assert percents(march)["handling"] is None
    assert march["score"] is None
    assert (april["counts"]["due_to_handle"], april["counts"]["handled_on_time"]) == (2, 2)


@pytest.mark.parametrize(
    ("by", "groups"),
    [
        ("kind", {"street-encroachment": (2, 50.0), "grain-drying": (1, 100.0)}),
        ("grid", {"grid-a": (2, 50.0), "": (1, 100.0)}),
        ("district", {"000000": (3, 66.67)}),
        ("edge", {"gate-3": (2, 100.0), "gate-4": (1, 0.0)}),
        ("camera", {"gate-3/camera-1": (2, 100.0), "gate-4/camera-1": (1, 0.0)}),
        ("watch", {"gate-3/watch-1": (2, 100.0), "gate-4/watch-1": (1, 0.0)}),
        ("model", {f"yolo/{'a' * 64}": (2, 50.0), "": (1, 100.0)}),
    ],
)
def test_figures_are_grouped(shared_place: Place, by: str, groups: dict[str, tuple[int, float]]) -> None:
    department = a_department()
    put(
        shared_place,
        a_case(department, CaseState.HANDLED, due="10 12:00", handled="10 11:00", grid_id="grid-a"),
        a_case(department, CaseState.HANDLING, due="10 12:00", grid_id="grid-a", edge_id="gate-4"),
        a_case(
            department,
            CaseState.HANDLED,
            due="10 12:00",
            handled="10 11:00",
            kind_key="grain-drying",
            detector=None,
            weights_sha256=None,
        ),
    )

    told = asked(shared_place.person(Role.SUPERVISOR), department=department, by=by)

    shown = {
        group["key"]: (group["figures"]["counts"]["due_to_handle"], percents(group["figures"])["handling"])
        for group in told["groups"]
    }
    assert shown == groups
    assert told["total"]["counts"]["due_to_handle"] == 3
    sizes = [group["figures"]["counts"]["due_to_handle"] for group in told["groups"]]
    assert sizes == sorted(sizes, reverse=True)


def test_groups_have_names_and_a_limit(shared_sqlite_place: Place) -> None:
    department = a_department()
    put(
        shared_sqlite_place,
        a_case(department, CaseState.HANDLING, due="10 12:00", kind_key="grain-drying"),
        a_case(department, CaseState.HANDLING, due="10 12:00", kind_key="grain-drying"),
        a_case(department, CaseState.HANDLING, due="10 12:00"),
    )
    told = asked(shared_sqlite_place.person(Role.SUPERVISOR), department=department, by="kind", limit=1)
    assert [(group["name_zh"], told["left_out"]) for group in told["groups"]] == [("占道打场晒粮", 1)]
    assert told["total"]["counts"]["due_to_handle"] == 3


def test_a_series_gives_each_period_its_own_figures(shared_place: Place) -> None:
    department = a_department()
    put(
        shared_place,
        a_case(department, CaseState.CLOSED, due="2025-01-31 23:59", handled="2025-02-01 00:01", closed="01 12:00"),
        a_case(department, CaseState.CLOSED, due="01 00:00", handled="2025-02-28 22:00", closed="01 05:00"),
        a_case(department, CaseState.HANDLING, due="31 23:59"),
        a_case(department, CaseState.HANDLING, due="2025-04-01 00:00"),
    )
    supervisor = shared_place.person(Role.SUPERVISOR)
    points = asked(supervisor, "/series", department=department, periods=3)["points"]

    shown = [(one["period"]["name"], percents(one["figures"])) for one in points]
    assert [(name, rates["handling"], rates["on_time_handling"]) for name, rates in shown] == [
        ("2025-01", 100.0, 0.0),
        ("2025-02", None, None),
        ("2025-03", 50.0, 50.0),
    ]
    # Each point is what the period alone says; the first case was due to be closed on 1 February at 5:59.
    for one in points:
        alone = asked(supervisor, department=department, on=f"{one['period']['name']}-01")
        assert alone["total"] == one["figures"]
    assert [one["figures"]["counts"]["due_to_close"] for one in points] == [0, 1, 1]


def test_days_and_times_of_ones_own_are_counted_by_local_midnight(shared_place: Place) -> None:
    department = a_department()
    put(
        shared_place,
        a_case(department, CaseState.HANDLING, due="10 00:00"),
        a_case(department, CaseState.HANDLING, due="10 23:59"),
        a_case(department, CaseState.HANDLING, due="11 00:00"),
    )
    supervisor = shared_place.person(Role.SUPERVISOR)

    def due(**params: str) -> int:
        answer = asked(supervisor, department=department, **params)
        count: int = answer["total"]["counts"]["due_to_handle"]
        return count

    assert [due(period="day", on=day) for day in ("2025-03-09", "2025-03-10", "2025-03-11")] == [0, 2, 1]
    assert due(**{"from": "2025-03-10", "to": "2025-03-12"}) == 3
    assert due(**{"from": "2025-03-12", "to": "2025-03-10"}) == 0
    assert due(period="quarter") == due(period="year") == 3


@pytest.mark.parametrize("on", ["20250310", "2025-3-10", "2025-02-30", "0", "tomorrow"])
def test_a_day_that_is_none_is_refused(shared_sqlite_place: Place, on: str) -> None:
    answer = shared_sqlite_place.person(Role.SUPERVISOR).get("/api/v1/indicators", params={"on": on})
    assert answer.status_code == 422
