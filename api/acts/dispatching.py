"""Who is to handle a case: dispatch to a department, return by it, void, and the person that it is assigned to."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.acts.acting import Acting
from api.acts.asks import lapse_asks
from api.acts.clocks import Stage
from api.acts.machine_acts import start_handling_clock
from api.acts.timers import keep_lines, start_clock, stop_clock
from api.acts.workflow import Step
from api.cases.decisions import Decision, decided
from api.cases.errors import CaseForbidden, CaseUnfit
from api.cases.history import Act
from api.cases.states import CaseState
from api.people.callers import Caller
from api.reports.blindness import end_blindness_of
from api.rights import Rights, Role
from api.tables import Case, Department, Kind, KindCondition, Person

_MAY_HAVE_CASES = frozenset({Role.OPERATOR, Role.SUPERVISOR, Role.HANDLER})


def dispatch(
    session: Session, rights: Rights, case_id: UUID, decision: Decision, *, department: str | None = None
) -> Case:
    """filed | returned -> dispatched, to the case's department unless another is named; fixes its limit now.

    Raises: CaseMissing, CaseForbidden, CaseConflict. CaseUnfit: There is no such department.
    """
    acting = Acting(session, rights, decision)
    case = acting.lock(case_id, Step.DISPATCH)
    wanted = department or case.department
    known = session.get(Department, wanted)
    # Also its own: it may have been retired since the case was made, and then nobody would ever handle it.
    if known.retired if known else wanted != case.department:
        raise CaseUnfit(f"department: expected one that is in use, got {wanted}")
    if wanted != case.department:
        case.department, case.assignee_id = wanted, None
    case.state = CaseState.DISPATCHED
    case.dispatched_at = decision.at
    case.limit, case.limit_unit = _limit_of(session, case)
    keep_lines(session, start_handling_clock(case, acting.moment()))
    details = {"department": case.department, "limit": case.limit, "limit_unit": case.limit_unit}
    decided(session, case, Act.DISPATCHED, acting.decision, details | {"due_at": _iso(case)})
    return case


def return_case(session: Session, rights: Rights, case_id: UUID, decision: Decision, *, reason: str) -> Case:
    """dispatched | handling -> returned: it is another's to handle, or nobody's. Raises: As ``dispatch``."""
    acting = Acting(session, rights, decision)
    case = acting.lock(case_id, Step.RETURN)
    case.state = CaseState.RETURNED
    case.return_count += 1
    case.assignee_id = None
    keep_lines(session, start_clock(case, Stage.DISPATCH, acting.moment(reason)))
    decided(session, case, Act.RETURNED, acting.decision, {"reason": reason} | lapse_asks(acting, case))
    return case


def void(session: Session, rights: Rights, case_id: UUID, decision: Decision, *, reason: str) -> Case:
    """filed | returned -> void: it keeps its number and counts in no statistic. Raises: As ``dispatch``."""
    acting = Acting(session, rights, decision)
    case = acting.lock(case_id, Step.VOID)
    case.state = CaseState.VOID
    case.ended_at = decision.at
    end_blindness_of(session, case)
    keep_lines(session, stop_clock(case, acting.moment(reason)))
    decided(session, case, Act.VOIDED, acting.decision, {"reason": reason})
    return case


def assign(session: Session, rights: Rights, case_id: UUID, decision: Decision, *, assignee: str | None) -> Case:
    """Gives the case to a person, by name, or to nobody; a handler takes and releases it for themselves only.

    Raises: CaseMissing, CaseForbidden, CaseConflict. CaseUnfit: There is nobody of that name who could have it.
    """
    acting = Acting(session, rights, decision)
    case = acting.lock(case_id, Step.ASSIGN)
    caller = decision.caller
    if caller.role is Role.HANDLER and (assignee not in (None, caller.name) or not _is_free_for(caller, case)):
        raise CaseForbidden("a handler takes a case that nobody has, or releases the own one")
    person = None if assignee is None else _somebody(session, case, assignee)
    case.assignee_id = None if person is None else person.id
    decided(session, case, Act.ASSIGNED, acting.decision, {"assignee": assignee})
    return case


def _limit_of(session: Session, case: Case) -> tuple[float, str]:
    if case.condition_key is not None:
        condition = session.get(KindCondition, (case.kind_key, case.condition_key))
        if condition is not None and condition.limit is not None and condition.limit_unit is not None:
            return condition.limit, condition.limit_unit
    kind = session.get_one(Kind, case.kind_key)
    return kind.limit, kind.limit_unit


def _iso(case: Case) -> str | None:
    return None if case.handle_due_at is None else case.handle_due_at.isoformat()


def _is_free_for(caller: Caller, case: Case) -> bool:
    return case.assignee_id in (None, caller.person_id)


def _somebody(session: Session, case: Case, name: str) -> Person:
    person = session.scalar(select(Person).where(Person.name == name))
    if person is None or person.disabled_at is not None or person.role not in _MAY_HAVE_CASES:
        raise CaseUnfit(f"assignee: expected an operator, supervisor or handler, got {name!r}")
    if person.role == Role.HANDLER and person.department != case.department:
        raise CaseUnfit(f"assignee: {name!r} handles cases of {person.department}, this one is {case.department}'s")
    return person
