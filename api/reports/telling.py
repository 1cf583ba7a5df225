"""Tells in histories what reports do: which report of which incident, and what of it cannot be believed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from api.cases.history import Act, line_values
from api.inserting import insert_rows
from api.reports.by_people import ReportByPerson, actor_of
from api.reports.moments import moments_of
from api.schemas import Report, ReportOutcome
from api.tables import Case, HistoryLine
from api.tables.base import JsonObject


class Telling:
    """The lines of history of one transaction; request_id: of the call, where a report brings none of its own."""

    def __init__(self, *, now: datetime, request_id: str | None) -> None:
        self._now = now
        self._request_id = request_id
        self.lines: list[JsonObject] = []

    def write(self, case: Case, act: Act, report: Report, details: JsonObject | None = None) -> None:
        line = line_values(
            case.id,
            act,
            at=self._now,
            actor=actor_of(report),
            request_id=self.request_id_of(report),
            details=(details or {}) | told_by(report),
        )
        self.lines.append(line)

    def begin(self, case: Case, report: Report, outcome: ReportOutcome) -> None:
        """Tells that an incident has come into the case."""
        details: JsonObject = {"kind": report.kind, "score": report.score}
        act = Act.DETECTED if outcome is ReportOutcome.NEW_CASE else Act.JOINED
        if isinstance(report, ReportByPerson):
            act = Act.REPORTED
            details |= {"channel": report.channel, "reporter": report.reporter}
            details |= {"address": report.address, "description": report.description}
        self.write(case, act, report, details)

    def request_id_of(self, report: Report) -> str | None:
        return report.request_id or self._request_id

    def save(self, session: Session) -> None:
        insert_rows(session, HistoryLine, self.lines)


def told_by(report: Report) -> JsonObject:
    told: JsonObject = {"incident_id": str(report.incident_id), "report_id": str(report.report_id)}
    if doubted := moments_of(report).doubted:
        told |= {"doubted": dict(doubted), "received_at": report.received_at.isoformat()}
    return told
