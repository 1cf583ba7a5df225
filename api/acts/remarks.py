"""What people add to a case without deciding on it: comments, and links to other cases."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.acts.acting import Acting
from api.acts.workflow import Step
from api.cases.decisions import Decision, note
from api.cases.errors import CaseMissing, CaseUnfit
from api.cases.history import Act
from api.cases.scope import check_visible
from api.reports.locks import lock_cases
from api.rights import Rights
from api.tables import Case, CaseLink

RELATED = "related"


def comment(session: Session, rights: Rights, case_id: UUID, decision: Decision, *, text: str) -> Case:
    """Writes the comment into the case's history. Raises: CaseMissing, CaseForbidden, CaseConflict."""
    acting = Acting(session, rights, decision)
    case = acting.lock(case_id, Step.COMMENT)
    note(session, case, Act.COMMENTED, acting.decision, {"text": text})
    return case


def link(
    session: Session, rights: Rights, case_id: UUID, decision: Decision, *, other_id: UUID, reason: str | None
) -> Case:
    """Says that another case has to do with this one; each of the two shows the link.

    Raises: CaseMissing, CaseForbidden: For either case. CaseConflict: They are linked already. CaseUnfit: To itself.
    """
    if other_id == case_id:
        raise CaseUnfit("other_id: expected another case")
    acting = Acting(session, rights, decision)
    # Both, in the order of the ids, so that two who link them the one to the other and back make one link.
    lock_cases(session, {case_id, other_id})
    case = acting.lock(case_id, Step.LINK)
    other = session.get(Case, other_id)
    if other is None:
        raise CaseMissing(f"there is no case {other_id}")
    check_visible(rights, decision.caller, other, action=acting.decision.action)
    pair = (case_id, other_id)
    known = select(CaseLink.id).where(
        CaseLink.case_id.in_(pair), CaseLink.other_id.in_(pair), CaseLink.relation == RELATED
    )
    if session.scalar(known.limit(1)) is not None:
        raise acting.refuse("these cases are linked already", case)
    session.add(
        CaseLink(case_id=case_id, other_id=other_id, relation=RELATED, at=decision.at, actor=decision.caller.actor)
    )
    details = {"other": str(other_id), "relation": RELATED} | ({} if reason is None else {"reason": reason})
    note(session, case, Act.LINKED, acting.decision, details)
    return case
