"""Filed cases as GeoReport's service requests: where, what and how far, and nothing of persons."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from api.cases.scope import visible
from api.cases.states import ENDED, FILED, CaseState
from api.open311.documents import Content, moment
from api.open311.services import is_public, service_name
from api.people.callers import ANONYMOUS
from api.rights import Rights
from api.tables import Case, Department, HistoryLine, Kind
from api.tables.base import UtcTime

READ = "open311.read_filed"
REPORTER = "open311"
"""How the reporter of a case begins whose description was written for this interface."""

ROWS_MAX = 1000
SPAN = timedelta(days=90)
_CLOCKS_DIFFER = timedelta(days=2)
_NOTES = {
    CaseState.FILED: "Filed, to be dispatched",
    CaseState.DISPATCHED: "Dispatched to those who handle it",
    CaseState.HANDLING: "Being handled",
    CaseState.SUSPENDED: "Suspended",
    CaseState.RETURNED: "Returned, to be dispatched anew",
    CaseState.HANDLED: "Handled, to be checked",
    CaseState.CHECKING: "Handled, being checked",
    CaseState.CLOSED: "Closed",
    CaseState.VOID: "Void",
}


@dataclass(frozen=True, slots=True)
class RequestFilter:
    """from_at, until_at: between which a request was made. status: open, closed, or both where it is empty."""

    from_at: datetime
    until_at: datetime
    service_codes: frozenset[str] = frozenset()
    status: frozenset[str] = frozenset()

    def conditions(self) -> list[ColumnElement[bool]]:
        conditions = [
            Case.created_at >= self.from_at,
            Case.created_at <= self.until_at,
            # Ids sort by time, and the newest are looked at first: this says where to begin and to end.
            Case.id >= _first_id(self.from_at - _CLOCKS_DIFFER),
            Case.id <= _first_id(self.until_at + _CLOCKS_DIFFER),
        ]
        if self.service_codes:
            conditions.append(Case.kind_key.in_(sorted(self.service_codes)))
        states = [state for state in sorted(FILED) if status_of(state) in self.status]
        if states:
            conditions.append(Case.state.in_(states))
        return conditions


@dataclass(frozen=True, slots=True)
class Shower:
    """How requests are shown: in the site's time zone, in Chinese or English."""

    rights: Rights
    zone: ZoneInfo
    chinese: bool

    def listed(self, session: Session, wanted: RequestFilter) -> list[Content]:
        """Returns the newest ``ROWS_MAX``, newest first."""
        return self._shown(session, wanted.conditions())

    def found(self, session: Session, request_ids: Collection[str]) -> list[Content]:
        """Returns those that are filed; an id is a case's number, or its UUID."""
        ids = {_as_uuid(request_id) for request_id in request_ids} - {None}
        return self._shown(session, [or_(Case.number.in_(sorted(request_ids)), Case.id.in_(ids))])

    def _shown(self, session: Session, conditions: Sequence[ColumnElement[bool]]) -> list[Content]:
        changed_at = (
            select(func.max(HistoryLine.at, type_=UtcTime())).where(HistoryLine.case_id == Case.id).scalar_subquery()
        )
        into = select(func.max(_Into.number)).where(_Into.id == Case.merged_into).scalar_subquery()
        # An alarm that went into another one before it was filed has no number, and is no request.
        query = (
            select(Case, Kind, Department, changed_at, into)
            .join(Kind, Kind.key == Case.kind_key)
            .outerjoin(Department, Department.key == Case.department)
            .where(is_public(), Case.number.is_not(None), *visible(self.rights, ANONYMOUS, action=READ), *conditions)
        )
        rows = session.execute(query.order_by(Case.id.desc()).limit(ROWS_MAX)).all()
        return [self._request(*row) for row in rows]

    def _request(
        self, case: Case, kind: Kind, department: Department | None, changed_at: datetime | None, into: str | None
    ) -> Content:
        name = service_name(kind, chinese=self.chinese)
        agency = case.department
        if department is not None:
            agency = department.name_zh if self.chinese else department.name_en
        # Only who reported here knew that the words would be read by all.
        described = case.description if (case.reporter or "").startswith(REPORTER) else None
        return {
            "service_request_id": case.number,
            "status": status_of(case.state),
            "status_notes": f"Continued as {into}" if case.state is CaseState.MERGED else _NOTES.get(case.state),
            "service_name": name,
            "service_code": kind.key,
            "description": described or name,
            "agency_responsible": agency,
            "service_notice": None,
            "requested_datetime": moment(case.created_at, self.zone),
            "updated_datetime": moment(changed_at or case.created_at, self.zone),
            "expected_datetime": moment(case.handle_due_at, self.zone),
            "address": case.address,
            "address_id": None,
            "zipcode": None,
            "lat": case.latitude,
            "long": case.longitude,
            "media_url": None,
        }


_Into: Any = Case.__table__.alias("into_case").c


def status_of(state: CaseState) -> str:
    return "closed" if state in ENDED else "open"


def number_behind(session: Session, token: str) -> tuple[bool, str | None]:
    """Returns whether a token is known, and the number of its case, or of the one it went into, once it is filed."""
    case_id = _as_uuid(token)
    case = session.get(Case, case_id) if case_id is not None else None
    known = case is not None
    for _ in range(10):  # a case that was merged may have gone into one that was merged since
        if case is None or case.number is not None or case.merged_into is None:
            break
        case = session.get(Case, case.merged_into)
    return known, case.number if case is not None else None


def _as_uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _first_id(at: datetime) -> UUID:
    milliseconds = max(0, int(at.timestamp() * 1000))
    return UUID(int=min(milliseconds, 2**48 - 1) << 80)
