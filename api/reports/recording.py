"""Records reports, each with exactly one effect, and answers what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.exc import DataError, IntegrityError, OperationalError
from sqlalchemy.orm import Session

from api.acts.stage_rules import REOPEN
from api.audit.trail import write_audit
from api.cases.states import CaseState
from api.database import Database
from api.evidence_store import EvidenceStore
from api.reports.aftermath import Step, step_after
from api.reports.by_people import ReportByPerson
from api.reports.changes import CaseChanges
from api.reports.joining import Joining, MovedOn
from api.reports.muting import Muting, prepare_muting
from api.schemas import Report, ReportAnswer, ReportOutcome
from api.tables import Case, Incident, Kind

MAX_TOGETHER = 200
"""Reports of one transaction, as many as a worker hands in at once: it bounds how much is locked together."""

_TRIES = 5
_POSTGRES_TRY_AGAIN = frozenset({"40001", "40P01"})
"""Serialization failure and deadlock: the transaction was rolled back whole and may be run again."""

_DECIDABLE = frozenset(
    {
        CaseState.HANDLED,
        CaseState.CHECKING,
        CaseState.REJECTED,
        CaseState.EXPIRED,
        CaseState.CLOSED,
        CaseState.VOID,
    }
)
"""States in which a sighting may change more than counts."""


def record(
    database: Database,
    reports: Sequence[Report],
    *,
    now: datetime,
    request_id: str | None = None,
    store: EvidenceStore | None = None,
) -> list[ReportAnswer]:
    """Records the reports, up to ``MAX_TOGETHER`` in one transaction; returns one answer each, in order.

    request_id: of this call, written into histories where a report brings none of its own. store: where crops are
    compared with those of rejected cases; without it nothing new is muted.
    A report that the database itself refuses is answered ``refused``, and keeps no other from being recorded.
    """
    answers: list[ReportAnswer] = []
    for start in range(0, len(reports), MAX_TOGETHER):
        together = reports[start : start + MAX_TOGETHER]
        muting = prepare_muting(database, store, together)
        answers += _record_some(database, together, muting, now=now, request_id=request_id)
    return answers


def _record_some(
    database: Database, reports: Sequence[Report], muting: Muting, *, now: datetime, request_id: str | None
) -> list[ReportAnswer]:
    try:
        return _record_together(database, reports, muting, now=now, request_id=request_id)
    except DataError:
        if len(reports) == 1:
            return [_refused(reports[0], "the database cannot hold one of its values")]
    singly = (_record_some(database, [report], muting, now=now, request_id=request_id) for report in reports)
    return [answer for [answer] in singly]


def _record_together(
    database: Database, reports: Sequence[Report], muting: Muting, *, now: datetime, request_id: str | None
) -> list[ReportAnswer]:
    tries_left = _TRIES
    while True:
        tries_left -= 1
        try:
            with database.write() as session:
                return _record_in(session, reports, muting, now=now, request_id=request_id)
        except (IntegrityError, OperationalError, MovedOn) as error:
            # Somebody recorded the same report or incident at this moment, under another watch: now it is known.
            if not tries_left or not _may_try_again(error):
                raise


def _may_try_again(error: IntegrityError | OperationalError | MovedOn) -> bool:
    if isinstance(error, OperationalError):
        return getattr(error.orig, "sqlstate", None) in _POSTGRES_TRY_AGAIN
    return True


def _record_in(
    session: Session, reports: Sequence[Report], muting: Muting, *, now: datetime, request_id: str | None
) -> list[ReportAnswer]:
    with session.no_autoflush:
        joining = Joining(session, reports, muting)
        changes = CaseChanges(session, joining.incidents.values(), joining.kinds, now=now, request_id=request_id)
        answers = [_Recording(session, joining, changes, report).answer() for report in reports]
        changes.save()
    return answers


class _Recording:
    """One report on its way to its case."""

    def __init__(self, session: Session, joining: Joining, changes: CaseChanges, report: Report) -> None:
        self._session = session
        self._joining = joining
        self._changes = changes
        self._report = report

    def answer(self) -> ReportAnswer:
        report, joining = self._report, self._joining
        seen_on = joining.seen.get(report.report_id)
        if seen_on is not None:
            return ReportAnswer(report_id=report.report_id, outcome=ReportOutcome.DUPLICATE, case_id=seen_on)
        kind = joining.kinds.get(report.kind)
        if kind is None:
            return _refused(report, f"unknown kind {report.kind}")
        incident = joining.incidents.get(report.incident_id)
        if incident is not None and incident.edge_id != report.edge_id:
            return _refused(report, f"incident {report.incident_id} is another edge's")
        case, outcome = self._begin(kind) if incident is None else self._go_on(incident, kind)
        joining.seen[report.report_id] = case.id
        self._changes.count(report, case=case, incident=joining.incidents[report.incident_id], outcome=outcome)
        if isinstance(report, ReportByPerson):
            self._write_audit(report, case)
        return ReportAnswer(report_id=report.report_id, outcome=outcome, case_id=case.id)

    def _write_audit(self, report: ReportByPerson, case: Case) -> None:
        write_audit(
            self._session,
            "case.report_by_person",
            f"case:{case.id}",
            at=self._changes.now,
            actor=report.actor,
            request_id=self._changes.request_id_of(report),
            details={"report_id": str(report.report_id), "channel": report.channel},
        )

    def _begin(self, kind: Kind) -> tuple[Case, ReportOutcome]:
        """A new incident: muted, or in the case that it joins, or in one of its own."""
        muted = self._joining.muted_by(self._report, kind)
        if muted is not None:
            look = self._joining.look_of(self._report)
            self._joining.add_incident(self._changes.muted_incident(self._report, muted, look), muted)
            return muted, ReportOutcome.COUNTED
        case, outcome = self._place_for(kind)
        self._joining.add_incident(self._changes.new_incident(self._report, case, outcome), case)
        if outcome is ReportOutcome.JOINED:
            self._act(self._step(case, kind), case)
        return case, outcome

    def _go_on(self, incident: Incident, kind: Kind) -> tuple[Case, ReportOutcome]:
        """An incident that a case holds: it stays there, unless that case is over and it is still seen."""
        case = self._joining.case_of(incident)
        step = self._step(case, kind)
        if step is not Step.MOVE:
            self._act(step, case)
            return case, ReportOutcome.COUNTED
        target, outcome = self._place_for(kind, instead_of=case)
        self._changes.move(self._report, incident, case, target, outcome)
        self._joining.add_incident(incident, target)
        return target, outcome

    def _place_for(self, kind: Kind, *, instead_of: Case | None = None) -> tuple[Case, ReportOutcome]:
        case = self._joining.open_case_for(self._report, kind, instead_of=instead_of)
        if case is not None:
            # Also where the asset is only registered with the sensor: never two assets in one case.
            case.asset_id = case.asset_id or self._joining.where(self._report).asset_id
            return case, ReportOutcome.JOINED
        case = self._changes.new_case(self._report, kind, self._joining.where(self._report))
        self._joining.add_case(case)
        return case, ReportOutcome.NEW_CASE

    def _step(self, case: Case, kind: Kind) -> Step:
        if case.state not in _DECIDABLE:
            return Step.COUNT
        return step_after(case, self._report, kind, reopen_window=self._changes.rules.limits.get(REOPEN))

    def _act(self, step: Step, case: Case) -> None:
        self._changes.act(step, self._report, case)
        if step in (Step.SEEN_AGAIN, Step.REOPEN):
            self._joining.open_again(case)


def _refused(report: Report, reason: str) -> ReportAnswer:
    return ReportAnswer(report_id=report.report_id, outcome=ReportOutcome.REFUSED, reason=reason)
