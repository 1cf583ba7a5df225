"""What a sighting means for a case on which an operator, or time, has acted already."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum

from api.acts.clocks import Limit
from api.acts.machine_acts import may_reopen
from api.cases.states import CaseState
from api.reports.candidates import AFTER_CLOSE, AFTER_MUTE
from api.reports.moments import moments_of
from api.schemas import Report
from api.tables import Case, Kind


class Step(Enum):
    """COUNT: nothing but the count. MOVE: the incident goes to another case, for this one is over for good."""

    COUNT = "count"
    MOVE = "move"
    REOPEN = "reopen"
    STILL_THERE = "still_there"
    SEEN_AGAIN = "seen_again"


def step_after(case: Case, report: Report, kind: Kind, *, reopen_window: Limit | None) -> Step:
    """Tells what a report of one of the case's incidents does, before it is counted.

    Only a camera or sensor that saw it after what was decided changes anything: a report that was held up tells of what
    the operator knew.
    """
    if report.phase == "cleared" or not report.watch_id:
        return Step.COUNT
    at = moments_of(report).occurred_at
    step = Step.COUNT
    match case.state:
        case CaseState.HANDLED | CaseState.CHECKING if _is_after(at, case.handled_at):
            step = Step.STILL_THERE
        case CaseState.EXPIRED if case.ended_at is None or at > case.ended_at:
            step = Step.SEEN_AGAIN
        case CaseState.REJECTED | CaseState.VOID if _is_after(at, muted_until(case, kind)):
            step = Step.MOVE
        case CaseState.CLOSED if _is_after(at, case.closed_at):
            step = Step.REOPEN if may_reopen(case, at=at, window=reopen_window) else Step.MOVE
    return step


def relation_after(case: Case) -> str:
    """How the case is linked that is made for what is still seen of this one."""
    return AFTER_MUTE if case.state is CaseState.REJECTED else AFTER_CLOSE


def muted_until(case: Case, kind: Kind) -> datetime | None:
    """Until when what is still seen is only counted; what is not muted, until the decision itself."""
    if case.muted_until is not None or case.ended_at is None:
        return case.muted_until
    voided = case.state is CaseState.VOID and not kind.safety
    return case.ended_at + timedelta(hours=kind.mute_h) if voided else case.ended_at


def _is_after(at: datetime, decided_at: datetime | None) -> bool:
    return decided_at is not None and at > decided_at
