"""Writes what reports change: new cases and incidents, counts, evidence, history; the same in any order."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import case as when
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from api.cases.history import Act, line_values
from api.cases.moments import moments_of
from api.cases.reported_by_people import ReportByPerson, actor_of
from api.cases.states import CaseState
from api.inserting import insert_new, insert_rows
from api.places.datum import gcj02_to_wgs84
from api.schemas import Report, ReportedEvidence, ReportOutcome
from api.tables import Case, Evidence, HistoryLine, Incident, Kind, ReportRow
from api.tables.base import JsonObject, UtcTime

GONE = "gone"
BEFORE = "before"
"""The role of a person's picture of what is wrong."""

_ItemKey = tuple[UUID, str, str]


class CaseChanges:
    """The changes of one transaction. Cases and incidents handed in belong to its session and are locked."""

    def __init__(
        self, session: Session, incidents: Iterable[Incident], *, now: datetime, request_id: str | None
    ) -> None:
        self._session = session
        self._now = now
        self._request_id = request_id
        self._new_cases: list[Case] = []
        self._new_incidents: list[Incident] = []
        self._new_evidence: list[Evidence] = []
        self._report_rows: list[JsonObject] = []
        self._history: list[JsonObject] = []
        self._touched: dict[UUID, tuple[Case, Report]] = {}
        self._evidence = _known_evidence(session, {incident.id for incident in incidents})

    def new_case(self, report: Report, kind: Kind) -> Case:
        seen = moments_of(report)
        case = Case(
            id=uuid7(),
            state=CaseState.DETECTED,
            version=1,
            kind_key=kind.key,
            detected_kind_key=kind.key,
            family=kind.family,
            department=kind.department,
            edge_id=report.edge_id,
            watch_id=report.watch_id,
            source_type=report.source_type,
            source_id=report.source_id,
            preset=report.preset,
            first_seen_at=seen.first_seen_at,
            last_seen_at=seen.occurred_at,
            incidents_count=0,
            reports_count=0,
            created_at=self._now,
        )
        if isinstance(report, ReportByPerson):
            case.channel, case.reporter = report.channel, report.reporter
            case.description, case.address = report.description, report.address
        self._new_cases.append(case)
        return case

    def new_incident(self, report: Report, case: Case, outcome: ReportOutcome) -> Incident:
        seen = moments_of(report)
        incident = Incident(
            id=report.incident_id,
            case_id=case.id,
            kind_key=report.kind,
            edge_id=report.edge_id,
            watch_id=report.watch_id,
            source_type=report.source_type,
            source_id=report.source_id,
            first_seen_at=seen.first_seen_at,
            last_seen_at=seen.occurred_at,
            reports_count=0,
        )
        self._new_incidents.append(incident)
        case.incidents_count += 1
        self._write(case, *_beginning(report, outcome))
        return incident

    def count(self, report: Report, *, case: Case, incident: Incident, outcome: ReportOutcome) -> None:
        """Lets a report have its effect on its incident and case, and keeps it as it came."""
        seen = moments_of(report)
        for counted in (case, incident):
            counted.reports_count += 1
            counted.first_seen_at = min(counted.first_seen_at, seen.first_seen_at)
            counted.last_seen_at = max(counted.last_seen_at, seen.occurred_at)
            counted.dwell_s = _greater(counted.dwell_s, report.dwell_s)
            counted.score = _greater(counted.score, report.score)
        case.asset_id = case.asset_id or report.asset_id
        _place(case, report)
        if report.phase == "cleared":
            self._clear(report, case, incident, at=seen.occurred_at)
        elif incident.cleared_at is not None and incident.cleared_at < incident.last_seen_at:
            incident.cleared_at = incident.clear_reason = None
        for item in report.evidence:
            self._keep_evidence(item, case, incident)
        if isinstance(report, ReportByPerson):
            self._keep_photos(report, case, incident)
        self._report_rows.append(self._row(report, case, outcome))
        self._touched[case.id] = (case, report)

    def save(self) -> None:
        """Brings everything to the database, in an order that its foreign keys accept.

        New rows go in as plain values, all of a table at once: of what a POST brings nearly everything is new, and the
        unit of work would cost more than the database.
        """
        known = self._touched.keys() - {case.id for case in self._new_cases}
        self._decide_gone(_gone_in_memory(self._new_cases, self._new_incidents))
        insert_new(self._session, self._new_cases)
        insert_new(self._session, self._new_incidents)
        insert_new(self._session, self._new_evidence)
        insert_rows(self._session, ReportRow, self._report_rows)
        self._session.flush()
        self._decide_gone(_gone_in_database(self._session, known))
        insert_rows(self._session, HistoryLine, self._history)
        self._session.flush()

    def _clear(self, report: Report, case: Case, incident: Incident, *, at: datetime) -> None:
        # The latest word holds, in whatever order the words arrive, and only while nothing was seen after it.
        if at < incident.last_seen_at:
            return
        word = (at, str(report.clear_reason))
        if incident.cleared_at is None:
            self._write(case, Act.INCIDENT_CLEARED, report, {"reason": report.clear_reason})
        if incident.cleared_at is None or word > (incident.cleared_at, str(incident.clear_reason)):
            incident.cleared_at, incident.clear_reason = word

    def _decide_gone(self, gone: Mapping[UUID, datetime | None]) -> None:
        """Gone only when every incident has cleared as gone, and then since the last of them did."""
        for case_id, gone_at in gone.items():
            case, report = self._touched[case_id]
            if gone_at is not None and case.gone_at is None:
                self._write(case, Act.GONE, report, {"at": gone_at.isoformat()})
            elif gone_at is None and case.gone_at is not None:
                self._write(case, Act.SEEN_AGAIN, report, {})
            case.gone_at = gone_at

    def _keep_evidence(self, item: ReportedEvidence, case: Case, incident: Incident) -> None:
        key = (incident.id, item.sha256, item.role)
        known = self._evidence.get(key)
        sacrificed = item.state == "sacrificed"
        if known is None:
            # Whatever an edge says, an item is present only once the store has it.
            self._evidence[key] = known = Evidence(
                case_id=case.id,
                incident_id=incident.id,
                sha256=item.sha256,
                role=item.role,
                media_type=item.media_type,
                size_bytes=item.size_bytes,
                taken_at=item.taken_at,
                state="sacrificed" if sacrificed else "pending",
                reason=item.reason,
                plate_kept=item.plate_kept,
            )
            self._new_evidence.append(known)
        elif sacrificed and known.state == "pending":
            known.state, known.reason = "sacrificed", item.reason
        # Once marked it stays marked: a later event that leaves the mark out must not widen who may look.
        known.plate_kept = known.plate_kept or item.plate_kept

    def _keep_photos(self, report: ReportByPerson, case: Case, incident: Incident) -> None:
        self._new_evidence.extend(
            Evidence(
                case_id=case.id,
                incident_id=incident.id,
                sha256=photo.sha256,
                role=BEFORE,
                media_type=photo.media_type,
                size_bytes=photo.size_bytes,
                taken_at=report.occurred_at,
                state="present",
                plate_kept=False,
                added_by=report.actor,
            )
            for photo in report.photos
        )

    def _row(self, report: Report, case: Case, outcome: ReportOutcome) -> JsonObject:
        return {
            "report_id": report.report_id,
            "case_id": case.id,
            "incident_id": report.incident_id,
            "outcome": outcome.value,
            "occurred_at": report.occurred_at,
            "received_at": report.received_at,
            "recorded_at": self._now,
            "stream_entry": report.stream_entry,
            "request_id": report.request_id,
            "payload": report.model_dump(mode="json", exclude_none=True),
        }

    def _write(self, case: Case, act: Act, report: Report, details: JsonObject) -> None:
        details |= {"incident_id": str(report.incident_id), "report_id": str(report.report_id)}
        if doubted := moments_of(report).doubted:
            details |= {"doubted": dict(doubted), "received_at": report.received_at.isoformat()}
        self._history.append(
            line_values(
                case.id,
                act,
                at=self._now,
                actor=actor_of(report),
                request_id=report.request_id or self._request_id,
                details=details,
            )
        )


