"""Splits incidents out of a case that were joined wrongly, and keeps what two watches see apart from then on."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from api.acts.acting import Acting
from api.acts.machine_acts import Machine, begin_alarm
from api.acts.regrouping import LockedWatches, move_incidents, recount
from api.acts.timers import keep_lines
from api.acts.workflow import Step
from api.cases.decisions import Decision, decided
from api.cases.errors import CaseUnfit
from api.cases.history import Act
from api.inserting import insert_if_absent
from api.places.resolver import places_index
from api.reports.announced import BEFORE
from api.reports.by_people import PERSON, ReportByPerson
from api.reports.locks import WatchKey
from api.reports.new_cases import make_case
from api.reports.whereabouts import Position, Registered, Whereabouts
from api.rights import Rights
from api.schemas import Report
from api.tables import Case, CaseLink, Evidence, Incident, KeptApart, Kind, ReportRow

SPLIT = "split"


def split(
    session: Session, rights: Rights, case_id: UUID, decision: Decision, *, incident_ids: Collection[UUID]
) -> Case:
    """Makes a new case, in state detected, of some incidents of an open one; at least one stays. Returns the new one.

    Raises: CaseMissing, CaseForbidden, CaseConflict. CaseUnfit: They are not all of this case, or nothing would stay.
    """
    acting = Acting(session, rights, decision)
    going = (Incident.case_id == case_id) & Incident.id.in_(incident_ids)
    watches = LockedWatches(session, going)
    case = acting.lock(case_id, Step.SPLIT)
    keys = watches.keys()
    held = session.scalars(select(Incident).where(Incident.case_id == case_id).order_by(Incident.first_seen_at)).all()
    gone = [incident for incident in held if incident.id in incident_ids]
    stays = [incident for incident in held if incident.id not in incident_ids]
    if len(gone) < len(set(incident_ids)):
        raise CaseUnfit("incidents: expected incidents of this case, got others too")
    if not stays:
        raise CaseUnfit("incidents: at least one has to stay with the case")
    if keys is None:
        raise acting.refuse("something was reported on this case at this moment; come again", case)
    new = _case_of(session, acting, case, gone[0])
    move_incidents(session, going, case, new)
    session.execute(
        update(Incident)
        .where(Incident.case_id == new.id)
        .values(home_case_id=None)
        .execution_options(synchronize_session=False)
    )
    _take_photos_along(session, case, new, gone)
    _rehome(case, stays)
    watches.come_to(new, keys)
    watches.leave(case, keys)
    _keep_apart(session, gone, stays, decision)
    recount(session, case, acting.decision)
    recount(session, new, acting.decision)
    actor = decision.caller.actor
    session.add(CaseLink(case_id=new.id, other_id=case.id, relation=SPLIT, at=decision.at, actor=actor))
    told = {"incidents": [str(incident.id) for incident in gone]}
    decided(session, case, Act.SPLIT, acting.decision, {"into": str(new.id), **told})
    decided(session, new, Act.SPLIT, acting.decision, {"from": str(case.id), "number": case.number, **told})
    return new


def _case_of(session: Session, acting: Acting, case: Case, first: Incident) -> Case:
    """Makes the new case from the first report of its first incident, where the old one is if that says nothing."""
    kind = session.get(Kind, first.kind_key) or session.get_one(Kind, case.detected_kind_key)
    report = _first_report(session, case, first)
    where = Registered(session, [report]).of(report)
    where = Whereabouts(where.position or _position_of(case), where.asset_id)
    longitude, latitude = (None, None) if where.position is None else where.position.point
    resolved = places_index(session).resolve(kind, longitude, latitude, first.last_seen_at)
    new = make_case(report, kind, where, resolved, now=acting.decision.at)
    decision = acting.decision
    machine = Machine(at=decision.at, actor=decision.caller.actor, rules=acting.rules, request_id=decision.request_id)
    timers = begin_alarm(new, machine)
    session.add(new)
    session.flush()
    keep_lines(session, timers)
    return new


def _first_report(session: Session, case: Case, incident: Incident) -> Report:
    of_incident = ReportRow.case_id.in_({case.id, incident.home_case_id or case.id}) & (
        ReportRow.incident_id == incident.id
    )
    payload = session.scalars(select(ReportRow.payload).where(of_incident).order_by(ReportRow.id).limit(1)).first()
    if payload is not None:
        by_person = incident.source_type == PERSON
        return ReportByPerson.model_validate(payload) if by_person else Report.model_validate(payload)
    # Its reports are on a case that it left long ago: what the incident itself says is enough.
    return Report.model_construct(
        report_id=incident.id,
        incident_id=incident.id,
        phase="raised",
        edge_id=incident.edge_id,
        watch_id=incident.watch_id,
        source_type=incident.source_type,
        source_id=incident.source_id,
        kind=incident.kind_key,
        first_seen_at=incident.first_seen_at,
        occurred_at=incident.last_seen_at,
        received_at=incident.last_seen_at,
    )


def _take_photos_along(session: Session, case: Case, new: Case, gone: Sequence[Incident]) -> None:
    """What a person reported goes with the photos of that report; what people added to the case itself stays."""
    for incident in gone:
        report = _first_report(session, case, incident) if incident.source_type == PERSON else None
        if isinstance(report, ReportByPerson) and report.photos:
            names = {photo.sha256 for photo in report.photos}
            theirs = (Evidence.incident_id == incident.id) & (Evidence.role == BEFORE) & Evidence.sha256.in_(names)
            session.execute(update(Evidence).where(theirs, Evidence.case_id == case.id).values(case_id=new.id))


def _position_of(case: Case) -> Position | None:
    if case.longitude is None or case.latitude is None:
        return None
    return Position(
        longitude=case.longitude,
        latitude=case.latitude,
        error_m=case.position_error_m,
        given_longitude=case.longitude if case.given_longitude is None else case.given_longitude,
        given_latitude=case.latitude if case.given_latitude is None else case.given_latitude,
        given_datum=case.given_datum or "WGS84",
    )


def _rehome(case: Case, stays: Sequence[Incident]) -> None:
    """Lets the case be of its oldest incident's watch, where none of its own watch has stayed."""
    if any(_watch_of(incident) == (case.edge_id, case.watch_id) for incident in stays):
        return
    first = stays[0]
    case.edge_id, case.watch_id, case.detected_kind_key = first.edge_id, first.watch_id, first.kind_key
    case.source_type, case.source_id = first.source_type, first.source_id


def _keep_apart(session: Session, gone: Sequence[Incident], stays: Sequence[Incident], decision: Decision) -> None:
    """Teaches the pairs of watches that are now in different cases; of one watch in both, boxes tell them apart."""
    left, right = {_watch_of(incident) for incident in gone}, {_watch_of(incident) for incident in stays}
    pairs = {(min(a, b), max(a, b)) for a in left - right for b in right - left if a[1] and b[1]}
    rows = [
        {
            "edge_a": one[0],
            "watch_a": one[1],
            "edge_b": other[0],
            "watch_b": other[1],
            "at": decision.at,
            "actor": decision.caller.actor,
        }
        for one, other in sorted(pairs)
    ]
    insert_if_absent(session, KeptApart, rows, unique=["edge_a", "watch_a", "edge_b", "watch_b"])


def _watch_of(incident: Incident) -> WatchKey:
    return incident.edge_id, incident.watch_id
