"""What an operator merges is one case and can be taken back; what was joined wrongly is split and stays apart."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from api.reports.locks import lock_cases
from api.rights import Role
from api.schemas import Report
from api.tables import CaseLink, Evidence, Incident
from tests.api.cases.scenes import (
    NOW,
    a_crop,
    a_sight,
    acts_of,
    again,
    case_of,
    do,
    later,
    links_of,
    north_of,
    row_of,
    somewhere,
    with_crop,
)
from tests.api.pictures import put, sha256_of
from tests.api.place import Place


def refused(place: Place, case_id: object, act: str, **said: Any) -> tuple[int, str]:
    answer = place.person(Role.OPERATOR).post(f"/api/v1/cases/{case_id}/{act}", json=said)
    return answer.status_code, answer.json()["detail"]


def merge_status(place: Place, case_id: UUID, into: UUID) -> int:
    merging = place.person(Role.OPERATOR).post(f"/api/v1/cases/{case_id}/merge", json={"into": str(into)})
    return merging.status_code


def holder_of(place: Place, report: Report) -> UUID:
    with place.app.state.services.database.read() as session:
        return UUID(str(session.scalar(select(Incident.case_id).where(Incident.id == report.incident_id))))


def test_a_merged_case_gives_its_incidents_and_pictures_and_takes_them_back(shared_place: Place) -> None:
    one = with_crop(a_sight(), shared_place, a_crop(1))
    other = a_sight()
    source, target = case_of(shared_place, one), case_of(shared_place, other)
    do(shared_place, source, "merge", into=str(target))
    merged, kept = shared_place.case(source), shared_place.case(target)
    assert (merged["state"], merged["incidents_count"], kept["incidents_count"]) == ("merged", 0, 2)
    assert [item["role"] for item in kept["evidence"]] == ["crop"]
    assert shared_place.report(later(one, hours=1))[0].case_id == target, "what is still seen is counted there"
    assert case_of(shared_place, again(one, evidence=[])) == target, "what the watch sees next joins there"
    do(shared_place, source, "unmerge")
    back, left = shared_place.case(source), shared_place.case(target)
    assert (back["state"], back["incidents_count"], left["incidents_count"]) == ("detected", 1, 2)
    assert [len(shown["evidence"]) for shown in (back, left)] == [1, 0]
    assert row_of(shared_place, source).former_state is None
    assert acts_of(shared_place, source)[-2:] == ["merged", "unmerged"]
    assert "merged_here" in acts_of(shared_place, target)


@pytest.mark.parametrize("first", ["inner", "outer"])
def test_merges_in_merges_are_taken_back_in_any_order(*, shared_sqlite_place: Place, first: str) -> None:
    place = shared_sqlite_place
    reports = [a_sight() for _ in range(3)]
    a, b, c = (case_of(place, report) for report in reports)
    do(place, a, "merge", into=str(b))
    do(place, b, "merge", into=str(c))
    assert {holder_of(place, report) for report in reports} == {c}
    if first == "inner":
        do(place, a, "unmerge")
        assert [holder_of(place, report) for report in reports] == [a, c, c]
        do(place, b, "unmerge")
    else:
        do(place, b, "unmerge")
        assert [holder_of(place, report) for report in reports] == [b, b, c]
        do(place, a, "unmerge")
    assert [holder_of(place, report) for report in reports] == [a, b, c]
    assert [place.case(case_id)["incidents_count"] for case_id in (a, b, c)] == [1, 1, 1]


def test_a_merged_case_goes_back_to_its_former_state_and_its_clock_goes_on(shared_sqlite_place: Place) -> None:
    place = shared_sqlite_place
    source, target = case_of(place, a_sight()), case_of(place, a_sight())
    for case_id in (source, target):
        do(place, case_id, "confirm")
    before = row_of(place, source)
    do(place, source, "merge", into=str(target))
    assert row_of(place, source).paused_at is not None
    do(place, source, "unmerge")
    after = row_of(place, source)
    assert (after.state, after.number, after.stage, after.paused_at) == ("filed", before.number, "dispatch", None)


def test_gone_follows_the_incidents(shared_sqlite_place: Place) -> None:
    place = shared_sqlite_place
    one, other = a_sight(), a_sight()
    source, target = case_of(place, one), case_of(place, other)
    place.report(later(other, hours=1, phase="cleared"))
    do(place, source, "merge", into=str(target))
    assert place.case(target)["gone_at"] is None
    do(place, source, "unmerge")
    assert place.case(target)["gone_at"] is not None


def test_what_cannot_be_merged_is_refused(shared_sqlite_place: Place) -> None:
    place = shared_sqlite_place
    one, other, over = (case_of(place, a_sight()) for _ in range(3))
    do(place, over, "reject", reason="a shadow")
    assert refused(place, one, "merge", into=str(one))[0] == 422
    assert refused(place, one, "merge", into=str(over))[0] == 409
    assert refused(place, over, "merge", into=str(one))[0] == 409
    assert refused(place, one, "merge", into="0190c8a0-0000-7000-8000-000000000000")[0] == 404
    assert refused(place, one, "unmerge")[0] == 409
    do(place, one, "confirm")
    assert "merge that one into this" in refused(place, one, "merge", into=str(other))[1]
    assert refused(place, one, "merge", into=str(other), version=1)[0] == 409


def test_merges_that_cross_over_neither_block_each_other_nor_lose_an_incident(shared_postgres_place: Place) -> None:
    place = shared_postgres_place
    for _ in range(4):
        reports = [a_sight(), a_sight()]
        one, other = (case_of(place, report) for report in reports)
        with ThreadPoolExecutor(6) as threads:
            told = [threads.submit(place.report, later(report, hours=n / 10)) for n in range(2) for report in reports]
            statuses = list(threads.map(partial(merge_status, place), (one, other), (other, one)))
            assert all(future.result() for future in told)
        assert sorted(statuses) == [200, 409]
        assert len({holder_of(place, report) for report in reports}) == 1


def test_what_was_split_is_a_case_of_its_own_and_its_watches_stay_apart(shared_place: Place) -> None:
    place = somewhere()
    one = a_sight(place)
    other = with_crop(a_sight(place, metres=10), shared_place, a_crop(2))
    case_id = case_of(shared_place, one, other)
    new = UUID(do(shared_place, case_id, "split", incidents=[str(other.incident_id)])["id"])
    assert new != case_id
    shown = shared_place.case(new)
    assert (shown["state"], shown["incidents_count"], shown["source_id"]) == ("detected", 1, other.source_id)
    assert [item["role"] for item in shown["evidence"]] == ["crop"]
    assert shared_place.case(case_id)["incidents_count"] == 1
    assert links_of(shared_place, new) == [("split", str(case_id))]
    assert row_of(shared_place, new).stage == "accept"
    for ended in (case_id, new):
        do(shared_place, ended, "reject", reason="both wrong")
    fresh = [again(report, hours=1) for report in (one, other)]
    assert len({answer.case_id for answer in shared_place.report(*fresh)}) == 2, "they never join again"


def test_of_one_watch_s_split_cases_the_box_says_whose_an_incident_is(shared_sqlite_place: Place) -> None:
    place = shared_sqlite_place
    left = with_crop(a_sight(), place, a_crop(3), box=(0.0, 0.2, 0.4, 0.6))
    right = with_crop(again(left), place, a_crop(4), box=(0.6, 0.2, 1.0, 0.6))
    case_id = case_of(place, left, right)
    new = UUID(do(place, case_id, "split", incidents=[str(right.incident_id)])["id"])
    for box, expected in (((0.05, 0.2, 0.45, 0.6), case_id), ((0.62, 0.2, 1.0, 0.6), new)):
        assert case_of(place, with_crop(again(left), place, a_crop(5), box=box)) == expected
    assert case_of(place, again(left)) == case_id, "the oldest where no box says more"


def test_splitting_the_first_incident_out_leaves_the_case_to_the_other_watch(shared_sqlite_place: Place) -> None:
    place, spot = shared_sqlite_place, somewhere()
    one, other = a_sight(spot), a_sight(spot, metres=10)
    case_id = case_of(place, one, other)
    new = UUID(do(place, case_id, "split", incidents=[str(one.incident_id)])["id"])
    assert case_of(place, again(one)) == new
    assert case_of(place, again(other)) == case_id


def test_what_cannot_be_split_is_refused(shared_sqlite_place: Place) -> None:
    place = shared_sqlite_place
    one = a_sight()
    other = again(one)
    case_id = case_of(place, one, other)
    ids = [str(report.incident_id) for report in (one, other)]
    assert refused(place, case_id, "split", incidents=ids) == (422, "incidents: at least one has to stay with the case")
    assert refused(place, case_id, "split", incidents=[str(case_id)])[0] == 422
    assert refused(place, case_id, "split", incidents=[])[0] == 422
    assert place.case(case_id)["incidents_count"] == 2


@pytest.mark.parametrize("split_off", ["its own", "the rest"])
def test_what_was_split_off_after_a_merge_leaves_no_case_without_incidents(
    *, shared_sqlite_place: Place, split_off: str
) -> None:
    place = shared_sqlite_place
    one, other = a_sight(), a_sight()
    source, target = case_of(place, one), case_of(place, other)
    do(place, source, "merge", into=str(target))
    going = one if split_off == "its own" else other
    new = do(place, target, "split", incidents=[str(going.incident_id)])["id"]
    assert refused(place, source, "unmerge")[0] == 409
    counts = {case_id: place.case(case_id)["incidents_count"] for case_id in (source, target, new)}
    assert counts == {source: 0, target: 1, new: 1}
    assert place.case(source)["state"] == "merged"
    do(place, new, "merge", into=str(target))
    if split_off == "the rest":
        do(place, source, "unmerge")
        assert {holder_of(place, one), holder_of(place, other)} == {source, target}


def test_what_a_person_added_stays_with_the_case(shared_sqlite_place: Place) -> None:
    place = shared_sqlite_place
    one = with_crop(a_sight(), place, a_crop(6))
    source, target = case_of(place, one), case_of(place, a_sight())
    with place.app.state.services.database.write() as session:
        values = {"sha256": "ab" * 32, "role": "before", "media_type": "image/jpeg", "size_bytes": 9, "taken_at": NOW}
        added = {"state": "present", "plate_kept": False, "added_by": "person:li"}
        session.add(Evidence(case_id=source, incident_id=one.incident_id, **values, **added))
    do(place, source, "merge", into=str(target))
    assert [item["role"] for item in place.case(source)["evidence"]] == ["before"]
    assert [item["role"] for item in place.case(target)["evidence"]] == ["crop"]


def test_an_alarm_that_goes_into_a_case_is_not_filed_by_that(shared_place: Place) -> None:
    alarm, filed, other = (case_of(shared_place, a_sight()) for _ in range(3))
    for case_id in (filed, other):
        do(shared_place, case_id, "confirm")
    do(shared_place, alarm, "merge", into=str(filed))
    do(shared_place, other, "merge", into=str(filed))
    handler = shared_place.person(Role.HANDLER)
    statuses = [handler.get(f"/api/v1/cases/{case_id}").status_code for case_id in (alarm, filed, other)]
    assert statuses == [403, 200, 200]
    listed = handler.get("/api/v1/cases", params={"state": "merged", "limit": 200}).json()["items"]
    ids = {item["id"] for item in listed}
    assert (str(alarm) in ids, str(other) in ids) == (False, True)
    assert shared_place.case(alarm)["merged_into"] == str(filed), "who reviews alarms sees where it went"


def test_what_links_to_a_case_that_is_locked_waits_for_nobody(shared_postgres_place: Place) -> None:
    place = shared_postgres_place
    one, other = case_of(place, a_sight()), case_of(place, a_sight())
    with ThreadPoolExecutor(1) as threads, place.app.state.services.database.write() as session:
        lock_cases(session, {one})
        ended = threads.submit(_link_in_the_database, place, other, one)
        assert ended.result(timeout=10) == "linked"


def _link_in_the_database(place: Place, case_id: UUID, other_id: UUID) -> str:
    with place.app.state.services.database.write() as session:
        lock_cases(session, {case_id})
        session.add(CaseLink(case_id=case_id, other_id=other_id, relation="recurrence", at=NOW, actor="edge:gate-3"))
    return "linked"


def test_two_who_link_the_same_cases_at_once_make_one_link(shared_postgres_place: Place) -> None:
    place = shared_postgres_place
    operator = place.person(Role.OPERATOR)
    for _ in range(5):
        one, other = case_of(place, a_sight()), case_of(place, a_sight())
        pairs = [(one, other), (other, one)] * 3
        with ThreadPoolExecutor(6) as threads:
            answers = list(
                threads.map(
                    lambda pair: operator.post(f"/api/v1/cases/{pair[0]}/links", json={"other_id": str(pair[1])}), pairs
                )
            )
        assert sorted(answer.status_code for answer in answers) == [200] + [409] * 5


def test_a_person_s_report_that_is_split_out_takes_its_photos_along(shared_sqlite_place: Place) -> None:
    place, spot, photo = shared_sqlite_place, somewhere(), a_crop(77)
    put(place.app.state.services.evidence, photo)
    case_id = case_of(place, a_sight(spot))
    word = {"source": "hotline", "kind": "street-encroachment", "photos": [sha256_of(photo)]}
    told = place.person(Role.OPERATOR).post("/api/v1/reports", json=word | {"position": north_of(spot, 5)})
    assert told.json()["case_id"] == str(case_id)
    with place.app.state.services.database.read() as session:
        by_person = (Incident.case_id == case_id) & (Incident.source_type == "person")
        incident_id = session.scalar(select(Incident.id).where(by_person))
    new = do(place, case_id, "split", incidents=[str(incident_id)])["id"]
    assert [len(place.case(each)["evidence"]) for each in (case_id, new)] == [0, 1]
