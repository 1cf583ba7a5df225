"""Records reports, each with exactly one effect, and answers what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.exc import DataError, IntegrityError, OperationalError
from sqlalchemy.orm import Session

from api.cases.changes import CaseChanges
from api.cases.joining import Joining
from api.database import Database
from api.schemas import Report, ReportAnswer, ReportOutcome

_TRIES = 5
_POSTGRES_TRY_AGAIN = frozenset({"40001", "40P01"})
"""Serialization failure and deadlock: the transaction was rolled back whole and may be run again."""


def record(
    database: Database, reports: Sequence[Report], *, now: datetime, request_id: str | None = None
) -> list[ReportAnswer]:
    """Records the reports in one transaction; returns one answer each, in order.

    request_id: of this call, written into histories where a report brings none of its own.
    A report that the database itself refuses is answered ``refused``, and keeps no other from being recorded.
    """
    if not reports:
        return []
    try:
        return _record_together(database, reports, now=now, request_id=request_id)
    except DataError:
        if len(reports) > 1:
            return [
                answer for report in reports for answer in record(database, [report], now=now, request_id=request_id)
            ]
        return [_refused(reports[0], "the database cannot hold one of its values")]


def _record_together(
    database: Database, reports: Sequence[Report], *, now: datetime, request_id: str | None
) -> list[ReportAnswer]:
    tries_left = _TRIES
    while True:
        tries_left -= 1
        try:
            with database.write() as session:
                return _record_in(session, reports, now=now, request_id=request_id)
        except (IntegrityError, OperationalError) as error:
            # Somebody recorded the same report or incident at this moment, under another watch: now it is known.
            if not tries_left or not _may_try_again(error):
                raise


def _may_try_again(error: IntegrityError | OperationalError) -> bool:
    return isinstance(error, IntegrityError) or getattr(error.orig, "sqlstate", None) in _POSTGRES_TRY_AGAIN


def _record_in(
    session: Session, reports: Sequence[Report], *, now: datetime, request_id: str | None
) -> list[ReportAnswer]:
    with session.no_autoflush:
        joining = Joining(session, reports)
        changes = CaseChanges(session, joining.incidents.values(), now=now, request_id=request_id)
        answers = [_record_one(joining, changes, report) for report in reports]
        changes.save()
    return answers


def _record_one(joining: Joining, changes: CaseChanges, report: Report) -> ReportAnswer:
    seen_on = joining.seen.get(report.report_id)
    if seen_on is not None:
        return ReportAnswer(report_id=report.report_id, outcome=ReportOutcome.DUPLICATE, case_id=seen_on)
    kind = joining.kinds.get(report.kind)
    if kind is None:
        return _refused(report, f"unknown kind {report.kind}")
    incident = joining.incidents.get(report.incident_id)
    if incident is not None and incident.edge_id != report.edge_id:
        return _refused(report, f"incident {report.incident_id} is another edge's")

    case = joining.case_for(report)
    outcome = ReportOutcome.COUNTED if incident is not None else ReportOutcome.JOINED
    if case is None:
        outcome = ReportOutcome.NEW_CASE
        case = changes.new_case(report, kind)
        joining.add_case(case)
    if incident is None:
        incident = joining.incidents[report.incident_id] = changes.new_incident(report, case, outcome)
    changes.count(report, case=case, incident=incident, outcome=outcome)
    joining.seen[report.report_id] = case.id
    return ReportAnswer(report_id=report.report_id, outcome=outcome, case_id=case.id)


def _refused(report: Report, reason: str) -> ReportAnswer:
    return ReportAnswer(report_id=report.report_id, outcome=ReportOutcome.REFUSED, reason=reason)
