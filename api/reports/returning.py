"""Finds the cases of what an edge says has returned: a cart that left and came back is a new incident of one thing.

An incident names the earlier one in ``recurs``. The two may be told in either order, so that both directions count, and
two that name the same one are of one thing too. Only an edge knows its own things, and each watch its own: what another
edge, watch or kind names is no return.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from api.matching import one_of
from api.schemas import Report
from api.tables import Incident

_Question = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class _Told:
    incident_id: UUID
    case_id: UUID
    question: _Question


class Returns:
    """What is known of returns among the new incidents of a batch; made under the locks of their watches."""

    def __init__(self, session: Session, reports: Iterable[Report]) -> None:
        self._by_id: dict[UUID, _Told] = {}
        self._by_recurs: dict[UUID, dict[UUID, _Told]] = {}
        new = {report.incident_id: report.recurs for report in reports if report.watch_id}
        earlier = {recurs for recurs in new.values() if recurs is not None}
        if new:
            # Two statements: either finds its index by itself.
            self._read(session, one_of(session, Incident.recurs, {*new, *earlier}))
        if earlier:
            self._read(session, one_of(session, Incident.id, earlier))

    @property
    def case_ids(self) -> set[UUID]:
        return {told.case_id for told in self._by_id.values()}

    def add(self, incident: Incident) -> None:
        """An incident has come into a case, or gone to another one."""
        question = (incident.edge_id, incident.watch_id, incident.kind_key)
        self._keep(_Told(incident.id, incident.case_id, question), incident.recurs)

    def cases_of(self, report: Report) -> Sequence[UUID]:
        """Returns the cases of the same thing: of what it is the return of, of its returns, of other returns."""
        told: list[_Told] = []
        if report.recurs in self._by_id:
            told.append(self._by_id[report.recurs])
        for named in (report.incident_id, report.recurs):
            told += self._by_recurs.get(named, {}).values() if named is not None else ()
        question = (report.edge_id, report.watch_id, report.kind)
        same = (each for each in told if each.question == question and each.incident_id != report.incident_id)
        return list(dict.fromkeys(each.case_id for each in same))

    def _read(self, session: Session, which: ColumnElement[bool]) -> None:
        columns = select(
            Incident.id, Incident.recurs, Incident.case_id, Incident.edge_id, Incident.watch_id, Incident.kind_key
        )
        for incident_id, recurs, case_id, *question in session.execute(columns.where(which).order_by(Incident.id)):
            edge_id, watch_id, kind_key = question
            self._keep(_Told(incident_id, case_id, (edge_id, watch_id, kind_key)), recurs)

    def _keep(self, told: _Told, recurs: UUID | None) -> None:
        self._by_id[told.incident_id] = told
        if recurs is not None:
            self._by_recurs.setdefault(recurs, {})[told.incident_id] = told
