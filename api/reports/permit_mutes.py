"""Ends the mutes of a permit that is revoked: what it allowed until then is an alarm again when it is still seen."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.cases.history import Act, line_values
from api.cases.states import CaseState
from api.inserting import insert_rows
from api.tables import Case, HistoryLine, Permit


def end_mutes_of(session: Session, permit: Permit, *, at: datetime, actor: str, request_id: str) -> None:
    """Lets the cases that the permit turned down mute nothing that is seen after ``at``; a line tells of it."""
    turned_down = (Case.permit_id == permit.id) & (Case.state == CaseState.REJECTED)
    # The second part only says where to look: none of them can have ended before there was a permit.
    still_muted = turned_down & (Case.ended_at >= permit.created_at) & (Case.muted_until > at)
    # In the order of the ids, as reports lock cases.
    cases = session.scalars(select(Case).where(still_muted).order_by(Case.id).with_for_update(key_share=True)).all()
    for case in cases:
        case.muted_until = at
    why = {"why": "permit revoked", "permit_id": str(permit.id)}
    lines = [
        line_values(case.id, Act.MUTE_ENDED, at=at, actor=actor, request_id=request_id, details=why) for case in cases
    ]
    insert_rows(session, HistoryLine, lines)
