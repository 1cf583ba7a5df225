"""What an operator decides about an alarm: it is a case, or it is none; and what kind of case it is."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from api.acts.acting import Acting
from api.acts.clocks import Stage
from api.acts.timers import keep_lines, start_clock, stop_clock
from api.acts.workflow import Step
from api.cases.decisions import Decision, decided
from api.cases.errors import CaseUnfit
from api.cases.history import Act
from api.cases.numbers import mint_number
from api.cases.states import CaseState
from api.places.resolver import resolve
from api.reports.blindness import end_blindness_of
from api.rights import Rights
from api.settings import ApiSettings
from api.tables import Case, Incident, Kind, KindCondition

_NOT_DISPATCHED = frozenset({CaseState.DETECTED, CaseState.FILED, CaseState.RETURNED})


def confirm(
    session: Session,
    rights: Rights,
    case_id: UUID,
    decision: Decision,
    settings: ApiSettings,
    *,
    condition_key: str | None = None,
) -> Case:
    """Files an alarm under its district's next number, and starts the clock of its dispatch.

    Raises: CaseMissing, CaseForbidden, CaseConflict. CaseUnfit: Its kind has no such condition.
    """
    acting = Acting(session, rights, decision)
    case = acting.lock(case_id, Step.CONFIRM)
    _check_condition(session, case.kind_key, condition_key)
    if case.grid_id is None:
        case.district = settings.district
    keep_lines(session, start_clock(case, Stage.DISPATCH, acting.moment()))
    # As late as can be: whoever files a case of this district now waits for the counter until we are done.
    case.number = mint_number(session, district=case.district, filed_at=decision.at, zone=settings.zone_info)
    case.state = CaseState.FILED
    case.filed_at = decision.at
    details = {"number": case.number}
    if condition_key is not None:
        case.condition_key = details["condition"] = condition_key
    decided(session, case, Act.CONFIRMED, acting.decision, details)
    return case


def reject(session: Session, rights: Rights, case_id: UUID, decision: Decision, *, reason: str) -> Case:
    """Turns an alarm down; it stays, and later events of its incidents are counted on it.

    What looks the same is muted for the hours of its kind, unless the kind is one of safety or a person reported it.
    Raises: CaseMissing, CaseForbidden, CaseConflict.
    """
    acting = Acting(session, rights, decision)
    case = acting.lock(case_id, Step.REJECT)
    case.state = CaseState.REJECTED
    case.rejected_reason = reason
    case.ended_at = decision.at
    case.muted_until = _muted_until(session, case, decision.at)
    end_blindness_of(session, case)
    keep_lines(session, stop_clock(case, acting.moment(reason)))
    decided(session, case, Act.REJECTED, acting.decision, {"reason": reason})
    return case


def change_kind(
    session: Session,
    rights: Rights,
    case_id: UUID,
    decision: Decision,
    *,
    kind_key: str,
    condition_key: str | None = None,
    reason: str | None = None,
) -> Case:
    """Gives the case another kind, or the same kind another condition; the detected kind is kept beside it.

    Before it is dispatched, it goes to the department that handles the new kind there. A limit that was fixed at a
    dispatch stays. Raises: CaseMissing, CaseForbidden, CaseConflict. CaseUnfit: There is no such kind or condition.
    """
    acting = Acting(session, rights, decision)
    case = acting.lock(case_id, Step.CHANGE_KIND)
    kind = session.get(Kind, kind_key)
    if kind is None or (kind.retired and kind_key != case.kind_key):
        raise CaseUnfit(f"kind: expected one of the catalogue that is in use, got {kind_key}")
    _check_condition(session, kind_key, condition_key)
    before, department = case.kind_key, case.department
    case.kind_key, case.given_family, case.condition_key = kind_key, kind.family, condition_key
    if case.state in _NOT_DISPATCHED:
        where = resolve(session, kind, longitude=case.longitude, latitude=case.latitude, at=decision.at)
        case.department = where.department
        if case.department != department:
            case.assignee_id = None
    details = {"from": before, "to": kind_key, "department": case.department}
    details |= {name: said for name, said in (("condition", condition_key), ("reason", reason)) if said is not None}
    decided(session, case, Act.KIND_CHANGED, acting.decision, details)
    return case


def _check_condition(session: Session, kind_key: str, condition_key: str | None) -> None:
    if condition_key is not None and session.get(KindCondition, (kind_key, condition_key)) is None:
        raise CaseUnfit(f"condition_key: expected a condition of kind {kind_key}, got {condition_key}")


def _muted_until(session: Session, case: Case, at: datetime) -> datetime | None:
    # By what the camera says it is: its next events will say the same, whatever kind a person gave the case.
    detected = session.get_one(Kind, case.detected_kind_key)
    given = session.get_one(Kind, case.kind_key)
    if detected.safety or given.safety or not detected.mute_h or _reported_by_person(session, case):
        return None
    return at + timedelta(hours=detected.mute_h)


def _reported_by_person(session: Session, case: Case) -> bool:
    """A person's incident is of no edge."""
    theirs = exists().where(Incident.case_id == case.id, Incident.edge_id == "")
    return not case.edge_id or bool(session.scalar(select(theirs)))
