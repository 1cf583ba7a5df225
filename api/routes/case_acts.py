"""The steps of a case's life, from the alarm to its closing; each on the version that the person saw."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from api.access import allowed
from api.acts.batch import act_on_all
from api.acts.checking import begin_check, close, fail_check, reopen_case
from api.acts.dispatching import dispatch, return_case, void
from api.acts.handling import finish_handling, resume, start_handling
from api.acts.review import change_kind, confirm, reject
from api.acts.schemas import (
    Batch,
    BatchAnswer,
    Closing,
    Confirmation,
    DispatchOrder,
    Finishing,
    KindGiven,
    Reasoned,
    Seen,
)
from api.acts.workflow import Step
from api.cases.schemas import CaseForActing
from api.people.callers import Caller
from api.routes.case_door import Door

router = APIRouter(prefix="/api/v1/cases", tags=["acts on cases"])

Reviewer = Annotated[Caller, allowed("case.confirm_or_reject")]
Handler = Annotated[Caller, allowed("case.start_or_finish_handling")]
Checker = Annotated[Caller, allowed("case.check_and_close")]


@router.post("/batch")
def act_on_many(batch: Batch, caller: Reviewer, door: Door) -> list[BatchAnswer]:
    """Confirms, rejects or dispatches up to 100 cases; an answer for each, in their order."""
    return act_on_all(door.here, batch, door.decision(caller, Step(batch.act)))


@router.post("/{case_id}/confirm")
def file_case(case_id: UUID, caller: Reviewer, door: Door, said: Confirmation | None = None) -> CaseForActing:
    """Files the alarm as a case under its number; 409 where somebody was faster."""
    condition_key = said.condition_key if said else None
    return door.act(
        caller,
        Step.CONFIRM,
        case_id,
        said,
        lambda session, case_id, decision: confirm(
            session, door.here.rights, case_id, decision, door.here.settings, condition_key=condition_key
        ),
    )


@router.post("/{case_id}/reject")
def turn_down(case_id: UUID, said: Reasoned, caller: Reviewer, door: Door) -> CaseForActing:
    """Turns the alarm down, with a reason, and mutes what looks the same for a while."""
    return door.act(
        caller,
        Step.REJECT,
        case_id,
        said,
        lambda session, case_id, decision: reject(session, door.here.rights, case_id, decision, reason=said.reason),
    )


@router.post("/{case_id}/kind")
def give_kind(
    case_id: UUID, said: KindGiven, caller: Annotated[Caller, allowed("case.change_kind")], door: Door
) -> CaseForActing:
    """Gives an alarm or an open case another kind; what was detected stays beside it."""
    return door.act(
        caller,
        Step.CHANGE_KIND,
        case_id,
        said,
        lambda session, case_id, decision: change_kind(
            session,
            door.here.rights,
            case_id,
            decision,
            kind_key=said.kind,
            condition_key=said.condition_key,
            reason=said.reason,
        ),
    )


@router.post("/{case_id}/dispatch")
def dispatch_case(
    case_id: UUID,
    caller: Annotated[Caller, allowed("case.dispatch")],
    door: Door,
    said: DispatchOrder | None = None,
) -> CaseForActing:
    """Sends the case to a department; its limit is fixed now."""
    department = said.department if said else None
    return door.act(
        caller,
        Step.DISPATCH,
        case_id,
        said,
        lambda session, case_id, decision: dispatch(
            session, door.here.rights, case_id, decision, department=department
        ),
    )


@router.post("/{case_id}/start")
def start(case_id: UUID, caller: Handler, door: Door, said: Seen | None = None) -> CaseForActing:
    """The department begins to handle the case."""
    return door.act(
        caller,
        Step.START,
        case_id,
        said,
        lambda session, case_id, decision: start_handling(session, door.here.rights, case_id, decision),
    )


@router.post("/{case_id}/finish")
def finish(case_id: UUID, caller: Handler, door: Door, said: Finishing | None = None) -> CaseForActing:
    """The department has handled the case; now it is to be checked."""
    note = said.note if said else None
    return door.act(
        caller,
        Step.FINISH,
        case_id,
        said,
        lambda session, case_id, decision: finish_handling(session, door.here.rights, case_id, decision, note=note),
    )


@router.post("/{case_id}/return")
def give_back(
    case_id: UUID, said: Reasoned, caller: Annotated[Caller, allowed("case.return_with_reason")], door: Door
) -> CaseForActing:
    """The department gives the case back, with a reason, to be dispatched anew."""
    return door.act(
        caller,
        Step.RETURN,
        case_id,
        said,
        lambda session, case_id, decision: return_case(
            session, door.here.rights, case_id, decision, reason=said.reason
        ),
    )


@router.post("/{case_id}/resume")
def take_up_again(case_id: UUID, caller: Handler, door: Door, said: Seen | None = None) -> CaseForActing:
    """Ends a suspension: the clock goes on with what was left."""
    return door.act(
        caller,
        Step.RESUME,
        case_id,
        said,
        lambda session, case_id, decision: resume(session, door.here.rights, case_id, decision),
    )


@router.post("/{case_id}/check")
def check(case_id: UUID, caller: Checker, door: Door, said: Seen | None = None) -> CaseForActing:
    """Somebody begins to check what was handled."""
    return door.act(
        caller,
        Step.CHECK,
        case_id,
        said,
        lambda session, case_id, decision: begin_check(session, door.here.rights, case_id, decision),
    )


@router.post("/{case_id}/close")
def close_case(case_id: UUID, said: Closing, caller: Checker, door: Door) -> CaseForActing:
    """Closes the case on what a camera or a person saw; whoever handled it is not that person."""
    return door.act(
        caller,
        Step.CLOSE,
        case_id,
        said,
        lambda session, case_id, decision: close(
            session, door.here.rights, case_id, decision, checked_by=said.checked_by, note=said.note
        ),
    )


@router.post("/{case_id}/fail-check")
def send_back(case_id: UUID, said: Reasoned, caller: Checker, door: Door) -> CaseForActing:
    """The check failed: the case is handled again."""
    return door.act(
        caller,
        Step.FAIL_CHECK,
        case_id,
        said,
        lambda session, case_id, decision: fail_check(session, door.here.rights, case_id, decision, reason=said.reason),
    )


@router.post("/{case_id}/reopen")
def open_again(case_id: UUID, said: Reasoned, caller: Checker, door: Door) -> CaseForActing:
    """Opens a closed case again, shortly after it was closed."""
    return door.act(
        caller,
        Step.REOPEN,
        case_id,
        said,
        lambda session, case_id, decision: reopen_case(
            session, door.here.rights, case_id, decision, reason=said.reason
        ),
    )


@router.post("/{case_id}/void")
def declare_void(
    case_id: UUID, said: Reasoned, caller: Annotated[Caller, allowed("case.void")], door: Door
) -> CaseForActing:
    """Takes a filed case out of the statistics, with a reason; its number stays used."""
    return door.act(
        caller,
        Step.VOID,
        case_id,
        said,
        lambda session, case_id, decision: void(session, door.here.rights, case_id, decision, reason=said.reason),
    )
