"""Evidence whose time is over goes, with a line for each item; what an open or younger case may show stays."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from api.cases.states import ENDED, OPEN, CaseState
from api.evidence.retention_policy import RetentionError, RetentionPolicy, Rule
from api.rights import Role
from api.tables import Case, HistoryLine
from tests.api.pictures import a_picture, put, sha256_of
from tests.api.place import Clocked, Place, a_report, followed
from tests.api.retention_site import STALL, Site, picture_item


def test_evidence_goes_when_its_time_is_over_and_everything_says_so(site: Site) -> None:
    content, kept = a_picture(), a_picture()
    case_id, open_id = site.case(content), site.case(kept, state=None)
    assert site.state(case_id) == ["present"]
    assert site.run(days=29) == []
    [removed] = site.run(days=31)
    assert removed.case is not None
    assert (str(removed.case.id), removed.items, removed.size_bytes) == (case_id, 1, len(content))
    assert abs(removed.case.ended_at - site.now) < timedelta(minutes=1)
    assert (site.has(content), site.has(kept), site.state(case_id), site.state(open_id)) == (
        False,
        True,
        ["expired"],
        ["present"],
    )
    shown = site.look(case_id, content)
    on = f"{site.now + timedelta(days=31):%Y-%m-%d}"
    assert (shown.status_code, shown.json()["detail"]) == (
        404,
        f"retention has removed this evidence: removed on {on} by the rule street-* rejected 30 days",
    )
    [line] = site.lines()
    assert (line.sha256, str(line.case_id), line.kind_key) == (sha256_of(content), case_id, STALL)
    assert (line.case_state, line.size_bytes, line.policy) == ("rejected", len(content), "street-* rejected 30 days")
    assert (line.at, line.removed_at, line.actor) == (site.now + timedelta(days=31),) * 2 + ("retention",)
    last = site.place.person(Role.SUPERVISOR).get(f"/api/v1/cases/{case_id}/history").json()["items"][-1]
    assert (last["action"], last["request_id"]) == ("evidence_expired", line.request_id)
    assert last["details"] == {"items": 1, "size_bytes": len(content), "rule": "street-* rejected 30 days"}
    assert site.run(days=31) == []
    assert len(site.lines()) == 1


def test_no_policy_touches_an_open_case(sqlite_site: Site) -> None:
    contents = {state: a_picture() for state in sorted(OPEN)}
    for state, content in contents.items():
        sqlite_site.case(content, state=state)
    everything = RetentionPolicy(tuple(Rule("*", ended, 1) for ended in sorted(ENDED)))
    assert sqlite_site.run(days=3000, policy=everything) == []
    assert all(sqlite_site.has(content) for content in contents.values())
    for state in contents:
        with pytest.raises(RetentionError, match=f"{state} is open"):
            RetentionPolicy((Rule("*", state, 1),))


def test_bytes_that_an_open_or_younger_case_shows_stay_until_it_is_over_too(site: Site) -> None:
    shared, own = a_picture(), a_picture()
    old = site.case(shared, own)
    younger = site.case(shared)
    assert site.state(younger) == ["present"]
    with site.database.write() as session:
        later = site.now + timedelta(days=20)
        session.execute(update(Case).where(Case.id == UUID(younger)).values(last_seen_at=later))
    [removed] = site.run(days=31)
    assert (removed.items, site.has(shared), site.has(own)) == (1, True, False)
    assert sorted(site.state(old)) == ["expired", "present"]
    assert site.look(old, shared).status_code == 200
    assert sorted(site.removed_cases(days=51)) == sorted([old, younger])
    assert not site.has(shared)
    assert [line.removed_at is not None for line in site.lines()] == [True, True, True]
    assert sum(line.sha256 == sha256_of(shared) for line in site.lines()) == 2


def test_the_end_is_the_last_change_and_a_look_at_a_plate_is_none(sqlite_site: Site) -> None:
    changed, looked_at = a_picture(), a_picture()
    changed_id, looked_at_id = sqlite_site.case(changed), sqlite_site.case(looked_at)
    with sqlite_site.database.write() as session:
        for case_id, action in ((changed_id, "joined"), (looked_at_id, "plate_evidence_read")):
            row = session.scalars(select(HistoryLine).where(HistoryLine.case_id == UUID(case_id))).first()
            assert row is not None
            at = sqlite_site.now + timedelta(days=10)
            session.add(HistoryLine(case_id=row.case_id, at=at, actor="x", action=action, details={}))
    assert sqlite_site.removed_cases(days=31) == [looked_at_id]
    assert sqlite_site.removed_cases(days=41) == [changed_id]


def test_a_dry_run_tells_the_same_and_changes_nothing(site: Site) -> None:
    shared, forgotten = a_picture(), a_picture()
    cases = [site.case(a_picture(), shared), site.case(shared), site.case(a_picture(), send=False)]
    put(site.store, forgotten)
    site.age(forgotten, 60)
    told = site.run(days=31, dry_run=True)
    assert sorted(str(removed.case.id) for removed in told if removed.case) == sorted(cases)
    assert (site.lines(), site.has(shared), site.has(forgotten)) == ([], True, True)
    assert site.state(cases[1]) == ["present"]
    done = site.run(days=31)
    assert [(removed.items, removed.never_came) for removed in told] == [
        (removed.items, removed.never_came) for removed in done
    ]
    assert sum(removed.size_bytes for removed in told) == sum(removed.size_bytes for removed in done)
    assert list(site.store.items()) == []


def test_what_was_announced_and_never_came_is_not_awaited_for_ever(sqlite_site: Site) -> None:
    content = a_picture()
    case_id = sqlite_site.case(content, send=False)
    [removed] = sqlite_site.run(days=31)
    assert (removed.items, removed.never_came, sqlite_site.lines()) == (0, 1, [])
    assert sqlite_site.state(case_id) == ["expired"]


def test_an_event_that_names_expired_evidence_does_not_bring_it_back(sqlite_site: Site) -> None:
    content = a_picture()
    seen = a_report(evidence=[picture_item(content)])
    [answer] = sqlite_site.place.report(seen)
    put(sqlite_site.store, content)
    with sqlite_site.database.write() as session:
        session.execute(update(Case).where(Case.id == answer.case_id).values(state=CaseState.REJECTED))
    sqlite_site.run(days=31)
    sqlite_site.place.report(followed(seen, phase="updated", evidence=[picture_item(content)]))
    assert sqlite_site.state(str(answer.case_id)) == ["expired"]
    put(sqlite_site.store, content)
    assert sqlite_site.state(str(answer.case_id)) == ["expired"]
    assert sqlite_site.look(str(answer.case_id), content).status_code == 404
    # The bytes stand under no case now: they go as such, and a new case that names them could show them.
    new_case = sqlite_site.case(content, state=None)
    assert sqlite_site.look(new_case, content).status_code == 200
    sqlite_site.age(content, 60)
    assert sqlite_site.run(days=31) == []


def test_bytes_that_no_case_ever_named_go_after_thirty_days(sqlite_site: Site) -> None:
    old, young, named = a_picture(), a_picture(), a_picture()
    sqlite_site.began(days=31)
    sqlite_site.case(named, state=None)
    for content in (old, young):
        put(sqlite_site.store, content)
    sqlite_site.age(old, 31)
    sqlite_site.age(young, 29)
    sqlite_site.age(named, 300)
    [removed] = sqlite_site.run(days=0)
    assert (removed.case, removed.items, removed.size_bytes) == (None, 1, len(old))
    assert (sqlite_site.has(old), sqlite_site.has(young), sqlite_site.has(named)) == (False, True, True)
    [line] = sqlite_site.lines()
    assert (line.case_id, line.policy, line.removed_at) == (None, "named by no case for 30 days", sqlite_site.now)
    assert sqlite_site.run(days=0) == []


def test_a_database_made_anew_removes_nothing_that_it_cannot_know_yet(site: Site) -> None:
    content = a_picture()
    put(site.store, content)
    site.age(content, 300)
    assert site.run(days=60) == [], "empty: the archive is still to be replayed"
    site.began(days=29)
    assert site.run(days=0, dry_run=True) == site.run(days=0) == []
    assert site.has(content)
    [removed] = site.run(days=2)
    assert (removed.case, removed.items, site.has(content)) == (None, 1, False)


@pytest.fixture
def moved(settings_for: Any, tmp_path: Path) -> Iterator[tuple[Place, Clocked]]:
    clock = Clocked()
    with Place(settings_for(f"sqlite:///{tmp_path / 'cases.db'}"), clock) as made:
        yield made, clock


def test_the_days_count_from_the_rejection(moved: tuple[Place, Clocked]) -> None:
    place, clock = moved
    site = Site(place)
    content = a_picture()
    clock.pass_by(-20 * 86_400)
    case_id = site.case(content, state=None)
    clock.pass_by(20 * 86_400)
    path = f"/api/v1/cases/{case_id}/reject"
    assert place.person(Role.OPERATOR).post(path, json={"reason": "nothing there"}).status_code == 200
    assert site.run(days=29) == []
    assert site.removed_cases(days=31) == [case_id]


def test_the_end_is_told_as_the_moment_of_the_last_change(moved: tuple[Place, Clocked]) -> None:
    place, clock = moved
    site = Site(place)
    site.case(a_picture())
    [removed] = site.run(days=40)
    assert removed.case is not None
    ended_at: datetime = removed.case.ended_at
    assert ended_at == clock.now
