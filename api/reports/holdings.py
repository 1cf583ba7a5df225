"""What cases hold, as far as it decides what else they may take in: the sources, watches and boxes of incidents."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import or_, select, tuple_
from sqlalchemy.orm import Session

from api.matching import one_of
from api.reports.locks import WatchKey
from api.tables import Incident, KeptApart


@dataclass(frozen=True, slots=True)
class Held:
    """One incident of a case."""

    edge_id: str
    source_id: str
    watch_id: str
    box: Sequence[float] | None

    @property
    def source(self) -> tuple[str, str]:
        return self.edge_id, self.source_id

    @property
    def watch(self) -> WatchKey:
        return self.edge_id, self.watch_id


class Holdings:
    """The incidents of those cases that were asked for, and of all that came into cases in this batch."""

    def __init__(self, session: Session, case_ids: Collection[UUID]) -> None:
        self._session = session
        self._held: dict[UUID, list[Held]] = {}
        self._loaded: set[UUID] = set()
        self._apart: dict[WatchKey, set[WatchKey]] = {}
        self._load(case_ids)

    def begin(self, case_id: UUID) -> None:
        """A new case, of which the database knows nothing."""
        self._loaded.add(case_id)

    def add(self, incident: Incident, case_id: UUID) -> None:
        held = Held(incident.edge_id, incident.source_id, incident.watch_id, incident.box)
        self._held.setdefault(case_id, []).append(held)

    def of(self, case_id: UUID) -> Sequence[Held]:
        self._load({case_id} - self._loaded)
        return self._held.get(case_id, ())

    def _load(self, case_ids: Collection[UUID]) -> None:
        if not case_ids:
            return
        self._loaded.update(case_ids)
        held = select(Incident.case_id, Incident.edge_id, Incident.source_id, Incident.watch_id, Incident.box)
        rows = self._session.execute(held.where(one_of(self._session, Incident.case_id, case_ids)))
        for case_id, edge_id, source_id, watch_id, box in rows:
            self._held.setdefault(case_id, []).append(Held(edge_id, source_id, watch_id, box))

    def kept_apart(self, one: WatchKey, other: WatchKey) -> bool:
        """Whether an operator has split what these two watches saw; what a person reports is of none."""
        if not one[1] or not other[1] or one == other:
            return False
        if other not in self._apart:
            self._apart[other] = _apart_from(self._session, other)
        return one in self._apart[other]


def _apart_from(session: Session, watch: WatchKey) -> set[WatchKey]:
    first, second = tuple_(KeptApart.edge_a, KeptApart.watch_a), tuple_(KeptApart.edge_b, KeptApart.watch_b)
    rows = session.scalars(select(KeptApart).where(or_(first == watch, second == watch)))
    pairs = [((row.edge_a, row.watch_a), (row.edge_b, row.watch_b)) for row in rows]
    return {b if a == watch else a for a, b in pairs}
