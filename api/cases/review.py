"""What an operator decides about an alarm: it is a case, or it is none."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.orm import Session

from api.cases.decisions import Decision, decided, lock_case
from api.cases.history import Act
from api.cases.numbers import mint_number
from api.cases.states import CaseState
from api.rights import Rights
from api.settings import ApiSettings
from api.tables import Case


def confirm(session: Session, rights: Rights, case_id: UUID, decision: Decision, settings: ApiSettings) -> Case:
    """Files an alarm under its district's next number. Raises: CaseMissing, CaseForbidden, CaseConflict."""
    case = lock_case(session, rights, case_id, decision, states={CaseState.DETECTED})
    if case.grid_id is None:
        case.district = settings.district
    case.number = mint_number(session, district=case.district, filed_at=decision.at, zone=settings.zone_info)
    case.state = CaseState.FILED
    case.filed_at = decision.at
    decided(session, case, Act.CONFIRMED, decision, {"number": case.number})
    return case


def reject(session: Session, rights: Rights, case_id: UUID, decision: Decision, *, reason: str) -> Case:
    """Turns an alarm down; it stays, and later events of its incidents are counted on it.

    Raises: CaseMissing, CaseForbidden, CaseConflict.
    """
    case = lock_case(session, rights, case_id, decision, states={CaseState.DETECTED})
    case.state = CaseState.REJECTED
    case.rejected_reason = reason
    decided(session, case, Act.REJECTED, decision, {"reason": reason})
    return case
