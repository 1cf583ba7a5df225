"""Tells since when a case is gone: what its cameras and sensors follow has all cleared as gone.

What a person reported is gone with it once a camera saw it go after that; nobody tells the end of what a person alone
reported.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import case as when
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.matching import one_of
from api.reports.by_people import PERSON
from api.tables import Incident
from api.tables.base import UtcTime

GONE = "gone"


def gone_in_memory(case_ids: Collection[UUID], incidents: Iterable[Incident]) -> dict[UUID, datetime | None]:
    """Returns since when each of these cases is gone, None where it is not; ``incidents`` are all that they hold."""
    held: dict[UUID, list[Incident]] = {case_id: [] for case_id in case_ids}
    for incident in incidents:
        if incident.case_id in held:
            held[incident.case_id].append(incident)
    return {case_id: _gone_since(of_case) for case_id, of_case in held.items()}


def gone_in_database(session: Session, case_ids: Collection[UUID]) -> dict[UUID, datetime | None]:
    """The same for cases of the database; a case without incidents is left out."""
    if not case_ids:
        return {}
    by_person = Incident.source_type == PERSON
    followed = func.count(when((by_person, None), else_=1))
    stays = func.count(when((by_person | (Incident.clear_reason == GONE), None), else_=1))
    cleared_at = func.max(Incident.cleared_at, type_=UtcTime())
    reported_at = func.max(when((by_person, Incident.last_seen_at)), type_=UtcTime())
    rows = session.execute(
        select(Incident.case_id, followed, stays, cleared_at, reported_at)
        .where(one_of(session, Incident.case_id, case_ids))
        .group_by(Incident.case_id)
    )
    return {
        case_id: _since(cleared, reported) if following and not staying else None
        for case_id, following, staying, cleared, reported in rows
    }


def _gone_since(incidents: Collection[Incident]) -> datetime | None:
    followed = [incident for incident in incidents if incident.source_type != PERSON]
    if not followed or any(incident.clear_reason != GONE for incident in followed):
        return None
    cleared = [incident.cleared_at for incident in followed if incident.cleared_at is not None]
    reported = [incident.last_seen_at for incident in incidents if incident.source_type == PERSON]
    return _since(max(cleared, default=None), max(reported, default=None))


def _since(cleared_at: datetime | None, reported_at: datetime | None) -> datetime | None:
    """A person who reports it after the cameras saw it go has the last word."""
    if cleared_at is None or (reported_at is not None and reported_at > cleared_at):
        return None
    return cleared_at
