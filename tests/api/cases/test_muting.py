"""What an operator rejected is muted while it is the same thing in the same place and looks the same; nothing else."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select, text

from api.cases.states import CaseState
from api.schemas import Report, ReportOutcome
from api.tables import Case
from tests.api.cases.scenes import (
    BOX,
    NOW,
    a_crop,
    a_sight,
    acts_of,
    again,
    case_of,
    do,
    later,
    links_of,
    row_of,
    set_case,
    with_crop,
)
from tests.api.place import Place, a_watch

CROP, SAME_AGAIN, ANOTHER = a_crop(1), a_crop(1, quality=60, brighter=1.1), a_crop(2)
NEARLY = (0.22, 0.2, 0.62, 0.6)
ELSEWHERE = (0.5, 0.5, 0.9, 0.9)


def rejected(place: Place, **changes: Any) -> tuple[Report, Any]:
    """A case that an operator has turned down, and the report that made it."""
    report = with_crop(a_sight(**changes), place, CROP)
    case_id = case_of(place, report)
    do(place, case_id, "reject", reason="a shadow")
    return report, case_id


def test_a_new_incident_that_looks_the_same_is_counted_and_listed_on_the_rejected_case(shared_place: Place) -> None:
    report, case_id = rejected(shared_place)
    same = with_crop(again(report), shared_place, SAME_AGAIN, box=NEARLY)
    [answer] = shared_place.report(same)
    assert (answer.outcome, answer.case_id) == (ReportOutcome.COUNTED, case_id)
    shared_place.report(later(same, hours=1))
    case, row = shared_place.case(case_id), row_of(shared_place, case_id)
    assert (case["state"], case["incidents_count"], row.muted_count) == ("rejected", 2, 2)
    assert [incident["muted"] for incident in case["incidents"]] == [True, False]
    assert "muted" in acts_of(shared_place, case_id)


@pytest.mark.parametrize(
    ("difference", "why"),
    [
        ({"crop": ANOTHER}, "it looks different"),
        ({"box": ELSEWHERE}, "it is in another place"),
        ({"watch_id": "a-watch-beside"}, "another watch"),
        ({"kind": "shop-overflow"}, "another kind"),
        ({"crop": None}, "its crop has not come"),
        ({"hours": 25}, "the mute is over"),
    ],
)
def test_what_differs_is_a_case_of_its_own(shared_sqlite_place: Place, difference: dict[str, Any], why: str) -> None:
    place = shared_sqlite_place
    report, case_id = rejected(place)
    fresh = again(report, hours=difference.pop("hours", 0.5), position=None)
    crop, box = difference.pop("crop", CROP), difference.pop("box", BOX)
    fresh = with_crop(fresh.model_copy(update=difference), place, crop or CROP, box=box)
    if crop is None:
        missing = fresh.evidence[0].model_copy(update={"sha256": "0" * 64})
        fresh = fresh.model_copy(update={"evidence": [missing]})
    [answer] = place.report(fresh)
    assert (answer.outcome, answer.case_id != case_id) == (ReportOutcome.NEW_CASE, True), why


def test_a_safety_kind_is_never_muted(shared_sqlite_place: Place) -> None:
    report, case_id = rejected(shared_sqlite_place, kind="road-collapse")
    [answer] = shared_sqlite_place.report(with_crop(again(report, position=None), shared_sqlite_place, CROP))
    assert answer.outcome is ReportOutcome.NEW_CASE
    [still_seen] = shared_sqlite_place.report(later(report, hours=1, position=None))
    assert still_seen.case_id not in (None, case_id), "and what is still seen comes back at once"


def test_the_mute_ends_when_the_thing_leaves(shared_sqlite_place: Place) -> None:
    place = shared_sqlite_place
    report, case_id = rejected(place)
    place.report(later(report, hours=0.2, phase="cleared"))
    [answer] = place.report(with_crop(again(report), place, CROP))
    assert answer.outcome is ReportOutcome.NEW_CASE
    assert acts_of(place, case_id)[-2:] == ["gone", "mute_ended"]


def test_it_may_leave_and_come_back_within_one_request(shared_sqlite_place: Place) -> None:
    place = shared_sqlite_place
    report, case_id = rejected(place)
    gone, back = later(report, hours=0.2, phase="cleared"), with_crop(again(report), place, CROP)
    answers = place.report(gone, back)
    assert [answer.outcome for answer in answers] == [ReportOutcome.COUNTED, ReportOutcome.NEW_CASE]
    assert answers[0].case_id == case_id


def test_what_was_only_lost_from_sight_stays_muted(shared_sqlite_place: Place) -> None:
    place = shared_sqlite_place
    report, case_id = rejected(place)
    place.report(later(report, hours=0.2, phase="cleared", clear_reason="lost"))
    assert case_of(place, with_crop(again(report), place, CROP)) == case_id


def test_still_seen_when_the_mute_ends_it_is_one_new_case_that_is_linked(shared_place: Place) -> None:
    place = shared_place
    report, old = rejected(place)
    same = with_crop(again(report), place, SAME_AGAIN)
    place.report(same)
    assert case_of(place, later(report, hours=23)) == old
    [moved] = place.report(later(report, hours=25))
    assert moved.outcome is ReportOutcome.NEW_CASE
    new = moved.case_id
    assert case_of(place, later(same, hours=25), later(report, hours=26), later(same, hours=27)) == new
    case = place.case(new)
    assert (case["state"], case["incidents_count"], case["reports_count"]) == ("detected", 2, 4)
    assert ("after_mute", str(old)) in links_of(place, new)
    assert len(case["evidence"]) == 2, "its pictures go with it"
    assert place.case(old)["incidents_count"] == 0
    assert acts_of(place, old).count("mute_ended") == 2


def test_late_news_from_before_the_rejection_changes_nothing(shared_sqlite_place: Place) -> None:
    place = shared_sqlite_place
    report, case_id = rejected(place, kind="road-collapse")
    set_case(place, case_id, ended_at=NOW)
    assert case_of(place, later(report, hours=-0.01)) == case_id
    assert case_of(place, later(report, hours=5, phase="cleared")) == case_id, "to go is not to be still seen"


def test_both_at_once_in_one_request_are_told_apart(shared_sqlite_place: Place) -> None:
    place = shared_sqlite_place
    report, case_id = rejected(place)
    same, other = again(report), again(report)
    answers = place.report(with_crop(same, place, CROP), with_crop(other, place, ANOTHER))
    assert [answer.outcome for answer in answers] == [ReportOutcome.COUNTED, ReportOutcome.NEW_CASE]
    assert answers[0].case_id == case_id


def test_the_watch_of_a_camera_that_joined_mutes_too(shared_sqlite_place: Place) -> None:
    place = shared_sqlite_place
    spot = (101.0 + NOW.second / 100, 40.0)
    one = a_sight(spot, watch_id=a_watch())
    other = with_crop(a_sight(spot, metres=10), place, CROP)
    case_id = case_of(place, one, other)
    do(place, case_id, "reject", reason="a shadow")
    assert case_of(place, with_crop(again(other), place, SAME_AGAIN)) == case_id


def test_a_rejection_while_a_report_waits_is_heeded(shared_postgres_place: Place) -> None:
    place = shared_postgres_place
    report = a_sight(kind="road-collapse")
    case_id = case_of(place, report)
    with ThreadPoolExecutor(1) as threads:
        with place.app.state.services.database.write() as session:
            case = session.scalars(select(Case).where(Case.id == case_id).with_for_update()).one()
            told = threads.submit(place.report, later(report, hours=1))
            _until_somebody_waits(place)
            case.state, case.ended_at = CaseState.REJECTED, NOW
        [answer] = told.result()
    assert (answer.outcome, answer.case_id != case_id) == (ReportOutcome.NEW_CASE, True)
    assert links_of(place, answer.case_id)[0] == ("after_mute", str(case_id))


def _until_somebody_waits(place: Place) -> None:
    waits = text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    for _ in range(1000):
        with place.app.state.services.database.read() as session:
            if session.scalar(waits):
                return
        time.sleep(0.01)
    raise AssertionError("nobody waits for a lock")
