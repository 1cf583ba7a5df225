"""Finds what may be the same thing that an operator rejected a while ago: same watch and kind, same place, same look.

All that reads pictures happens before any lock is taken. What is found is decided on under the locks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.cases.states import CaseState
from api.database import Database
from api.evidence_store import EvidenceStore, EvidenceUnavailable
from api.matching import among
from api.reports.looks import CROP, SAME_PLACE_IOU, look_hash, overlap, same_look
from api.reports.moments import moments_of
from api.schemas import Report
from api.tables import Case, Evidence, Incident, Kind, Watch

_log = structlog.get_logger()

LONGEST = timedelta(days=31)
"""A case that was rejected longer ago mutes no new incident."""

MAX_PICTURES = 200
"""So many crops are looked at for one batch; what is beyond looks like nothing known, and makes a case."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """One incident of a case that mutes: where it was, and how its crop looked."""

    incident_id: UUID
    case_id: UUID
    edge_id: str
    watch_id: str
    kind: str
    box: Sequence[float] | None
    look: str | None


@dataclass(frozen=True, slots=True)
class Muting:
    """rejected: incidents that may mute new ones. looks: hashes of the reports' crops, by the incident."""

    rejected: Sequence[Rejected] = ()
    looks: Mapping[UUID, str] = field(default_factory=dict)

    @property
    def case_ids(self) -> frozenset[UUID]:
        return frozenset(each.case_id for each in self.rejected)

    def same_as(self, report: Report) -> Iterable[Rejected]:
        """Yields the rejected incidents that the report's new incident cannot be told from."""
        look, box = self.looks.get(report.incident_id), box_of(report)
        for each in self.rejected:
            if _same_question(each, report) and overlap(each.box, box) >= SAME_PLACE_IOU and same_look(each.look, look):
                yield each


def box_of(report: Report) -> list[float] | None:
    """Returns the box of the first finding that has one, normalised xyxy."""
    for finding in report.findings:
        if finding.box is not None:
            return list(finding.box)
    return None


def may_be_muted(report: Report, kind: Kind) -> bool:
    """Not of a safety kind, and never a person's."""
    return bool(report.watch_id) and not kind.safety and kind.mute_h > 0


def prepare_muting(database: Database, store: EvidenceStore | None, reports: Sequence[Report]) -> Muting:
    """Looks for cases that may mute these reports' incidents, and at the crops where place and time agree."""
    # Without a crop nothing can look the same.
    askers = [each for each in reports if each.watch_id and _crops_in(each) and box_of(each) is not None]
    if store is None or not askers:
        return Muting()
    with database.glance() as session:
        rejected = _rejected_near(session, askers)
        pairs = [(each, report) for each in rejected for report in askers if _may_be_same(each, report)]
        crops = _crops_of(session, {each.incident_id for each, _ in pairs if each.look is None})
    if not pairs:
        return Muting()
    hashes = _Hashes(store)
    looks = {report.incident_id: hashes.first_of(_crops_in(report)) for _, report in pairs}
    seen = {each.incident_id: each.look or hashes.first_of(crops.get(each.incident_id, ())) for each, _ in pairs}
    return Muting(
        rejected=[replace(each, look=seen[each.incident_id]) for each, _ in pairs],
        looks={incident_id: look for incident_id, look in looks.items() if look is not None},
    )


class _Hashes:
    """Looks at each crop once, and at ``MAX_PICTURES`` at most."""

    def __init__(self, store: EvidenceStore) -> None:
        self._store = store
        self._known: dict[str, str | None] = {}
        self._fails = False

    def first_of(self, names: Iterable[str]) -> str | None:
        """Returns the hash of the first of these crops that can be looked at."""
        return next((look for look in map(self._of, names) if look is not None), None)

    def _of(self, sha256: str) -> str | None:
        if sha256 not in self._known and not self._fails and len(self._known) < MAX_PICTURES:
            try:
                self._known[sha256] = look_hash(self._store, sha256)
            except EvidenceUnavailable as error:
                # To record matters more: what cannot be compared is not muted.
                _log.warning("evidence store fails", error=str(error))
                self._fails = True
        return self._known.get(sha256)


def _rejected_near(session: Session, reports: Sequence[Report]) -> list[Rejected]:
    watches = sorted({(report.edge_id, report.watch_id) for report in reports})
    earliest = min(moments_of(report).occurred_at for report in reports)
    of_watch = among(session, (Case.edge_id, Case.watch_id), watches) & (Case.ended_at > earliest - LONGEST)
    mutes = (Case.state == CaseState.REJECTED) & (Case.muted_until > earliest) & Case.gone_at.is_(None)
    case_ids = set(session.scalars(select(Case.id).where(of_watch, mutes)))
    joined = among(session, (Watch.edge_id, Watch.watch_id), watches) & Watch.also_in.is_not(None)
    for also_in in session.scalars(select(Watch.also_in).where(joined)):
        case_ids |= {UUID(case_id) for _, case_id in also_in or ()}
    if not case_ids:
        return []
    of_cases = select(Incident).join(Case, Case.id == Incident.case_id).where(Case.id.in_(case_ids), mutes)
    rows = session.scalars(of_cases)
    return [_rejected(incident) for incident in rows if (incident.edge_id, incident.watch_id) in set(watches)]


def _rejected(incident: Incident) -> Rejected:
    return Rejected(
        incident_id=incident.id,
        case_id=incident.case_id,
        edge_id=incident.edge_id,
        watch_id=incident.watch_id,
        kind=incident.kind_key,
        box=incident.box,
        look=incident.look_hash,
    )


def _may_be_same(each: Rejected, report: Report) -> bool:
    if each.incident_id == report.incident_id or not _same_question(each, report):
        return False
    return overlap(each.box, box_of(report)) >= SAME_PLACE_IOU


def _same_question(each: Rejected, report: Report) -> bool:
    return (each.edge_id, each.watch_id, each.kind) == (report.edge_id, report.watch_id, report.kind)


def _crops_in(report: Report) -> list[str]:
    return [item.sha256 for item in report.evidence if item.role == CROP and item.state != "sacrificed"]


def _crops_of(session: Session, incident_ids: set[UUID]) -> dict[UUID, list[str]]:
    crops: dict[UUID, list[str]] = {}
    if incident_ids:
        named = Evidence.incident_id.in_(incident_ids) & (Evidence.role == CROP)
        for incident_id, sha256 in session.execute(
            select(Evidence.incident_id, Evidence.sha256).where(named).order_by(Evidence.id)
        ):
            crops.setdefault(incident_id, []).append(sha256)
    return crops
