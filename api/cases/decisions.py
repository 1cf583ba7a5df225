"""What every act of a person on a case shares: who, when, on which version; the lock; the lines that tell of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.audit.trail import write_audit
from api.cases.errors import CaseConflict, CaseMissing
from api.cases.history import Act, line_values
from api.cases.scope import check_visible
from api.cases.states import CaseState
from api.cases.texts import add_words, index_case
from api.inserting import insert_beside
from api.people.callers import Caller
from api.rights import Rights
from api.tables import Case, HistoryLine

_log = structlog.get_logger()

_REWORDING = frozenset({Act.CONFIRMED, Act.REPORTED, Act.KIND_CHANGED, Act.DISPATCHED, Act.COMMENTED, Act.SPLIT})
"""After these a case is found by other words."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What goes with a person's act: who, when, by which request, on which version they saw.

    action: the word of rights.csv that lets them. version: None where they did not say.
    """

    caller: Caller
    action: str
    at: datetime
    request_id: str | None
    version: int | None = None


def lock_case(
    session: Session, rights: Rights, case_id: UUID, decision: Decision, *, states: Collection[CaseState]
) -> Case:
    """Returns the case, locked, if the caller may act on it and it is in one of ``states``.

    Raises: CaseMissing, CaseForbidden. CaseConflict: It is in another state, or at another version.
    """
    case = session.scalar(select(Case).where(Case.id == case_id).with_for_update(key_share=True))
    if case is None:
        raise CaseMissing(f"there is no case {case_id}")
    check_visible(rights, decision.caller, case, action=decision.action)
    if case.state not in states:
        raise conflict(f"expected a case in state {' or '.join(sorted(states))}, it is {case.state}", case)
    if decision.version not in (None, case.version):
        raise conflict(f"expected version {decision.version}, the case is at {case.version}", case)
    return case


def conflict(reason: str, case: Case) -> CaseConflict:
    return CaseConflict(reason, state=case.state, version=case.version, number=case.number)


def decided(session: Session, case: Case, act: Act, decision: Decision, details: Mapping[str, Any]) -> None:
    """Counts the version up, and writes the act into the case's history and into the audit trail."""
    case.version += 1
    note(session, case, act, decision, details)


def note(session: Session, case: Case, act: Act, decision: Decision, details: Mapping[str, Any]) -> None:
    """Writes the same lines of what changes nothing that others decide on, such as a comment."""
    actor, told = decision.caller.actor, dict(details)
    told_of = line_values(case.id, act, at=decision.at, actor=actor, request_id=decision.request_id, details=told)
    insert_beside(session, HistoryLine, [told_of])
    write_audit(
        session,
        decision.action,
        f"case:{case.id}",
        at=decision.at,
        actor=actor,
        request_id=decision.request_id,
        details={"act": act.value, **told},
    )
    if act is Act.CONFIRMED:
        add_words(session, case, [case.number])
    elif act in _REWORDING:
        index_case(session, case)
    _log.info(f"case {act}", case_id=str(case.id), actor=actor)
