"""Decides which case a report belongs to, under locks that make one thing wrong one case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import or_, select, tuple_
from sqlalchemy.orm import Session

from api.cases.states import OPEN
from api.inserting import insert_if_absent
from api.schemas import Report
from api.tables import Case, Incident, Kind, ReportRow, Watch

WatchKey = tuple[str, str]
_JoinKey = tuple[str, str, str]
"""Edge, watch and kind: what an incident shares with the open case that it joins."""


class Joining:
    """What is known of a batch of reports: those seen before, their incidents, and the cases they may join.

    Made inside the transaction that records the batch. It locks, always in the same order so that no two
    workers block each other for ever: first the watches, then the cases.
    """

    def __init__(self, session: Session, reports: Sequence[Report]) -> None:
        watches = sorted({_watch_of(report) for report in reports if report.watch_id})
        named = select(Kind).where(Kind.key.in_({report.kind for report in reports}))
        self.kinds = {kind.key: kind for kind in session.scalars(named)}
        _lock_watches(session, watches)
        self.seen = _seen_cases(session, [report.report_id for report in reports])
        incident_ids = {report.incident_id for report in reports}
        joinable = {_join_key(report) for report in reports if self._joins_by_watch(report)}
        cases = _lock_cases(session, incident_ids, joinable)
        self._cases = {case.id: case for case in cases}
        self._open_by_watch: dict[_JoinKey, Case] = {}
        for case in cases:
            self._remember_open(case)
        # Read only now: what others count on an incident, they count under the lock of its case.
        self.incidents = _incidents_of(session, incident_ids, self._cases)

    def case_for(self, report: Report) -> Case | None:
        """Returns the case that the report belongs to, or None where a new one has to be made."""
        # (1) Whatever its kind or state now, the case that holds the incident.
        incident = self.incidents.get(report.incident_id)
        if incident is not None:
            return self._cases[incident.case_id]
        # (2) An open case of the same watch, where the kind joins by watch.
        if self._joins_by_watch(report):
            return self._open_by_watch.get(_join_key(report))
        # (3) An open case of the same family near by, from another source: this is where it goes.
        return None

    def add_case(self, case: Case) -> None:
        """Makes a new case known to the reports that follow in this batch."""
        self._cases[case.id] = case
        self._remember_open(case)

    def _remember_open(self, case: Case) -> None:
        # The detected kind, because a person may have given the case another one since. The oldest case wins.
        if case.state in OPEN and case.watch_id:
            self._open_by_watch.setdefault((case.edge_id, case.watch_id, case.detected_kind_key), case)

    def _joins_by_watch(self, report: Report) -> bool:
        return bool(report.watch_id) and report.kind in self.kinds and self.kinds[report.kind].join_by_watch


def _watch_of(report: Report) -> WatchKey:
    return report.edge_id, report.watch_id


def _join_key(report: Report) -> _JoinKey:
    return report.edge_id, report.watch_id, report.kind


def _lock_watches(session: Session, watches: Sequence[WatchKey]) -> None:
    if not watches:
        return
    known = _lock_known(session, watches)
    new = [watch for watch in watches if watch not in known]
    if new:
        rows = [{"edge_id": edge_id, "watch_id": watch_id} for edge_id, watch_id in new]
        if not insert_if_absent(session, Watch, rows, unique=["edge_id", "watch_id"]):
            _lock_known(session, new)


def _lock_known(session: Session, watches: Sequence[WatchKey]) -> set[WatchKey]:
    key = tuple_(Watch.edge_id, Watch.watch_id)
    rows = session.execute(
        select(Watch.edge_id, Watch.watch_id)
        .where(key.in_(watches))
        .order_by(Watch.edge_id, Watch.watch_id)
        .with_for_update()
    )
    return {(edge_id, watch_id) for edge_id, watch_id in rows}


def _seen_cases(session: Session, report_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    rows = session.execute(select(ReportRow.report_id, ReportRow.case_id).where(ReportRow.report_id.in_(report_ids)))
    return {row.report_id: row.case_id for row in rows}


def _incidents_of(session: Session, incident_ids: set[UUID], cases: Mapping[UUID, Case]) -> dict[UUID, Incident]:
    # One made since the cases were locked is left out: to insert it fails, and the batch is tried again.
    found = session.scalars(select(Incident).where(Incident.id.in_(incident_ids), Incident.case_id.in_(cases)))
    return {incident.id: incident for incident in found}


def _lock_cases(session: Session, incident_ids: set[UUID], joinable: set[_JoinKey]) -> Sequence[Case]:
    case_ids = session.scalars(select(Incident.case_id).where(Incident.id.in_(incident_ids))).all()
    key = tuple_(Case.edge_id, Case.watch_id, Case.detected_kind_key)
    may_join = key.in_(sorted(joinable)) & Case.state.in_(OPEN)
    return session.scalars(
        select(Case).where(or_(Case.id.in_(case_ids), may_join)).order_by(Case.id).with_for_update()
    ).all()
