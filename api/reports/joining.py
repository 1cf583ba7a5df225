"""Decides which case a report belongs to, under locks that make one thing wrong one case.

The order: (1) the case that holds the incident; (2) the open case of what the edge says has returned; (3) an open case
of the same watch, where the kind joins by watch; (4) an open case of the same family near by, from another source. See
docs/joining.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from api.cases.states import OPEN, CaseState
from api.matching import one_of
from api.reports.candidates import (
    JoinKey,
    Nearby,
    Sought,
    asset_of,
    join_key,
    joins_by_watch,
    known_incidents,
    source_of_fault,
    successors,
)
from api.reports.gone import GONE
from api.reports.holdings import Holdings
from api.reports.locks import AlsoIn, WatchKey, lock_cases, lock_neighbourhoods, lock_watches, remember_also_in
from api.reports.looks import overlap
from api.reports.moments import moments_of
from api.reports.muting import Muting, box_of, may_be_muted
from api.reports.nearness import cell_of
from api.reports.returning import Returns
from api.reports.whereabouts import Registered, Whereabouts
from api.schemas import Report
from api.tables import Case, Incident, Kind, ReportRow

_ALSO_IN_MAX = 20
_JoinName = tuple[object, ...]


class MovedOn(Exception):
    """A case changed while its lock was waited for; what the batch looked for is no longer what it needs."""


class Joining:
    """What is known of a batch of reports: those seen before, their incidents, and the cases they may join.

    Made inside the transaction that records the batch, whose locks it takes; see ``api.reports.locks``.
    """

    def __init__(self, session: Session, reports: Sequence[Report], muting: Muting) -> None:
        self._session = session
        self._muting = muting
        self._also_in = lock_watches(session, (_watch_of(report) for report in reports if report.watch_id))
        named = select(Kind).where(Kind.key.in_({report.kind for report in reports}))
        self.kinds = {kind.key: kind for kind in session.scalars(named)}
        self.seen = _seen_cases(session, [report.report_id for report in reports])
        incident_ids = {report.incident_id for report in reports}
        self._known = known_incidents(session, incident_ids)
        new = [report for report in reports if self._needs_a_case(report)]
        self._registered = Registered(session, new)
        sought = Sought()
        for report in new:
            sought.add(report, self.kinds[report.kind], self._registered.of(report))
        self._nearby = {nearby.report_id: nearby for nearby in sought.nearby}
        lock_neighbourhoods(session, sought.neighbourhoods())
        found, near = sought.find(session)
        self._returns = Returns(session, new)
        held = self._known.case_ids
        self._after = successors(session, {held[report.incident_id] for report in new if report.incident_id in held})
        wanted = found | set(self._known.case_ids.values()) | self._elsewhere(new) | muting.case_ids
        wanted |= {case_id for cases in self._after.values() for case_id in cases} | self._returns.case_ids
        self._cases = {case.id: case for case in lock_cases(session, wanted)}
        # Read only now: what others count on an incident, they count under the lock of its case.
        self.incidents = _incidents_of(session, incident_ids, self._cases)
        self._joined_from = _by_case(self._also_in)
        self._by_watch: dict[JoinKey, list[Case]] = {}
        self._by_place: dict[_JoinName, list[Case]] = {}
        self._holdings = Holdings(session, near)
        for case in self._cases.values():
            self._remember(case)

    def where(self, report: Report) -> Whereabouts:
        return self._registered.of(report)

    def case_of(self, incident: Incident) -> Case:
        return self._cases[incident.case_id]

    def muted_by(self, report: Report, kind: Kind) -> Case | None:
        """Returns the rejected case that mutes a new incident, which cannot be told from what was rejected."""
        if not self._muting.rejected or not may_be_muted(report, kind):
            return None
        occurred_at = moments_of(report).occurred_at
        for same in self._muting.same_as(report):
            case = self._cases.get(same.case_id)
            if case is None or case.state is not CaseState.REJECTED or self._has_left(case):
                continue
            if case.muted_until is not None and occurred_at < case.muted_until:
                return case
        return None

    def look_of(self, report: Report) -> str | None:
        return self._muting.looks.get(report.incident_id)

    def open_case_for(self, report: Report, kind: Kind, *, instead_of: Case | None = None) -> Case | None:
        """Returns the open case that an incident joins, or None where a new one has to be made.

        instead_of: the ended case that holds the incident so far; what was made since for the same goes first.
        Raises: MovedOn.
        """
        if instead_of is not None:
            if not self._known.needs_a_case(report.incident_id):
                raise MovedOn
            if (case := self._open_among(self._after.get(instead_of.id, ()))) is not None:
                return case
        return self._that_returns(report) or self._of_same_watch(report, kind) or self._of_same_thing(report, kind)

    def add_case(self, case: Case) -> None:
        """Makes a new case known to the reports that follow in this batch."""
        self._cases[case.id] = case
        self._holdings.begin(case.id)
        self._remember(case)

    def open_again(self, case: Case) -> None:
        """A case that had ended takes incidents in again."""
        self._remember(case)

    def add_incident(self, incident: Incident, case: Case) -> None:
        """Makes an incident that has just come into a case known to the reports that follow, and to its watch."""
        self.incidents[incident.id] = incident
        self._holdings.add(incident, case.id)
        self._returns.add(incident)
        watch = (incident.edge_id, incident.watch_id)
        if incident.watch_id and watch != (case.edge_id, case.watch_id):
            self._remember_also_in(watch, incident.kind_key, case)

    def _has_left(self, case: Case) -> bool:
        """Whether all incidents of the case have cleared as gone, also by what this batch has told so far."""
        told = [incident for incident in self.incidents.values() if incident.case_id == case.id]
        if not any(incident.clear_reason == GONE for incident in told):
            return case.gone_at is not None
        others = (Incident.case_id == case.id) & Incident.id.not_in([incident.id for incident in told])
        stays = select(Incident.id).where(others, or_(Incident.clear_reason.is_(None), Incident.clear_reason != GONE))
        return all(incident.clear_reason == GONE for incident in told) and not self._session.scalar(stays.limit(1))

    def _open_among(self, case_ids: Iterable[UUID]) -> Case | None:
        cases = (self._cases.get(case_id) for case_id in case_ids)
        return next((case for case in cases if case is not None and case.state in OPEN), None)

    def _that_returns(self, report: Report) -> Case | None:
        case = self._open_among(self._returns.cases_of(report))
        return case if case is not None and _may_be_one(case, self.where(report).asset_id) else None

    def _of_same_watch(self, report: Report, kind: Kind) -> Case | None:
        if not joins_by_watch(report, kind):
            return None
        asset_id = self.where(report).asset_id
        cases = [case for case in self._by_watch.get(join_key(report), ()) if _may_be_one(case, asset_id)]
        if len(cases) <= 1:
            return cases[0] if cases else None
        box, watch = box_of(report), _watch_of(report)
        # Where a person split cases of one watch, the box says whose this is; else the oldest.
        return max(cases, key=lambda case: (self._overlap(case, watch, box), -case.id.int))

    def _overlap(self, case: Case, watch: WatchKey, box: Sequence[float] | None) -> float:
        held = self._holdings.of(case.id)
        return max((overlap(each.box, box) for each in held if each.watch == watch), default=0.0)

    def _of_same_thing(self, report: Report, kind: Kind) -> Case | None:
        where, nearby = self.where(report), self._nearby.get(report.report_id)
        for name in _names_sought(report, kind, where, nearby):
            for case in sorted(self._by_place.get(name, ()), key=lambda case: case.id):
                if not _may_be_one(case, where.asset_id) or case.state not in OPEN:
                    continue
                if nearby is None or (nearby.fits(case) and self._is_from_elsewhere(report, case)):
                    return case
        return None

    def _is_from_elsewhere(self, report: Report, case: Case) -> bool:
        """Whether no incident of the case is of the same source, or of a watch that is kept apart from this one."""
        source, watch = (report.edge_id, report.source_id), _watch_of(report)
        held = self._holdings.of(case.id)
        return not any(each.source == source or self._holdings.kept_apart(each.watch, watch) for each in held)

    def _remember(self, case: Case) -> None:
        if case.state not in OPEN:
            return
        # The detected kind, because a person may have given the case another one since.
        if case.watch_id:
            self._by_watch.setdefault((case.edge_id, case.watch_id, case.detected_kind_key), []).append(case)
        for key in self._joined_from.get(case.id, ()):
            self._by_watch.setdefault(key, []).append(case)
        for name in _names_of(case):
            self._by_place.setdefault(name, []).append(case)

    def _remember_also_in(self, watch: WatchKey, kind_key: str, case: Case) -> None:
        pairs, pair = self._also_in.setdefault(watch, []), [kind_key, str(case.id)]
        if pair in pairs:
            return
        # Those that ended are not joined any more; the oldest of the others are the least likely to be.
        pairs[:] = [*[each for each in pairs if self._may_matter(UUID(each[1]))][-_ALSO_IN_MAX + 1 :], pair]
        self._by_watch.setdefault((*watch, kind_key), []).append(case)
        remember_also_in(self._session, watch, pairs)

    def _may_matter(self, case_id: UUID) -> bool:
        case = self._cases.get(case_id)
        return case is None or case.state in OPEN or case.state is CaseState.REJECTED

    def _needs_a_case(self, report: Report) -> bool:
        return (
            report.kind in self.kinds
            and report.report_id not in self.seen
            and self._known.needs_a_case(report.incident_id)
        )

    def _elsewhere(self, new: Iterable[Report]) -> set[UUID]:
        """The cases that began elsewhere and hold incidents of these watches."""
        watches = {_watch_of(report) for report in new}
        return {UUID(case_id) for watch in watches for _, case_id in self._also_in.get(watch, ())}


def _names_sought(report: Report, kind: Kind, where: Whereabouts, nearby: Nearby | None) -> list[_JoinName]:
    names: list[_JoinName] = []
    if (asset := asset_of(kind, where)) is not None:
        names.append(("asset", *asset))
    if (source := source_of_fault(report, kind)) is not None:
        names.append(("source", *source))
    if nearby is not None:
        names.extend(("cell", nearby.family, cell) for cell in sorted(nearby.cells))
    return names


def _names_of(case: Case) -> Iterable[_JoinName]:
    for family in {case.family, case.given_family} - {None}:
        if case.asset_id is not None:
            yield ("asset", family, case.asset_id)
        if case.edge_id:
            yield ("source", family, case.edge_id, case.source_id)
        if case.longitude is not None and case.latitude is not None:
            yield ("cell", family, cell_of(case.longitude, case.latitude))


def _by_case(also_in: Mapping[WatchKey, AlsoIn]) -> dict[UUID, list[JoinKey]]:
    keys: dict[UUID, list[JoinKey]] = {}
    for watch, pairs in also_in.items():
        for kind_key, case_id in pairs:
            keys.setdefault(UUID(case_id), []).append((*watch, kind_key))
    return keys


def _may_be_one(case: Case, asset_id: str | None) -> bool:
    """Never two assets."""
    return asset_id is None or case.asset_id in (None, asset_id)


def _watch_of(report: Report) -> WatchKey:
    return report.edge_id, report.watch_id


def _seen_cases(session: Session, report_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    seen = one_of(session, ReportRow.report_id, report_ids)
    rows = session.execute(select(ReportRow.report_id, ReportRow.case_id).where(seen))
    return {row.report_id: row.case_id for row in rows}


def _incidents_of(session: Session, incident_ids: set[UUID], cases: Mapping[UUID, Case]) -> dict[UUID, Incident]:
    if not cases:
        return {}
    # One made since the cases were locked is left out: to insert it fails, and the batch is tried again.
    asked = one_of(session, Incident.id, incident_ids) & one_of(session, Incident.case_id, cases)
    found = session.scalars(select(Incident).where(asked))
    return {incident.id: incident for incident in found}
