"""Gives words to new cases, a second after machines reported them."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session, aliased

from api.cases.texts import index_cases
from api.chores.runner import Chore
from api.services import Services
from api.tables import Case, CaseText, CaseTextsMark

_BATCH = 500
_SCAN = 5_000
_TICK_S = 2.0
_LATE = timedelta(minutes=1)
"""A transaction that takes longer than this to record a new case would leave it without words until somebody acts."""


def missing_cases(session: Session, *, now: datetime) -> tuple[list[UUID], bool]:
    """Returns cases that have no words yet, oldest first, and whether there may be more; moves the mark on."""
    mark = session.get(CaseTextsMark, 1)
    if mark is None:
        mark = CaseTextsMark(id=1, upto=UUID(int=0))
        session.add(mark)
    scanned = select(Case.id).where(Case.id > mark.upto).order_by(Case.id).limit(_SCAN).subquery()
    row = aliased(CaseText)
    found = session.execute(
        select(scanned.c.id, row.case_id)
        .join_from(scanned, row, row.case_id == scanned.c.id, isouter=True)
        .order_by(scanned.c.id)
    ).all()
    missing = [case_id for case_id, has_words in found if has_words is None]
    # Not past what may still be on its way: ids are given before transactions are over.
    safe = first_id_at(now - _LATE)
    if len(missing) > _BATCH:
        mark.upto = min(missing[_BATCH - 1], max(mark.upto, safe))
        return missing[:_BATCH], True
    if found:
        mark.upto = min(found[-1][0], max(mark.upto, safe))
    return missing, len(found) == _SCAN and found[-1][0] <= safe


def index_missing(services: Services) -> None:
    """Gives words to cases that have none, for two seconds at most, so that other chores get their turn."""
    began_s = time.monotonic()
    more = True
    while more and time.monotonic() - began_s < _TICK_S:
        with services.database.write() as session:
            if not services.database.is_sqlite:
                # Sooner than a deadlock is found: whoever acts on many cases at once must not be the one to end.
                session.execute(text("SET LOCAL lock_timeout = '200ms'"))
            case_ids, more = missing_cases(session, now=services.clock())
            index_cases(session, case_ids, only_new=True)


def first_id_at(moment: datetime) -> UUID:
    """Returns the smallest id that a case made at this moment can have."""
    return UUID(int=max(0, int(moment.timestamp() * 1000)) << 80)


TEXT_CHORES = (Chore("words of new cases", 1.0, index_missing),)
