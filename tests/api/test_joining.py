"""One thing wrong is one case, in whatever order and however often it is reported."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from api.client import ApiClient
from api.rights import Role
from api.schemas import Report, ReportAnswer, ReportOutcome
from api.tables import Case, Incident
from tests.api.place import Place, a_report, a_watch, followed


def a_stall(**changes: Any) -> Report:
    """A new incident of one and the same watch."""
    return a_report(**{"watch_id": "pavement"} | changes)


def test_a_first_report_makes_a_case_in_state_detected(shared_place: Place) -> None:
    [answer] = shared_place.report(a_report(score=0.7, dwell_s=300))
    case = shared_place.case(answer.case_id)
    assert answer.outcome is ReportOutcome.NEW_CASE
    assert (case["state"], case["number"], case["gone_at"]) == ("detected", None, None)
    assert (case["kind"]["name_zh"], case["kind"]["code"], case["kind"]["code_scheme"]) == (
        "占道经营",
        "0406",
        "cn-30428-city",
    )
    assert (case["incidents_count"], case["reports_count"]) == (1, 1)


def test_a_hundred_deliveries_of_one_event_leave_one_case_and_one_report(shared_place: Place) -> None:
    report = a_report()
    outcomes = [answer.outcome for answer in shared_place.report(*[report] * 50)]
    outcomes += [shared_place.report(report)[0].outcome for _ in range(50)]
    assert outcomes == [ReportOutcome.NEW_CASE, *[ReportOutcome.DUPLICATE] * 99]
    case = shared_place.case(shared_place.report(report)[0].case_id)
    assert (case["incidents_count"], case["reports_count"]) == (1, 1)


def test_later_events_of_an_incident_are_counted_on_its_case(sqlite_place: Place) -> None:
    raised = a_stall(dwell_s=300, score=0.9)
    updated = followed(raised, phase="updated", minutes=15, dwell_s=900, score=0.5)
    answers = [sqlite_place.report(raised)[0], sqlite_place.report(updated)[0]]
    assert [answer.outcome for answer in answers] == [ReportOutcome.NEW_CASE, ReportOutcome.COUNTED]
    case = sqlite_place.case(answers[0].case_id)
    assert (case["reports_count"], case["dwell_s"], case["score"]) == (2, 900, 0.9)
    assert case["last_seen_at"] == "2026-11-23T01:15:00Z"


def test_a_second_incident_of_a_watch_joins_the_open_case(sqlite_place: Place) -> None:
    first, second = sqlite_place.report(a_stall(), a_stall())
    assert (second.outcome, second.case_id) == (ReportOutcome.JOINED, first.case_id)
    assert sqlite_place.case(first.case_id)["incidents_count"] == 2


@pytest.mark.parametrize(
    ("difference", "why"),
    [
        ({"watch_id": "another"}, "another watch"),
        ({"edge_id": "gate-4"}, "another edge's watch of the same name"),
        ({"kind": "shop-overflow"}, "the watch's kind was changed"),
    ],
)
def test_what_differs_makes_a_case_of_its_own(shared_sqlite_place: Place, difference: dict[str, str], why: str) -> None:
    watch = {"watch_id": a_watch()}
    answers = shared_sqlite_place.report(a_report(**watch), a_report(**watch | difference))
    assert [answer.outcome for answer in answers] == [ReportOutcome.NEW_CASE] * 2, why


def test_a_component_never_joins_by_watch(sqlite_place: Place) -> None:
    manhole = {"kind": "manhole-open", "watch_id": "manholes"}
    answers = sqlite_place.report(a_stall(**manhole), a_stall(**manhole))
    assert [answer.outcome for answer in answers] == [ReportOutcome.NEW_CASE] * 2


def test_cleared_before_raised_ends_the_same_as_in_order(shared_sqlite_place: Place) -> None:
    ends = []
    for order in permutations(range(4)):
        raised = a_report(dwell_s=300)
        reports = [
            raised,
            followed(raised, phase="updated", minutes=15, dwell_s=900),
            followed(raised, phase="cleared", minutes=20, clear_reason="lost"),
            followed(raised, phase="cleared", minutes=25),
        ]
        answers = [shared_sqlite_place.report(reports[at])[0] for at in order]
        case = shared_sqlite_place.case(answers[0].case_id)
        kept = ("first_seen_at", "last_seen_at", "dwell_s", "gone_at", "incidents_count", "reports_count", "state")
        incident = case["incidents"][0]
        ends.append({key: case[key] for key in kept} | {"why": incident["clear_reason"], "at": incident["cleared_at"]})
    assert ends == [ends[0]] * 24
    assert (ends[0]["gone_at"], ends[0]["why"]) == ("2026-11-23T01:25:00Z", "gone")


@pytest.mark.parametrize(
    ("cleared_again_at", "gone_at", "why"),
    [(None, None, None), (70, "2026-11-23T02:10:00Z", "gone"), (60, "2026-11-23T02:00:00Z", "gone"), (50, None, None)],
)
def test_what_is_seen_after_it_cleared_is_not_gone_in_any_order(
    *, shared_sqlite_place: Place, cleared_again_at: float | None, gone_at: str | None, why: str | None
) -> None:
    for order in permutations(range(3 if cleared_again_at is None else 4)):
        raised = a_report()
        reports = [raised, followed(raised, phase="cleared", minutes=10), followed(raised, phase="updated", minutes=60)]
        if cleared_again_at is not None:
            reports.append(followed(raised, phase="cleared", minutes=cleared_again_at))
        answers = [shared_sqlite_place.report(reports[at])[0] for at in order]
        case = shared_sqlite_place.case(answers[0].case_id)
        incident = case["incidents"][0]
        assert (case["gone_at"], incident["cleared_at"], incident["clear_reason"]) == (gone_at, gone_at, why), order


def test_what_comes_back_after_it_was_gone_is_written_down(shared_sqlite_place: Place) -> None:
    raised = a_report()
    [answer] = shared_sqlite_place.report(raised)
    for phase, minutes in (("cleared", 10), ("updated", 60), ("cleared", 70)):
        shared_sqlite_place.report(followed(raised, phase=phase, minutes=minutes))
    assert _actions(shared_sqlite_place, answer.case_id) == [
        "detected",
        *("incident_cleared", "gone"),
        "seen_again",
        *("incident_cleared", "gone"),
    ]


def test_an_edge_cannot_change_another_edge_s_incident(shared_place: Place) -> None:
    raised = a_report()
    [answer] = shared_place.report(raised)
    own, others = followed(raised, phase="updated"), followed(raised, phase="cleared", edge_id="gate-4", minutes=30)
    refused, counted = shared_place.report(others, own)
    assert (refused.outcome, refused.case_id, counted.outcome) == (ReportOutcome.REFUSED, None, ReportOutcome.COUNTED)
    assert refused.reason == f"incident {raised.incident_id} is another edge's"
    case = shared_place.case(answer.case_id)
    assert (case["gone_at"], case["reports_count"]) == (None, 2)


def test_a_case_is_gone_only_when_every_incident_cleared_as_gone(shared_place: Place) -> None:
    watch = {"watch_id": a_watch()}
    one, two, three = a_report(**watch), a_report(**watch), a_report(**watch, minutes=40)
    [answer, _] = shared_place.report(one, two)

    def gone_after(report: Report) -> str | None:
        shared_place.report(report)
        gone_at: str | None = shared_place.case(answer.case_id)["gone_at"]
        return gone_at

    assert gone_after(followed(one, phase="cleared", minutes=20)) is None
    assert gone_after(followed(two, phase="cleared", minutes=30)) == "2026-11-23T01:30:00Z"
    assert gone_after(three) is None, "another incident"
    assert gone_after(followed(three, phase="cleared", minutes=50, clear_reason="out_of_hours")) is None
    actions = _actions(shared_place, answer.case_id)
    assert actions == [
        "detected",
        "joined",
        "incident_cleared",
        "incident_cleared",
        "gone",
        "joined",
        "seen_again",
        "incident_cleared",
    ]


def test_after_a_rejection_the_incident_is_counted_and_a_new_one_makes_a_new_case(sqlite_place: Place) -> None:
    seen = a_stall()
    [answer] = sqlite_place.report(seen)
    sqlite_place.person(Role.OPERATOR).post(f"/api/v1/cases/{answer.case_id}/reject", json={"reason": "a shadow"})
    counted, new = sqlite_place.report(followed(seen, phase="updated"), a_stall())
    assert (counted.outcome, counted.case_id) == (ReportOutcome.COUNTED, answer.case_id)
    assert new.outcome is ReportOutcome.NEW_CASE
    assert sqlite_place.case(answer.case_id)["state"] == "rejected"


def test_a_filed_case_is_still_joined(sqlite_place: Place) -> None:
    [answer] = sqlite_place.report(a_stall())
    sqlite_place.person(Role.OPERATOR).post(f"/api/v1/cases/{answer.case_id}/confirm")
    [joined] = sqlite_place.report(a_stall())
    assert (joined.outcome, joined.case_id) == (ReportOutcome.JOINED, answer.case_id)


def test_twenty_writers_of_one_incident_make_one_case(shared_place: Place) -> None:
    raised = a_report()
    reports = [raised, *[followed(raised, phase="updated", minutes=10 + n) for n in range(19)]]
    answers = _at_once(shared_place, reports)
    assert len({answer.case_id for answer in answers}) == 1
    case = shared_place.case(answers[0].case_id)
    assert (case["incidents_count"], case["reports_count"]) == (1, 20)


def test_twenty_writers_of_one_event_count_it_once(shared_place: Place) -> None:
    outcomes = [answer.outcome for answer in _at_once(shared_place, [a_report()] * 20)]
    assert sorted(outcomes) == sorted([ReportOutcome.NEW_CASE, *[ReportOutcome.DUPLICATE] * 19])


def test_twenty_incidents_of_one_watch_at_once_make_one_case(shared_place: Place) -> None:
    watch_id = a_watch()
    answers = _at_once(shared_place, [a_report(watch_id=watch_id) for _ in range(20)])
    assert len({answer.case_id for answer in answers}) == 1
    assert shared_place.case(answers[0].case_id)["incidents_count"] == 20


def test_twenty_incidents_at_once_after_a_rejection_make_one_new_case(shared_place: Place) -> None:
    watch_id = a_watch()
    [old] = shared_place.report(a_report(watch_id=watch_id))
    shared_place.person(Role.OPERATOR).post(f"/api/v1/cases/{old.case_id}/reject", json={"reason": "a shadow"})
    answers = _at_once(shared_place, [a_report(watch_id=watch_id) for _ in range(20)])
    new = {answer.case_id for answer in answers}
    assert len(new) == 1
    assert new != {old.case_id}


def test_one_incident_under_twenty_watches_at_once_makes_one_case(shared_place: Place) -> None:
    incident_id = a_report().incident_id
    answers = _at_once(shared_place, [a_report(incident_id=incident_id) for _ in range(20)])
    assert len({answer.case_id for answer in answers}) == 1
    case = shared_place.case(answers[0].case_id)
    assert (case["reports_count"], case["incidents"][0]["reports_count"]) == (20, 20)


def test_what_others_count_while_a_case_is_waited_for_is_not_lost(shared_postgres_place: Place) -> None:
    seen = a_report()
    [answer] = shared_postgres_place.report(seen)
    with ThreadPoolExecutor(1) as threads:
        with _holding(shared_postgres_place, answer.case_id) as session:
            counted = threads.submit(shared_postgres_place.report, followed(seen, phase="updated", watch_id=a_watch()))
            _until_somebody_waits(shared_postgres_place)
            session.execute(update(Incident).where(Incident.id == seen.incident_id).values(reports_count=8))
        assert counted.result()[0].outcome is ReportOutcome.COUNTED
    assert shared_postgres_place.case(answer.case_id)["incidents"][0]["reports_count"] == 9


def test_what_joins_by_no_watch_waits_for_no_other_case(shared_postgres_place: Place) -> None:
    manhole = {"kind": "manhole-open", "watch_id": a_watch()}
    [answer] = shared_postgres_place.report(a_report(**manhole))
    with _holding(shared_postgres_place, answer.case_id):
        [other] = shared_postgres_place.report(a_report(**manhole))
    assert other.outcome is ReportOutcome.NEW_CASE


def test_batches_that_cross_over_neither_block_each_other_nor_lose_anything(shared_place: Place) -> None:
    watches = [a_watch() for _ in range(30)]
    batches = [[a_report(watch_id=watch_id) for watch_id in watches] for _ in range(8)]
    for number, batch in enumerate(batches):
        batch.sort(key=lambda report: (hash((report.watch_id, number)), number))
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda batch: shared_place.report(*batch), batches))
    assert all(answer.outcome is not ReportOutcome.REFUSED for batch in answers for answer in batch)
    cases = {answer.case_id for batch in answers for answer in batch}
    assert [shared_place.case(case_id)["incidents_count"] for case_id in cases] == [8] * 30


def _at_once(place: Place, reports: list[Report]) -> list[ReportAnswer]:
    def send(report: Report) -> ReportAnswer:
        client = ApiClient(place.url, place.service_key, timeout_s=60)
        try:
            return client.report([report])[0]
        finally:
            client.close()

    with ThreadPoolExecutor(len(reports)) as threads:
        return list(threads.map(send, reports))


@contextmanager
def _holding(place: Place, case_id: UUID | None) -> Iterator[Session]:
    """Keeps a case locked, as another worker would."""
    with place.app.state.services.database.write() as session:
        session.execute(select(Case).where(Case.id == case_id).with_for_update())
        yield session


def _until_somebody_waits(place: Place) -> None:
    waits = text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    for _ in range(500):
        with place.app.state.services.database.read() as session:
            if session.scalar(waits):
                return
        time.sleep(0.01)
    raise AssertionError("nobody waits for a lock")


def _actions(place: Place, case_id: UUID | None) -> list[str]:
    answer = place.person(Role.SUPERVISOR).get(f"/api/v1/cases/{case_id}/history")
    return [line["action"] for line in answer.json()["items"]]
