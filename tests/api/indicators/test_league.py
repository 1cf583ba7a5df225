"""League tables: by score, ties share a rank, who has no score is last, each beside the period before."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from api.cases.states import CaseState
from api.indicators.counting import GroupKey
from api.indicators.formulas import Counts
from api.indicators.league import league
from api.indicators.scoring import Scoring
from api.rights import Role
from api.tables import Department, Grid
from tests.api.indicators.histories import a_case, a_department, put
from tests.api.indicators.test_counting import asked
from tests.api.place import Place

GOOD, HALF = Counts(due_to_handle=2, handled=2, handled_on_time=2), Counts(due_to_handle=2, handled=1, overdue_open=1)


def test_ties_share_a_rank_and_the_next_one_counts_them_all() -> None:
    now: dict[GroupKey, Counts] = {("a",): HALF, ("b",): GOOD, ("c",): GOOD, ("d",): Counts(received=3)}

    standings = league(now, {("a",): GOOD}, keys=[("e",)], scoring=Scoring.load())

    assert [(one.key[0], one.rank, one.rank_before) for one in standings] == [
        ("b", 1, None),
        ("c", 1, None),
        ("a", 3, 1),
        ("d", None, None),
        ("e", None, None),
    ]
    # By hand: 30 x 1/2 + 20 x 0 + 20 x 1/2 + 10 x 1 = 35 of the 80 points that there are without a rework rate.
    a = standings[2]
    assert (a.score, a.score_before, a.change) == (Decimal("43.75"), Decimal(100), Decimal("-56.25"))
    assert standings[0].change is None


def test_scores_that_are_published_as_equal_are_equal() -> None:
    """Both are a hair below 100, one of them by twice as much; both are published as 100.00."""
    nearly = Counts(due_to_handle=600001, handled=600000, handled_on_time=600001)
    less = Counts(due_to_handle=600001, handled=599999, handled_on_time=600001)
    standings = league({("a",): less, ("b",): nearly}, {}, keys=[], scoring=Scoring.load())
    assert [(one.key[0], one.rank, str(one.score)) for one in standings] == [("a", 1, "100"), ("b", 1, "100")]


def test_what_is_outside_all_grids_takes_no_rank_from_a_grid() -> None:
    standings = league({("",): GOOD, ("north",): HALF}, {("",): GOOD}, keys=[], scoring=Scoring.load())
    assert [(one.key, one.rank) for one in standings] == [(("north",), 1)]


def test_departments_are_listed_with_their_names_and_the_month_before(place: Place) -> None:
    put(
        place,
        a_case("sanitation", CaseState.CLOSED, due="2025-02-10 12:00", handled="2025-02-10 13:00", closed="01 10:00"),
        a_case("sanitation", CaseState.CLOSED, due="10 12:00", handled="10 11:00", closed="10 12:00"),
        a_case("transport", CaseState.HANDLING, due="10 12:00"),
    )
    _add(place, Department(key="gone", name_en="Gone", name_zh="撤销", retired=True))
    _add(place, Department(key="idle", name_en="Idle", name_zh="闲", retired=False))

    told = asked(place.person(Role.SUPERVISOR), "/league")

    ranks = {one["key"]: (one["rank"], one["figures"]["score"], one["change"]) for one in told["standings"]}
    # In February it was handled, but late: 30 + 0 + 20 + 20 + 10.
    assert ranks["sanitation"] == (1, 100.0, 20.0)
    # Due and not handled: 0 + 0 + 20 + 0 + 10, all due to be closed too, and none reworked.
    assert ranks["transport"] == (2, 30.0, None)
    assert ranks["idle"] == (None, None, None)
    assert "gone" not in ranks
    assert "operations" not in ranks  # it handles cameras and edge boxes, and nothing of the streets
    assert [one["name_zh"] for one in told["standings"] if one["key"] == "idle"] == ["闲"]
    assert (told["period"]["name"], told["before"]["name"]) == ("2025-03", "2025-02")


def test_grids_are_listed_too(shared_sqlite_place: Place) -> None:
    _add(shared_sqlite_place, Grid(id="north", name_en="North", name_zh="北", district="341122", geometry={}))
    put(shared_sqlite_place, a_case(a_department(), CaseState.HANDLING, due="10 12:00", grid_id="north"))
    told = asked(shared_sqlite_place.person(Role.SUPERVISOR), "/league", by="grid")
    (north,) = (one for one in told["standings"] if one["key"] == "north")
    assert (north["name_zh"], north["figures"]["counts"]["due_to_handle"]) == ("北", 1)


def _add(place: Place, row: Any) -> None:
    with place.app.state.services.database.write() as session:
        session.add(row)
