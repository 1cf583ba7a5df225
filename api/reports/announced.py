"""Keeps the evidence that reports announce, each item once for its incident."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from api.inserting import insert_new, new_row
from api.matching import one_of
from api.reports.by_people import ReportByPerson
from api.schemas import ReportedEvidence
from api.tables import Case, Evidence, Incident

BEFORE = "before"
"""The role of a person's picture of what is wrong."""

_ItemKey = tuple[UUID, str, str]


class AnnouncedEvidence:
    """What is known of the evidence of some incidents, and what reports add to it."""

    def __init__(self, session: Session, incident_ids: Collection[UUID]) -> None:
        self._session = session
        self._known = _known(session, incident_ids)
        self._new: list[Evidence] = []

    def keep(self, item: ReportedEvidence, case: Case, incident: Incident) -> None:
        key = (incident.id, item.sha256, item.role)
        known = self._known.get(key)
        sacrificed = item.state == "sacrificed"
        if known is None:
            # Whatever an edge says, an item is present only once the store has it.
            self._known[key] = known = new_row(
                Evidence,
                case_id=case.id,
                incident_id=incident.id,
                sha256=item.sha256,
                role=item.role,
                media_type=item.media_type,
                size_bytes=item.size_bytes,
                taken_at=item.taken_at,
                state="sacrificed" if sacrificed else "pending",
                reason=item.reason,
                plate_kept=item.plate_kept,
                stream=item.stream,
            )
            self._new.append(known)
        elif sacrificed and known.state == "pending":
            known.state, known.reason = "sacrificed", item.reason
        # Once marked it stays marked: a later event that leaves the mark out must not widen who may look.
        if item.plate_kept and not known.plate_kept:
            known.plate_kept = True

    def keep_photos(self, report: ReportByPerson, case: Case, incident: Incident) -> None:
        self._new.extend(
            new_row(
                Evidence,
                case_id=case.id,
                incident_id=incident.id,
                sha256=photo.sha256,
                role=BEFORE,
                media_type=photo.media_type,
                size_bytes=photo.size_bytes,
                taken_at=report.occurred_at,
                state="present",
                plate_kept=False,
                added_by=report.actor,
            )
            for photo in report.photos
        )

    def move(self, incident_id: UUID, case_id: UUID) -> None:
        """What an incident showed goes with it."""
        for key, item in self._known.items():
            if key[0] == incident_id:
                item.case_id = case_id

    def save(self) -> None:
        """Inserts what is new; the incidents and cases are there."""
        insert_new(self._session, self._new)


def move_evidence(session: Session, incident_ids: Collection[UUID], case_id: UUID) -> None:
    """Takes what machines showed of these incidents to another case; what a person added stays where it is."""
    shown = Evidence.incident_id.in_(incident_ids) & Evidence.added_by.is_(None)
    session.execute(update(Evidence).where(shown).values(case_id=case_id))


def _known(session: Session, incident_ids: Collection[UUID]) -> dict[_ItemKey, Evidence]:
    if not incident_ids:
        return {}
    rows = session.scalars(select(Evidence).where(one_of(session, Evidence.incident_id, incident_ids)))
    return {(row.incident_id, row.sha256, row.role): row for row in rows}
