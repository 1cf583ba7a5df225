"""What merging, taking back and splitting share: the locks, and what follows for both cases."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from api.cases.decisions import Decision
from api.cases.history import Act, line
from api.cases.states import CaseState
from api.reports.candidates import JoinKey
from api.reports.gone import gone_in_database
from api.reports.locks import AlsoIn, WatchKey, lock_watches, remember_also_in
from api.tables import Case, Evidence, Incident
from api.tables.base import UtcTime

ALSO_IN_MAX = 100


class LockedWatches:
    """The watches of some incidents, locked before any case is, so that no report joins what is being moved."""

    def __init__(self, session: Session, moving: ColumnElement[bool]) -> None:
        self._session = session
        self._moving = moving
        self._also_in = lock_watches(session, {key[:2] for key in self._read()})

    def keys(self) -> set[JoinKey] | None:
        """Watches and kinds of the incidents as they are under the locks; None if another watch has come to them."""
        keys = self._read()
        return keys if {key[:2] for key in keys} <= self._also_in.keys() else None

    def come_to(self, case: Case, keys: Iterable[JoinKey]) -> None:
        """From now on new incidents of these watches join the case."""
        for edge_id, watch_id, kind_key in keys:
            pairs, pair = self._also_in[edge_id, watch_id], [kind_key, str(case.id)]
            if (edge_id, watch_id) != (case.edge_id, case.watch_id) and pair not in pairs:
                self._keep((edge_id, watch_id), [*pairs, pair][-ALSO_IN_MAX:])

    def leave(self, case: Case, keys: Iterable[JoinKey]) -> None:
        """New incidents of these watches join the case no longer, unless it still holds one of them."""
        held = _keys(self._session, Incident.case_id == case.id)
        for edge_id, watch_id, kind_key in set(keys) - held:
            pairs = [pair for pair in self._also_in[edge_id, watch_id] if pair != [kind_key, str(case.id)]]
            self._keep((edge_id, watch_id), pairs)

    def _keep(self, watch: WatchKey, pairs: AlsoIn) -> None:
        self._also_in[watch] = pairs
        remember_also_in(self._session, watch, pairs)

    def _read(self) -> set[JoinKey]:
        return _keys(self._session, self._moving)


def move_incidents(session: Session, moving: ColumnElement[bool], source: Case, target: Case) -> None:
    """Takes incidents to another case, with what machines showed of them; what people added stays where it is."""
    ids = select(Incident.id).where(moving)
    shown = (Evidence.case_id == source.id) & Evidence.incident_id.in_(ids) & Evidence.added_by.is_(None)
    session.execute(update(Evidence).where(shown).values(case_id=target.id).execution_options(**_UNSEEN))
    session.execute(update(Incident).where(moving).values(case_id=target.id).execution_options(**_UNSEEN))


def recount(session: Session, case: Case, decision: Decision) -> None:
    """Works out anew what the case's incidents say; a case without any keeps what it said."""
    session.flush()
    of_case = Incident.case_id == case.id
    count, first_seen_at, last_seen_at, dwell_s, score = session.execute(
        select(
            func.count(),
            func.min(Incident.first_seen_at, type_=UtcTime()),
            func.max(Incident.last_seen_at, type_=UtcTime()),
            func.max(Incident.dwell_s),
            func.max(Incident.score),
        ).where(of_case)
    ).one()
    case.incidents_count = count
    gone_at = gone_in_database(session, [case.id]).get(case.id)
    if count:
        case.first_seen_at, case.last_seen_at, case.dwell_s, case.score = first_seen_at, last_seen_at, dwell_s, score
        if (gone_at is None) != (case.gone_at is None):
            act = Act.SEEN_AGAIN if gone_at is None else Act.GONE
            actor = decision.caller.actor
            session.add(line(case.id, act, at=decision.at, actor=actor, request_id=decision.request_id))
    case.gone_at = gone_at


def merged_under(session: Session, case_id: UUID) -> set[UUID]:
    """Returns the cases that were merged into this one, and into those, and so on."""
    found: set[UUID] = set()
    latest: Sequence[UUID] = [case_id]
    while latest:
        into = Case.merged_into.in_(latest) & (Case.state == CaseState.MERGED)
        latest = [child for child in session.scalars(select(Case.id).where(into)) if child not in found]
        found.update(latest)
    return found


_UNSEEN = {"synchronize_session": False}


def _keys(session: Session, which: ColumnElement[bool]) -> set[JoinKey]:
    """What people report is of no watch."""
    columns = select(Incident.edge_id, Incident.watch_id, Incident.kind_key).where(which, Incident.watch_id != "")
    return {(edge_id, watch_id, kind_key) for edge_id, watch_id, kind_key in session.execute(columns.distinct())}
