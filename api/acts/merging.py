"""Merges a case into another one that is the same thing, and takes it back to what it was."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.orm import Session

from api.acts.acting import Acting
from api.acts.machine_acts import go_on_after_merge, rest_while_merged
from api.acts.regrouping import LockedWatches, merged_under, move_incidents, recount
from api.acts.timers import keep_lines
from api.acts.workflow import Step
from api.cases.decisions import Decision, decided, lock_case
from api.cases.errors import CaseMissing, CaseUnfit
from api.cases.history import Act
from api.cases.states import OPEN, CaseState
from api.rights import Rights
from api.tables import Case, Incident

_NOT_MERGED = frozenset(CaseState) - {CaseState.MERGED}


def merge(session: Session, rights: Rights, case_id: UUID, decision: Decision, *, into: UUID) -> Case:
    """Takes all incidents of an open case to another open one; its clock rests, and its number stays its own.

    Raises: CaseMissing, CaseForbidden. CaseUnfit: It is the same case. CaseConflict: One of them is not open, or the
    case is filed and the other one is not.
    """
    if case_id == into:
        raise CaseUnfit("into: expected another case, got the same")
    acting = Acting(session, rights, decision)
    moving = Incident.case_id == case_id
    watches = LockedWatches(session, moving)
    case, other = _lock_both(acting, Step.MERGE, case_id, into, states=OPEN)
    keys = watches.keys()
    if keys is None:
        raise acting.refuse("something was reported on this case at this moment; come again", case)
    if case.number is not None and other.number is None:
        raise acting.refuse(f"case {case.number} is filed and the other is not: merge that one into this", case)
    _remember_home(session, case)
    move_incidents(session, moving, case, other)
    watches.come_to(other, keys)
    case.former_state, case.state, case.merged_into = case.state, CaseState.MERGED, other.id
    case.ended_at = decision.at
    keep_lines(session, rest_while_merged(case, acting.moment("merged")))
    recount(session, case, acting.decision)
    recount(session, other, acting.decision)
    decided(session, case, Act.MERGED, acting.decision, {"into": str(other.id), "number": other.number})
    decided(session, other, Act.MERGED_HERE, acting.decision, {"case_id": str(case.id), "number": case.number})
    return case


def unmerge(session: Session, rights: Rights, case_id: UUID, decision: Decision) -> Case:
    """Takes a merged case back to its former state, with the incidents that were its own, also of cases merged into it.

    Raises: CaseMissing, CaseForbidden. CaseConflict: It is not merged, or one of the two would have no incident.
    """
    acting = Acting(session, rights, decision)
    holder_id = _holder_of(session, case_id)
    moving = _own(session, case_id, holder_id)
    watches = LockedWatches(session, moving)
    if holder_id == case_id:
        raise acting.refuse("expected a case in state merged", acting.lock(case_id, Step.UNMERGE))
    case, holder = _lock_both(acting, Step.UNMERGE, case_id, holder_id, states=_NOT_MERGED)
    keys = watches.keys()
    if keys is None or _holder_of(session, case_id) != holder_id:
        raise acting.refuse("somebody moved this case at this moment; come again", case)
    own, held = (_count(session, which) for which in (moving, Incident.case_id == holder.id))
    if not own:
        raise acting.refuse("all that was its own has gone to other cases since: nothing is left to take back", case)
    if own == held and holder.state in OPEN:
        raise acting.refuse("all that was not its own has gone to other cases since: nothing would stay", case)
    move_incidents(session, moving, holder, case)
    session.execute(
        update(Incident)
        .where(Incident.case_id == case_id, Incident.home_case_id == case_id)
        .values(home_case_id=None)
        .execution_options(synchronize_session=False)
    )
    case.state, case.former_state = case.former_state or CaseState.DETECTED, None
    case.merged_into = case.ended_at = None
    watches.come_to(case, keys)
    watches.leave(holder, keys)
    keep_lines(session, go_on_after_merge(case, acting.moment("taken back")))
    recount(session, case, acting.decision)
    recount(session, holder, acting.decision)
    decided(session, case, Act.UNMERGED, acting.decision, {"from": str(holder.id), "number": holder.number})
    decided(session, holder, Act.UNMERGED, acting.decision, {"case_id": str(case.id), "number": case.number})
    return case


def _lock_both(
    acting: Acting, step: Step, case_id: UUID, other_id: UUID, *, states: frozenset[CaseState]
) -> tuple[Case, Case]:
    """Locks in the order of the ids, as reports do, so that nobody waits for each other for ever."""
    locked: dict[UUID, Case] = {}
    for each in sorted((case_id, other_id)):
        if each == case_id:
            locked[each] = acting.lock(each, step)
        else:
            unseen = replace(acting.decision, version=None)
            locked[each] = lock_case(acting.session, acting.rights, each, unseen, states=states)
    return locked[case_id], locked[other_id]


def _remember_home(session: Session, case: Case) -> None:
    """What was its own has it as home from now on; what had come with other merged cases keeps those."""
    below = merged_under(session, case.id)
    elsewhere = or_(Incident.home_case_id.is_(None), Incident.home_case_id.not_in(below))
    session.execute(
        update(Incident)
        .where(Incident.case_id == case.id, elsewhere)
        .values(home_case_id=case.id)
        .execution_options(synchronize_session=False)
    )


def _count(session: Session, which: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count()).select_from(Incident).where(which)) or 0


def _own(session: Session, case_id: UUID, holder_id: UUID) -> ColumnElement[bool]:
    homes = {case_id, *merged_under(session, case_id)}
    return (Incident.case_id == holder_id) & Incident.home_case_id.in_(homes)


def _holder_of(session: Session, case_id: UUID) -> UUID:
    """Returns the case that it went into in the end; the case itself where it is not merged. Raises: CaseMissing."""
    passed = {case_id}
    at = case_id
    while True:
        row = session.execute(select(Case.state, Case.merged_into).where(Case.id == at)).one_or_none()
        if row is None:
            raise CaseMissing(f"there is no case {case_id}")
        if row.state is not CaseState.MERGED or row.merged_into is None or row.merged_into in passed:
            return at
        at = row.merged_into
        passed.add(at)
