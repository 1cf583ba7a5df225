"""What left and came back: the edge names the earlier incident, and the new one goes to that one's case."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations
from typing import Any
from uuid import UUID, uuid4

import pytest

from api.cases.states import CaseState
from api.rights import Role
from api.schemas import Report, ReportOutcome
from tests.api.cases.scenes import NOW, a_sight, again, case_of, cases_of, do, later, links_of, row_of, set_case
from tests.api.place import Place

MANHOLE: dict[str, Any] = {"kind": "manhole-open", "position": None}
"""A kind of which two in one watch are two cases."""


def returned(report: Report, *, hours: float = 0.5, **changes: Any) -> Report:
    """A new incident of the same watch that is the return of the report's."""
    return again(report, hours=hours, recurs=report.incident_id, **changes)


def end(place: Place, case_id: object, state: CaseState = CaseState.CLOSED) -> None:
    set_case(place, case_id, state=state, closed_at=NOW, ended_at=NOW, stage=None)


def test_what_returns_joins_the_open_case_that_it_left(shared_place: Place) -> None:
    report = a_sight(**MANHOLE)
    case_id = case_of(shared_place, report, later(report, hours=0.2, phase="cleared"))
    [other, answer] = shared_place.report(again(report), returned(report))
    assert (answer.outcome, answer.case_id) == (ReportOutcome.JOINED, case_id)
    assert other.case_id != case_id, "which is another one, as it names none"
    case = shared_place.case(case_id)
    assert (case["incidents_count"], case["gone_at"], links_of(shared_place, case_id)) == (2, None, [])
    assert case["incidents"][0]["recurs"] == str(report.incident_id)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_two_returns_and_what_they_name_may_come_in_any_order(shared_place: Place, order: tuple[int, ...]) -> None:
    report = a_sight(**MANHOLE)
    told = [report, returned(report), returned(report)]
    for at in order:
        shared_place.report(told[at])
    answers = shared_place.report(*told)
    assert len(set(cases_of(answers))) == 1
    assert {answer.outcome for answer in answers} == {ReportOutcome.DUPLICATE}


@pytest.mark.parametrize("together", [True, False])
def test_a_chain_of_returns_that_is_told_as_it_went_is_one_case(shared_sqlite_place: Place, *, together: bool) -> None:
    first = a_sight(**MANHOLE)
    second = returned(first)
    told = [first, second, returned(second, hours=1)]
    batches = [told] if together else [[report] for report in told]
    assert len({case_of(shared_sqlite_place, *batch) for batch in batches}) == 1


@pytest.mark.parametrize(
    "changes",
    [{"recurs": uuid4()}, {"watch_id": "another"}, {"edge_id": "gate-9"}, {"kind": "shop-overflow"}],
    ids=["unknown", "of another watch", "of another edge", "of another kind"],
)
def test_what_names_no_incident_of_its_watch_goes_where_it_would_go_anyway(
    shared_sqlite_place: Place, changes: dict[str, Any]
) -> None:
    report = a_sight(**MANHOLE)
    case_id = case_of(shared_sqlite_place, report)
    [answer] = shared_sqlite_place.report(returned(report).model_copy(update=changes))
    assert (answer.outcome, answer.reason) == (ReportOutcome.NEW_CASE, None)
    assert answer.case_id != case_id
    assert links_of(shared_sqlite_place, answer.case_id) == []


def test_never_two_assets(shared_sqlite_place: Place) -> None:
    report = a_sight(**MANHOLE, asset_id="manhole-17")
    case_id = case_of(shared_sqlite_place, report)
    assert case_of(shared_sqlite_place, returned(report, asset_id="manhole-18")) != case_id


def test_where_a_person_split_it_goes_with_its_own(shared_place: Place) -> None:
    cart = a_sight()
    stall = again(cart)
    case_id = case_of(shared_place, cart, stall)
    new = do(shared_place, case_id, "split", Role.SUPERVISOR, incidents=[str(stall.incident_id)])["id"]
    joined = cases_of(shared_place.report(returned(stall), returned(cart)))
    assert joined == [UUID(new), case_id]


def test_after_a_merge_it_goes_where_its_own_went(shared_place: Place) -> None:
    report = a_sight(**MANHOLE)
    case_id, other = case_of(shared_place, report), case_of(shared_place, a_sight(**MANHOLE))
    do(shared_place, case_id, "merge", Role.SUPERVISOR, into=str(other))
    assert case_of(shared_place, returned(report)) == other


@pytest.mark.parametrize("state", [CaseState.CLOSED, CaseState.EXPIRED, CaseState.VOID])
def test_after_its_case_ended_it_is_a_recurrence(shared_place: Place, state: CaseState) -> None:
    report = a_sight(**MANHOLE)
    old, later_one = case_of(shared_place, report), case_of(shared_place, again(report))
    end(shared_place, old, state)
    end(shared_place, later_one, state)
    set_case(shared_place, later_one, ended_at=NOW + timedelta(minutes=6))
    back = returned(report)
    [answer] = shared_place.report(back)
    assert answer.outcome is ReportOutcome.NEW_CASE
    assert links_of(shared_place, answer.case_id) == [("recurrence", str(old))], "not the one that ended last"
    assert row_of(shared_place, answer.case_id).recurrences_count == 2
    assert case_of(shared_place, returned(report, hours=1), returned(back, hours=2)) == answer.case_id
    assert row_of(shared_place, old).state == state


def test_what_was_rejected_stays_so_and_its_return_is_a_new_alarm(shared_sqlite_place: Place) -> None:
    report = a_sight(**MANHOLE)
    old = case_of(shared_sqlite_place, report)
    do(shared_sqlite_place, old, "reject", reason="a shadow")
    new = case_of(shared_sqlite_place, returned(report))
    assert new != old
    assert ("recurrence", str(old)) in links_of(shared_sqlite_place, new)
    assert row_of(shared_sqlite_place, old).state == "rejected"
