"""Which act of a person leads from which state, and who may do it: one table for doing, refusing and offering acts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import bindparam, exists, select
from sqlalchemy.orm import Session

from api.acts.machine_acts import may_reopen
from api.acts.stage_rules import reopen_window
from api.acts.timers import is_overdue
from api.asking import Asks, AsksBySession, Question
from api.cases.errors import CaseForbidden
from api.cases.scope import check_visible
from api.cases.states import OPEN, CaseState
from api.people.callers import Caller
from api.rights import Rights, Role
from api.tables import Case, CaseAsk

MAX_EXTENSIONS = 2
MAX_SUSPENSIONS = 1


class Step(StrEnum):
    """An act under its word in the API."""

    CONFIRM = "confirm"
    REJECT = "reject"
    CHANGE_KIND = "change_kind"
    ASSIGN = "assign"
    DISPATCH = "dispatch"
    START = "start"
    FINISH = "finish"
    RETURN = "return"
    ASK_EXTENSION = "ask_extension"
    ASK_SUSPENSION = "ask_suspension"
    DECIDE_ASK = "decide_ask"
    RESUME = "resume"
    CHECK = "check"
    CLOSE = "close"
    FAIL_CHECK = "fail_check"
    REOPEN = "reopen"
    VOID = "void"
    FLAG = "flag"
    COMMENT = "comment"
    LINK = "link"
    ADD_EVIDENCE = "add_evidence"
    MERGE = "merge"
    UNMERGE = "unmerge"
    SPLIT = "split"


@dataclass(frozen=True, slots=True)
class Rule:
    """action: the word of rights.csv. states: in which a case must be."""

    action: str
    states: frozenset[CaseState]


_IN_HAND = frozenset({CaseState.DISPATCHED, CaseState.HANDLING})
_ANY = frozenset(CaseState)
_ASK = "case.request_extension_or_suspension"
_HANDLE = "case.start_or_finish_handling"
_CHECK = "case.check_and_close"
_REGROUP = "case.merge_or_split"

RULES: dict[Step, Rule] = {
    Step.CONFIRM: Rule("case.confirm_or_reject", frozenset({CaseState.DETECTED})),
    Step.REJECT: Rule("case.confirm_or_reject", frozenset({CaseState.DETECTED})),
    Step.CHANGE_KIND: Rule("case.change_kind", OPEN),
    Step.ASSIGN: Rule("case.assign", OPEN),
    Step.DISPATCH: Rule("case.dispatch", frozenset({CaseState.FILED, CaseState.RETURNED})),
    Step.START: Rule(_HANDLE, frozenset({CaseState.DISPATCHED})),
    Step.FINISH: Rule(_HANDLE, frozenset({CaseState.HANDLING})),
    Step.RETURN: Rule("case.return_with_reason", _IN_HAND),
    Step.ASK_EXTENSION: Rule(_ASK, _IN_HAND),
    Step.ASK_SUSPENSION: Rule(_ASK, frozenset({CaseState.HANDLING})),
    Step.DECIDE_ASK: Rule("case.decide_extension_or_suspension", _ANY),
    Step.RESUME: Rule(_HANDLE, frozenset({CaseState.SUSPENDED})),
    Step.CHECK: Rule(_CHECK, frozenset({CaseState.HANDLED})),
    Step.CLOSE: Rule(_CHECK, frozenset({CaseState.CHECKING})),
    Step.FAIL_CHECK: Rule(_CHECK, frozenset({CaseState.CHECKING})),
    Step.REOPEN: Rule(_CHECK, frozenset({CaseState.CLOSED})),
    Step.VOID: Rule("case.void", frozenset({CaseState.FILED, CaseState.RETURNED})),
    Step.FLAG: Rule("case.supervise_flag", OPEN),
    Step.COMMENT: Rule("case.comment", _ANY),
    Step.LINK: Rule(_REGROUP, _ANY),
    Step.ADD_EVIDENCE: Rule("evidence.add", OPEN),
    Step.MERGE: Rule(_REGROUP, OPEN),
    Step.UNMERGE: Rule(_REGROUP, frozenset({CaseState.MERGED})),
    Step.SPLIT: Rule(_REGROUP, OPEN),
}

_BY_STATE = {state: tuple((step, rule) for step, rule in RULES.items() if state in rule.states) for state in CaseState}


def allowed_acts(session: Session, rights: Rights, caller: Caller, case: Case, *, at: datetime) -> list[str]:
    """Returns the words of the acts that the caller may do to the case as it is now, in the order of a case's life."""
    return acts_offered(AsksBySession(session), rights, caller, case, at=at)


def acts_offered(asks: Asks, rights: Rights, caller: Caller, case: Case, *, at: datetime) -> list[str]:
    """The same; ``asks`` for what the case itself does not say."""
    return [step.value for step in _offered(asks, rights, caller, case, at)]


def may_extend(case: Case, *, at: datetime) -> bool:
    """Twice at most, and not once overdue; what is due at no time cannot be due later."""
    return case.extension_count < MAX_EXTENSIONS and case.stage_due_at is not None and not is_overdue(case, at=at)


def may_suspend(case: Case) -> bool:
    return case.suspension_count < MAX_SUSPENSIONS


def _offered(asks: Asks, rights: Rights, caller: Caller, case: Case, at: datetime) -> Iterator[Step]:
    may: dict[str, bool] = {}
    for step, rule in _BY_STATE[case.state]:
        if rule.action not in may:
            may[rule.action] = _may(rights, caller, case, rule.action)
        if not may[rule.action]:
            continue
        if step is Step.ASK_EXTENSION and not may_extend(case, at=at):
            continue
        if step is Step.ASK_SUSPENSION and not may_suspend(case):
            continue
        if step is Step.ASSIGN and not _may_assign(caller, case):
            continue
        if step is Step.DECIDE_ASK and not _has_open_ask(asks, case):
            continue
        if step is Step.SPLIT and case.incidents_count < 2:
            continue
        if step is Step.REOPEN and not may_reopen(case, at=at, window=reopen_window(asks)):
            continue
        yield step


def _may(rights: Rights, caller: Caller, case: Case, action: str) -> bool:
    if not rights.may(caller.role, action):
        return False
    try:
        check_visible(rights, caller, case, action=action)
    except CaseForbidden:
        return False
    return True


def _may_assign(caller: Caller, case: Case) -> bool:
    return caller.role is not Role.HANDLER or case.assignee_id in (None, caller.person_id)


_OPEN_ASK = Question(
    select(
        exists()
        .where(CaseAsk.case_id == bindparam("case_id", type_=CaseAsk.__table__.c.case_id.type))
        .where(CaseAsk.granted.is_(None))
        .label("is_asked")
    )
)


def _has_open_ask(asks: Asks, case: Case) -> bool:
    # Only who handles it asks, so that most cases need not be looked for.
    return case.dispatched_at is not None and bool(asks(_OPEN_ASK, {"case_id": case.id})[0]["is_asked"])
