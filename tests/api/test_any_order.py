"""Whatever order reports come in, and however often: the same events in the same incidents, and the same cases."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from api.database import Database
from api.first_start import prepare
from api.reports.recording import record
from api.schemas import Report, ReportOutcome
from api.settings import ApiSettings
from api.tables import Case, Evidence, Incident, ReportRow
from tests.api.told import GIVEN_UP, JOINS_BY_INCIDENT, NOON, interleaved, neighbours, shuffled
from tests.services.postgres import PostgresCluster

Fresh = Callable[[], AbstractContextManager[Database]]
Ends = Mapping[str, Any]

on_sqlite = settings(max_examples=70, deadline=None, derandomize=True, database=None)
on_postgresql = settings(max_examples=20, deadline=None, derandomize=True, database=None)


batches = st.lists(st.integers(1, 7), min_size=1, max_size=30)
"""The sizes of the first batches; what is left goes as one."""


@on_sqlite
@given(told=interleaved(), sizes=batches)
def test_sources_may_interleave_and_repeat_themselves(
    fresh_sqlite: Fresh, told: list[Report], sizes: list[int]
) -> None:
    _ends_as_it_must(fresh_sqlite, told, sizes)


@on_sqlite
@given(told=shuffled(), sizes=batches)
def test_phases_may_come_in_no_order(fresh_sqlite: Fresh, told: list[Report], sizes: list[int]) -> None:
    _ends_as_it_must(fresh_sqlite, told, sizes)


@on_postgresql
@given(told=interleaved() | shuffled(), sizes=batches)
def test_postgresql_ends_the_same(fresh_postgresql: Fresh, told: list[Report], sizes: list[int]) -> None:
    _ends_as_it_must(fresh_postgresql, told, sizes)


@settings(on_sqlite, max_examples=30)
@given(told=neighbours(), sizes=batches)
def test_cameras_of_one_thing_may_tell_of_it_in_any_order(
    fresh_sqlite: Fresh, told: list[Report], sizes: list[int]
) -> None:
    _ends_as_it_must(fresh_sqlite, told, sizes, together=_by_place)


@settings(on_postgresql, max_examples=10)
@given(told=neighbours(), sizes=batches)
def test_so_they_may_on_postgresql(fresh_postgresql: Fresh, told: list[Report], sizes: list[int]) -> None:
    _ends_as_it_must(fresh_postgresql, told, sizes, together=_by_place)


def _by_watch(report: Report) -> object:
    """What has returned is with what it was before, and with its other returns, where one watch asks for one kind."""
    watch = (report.edge_id, report.watch_id)
    return (*watch, report.recurs or report.incident_id) if report.kind == JOINS_BY_INCIDENT else watch


def _by_place(report: Report) -> object:
    """Not so where more than one place is near: who is first then decides where a case is, and what is near it."""
    return report.position


def _ends_as_it_must(
    fresh: Fresh,
    told: Sequence[Report],
    sizes: Sequence[int],
    *,
    together: Callable[[Report], object] = _by_watch,
) -> None:
    with fresh() as database:
        outcomes = [
            answer.outcome
            for batch in _split(told, sizes)
            for answer in record(database, batch, now=NOON + timedelta(hours=1))
        ]
        ends = _ends_in(database)
    assert ends == _expected(told, together)
    assert outcomes.count(ReportOutcome.DUPLICATE) == len(told) - len({report.report_id for report in told})


def _split(told: Sequence[Report], sizes: Sequence[int]) -> Iterator[Sequence[Report]]:
    done = 0
    for size in sizes:
        yield told[done : done + size]
        done += size
    yield told[done:]


def _expected(told: Sequence[Report], together: Callable[[Report], object]) -> Ends:
    """Works out from the reports as a set, by the rules of design.md, how everything must end."""
    reports = {report.report_id: report for report in told}.values()
    incidents = {report.incident_id for report in reports}
    groups: dict[object, set[UUID]] = {}
    for report in reports:
        groups.setdefault(str(together(report)), set()).add(report.incident_id)
    ends = {incident: _end_of([r for r in reports if r.incident_id == incident]) for incident in incidents}
    cases = [_case_of(held, [r for r in reports if r.incident_id in held], ends) for held in groups.values()]
    return {"incidents": ends, "cases": sorted(cases, key=str)}


def _end_of(reports: Sequence[Report]) -> dict[str, Any]:
    last = max(report.occurred_at for report in reports)
    words = [str(r.clear_reason) for r in reports if r.phase == "cleared" and r.occurred_at == last]
    return {
        "reports": sorted(report.report_id for report in reports),
        "reports_count": len(reports),
        "cleared": (last, max(words)) if words else None,
        "evidence": _evidence_of(reports),
        **_seen(reports),
    }


def _case_of(held: set[UUID], reports: Sequence[Report], ends: Mapping[UUID, Any]) -> dict[str, Any]:
    cleared = [ends[incident]["cleared"] for incident in held]
    is_gone = all(word is not None and word[1] == "gone" for word in cleared)
    return {
        "incidents": sorted(held),
        "counts": (len(held), len(reports)),
        "gone_at": max(at for at, _ in cleared) if is_gone else None,
        "place": (reports[0].position.longitude, reports[0].position.latitude) if reports[0].position else None,
        "state": "detected",
        **_seen(reports),
    }


def _seen(reports: Sequence[Report]) -> dict[str, Any]:
    return {
        "first_seen_at": min(min(report.first_seen_at, report.occurred_at) for report in reports),
        "last_seen_at": max(report.occurred_at for report in reports),
        "dwell_s": max((r.dwell_s for r in reports if r.dwell_s is not None), default=None),
        "score": max((r.score for r in reports if r.score is not None), default=None),
    }


def _evidence_of(reports: Sequence[Report]) -> list[tuple[str, str, str, str | None, bool]]:
    """An item is given up once any report says so, and shows a plate once any report says so."""
    items = [item for report in reports for item in report.evidence]
    kept = []
    for sha256, role in sorted({(item.sha256, item.role) for item in items}):
        same = [item for item in items if (item.sha256, item.role) == (sha256, role)]
        given_up = any(item.state == "sacrificed" for item in same)
        state, reason = ("sacrificed", GIVEN_UP) if given_up else ("pending", None)
        kept.append((sha256, role, state, reason, any(item.plate_kept for item in same)))
    return kept


def _ends_in(database: Database) -> Ends:
    with database.read() as session:
        incidents = session.scalars(select(Incident)).all()
        reports = session.scalars(select(ReportRow)).all()
        evidence = session.scalars(select(Evidence).order_by(Evidence.sha256, Evidence.role)).all()
        cases = session.scalars(select(Case)).all()
    of_case = {incident.id: incident.case_id for incident in incidents}
    named = [
        *((row.incident_id, row.case_id) for row in reports),
        *((row.incident_id, row.case_id) for row in evidence),
    ]
    assert all(case_id == of_case[incident_id] for incident_id, case_id in named)
    ends = {
        incident.id: {
            "reports": sorted(row.report_id for row in reports if row.incident_id == incident.id),
            "reports_count": incident.reports_count,
            "cleared": (incident.cleared_at, incident.clear_reason) if incident.cleared_at else None,
            "evidence": [
                (e.sha256, e.role, e.state, e.reason, e.plate_kept) for e in evidence if e.incident_id == incident.id
            ],
            **_seen_by(incident),
        }
        for incident in incidents
    }
    shown = [
        {
            "incidents": sorted(incident for incident, case_id in of_case.items() if case_id == case.id),
            "counts": (case.incidents_count, case.reports_count),
            "gone_at": case.gone_at,
            "place": (case.longitude, case.latitude),
            "state": case.state.value,
            **_seen_by(case),
        }
        for case in cases
    ]
    return {"incidents": ends, "cases": sorted(shown, key=str)}


def _seen_by(row: Case | Incident) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("first_seen_at", "last_seen_at", "dwell_s", "score")}


@pytest.fixture(scope="module")
def fresh_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Fresh:
    """Gives out prepared, empty databases: copies of one file."""
    folder = tmp_path_factory.mktemp("any-order")
    prepare(_settings(folder, f"sqlite:///{folder / 'template.db'}"))

    @contextmanager
    def fresh() -> Iterator[Database]:
        file = folder / "example.db"
        for left in folder.glob("example.db*"):
            left.unlink()
        shutil.copyfile(folder / "template.db", file)
        database = Database(f"sqlite:///{file}")
        try:
            yield database
        finally:
            database.close()

    return fresh


@pytest.fixture(scope="module")
def fresh_postgresql(postgres_cluster: PostgresCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fresh]:
    """The same on PostgreSQL: one database, emptied before each use."""
    with postgres_cluster.database() as url:
        prepare(_settings(tmp_path_factory.mktemp("any-order"), url))

        @contextmanager
        def fresh() -> Iterator[Database]:
            database = Database(url)
            try:
                with database.write() as session:
                    session.execute(text("TRUNCATE cases, incidents, reports, evidence, history, watches CASCADE"))
                yield database
            finally:
                database.close()

        yield fresh


def _settings(folder: Path, database_url: str) -> ApiSettings:
    return ApiSettings(
        database_url=database_url, evidence_dir=folder / "evidence", service_key_file=folder / "service.key"
    )
