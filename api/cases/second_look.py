"""The second look of a case's cameras and sensors: what they say of it now; advice, never a decision."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from uuid import UUID

from sqlalchemy import bindparam, func, select
from sqlalchemy import case as when
from sqlalchemy.orm import Session

from api.asking import Asks, Question
from api.reports.blindness import is_blind
from api.reports.by_people import PERSON
from api.reports.candidates import FAULTS
from api.tables import Case, Incident


class SecondLook(StrEnum):
    """gone: all of it was seen to go; the only one that proposes closing. still_there: seen after it was handled.

    unknown: whoever saw it is blind or silent now. no_longer_watched: it was not seen to go, and nobody looks any more.
    """

    GONE = "gone"
    STILL_THERE = "still_there"
    UNKNOWN = "unknown"
    NO_LONGER_WATCHED = "no_longer_watched"
    SEEN = "seen"


# A fault is what makes its source blind: of itself it can be believed.
_IS_BLIND = is_blind(besides=FAULTS)
_IS_OPEN = Incident.cleared_at.is_(None)
_COUNTED = (
    select(
        Incident.case_id,
        func.count(when((_IS_OPEN, 1))).label("open_count"),
        func.count(when((_IS_OPEN & ~_IS_BLIND, 1))).label("sighted"),
    )
    .where(Incident.source_type != PERSON)
    .group_by(Incident.case_id)
)
_OF_CASES = _COUNTED.where(Incident.case_id.in_(bindparam("case_ids", expanding=True)))
_OF_CASE = Question(_COUNTED.where(Incident.case_id == bindparam("case_id", type_=Incident.__table__.c.case_id.type)))


def second_looks(session: Session, cases: Iterable[Case]) -> dict[UUID, SecondLook]:
    """Returns what is said of each case, in one statement; of what people alone reported, nothing is."""
    by_id = {case.id: case for case in cases}
    if not by_id:
        return {}
    rows = session.connection().execute(_OF_CASES, {"case_ids": list(by_id)})
    return {case_id: _look(by_id[case_id], open_count, sighted) for case_id, open_count, sighted in rows}


def second_look_of(asks: Asks, case: Case) -> SecondLook | None:
    """The same of one case; nothing is asked where the case itself says it."""
    said = _said_by(case)
    if said is not None:
        return said
    found = asks(_OF_CASE, {"case_id": case.id})
    return _look(case, found[0]["open_count"], found[0]["sighted"]) if found else None


def _look(case: Case, open_count: int, sighted: int) -> SecondLook:
    if (said := _said_by(case)) is not None:
        return said
    if open_count and not sighted:
        return SecondLook.UNKNOWN
    return SecondLook.SEEN if open_count else SecondLook.NO_LONGER_WATCHED


def _said_by(case: Case) -> SecondLook | None:
    if case.gone_at is not None:
        return SecondLook.GONE
    return SecondLook.STILL_THERE if case.still_there else None
