"""Finds the cases that reports may belong to, in few statements for a whole batch."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session

from api.cases.states import ENDED, OPEN, CaseState
from api.matching import among, one_of
from api.reports.moments import moments_of
from api.reports.nearness import JOIN_M_MAX, cells_touched, metres_between
from api.reports.whereabouts import Whereabouts
from api.schemas import Report
from api.tables import Case, CaseLink, Incident, Kind

FAULTS = frozenset({"camera-fault", "sensor-fault", "edge-fault"})
"""Kinds of which a source has one: it is itself what is broken."""

AFTER_MUTE, AFTER_CLOSE = "after_mute", "after_close"
JoinKey = tuple[str, str, str]
"""Edge, watch and kind: what an incident shares with the open case of its watch."""


@dataclass(frozen=True, slots=True)
class Nearby:
    """What a new incident looks for: the family within ``join_m`` metres of ``point`` and ``join_h`` hours."""

    report_id: UUID
    family: str
    point: tuple[float, float]
    join_m: float
    occurred_at: datetime
    join_h: float
    cells: frozenset[int]

    def fits(self, case: Case) -> bool:
        """Whether the case is of the family, near enough, and was seen around that time."""
        if self.family not in (case.family, case.given_family) or case.longitude is None or case.latitude is None:
            return False
        return self.is_near(case.longitude, case.latitude, case.first_seen_at, case.last_seen_at)

    def is_near(self, longitude: float, latitude: float, first_seen_at: datetime, last_seen_at: datetime) -> bool:
        hours = timedelta(hours=min(self.join_h, _LONGEST_H))
        # An event that was kept offline may be older than all that is known of the case.
        if not first_seen_at - hours <= self.occurred_at <= last_seen_at + hours:
            return False
        return metres_between(*self.point, longitude, latitude) <= min(self.join_m, JOIN_M_MAX)


_LONGEST_H = 24.0 * 366


@dataclass(slots=True)
class Sought:
    """What all the incidents of a batch look for that need a case: by watch, near by, by asset or by source."""

    watches: set[JoinKey] = field(default_factory=set)
    nearby: list[Nearby] = field(default_factory=list)
    assets: set[tuple[str, str]] = field(default_factory=set)
    sources: set[tuple[str, str, str]] = field(default_factory=set)

    def add(self, report: Report, kind: Kind, where: Whereabouts) -> None:
        if joins_by_watch(report, kind):
            self.watches.add(join_key(report))
        if (nearby := nearby_of(report, kind, where)) is not None:
            self.nearby.append(nearby)
        if (asset := asset_of(kind, where)) is not None:
            self.assets.add(asset)
        if (source := source_of_fault(report, kind)) is not None:
            self.sources.add(source)

    def neighbourhoods(self) -> Iterable[Sequence[object]]:
        """Names what has to be locked so that no two begin the same thing at once."""
        for nearby in self.nearby:
            yield from (("cell", nearby.family, cell) for cell in nearby.cells)
        yield from (("asset", *asset) for asset in self.assets)
        yield from (("source", *source) for source in self.sources)

    def find(self, session: Session) -> tuple[set[UUID], set[UUID]]:
        """Returns the ids of the open cases that fit, and of those of them that are near."""
        near = self._find_nearby(session)
        found = set(near)
        by_watch = (Case.edge_id, Case.watch_id, Case.detected_kind_key)
        by_asset = (Case.family, Case.asset_id)
        by_source = (Case.family, Case.edge_id, Case.source_id)
        sought: Iterable[tuple[Sequence[InstrumentedAttribute[Any]], Collection[tuple[str, ...]]]] = (
            (by_watch, self.watches),
            (by_asset, self.assets),
            (by_source, self.sources),
        )
        for columns, keys in sought:
            if keys:
                fits = among(session, columns, keys)
                found |= set(session.scalars(select(Case.id).where(fits, Case.state.in_(OPEN))))
        return found, near

    def _find_nearby(self, session: Session) -> set[UUID]:
        cells: dict[int, list[Nearby]] = {}
        for nearby in self.nearby:
            for cell in nearby.cells:
                cells.setdefault(cell, []).append(nearby)
        if not cells:
            return set()
        families = {nearby.family for nearby in self.nearby}
        of_family = Case.family.in_(families) | Case.given_family.in_(families)
        rows = session.execute(
            select(
                Case.id,
                Case.cell,
                Case.family,
                Case.given_family,
                Case.longitude,
                Case.latitude,
                Case.first_seen_at,
                Case.last_seen_at,
            ).where(one_of(session, Case.cell, cells), Case.state.in_(OPEN), of_family)
        ).all()
        return {
            row.id
            for row in rows
            for nearby in cells[row.cell]
            if nearby.family in (row.family, row.given_family)
            and nearby.is_near(row.longitude, row.latitude, row.first_seen_at, row.last_seen_at)
        }


@dataclass(frozen=True, slots=True)
class Known:
    """Where the incidents of a batch were just before anything was locked. state: of that case."""

    case_ids: Mapping[UUID, UUID]
    states: Mapping[UUID, CaseState]

    def needs_a_case(self, incident_id: UUID) -> bool:
        """Whether the incident is new, or its case has ended, so that it may need another one."""
        case_id = self.case_ids.get(incident_id)
        return case_id is None or self.states[case_id] in ENDED


def known_incidents(session: Session, incident_ids: Collection[UUID]) -> Known:
    rows = session.execute(
        select(Incident.id, Case.id, Case.state)
        .join(Case, Case.id == Incident.case_id)
        .where(one_of(session, Incident.id, incident_ids))
    ).all()
    return Known({row[0]: row[1] for row in rows}, {row[1]: row[2] for row in rows})


def successors(session: Session, ended: Collection[UUID]) -> dict[UUID, list[UUID]]:
    """Returns the cases that were made since for what was still seen of these."""
    if not ended:
        return {}
    after = CaseLink.other_id.in_(ended) & CaseLink.relation.in_((AFTER_MUTE, AFTER_CLOSE))
    found: dict[UUID, list[UUID]] = {}
    for other_id, case_id in session.execute(
        select(CaseLink.other_id, CaseLink.case_id).where(after).order_by(CaseLink.id)
    ):
        found.setdefault(other_id, []).append(case_id)
    return found


def join_key(report: Report) -> JoinKey:
    return report.edge_id, report.watch_id, report.kind


def joins_by_watch(report: Report, kind: Kind) -> bool:
    """Not what a person reports, who has no watch."""
    return kind.join_by_watch and bool(report.watch_id)


def nearby_of(report: Report, kind: Kind, where: Whereabouts) -> Nearby | None:
    if kind.join_m <= 0 or where.position is None:
        return None
    occurred_at = moments_of(report).occurred_at
    point = where.position.point
    cells = cells_touched(*point, kind.join_m)
    return Nearby(report.report_id, kind.family, point, kind.join_m, occurred_at, kind.join_h, cells)


def asset_of(kind: Kind, where: Whereabouts) -> tuple[str, str] | None:
    """Family and asset, where the kind joins by them."""
    return (kind.family, where.asset_id) if kind.join_m <= 0 and where.asset_id is not None else None


def source_of_fault(report: Report, kind: Kind) -> tuple[str, str, str] | None:
    """Family and source, where there is one such thing per source: a fault of its own, or the sensor's component.

    A camera may see two manholes.
    """
    if kind.join_m > 0 or not report.edge_id:
        return None
    one_per_source = kind.key in FAULTS or report.source_type != "camera"
    return (kind.family, report.edge_id, report.source_id) if one_per_source else None