def _gone_in_memory(cases: Iterable[Case], incidents: Iterable[Incident]) -> dict[UUID, datetime | None]:
    """Returns since when each of these new cases is gone, None where it is not; all their incidents are new too."""
    gone: dict[UUID, datetime | None] = {case.id: case.first_seen_at for case in cases}
    for incident in incidents:
        if incident.case_id in gone:
            since = gone[incident.case_id]
            cleared_at = incident.cleared_at if incident.clear_reason == GONE else None
            gone[incident.case_id] = max(since, cleared_at) if since and cleared_at else None
    return gone


def _gone_in_database(session: Session, case_ids: Collection[UUID]) -> dict[UUID, datetime | None]:
    """Returns since when each of these cases is gone, None where it is not."""
    if not case_ids:
        return {}
    stays = func.count(when((Incident.clear_reason == GONE, None), else_=1))
    rows = session.execute(
        select(Incident.case_id, stays, func.max(Incident.cleared_at, type_=UtcTime()))
        .where(Incident.case_id.in_(case_ids))
        .group_by(Incident.case_id)
    )
    return {case_id: None if staying else gone_at for case_id, staying, gone_at in rows}


def _known_evidence(session: Session, incident_ids: set[UUID]) -> dict[_ItemKey, Evidence]:
    if not incident_ids:
        return {}
    rows = session.scalars(select(Evidence).where(Evidence.incident_id.in_(incident_ids)))
    return {(row.incident_id, row.sha256, row.role): row for row in rows}


def _place(case: Case, report: Report) -> None:
    given = report.position
    if given is None or case.longitude is not None:
        return
    longitude, latitude = given.longitude, given.latitude
    if given.datum == "GCJ02":
        longitude, latitude = gcj02_to_wgs84(longitude, latitude)
    case.longitude, case.latitude = longitude, latitude
    case.position_error_m = given.position_error_m
    case.given_longitude, case.given_latitude, case.given_datum = given.longitude, given.latitude, given.datum


def _beginning(report: Report, outcome: ReportOutcome) -> tuple[Act, Report, JsonObject]:
    details: JsonObject = {"kind": report.kind, "score": report.score}
    if isinstance(report, ReportByPerson):
        words = {"channel": report.channel, "reporter": report.reporter, "address": report.address}
        return Act.REPORTED, report, details | words | {"description": report.description}
    return Act.DETECTED if outcome is ReportOutcome.NEW_CASE else Act.JOINED, report, details


def _greater(known: float | None, reported: float | None) -> float | None:
    return max((value for value in (known, reported) if value is not None), default=None)
