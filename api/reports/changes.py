"""Writes what reports change: new cases and incidents, counts, states, history; counts are the same in any order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cached_property
from uuid import UUID

import structlog
from sqlalchemy.orm import Session

from api.acts.machine_acts import Happened, Machine, begin_alarm, reopen, seen_again, still_there
from api.acts.stage_rules import StageRules, load_rules
from api.acts.timers import CLOCK_COLUMNS
from api.cases.history import Act
from api.cases.states import CaseState
from api.clocks.work_time import WorkingHours, WorkTimeError
from api.inserting import insert_if_absent, insert_new, insert_rows, new_row
from api.places.index import PlacesIndex
from api.places.resolver import places_index
from api.reports.aftermath import Step, relation_after
from api.reports.announced import AnnouncedEvidence
from api.reports.blindness import keep_blind_sources
from api.reports.by_people import ReportByPerson, actor_of
from api.reports.counting import count_on
from api.reports.gone import gone_in_database, gone_in_memory
from api.reports.looks import CROP
from api.reports.moments import moments_of
from api.reports.muting import box_of
from api.reports.new_cases import RECURRENCE, Recurrences, make_case, permit, place_columns
from api.reports.telling import Telling, told_by
from api.reports.whereabouts import Whereabouts, position_columns, position_of
from api.schemas import Report, ReportOutcome
from api.tables import Case, CaseLink, Incident, Kind, ReportRow, TimerLine
from api.tables.base import JsonObject

_log = structlog.get_logger()


class CaseChanges:
    """The changes of one transaction. Cases and incidents handed in belong to its session and are locked."""

    def __init__(
        self,
        session: Session,
        incidents: Iterable[Incident],
        kinds: Mapping[str, Kind],
        *,
        now: datetime,
        request_id: str | None,
    ) -> None:
        self._session = session
        self._kinds = kinds
        self.now = now
        self._telling = Telling(now=now, request_id=request_id)
        self._evidence = AnnouncedEvidence(session, {incident.id for incident in incidents})
        self._new_cases: list[Case] = []
        self._new_incidents: list[Incident] = []
        self._moved: list[Incident] = []
        self._report_rows: list[JsonObject] = []
        self._timers: list[JsonObject] = []
        self._links: list[JsonObject] = []
        self._touched: dict[UUID, tuple[Case, Report]] = {}
        self._counted: dict[UUID, Incident] = {}
        self._permitted: dict[UUID, JsonObject] = {}
        self._first_alarm: tuple[JsonObject, list[JsonObject]] | None = None

    def request_id_of(self, report: Report) -> str | None:
        return self._telling.request_id_of(report)

    @cached_property
    def rules(self) -> StageRules:
        try:
            return load_rules(self._session)
        except WorkTimeError as error:
            # An alarm is not to be lost because somebody broke a calendar: its clock runs by the bare hours.
            _log.error("the working calendar cannot be read", error=str(error))
            return StageRules(hours=WorkingHours.of(time_zone="UTC", hours=[("00:00", "24:00")], weekdays=range(7)))

    @cached_property
    def _places(self) -> PlacesIndex:
        return places_index(self._session)

    def new_case(self, report: Report, kind: Kind, where: Whereabouts) -> Case:
        longitude, latitude = (None, None) if where.position is None else where.position.point
        resolved = self._places.resolve(kind, longitude, latitude, moments_of(report).occurred_at)
        case = make_case(report, kind, where, resolved, now=self.now)
        permitted = permit(self._session, case, resolved, now=self.now)
        self._new_cases.append(case)
        if permitted is None:
            self._timers += self._alarm_clock(case, report)
        else:
            self._permitted[case.id] = permitted
        return case

    def new_incident(self, report: Report, case: Case, outcome: ReportOutcome) -> Incident:
        incident = self._begin_incident(report, case)
        self._begin_history(case, report, outcome)
        return incident

    def muted_incident(self, report: Report, case: Case, look: str | None) -> Incident:
        """A new incident that is only counted, on the rejected case whose thing it shows."""
        incident = self._begin_incident(report, case)
        incident.muted, incident.look_hash = True, look
        crop = next((item.sha256 for item in report.evidence if item.role == CROP), None)
        self._telling.write(case, Act.MUTED, report, {"kind": report.kind, "score": report.score, "crop": crop})
        return incident

    def move(self, report: Report, incident: Incident, case: Case, target: Case, outcome: ReportOutcome) -> None:
        """Takes an incident that is still seen from a case that is over to another one, which is linked to it."""
        relation = relation_after(case)
        incident.home_case_id = incident.home_case_id or case.id
        incident.case_id, incident.muted = target.id, False
        case.incidents_count -= 1
        target.incidents_count += 1
        self._evidence.move(incident.id, target.id)
        self._moved.append(incident)
        self._touched.setdefault(case.id, (case, report))
        ended = Act.MUTE_ENDED if case.state is CaseState.REJECTED else Act.LINKED
        self._telling.write(case, ended, report, {"case_id": str(target.id), "relation": relation})
        self._begin_history(target, report, outcome)
        self._link(target, case.id, relation, report)

    def act(self, step: Step, report: Report, case: Case) -> None:
        """Does to the state of a case what a sighting does."""
        machine = self._machine(report)
        details = told_by(report)
        if step is Step.STILL_THERE:
            details["pictures"] = [item.sha256 for item in report.evidence]
            self._happen(still_there(case, machine, details))
        elif step is Step.SEEN_AGAIN:
            self._happen(seen_again(case, machine, details))
        elif step is Step.REOPEN:
            self._timers += reopen(case, machine.moment("still seen"))
            self._telling.write(case, Act.REOPENED, report)

    def count(self, report: Report, *, case: Case, incident: Incident, outcome: ReportOutcome) -> None:
        """Lets a report have its effect on its incident and case, and keeps it as it came."""
        seen = moments_of(report)
        if seen.occurred_at >= incident.last_seen_at or incident.box is None:
            incident.box = box_of(report) or incident.box
        count_on(case, report, seen)
        count_on(incident, report, seen)
        if case.state is CaseState.REJECTED and outcome is not ReportOutcome.NEW_CASE:
            case.muted_count += 1
        if report.asset_id and not case.asset_id:
            case.asset_id = report.asset_id
        self._place(case, report)
        if report.phase == "cleared":
            self._clear(report, case, incident, at=seen.occurred_at)
        elif incident.cleared_at is not None and incident.cleared_at < incident.last_seen_at:
            incident.cleared_at = incident.clear_reason = None
        for item in report.evidence:
            self._evidence.keep(item, case, incident)
        if isinstance(report, ReportByPerson):
            self._evidence.keep_photos(report, case, incident)
        self._report_rows.append(self._row(report, case, outcome))
        self._touched[case.id] = (case, report)
        self._counted[incident.id] = incident

    def save(self) -> None:
        """Brings everything to the database, in an order that its foreign keys accept.

        New rows go in as plain values, all of a table at once: of what a POST brings nearly everything is new, and the
        unit of work would cost more than the database.
        """
        new = {case.id for case in self._new_cases}
        self._decide_gone(gone_in_memory(new, [*self._new_incidents, *self._moved]))
        self._link_recurrences()
        insert_new(self._session, self._new_cases)
        insert_new(self._session, self._new_incidents)
        self._evidence.save()
        insert_rows(self._session, ReportRow, self._report_rows)
        self._session.flush()
        self._decide_gone(gone_in_database(self._session, self._touched.keys() - new))
        keep_blind_sources(self._session, self._counted.values(), (case for case, _ in self._touched.values()))
        insert_if_absent(self._session, CaseLink, self._links, unique=["case_id", "other_id", "relation"])
        insert_rows(self._session, TimerLine, self._timers)
        self._telling.save(self._session)
        self._session.flush()

    def _alarm_clock(self, case: Case, report: Report) -> list[JsonObject]:
        """Starts the accept clock; of one moment all new alarms have the same, so that it is worked out once."""
        if self._first_alarm is None:
            lines = begin_alarm(case, self._machine(report))
            self._first_alarm = {name: getattr(case, name) for name in CLOCK_COLUMNS}, lines
            return lines
        columns, lines = self._first_alarm
        vars(case).update(columns)  # As ``new_row`` does: no session holds it yet.
        return [line | {"case_id": case.id, "actor": actor_of(report)} for line in lines]

    def _begin_history(self, case: Case, report: Report, outcome: ReportOutcome) -> None:
        self._telling.begin(case, report, outcome)
        if (permitted := self._permitted.pop(case.id, None)) is not None:
            self._telling.write(case, Act.PERMITTED, report, permitted)

    def _begin_incident(self, report: Report, case: Case) -> Incident:
        seen = moments_of(report)
        incident = new_row(
            Incident,
            id=report.incident_id,
            case_id=case.id,
            kind_key=report.kind,
            edge_id=report.edge_id,
            watch_id=report.watch_id,
            source_type=report.source_type,
            source_id=report.source_id,
            box=box_of(report),
            recurs=report.recurs,
            first_seen_at=seen.first_seen_at,
            last_seen_at=seen.occurred_at,
            dwell_s=report.dwell_s,
            score=report.score,
            reports_count=0,
            cleared_at=None,
            clear_reason=None,
        )
        self._new_incidents.append(incident)
        case.incidents_count += 1
        return incident

    def _place(self, case: Case, report: Report) -> None:
        """Gives a case that nobody could place the first position that is told."""
        if report.position is None or case.longitude is not None:
            return
        position = position_of(report.position)
        columns = position_columns(position)
        kind = self._kinds.get(case.kind_key)
        if case.state is CaseState.DETECTED and kind is not None:
            columns |= place_columns(self._places.resolve(kind, *position.point, moments_of(report).occurred_at))
        for name, value in columns.items():
            setattr(case, name, value)

    def _clear(self, report: Report, case: Case, incident: Incident, *, at: datetime) -> None:
        # The latest word holds, in whatever order the words arrive, and only while nothing was seen after it.
        if at < incident.last_seen_at:
            return
        word = (at, str(report.clear_reason))
        if incident.cleared_at is None:
            self._telling.write(case, Act.INCIDENT_CLEARED, report, {"reason": report.clear_reason})
        if incident.cleared_at is None or word > (incident.cleared_at, str(incident.clear_reason)):
            incident.cleared_at, incident.clear_reason = word

    def _decide_gone(self, gone: Mapping[UUID, datetime | None]) -> None:
        """Gone only when every incident has cleared as gone, and then since the last of them did."""
        for case_id, gone_at in gone.items():
            case, report = self._touched[case_id]
            if gone_at is not None and case.gone_at is None:
                self._telling.write(case, Act.GONE, report, {"at": gone_at.isoformat()})
                if case.muted_until is not None and gone_at < case.muted_until:
                    self._telling.write(case, Act.MUTE_ENDED, report, {"why": "gone"})
            elif gone_at is None and case.gone_at is not None:
                self._telling.write(case, Act.SEEN_AGAIN, report)
            if gone_at != case.gone_at:
                case.gone_at = gone_at

    def _link_recurrences(self) -> None:
        if not self._new_cases:
            return
        before = Recurrences(self._session, self._new_cases, self._new_incidents, self._kinds, now=self.now)
        for case in self._new_cases:
            count, last = before.of(case)
            if last is not None:
                case.recurrences_count = count
                self._link(case, last, RECURRENCE, self._touched[case.id][1])

    def _link(self, case: Case, other_id: UUID, relation: str, report: Report) -> None:
        link: JsonObject = {"case_id": case.id, "other_id": other_id, "relation": relation}
        self._links.append(link | {"at": self.now, "actor": actor_of(report)})
        self._telling.write(case, Act.LINKED, report, {"relation": relation, "case_id": str(other_id)})

    def _happen(self, happened: Happened) -> None:
        self._telling.lines += happened.history
        self._timers += happened.timers

    def _machine(self, report: Report) -> Machine:
        return Machine(at=self.now, actor=actor_of(report), rules=self.rules, request_id=self.request_id_of(report))

    def _row(self, report: Report, case: Case, outcome: ReportOutcome) -> JsonObject:
        return {
            "report_id": report.report_id,
            "case_id": case.id,
            "incident_id": report.incident_id,
            "outcome": outcome.value,
            "occurred_at": report.occurred_at,
            "received_at": report.received_at,
            "recorded_at": self.now,
            "stream_entry": report.stream_entry,
            "request_id": report.request_id,
            "payload": report.model_dump(mode="json", exclude_none=True),
        }
