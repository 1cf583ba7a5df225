"""Runs of retention that die, meet a failing store, their limit, each other, or a change under their hands."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from api.evidence.retention import Retention
from api.evidence_store import EvidenceStore, EvidenceUnavailable
from api.tables import Case
from tests.api.pictures import a_picture, put, sha256_of
from tests.api.retention_site import Site


class Broken(Exception):
    """The process died here."""


@pytest.mark.parametrize("named", [True, False], ids=["of a case", "of no case"])
def test_a_run_that_died_before_the_bytes_went_is_finished_by_the_next(
    *, site: Site, named: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = a_picture()
    case_id = site.case(content) if named else None
    put(site.store, content)
    if not named:
        site.began(days=60)
        site.age(content, 60)

    def dies(*_: object) -> bool:
        raise Broken

    with monkeypatch.context() as patch:
        patch.setattr(EvidenceStore, "remove", dies)
        with pytest.raises(Broken):
            site.run(days=31)
    [line] = site.lines()
    assert (line.removed_at, site.has(content)) == (None, True)
    if case_id:
        assert site.state(case_id) == ["expired"]
        assert site.look(case_id, content).status_code == 404
    assert site.run(days=32) == []
    [line] = site.lines()
    assert (line.removed_at, site.has(content)) == (site.now + timedelta(days=32), False)


def test_a_store_that_fails_ends_the_run_and_what_was_done_is_done(
    sqlite_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        sqlite_site.case(a_picture())
    removed: list[str] = []
    remove = EvidenceStore.remove

    def fails_at_the_second(store: EvidenceStore, sha256: str) -> bool:
        if removed:
            raise EvidenceUnavailable("the bucket is away")
        removed.append(sha256)
        return remove(store, sha256)

    with monkeypatch.context() as patch:
        patch.setattr(EvidenceStore, "remove", fails_at_the_second)
        with pytest.raises(EvidenceUnavailable):
            sqlite_site.run(days=31)
    sqlite_site.run(days=31)
    lines = sqlite_site.lines()
    assert len(lines) == len({line.sha256 for line in lines}) == 3
    assert all(line.removed_at for line in lines)
    assert list(sqlite_site.store.items()) == []


def test_a_run_is_bounded_and_the_next_goes_on(sqlite_site: Site) -> None:
    contents = [a_picture() for _ in range(7)]
    case_id = sqlite_site.case(*contents)
    left = []
    for _ in range(4):
        sqlite_site.run(days=31, limit=2)
        left.append(sum(sqlite_site.has(content) for content in contents))
    assert left == [5, 3, 1, 0]
    assert set(sqlite_site.state(case_id)) == {"expired"}
    sqlite_site.began(days=60)
    for content in contents:
        put(sqlite_site.store, content)
        sqlite_site.age(content, 60)
    assert [sum(removed.items for removed in sqlite_site.run(days=0, limit=3)) for _ in range(4)] == [3, 3, 1, 0]


def test_a_dry_run_shows_all_of_a_case_that_a_run_takes_in_steps(
    sqlite_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.evidence.retention._ITEMS_AT_ONCE", 2)
    sqlite_site.case(*(a_picture() for _ in range(5)))
    told, done = sqlite_site.run(days=31, dry_run=True), sqlite_site.run(days=31)
    assert ([removed.items for removed in told], [removed.items for removed in done]) == ([5], [2, 2, 1])
    assert sum(removed.size_bytes for removed in told) == sum(removed.size_bytes for removed in done)


def test_a_case_that_changes_while_retention_looks_at_it_keeps_its_evidence(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = a_picture()
    case_id = site.case(content)
    find = EvidenceStore.find

    def meanwhile(store: EvidenceStore, sha256: str) -> Any:
        with site.database.write() as session:
            session.execute(update(Case).values(last_seen_at=site.now + timedelta(days=30)))
        return find(store, sha256)

    with monkeypatch.context() as patch:
        patch.setattr(EvidenceStore, "find", meanwhile)
        assert site.run(days=31) == []
    assert (site.state(case_id), site.lines(), site.has(content)) == (["present"], [], True)


def test_two_runs_at_once_write_each_line_once(site: Site) -> None:
    contents = [a_picture() for _ in range(12)]
    for content in contents:
        site.case(content)
    with ThreadPoolExecutor(3) as threads:
        runs = list(threads.map(lambda _: site.run(days=31), range(3)))
    assert sum(removed.items for run in runs for removed in run) == 12
    lines = site.lines()
    assert sorted(line.sha256 for line in lines) == sorted(sha256_of(content) for content in contents)
    assert all(line.removed_at for line in lines)
    assert list(site.store.items()) == []


def test_bytes_that_a_new_case_names_meanwhile_stay(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    content = a_picture()
    site.case(content)
    mark, new = Retention._mark, []

    def then_named_again(retention: Retention, *arguments: Any) -> list[str]:
        marked = mark(retention, *arguments)
        new.append(site.case(content, state=None, send=False))
        return marked

    with monkeypatch.context() as patch:
        patch.setattr(Retention, "_mark", then_named_again)
        [removed] = site.run(days=31)
    assert (removed.size_bytes, site.has(content), site.look(new[0], content).status_code) == (0, True, 200)
    assert site.lines()[0].removed_at is None
