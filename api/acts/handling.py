"""What a department does about a case: it starts, it is done, or it waits; and when it was not done after all."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.orm import Session

from api.acts.acting import Acting
from api.acts.asks import lapse_asks
from api.acts.clocks import Stage
from api.acts.timers import keep_lines, resume_clock, start_clock
from api.acts.workflow import Step
from api.cases.decisions import Decision, decided
from api.cases.history import Act
from api.cases.states import CaseState
from api.rights import Rights
from api.tables import Case


def start_handling(session: Session, rights: Rights, case_id: UUID, decision: Decision) -> Case:
    """dispatched -> handling; the clock of handling runs since the dispatch.

    Raises: CaseMissing, CaseForbidden, CaseConflict.
    """
    acting = Acting(session, rights, decision)
    case = acting.lock(case_id, Step.START)
    case.state = CaseState.HANDLING
    decided(session, case, Act.STARTED, acting.decision, {})
    return case


def finish_handling(
    session: Session, rights: Rights, case_id: UUID, decision: Decision, *, note: str | None = None
) -> Case:
    """handling -> handled; whoever says so is not who closes it. Raises: As ``start_handling``."""
    acting = Acting(session, rights, decision)
    case = acting.lock(case_id, Step.FINISH)
    case.state = CaseState.HANDLED
    case.handled_at = decision.at
    case.handled_by = decision.caller.person_id
    keep_lines(session, start_clock(case, Stage.CHECK, acting.moment()))
    details = {} if note is None else {"note": note}
    decided(session, case, Act.HANDLED, acting.decision, details | lapse_asks(acting, case))
    return case


def resume(session: Session, rights: Rights, case_id: UUID, decision: Decision) -> Case:
    """suspended -> handling, with what was left of the limit. Raises: As ``start_handling``."""
    acting = Acting(session, rights, decision)
    case = acting.lock(case_id, Step.RESUME)
    case.state = CaseState.HANDLING
    keep_lines(session, resume_clock(case, acting.moment()))
    due_at = None if case.handle_due_at is None else case.handle_due_at.isoformat()
    decided(session, case, Act.RESUMED, acting.decision, {"due_at": due_at})
    return case
