"""Makes a new case of a report: where it is, whose it is, whether a permit allows it, and what was there before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from api.cases.states import ENDED, CaseState
from api.inserting import new_row
from api.matching import among, one_of
from api.places.index import Resolved
from api.reports.by_people import ReportByPerson
from api.reports.moments import moments_of
from api.reports.nearness import JOIN_M_MAX, cells_touched, metres_between
from api.reports.whereabouts import Whereabouts, position_columns
from api.schemas import Report
from api.tables import Case, Incident, Kind, Permit
from api.tables.base import JsonObject

RECURRENCE = "recurrence"
RECURS_WITHIN = timedelta(days=30)
_COUNTED = sorted(ENDED - {CaseState.MERGED})
_Known = tuple[UUID, datetime]


def make_case(report: Report, kind: Kind, where: Whereabouts, resolved: Resolved, *, now: datetime) -> Case:
    """Returns a case in state detected, not in the database yet, as it is before its first report is counted."""
    seen = moments_of(report)
    position = {} if where.position is None else position_columns(where.position)
    case = new_row(
        Case,
        id=uuid7(),
        state=CaseState.DETECTED,
        version=1,
        kind_key=kind.key,
        detected_kind_key=kind.key,
        family=kind.family,
        edge_id=report.edge_id,
        watch_id=report.watch_id,
        source_type=report.source_type,
        source_id=report.source_id,
        preset=report.preset,
        asset_id=where.asset_id,
        detector=report.detector.name if report.detector else None,
        weights_sha256=report.detector.weights_sha256 if report.detector else None,
        first_seen_at=seen.first_seen_at,
        last_seen_at=seen.occurred_at,
        incidents_count=0,
        reports_count=0,
        muted_count=0,
        recurrences_count=0,
        # None as well: what was never set takes longer to read, and each of these is read soon.
        given_family=None,
        dwell_s=None,
        score=None,
        gone_at=None,
        still_there=False,
        created_at=now,
        **position,
        **place_columns(resolved),
    )
    if isinstance(report, ReportByPerson):
        case.channel, case.reporter = report.channel, report.reporter
        case.description, case.address = report.description, report.address
    return case


def place_columns(resolved: Resolved) -> JsonObject:
    """The columns of a case that follow from its position; where no grid has it, the district stays what it was."""
    columns = {"department": resolved.department, "grid_id": resolved.grid_id, "road_class": resolved.road_class}
    return columns if resolved.district is None else columns | {"district": resolved.district}


def permit(session: Session, case: Case, resolved: Resolved, *, now: datetime) -> JsonObject | None:
    """Turns a new alarm down where a permit allows it, until that ends; returns what the history says, or None.

    What a person reports is only marked with the permit: a person decides.
    """
    if resolved.permit_id is None:
        return None
    case.permit_id = resolved.permit_id
    if not case.edge_id or resolved.permit_until is None:
        return None
    name = session.scalar(select(Permit.name).where(Permit.id == resolved.permit_id)) or str(resolved.permit_id)
    case.state, case.ended_at = CaseState.REJECTED, now
    case.rejected_reason = f"permitted: {name}"[:500]
    case.muted_until = resolved.permit_until
    return {"permit_id": str(resolved.permit_id), "permit": name, "until": resolved.permit_until.isoformat()}


class Recurrences:
    """The cases that ended within the last 30 days where new cases are made: of the same watch and kind, or near by.

    And, however long ago, those of the incidents that their own ones are the return of.
    """

    def __init__(
        self,
        session: Session,
        cases: Iterable[Case],
        incidents: Iterable[Incident],
        kinds: Mapping[str, Kind],
        *,
        now: datetime,
    ) -> None:
        self._kinds = kinds
        self._named = _ended_that_return(session, incidents)
        new = list(cases)
        since = now - RECURS_WITHIN
        self._by_watch: dict[tuple[str, str, str], list[_Known]] = {}
        self._by_cell: dict[tuple[str, int], list[tuple[_Known, float, float]]] = {}
        ended = Case.state.in_(_COUNTED) & (Case.ended_at >= since)
        watches = sorted({(case.edge_id, case.watch_id) for case in new if case.watch_id})
        if watches:
            rows = session.execute(
                select(Case.id, Case.ended_at, Case.edge_id, Case.watch_id, Case.detected_kind_key).where(
                    among(session, (Case.edge_id, Case.watch_id), watches), ended
                )
            )
            for case_id, ended_at, edge_id, watch_id, kind_key in rows:
                known = self._by_watch.setdefault((edge_id, watch_id, kind_key), [])
                known.append((case_id, ended_at or since))
        cells = sorted({cell for case in new for cell in self._cells(case)})
        if cells:
            near = session.execute(
                select(Case.id, Case.ended_at, Case.family, Case.cell, Case.longitude, Case.latitude).where(
                    one_of(session, Case.cell, cells), ended, Case.family.in_({case.family for case in new})
                )
            )
            for case_id, ended_at, family, cell, longitude, latitude in near:
                known_near = self._by_cell.setdefault((family, cell or 0), [])
                known_near.append(((case_id, ended_at or since), longitude or 0.0, latitude or 0.0))

    def of(self, case: Case) -> tuple[int, UUID | None]:
        """Returns how many ended cases there are, and the one that ended last; what has returned says better which."""
        found = dict(self._by_watch.get((case.edge_id, case.watch_id, case.detected_kind_key), ()))
        radius_m = min(self._kinds[case.detected_kind_key].join_m, JOIN_M_MAX)
        for cell in self._cells(case):
            for (case_id, ended_at), longitude, latitude in self._by_cell.get((case.family, cell), ()):
                if metres_between(*_point(case), longitude, latitude) <= radius_m:
                    found[case_id] = ended_at
        named = dict(self._named.get(case.id, ()))
        found |= named
        return len(found), max(named or found, key=lambda case_id: found[case_id]) if found else None

    def _cells(self, case: Case) -> Iterable[int]:
        radius_m = self._kinds[case.detected_kind_key].join_m
        return cells_touched(*_point(case), radius_m) if radius_m > 0 and case.cell is not None else ()


def _ended_that_return(session: Session, incidents: Iterable[Incident]) -> dict[UUID, list[_Known]]:
    """Returns the ended cases of what these incidents are the return of, by the incidents' own case."""
    returned = [(incident.recurs, incident) for incident in incidents if incident.recurs is not None]
    if not returned:
        return {}
    earlier = select(Incident, Case.ended_at).join(Case, Case.id == Incident.case_id)
    named = one_of(session, Incident.id, {recurs for recurs, _ in returned})
    rows = session.execute(earlier.where(named, Case.state.in_(_COUNTED)))
    ended = {
        (incident.id, *_question(incident)): (incident.case_id, ended_at) for incident, ended_at in rows if ended_at
    }
    found: dict[UUID, list[_Known]] = {}
    for recurs, incident in returned:
        if (known := ended.get((recurs, *_question(incident)))) is not None:
            found.setdefault(incident.case_id, []).append(known)
    return found


def _question(incident: Incident) -> tuple[str, str, str]:
    return incident.edge_id, incident.watch_id, incident.kind_key


def _point(case: Case) -> tuple[float, float]:
    return case.longitude or 0.0, case.latitude or 0.0
