"""The check of what was handled: a camera or a person looks at the scene, and a person closes."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.acts.acting import Acting
from api.acts.machine_acts import may_reopen, reopen, start_handling_clock
from api.acts.stage_rules import REOPEN
from api.acts.timers import keep_lines, stop_clock
from api.acts.workflow import Step
from api.cases.decisions import Decision, decided
from api.cases.errors import CaseForbidden, CaseUnfit
from api.cases.history import Act
from api.cases.states import CaseState
from api.reports.blindness import is_blind
from api.rights import Rights
from api.tables import Case, Incident


class CheckedBy(StrEnum):
    """camera: it saw that the thing is gone. person: somebody went there, or looked at pictures of it."""

    CAMERA = "camera"
    PERSON = "person"


def begin_check(session: Session, rights: Rights, case_id: UUID, decision: Decision) -> Case:
    """handled -> checking. Raises: CaseMissing, CaseForbidden, CaseConflict."""
    acting = Acting(session, rights, decision)
    case = acting.lock(case_id, Step.CHECK)
    case.state = CaseState.CHECKING
    decided(session, case, Act.CHECKING, acting.decision, {})
    return case


def close(
    session: Session, rights: Rights, case_id: UUID, decision: Decision, *, checked_by: CheckedBy, note: str | None
) -> Case:
    """checking -> closed, on what a camera or a person saw. The handler's own word and photo alone are not enough.

    Raises: CaseMissing. CaseForbidden: The caller handled it. CaseConflict: Also where no camera can say that it is
        gone. CaseUnfit: A person's check comes without a note.
    """
    acting = Acting(session, rights, decision)
    case = acting.lock(case_id, Step.CLOSE)
    if checked_by is CheckedBy.PERSON:
        if case.handled_by is not None and case.handled_by == decision.caller.person_id:
            raise CaseForbidden("whoever handled a case does not check it; somebody else has to look")
        if note is None:
            raise CaseUnfit("note: expected what the person who checked saw")
    if checked_by is CheckedBy.CAMERA and (reason := _why_no_camera(session, case)):
        raise acting.refuse(f"checked_by camera: {reason}", case)
    case.state = CaseState.CLOSED
    case.closed_at = case.ended_at = decision.at
    case.still_there = False
    keep_lines(session, stop_clock(case, acting.moment()))
    details = {"checked_by": checked_by.value} | ({} if note is None else {"note": note})
    decided(session, case, Act.CLOSED, acting.decision, details)
    return case


def fail_check(session: Session, rights: Rights, case_id: UUID, decision: Decision, *, reason: str) -> Case:
    """checking -> handling: to be done again, with the full limit. Raises: CaseMissing, CaseForbidden, CaseConflict."""
    acting = Acting(session, rights, decision)
    case = acting.lock(case_id, Step.FAIL_CHECK)
    case.state = CaseState.HANDLING
    case.rework_count += 1
    case.handled_at = case.handled_by = None
    case.still_there = False
    keep_lines(session, start_handling_clock(case, acting.moment(reason)))
    decided(session, case, Act.CHECK_FAILED, acting.decision, {"reason": reason})
    return case


def reopen_case(session: Session, rights: Rights, case_id: UUID, decision: Decision, *, reason: str) -> Case:
    """closed -> handling, within the window; later is a conflict. Raises: CaseMissing, CaseForbidden, CaseConflict."""
    acting = Acting(session, rights, decision)
    case = acting.lock(case_id, Step.REOPEN)
    window = acting.rules.limits.get(REOPEN)
    if not may_reopen(case, at=decision.at, window=window):
        allowed = "never" if window is None else f"within {window.amount:g} {window.unit}"
        raise acting.refuse(f"a case may be reopened {allowed} after it was closed", case)
    keep_lines(session, reopen(case, acting.moment(reason)))
    decided(session, case, Act.REOPENED, acting.decision, {"reason": reason})
    return case


def _why_no_camera(session: Session, case: Case) -> str | None:
    """Returns why no camera or sensor can say that the thing is gone; None where one does."""
    if case.gone_at is None:
        # The mark stays until a person decides; what was seen to go since then is the later word.
        return "it still sees the problem" if case.still_there else "not every incident was seen to be gone"
    if session.scalar(select(Incident.id).where(Incident.case_id == case.id, is_blind()).limit(1)) is not None:
        return "it is blind, and blind is not empty"
    return None
