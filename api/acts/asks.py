"""What a handler asks for, more time or a pause, and what a supervisor decides about it."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from api.acts.acting import Acting
from api.acts.clocks import Limit
from api.acts.timers import extend_clock, keep_lines, pause_clock
from api.acts.workflow import MAX_EXTENSIONS, RULES, Step, may_extend, may_suspend
from api.cases.decisions import Decision, decided, note
from api.cases.errors import CaseMissing
from api.cases.history import Act
from api.cases.states import CaseState
from api.rights import Rights
from api.tables import Case, CaseAsk
from api.tables.base import JsonObject


class AskType(StrEnum):
    """extension: the original limit once more. suspension: the clock rests until the case is resumed."""

    EXTENSION = "extension"
    SUSPENSION = "suspension"


_STEPS = {AskType.EXTENSION: Step.ASK_EXTENSION, AskType.SUSPENSION: Step.ASK_SUSPENSION}


def ask(
    session: Session, rights: Rights, case_id: UUID, decision: Decision, *, wanted: AskType, reason: str
) -> tuple[Case, CaseAsk]:
    """Asks a supervisor; the case stays as it is until that is decided.

    Raises: CaseMissing, CaseForbidden. CaseConflict: Also where it can no more be granted, or is asked already.
    """
    acting = Acting(session, rights, decision)
    case = acting.lock(case_id, _STEPS[wanted])
    if why := _why_not(case, wanted, decision):
        raise acting.refuse(why, case)
    same = select(CaseAsk.id).where(CaseAsk.case_id == case.id, CaseAsk.type == wanted, CaseAsk.granted.is_(None))
    if session.scalar(same.limit(1)) is not None:
        raise acting.refuse(f"this {wanted} is asked for already", case)
    asked = CaseAsk(
        id=uuid7(),
        case_id=case.id,
        type=wanted.value,
        reason=reason,
        asked_at=decision.at,
        asked_by=decision.caller.actor,
    )
    session.add(asked)
    details = {"ask": str(asked.id), "type": wanted.value, "reason": reason}
    note(session, case, Act.ASKED, acting.decision, details)
    return case, asked


def decide_ask(
    session: Session,
    rights: Rights,
    case_id: UUID,
    ask_id: UUID,
    decision: Decision,
    *,
    granted: bool,
    words: str | None,
) -> tuple[Case, CaseAsk]:
    """Grants or refuses, once. A suspension that is granted: handling -> suspended.

    Raises: CaseMissing, CaseForbidden. CaseConflict: It is decided already, or can no more be granted.
    """
    acting = Acting(session, rights, decision)
    case = acting.lock(case_id, Step.DECIDE_ASK)
    asked = session.get(CaseAsk, ask_id)
    if asked is None or asked.case_id != case_id:
        raise CaseMissing(f"this case has no ask {ask_id}")
    if asked.granted is not None:
        raise acting.refuse(f"this {asked.type} is {'granted' if asked.granted else 'refused'} already", case)
    wanted = AskType(asked.type)
    details = {"ask": str(asked.id), "type": asked.type, "granted": granted}
    details |= {} if words is None else {"note": words}
    act = Act.ASK_DECIDED
    if granted:
        if case.state not in RULES[_STEPS[wanted]].states:
            raise acting.refuse(f"a case that is {case.state} gets no {wanted}", case)
        if why := _why_not(case, wanted, decision):
            raise acting.refuse(why, case)
        act = _grant(acting, case, wanted, reason=asked.reason)
    asked.granted, asked.decided_at, asked.decided_by, asked.note = (
        granted,
        decision.at,
        decision.caller.actor,
        words,
    )
    decided(session, case, act, acting.decision, details)
    return case, asked


def lapse_asks(acting: Acting, case: Case) -> JsonObject:
    """Ends what is still asked for when the round of handling ends: the next one may be another department's.

    Returns what the history says of it; nothing where nothing was open.
    """
    open_asks = select(CaseAsk).where(CaseAsk.case_id == case.id, CaseAsk.granted.is_(None)).order_by(CaseAsk.id)
    lapsed = acting.session.scalars(open_asks).all()
    for asked in lapsed:
        asked.granted, asked.decided_at, asked.decided_by = False, acting.decision.at, acting.decision.caller.actor
        asked.note = f"lapsed: the case is {case.state}"
    return {"lapsed": [asked.type for asked in lapsed]} if lapsed else {}


def _grant(acting: Acting, case: Case, wanted: AskType, *, reason: str) -> Act:
    moment = acting.moment(reason)
    if wanted is AskType.SUSPENSION:
        case.state = CaseState.SUSPENDED
        case.suspension_count += 1
        keep_lines(acting.session, pause_clock(case, moment))
        return Act.SUSPENDED
    case.extension_count += 1
    if case.limit is not None and case.limit_unit is not None:
        keep_lines(acting.session, extend_clock(case, Limit(case.limit, case.limit_unit), moment))
    return Act.ASK_DECIDED


def _why_not(case: Case, wanted: AskType, decision: Decision) -> str | None:
    if wanted is AskType.SUSPENSION:
        return None if may_suspend(case) else "a case is suspended once at most"
    if may_extend(case, at=decision.at):
        return None
    return f"a case is extended {MAX_EXTENSIONS} times at most, where something is due, and not once overdue"
