"""Finds what retention may remove, in the database."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, bindparam, exists, func, literal, select
from sqlalchemy import case as when
from sqlalchemy.orm import Session, aliased

from api.cases.evidence import EXPIRED
from api.cases.history import Act
from api.cases.states import CaseState
from api.evidence.retention_policy import RetentionPolicy, Rule
from api.tables import Case, Evidence, EvidenceDeletion, HistoryLine, ReportRow
from api.tables.base import UtcTime

_BEFORE_ALL_CASES = datetime(1900, 1, 1, tzinfo=UTC)
_CASES_AT_ONCE = 100
_NO_CHANGE = (Act.PLATE_EVIDENCE_READ.value, Act.EVIDENCE_EXPIRED.value)
"""Lines of history that do not make a case younger."""


@dataclass(frozen=True, slots=True)
class DueCase:
    """A case that ended longer ago than its rule says. ended_at: when it last changed or was seen, aware, UTC."""

    id: UUID
    kind: str
    state: CaseState
    ended_at: datetime
    rule: Rule


class Search:
    """Finds cases that are due at ``now``, and their items that no open or younger case shares.

    A case ended when it last changed: when it was last seen, or at the last line of its history, whichever is later.
    """

    def __init__(self, policy: RetentionPolicy, kinds: Collection[str], *, now: datetime) -> None:
        self._policy = policy
        self._terms = policy.kinds_by_term(kinds)
        self._now = now
        # Built once: for thousands of cases, building them would take longer than running them.
        may_go = self._may_go()
        self._due_cases = (
            select(Case, func.max(HistoryLine.at))
            .outerjoin(HistoryLine, and_(HistoryLine.case_id == Case.id, HistoryLine.action.not_in(_NO_CHANGE)))
            .where(self._is_due(Case), exists().where(Evidence.case_id == Case.id, may_go))
            .group_by(Case.id)
            .order_by(Case.id)
            .limit(_CASES_AT_ONCE)
        )
        self._items = (
            select(Evidence.sha256)
            .join(Case, Case.id == Evidence.case_id)
            .where(Case.id == bindparam("case_id"), self._is_due(Case), may_go)
            .distinct()
            .order_by(Evidence.sha256)
        )
        self._items_among = self._items.where(Evidence.sha256.in_(bindparam("among", expanding=True)))

    def cases(self, session: Session, *, after: UUID | None) -> list[DueCase]:
        """Returns the next hundred cases with something to remove, in the order of their ids."""
        due_cases = self._due_cases if after is None else self._due_cases.where(Case.id > after)
        return [self._due(case, changed_at) for case, changed_at in session.execute(due_cases).all()]

    def items(self, session: Session, case_id: UUID, *, limit: int) -> list[str]:
        """Returns the sha256 of a case's items that may go; none where the case is not due (any more)."""
        return list(session.scalars(self._items.limit(limit), {"case_id": case_id}))

    def still_due(self, session: Session, case_id: UUID, names: Sequence[str]) -> list[str]:
        """Returns those of the items that may still go, and keeps others from changing the case meanwhile."""
        session.execute(select(Case.id).where(Case.id == case_id).with_for_update())
        return list(session.scalars(self._items_among, {"case_id": case_id, "among": names}))

    def unfinished(self, session: Session, names: Collection[str]) -> set[str]:
        """Returns those that a line of the audit names already, and that are still to be removed."""
        waiting = EvidenceDeletion.sha256.in_(names) & EvidenceDeletion.removed_at.is_(None)
        return set(session.scalars(select(EvidenceDeletion.sha256).where(waiting)))

    def _may_go(self) -> ColumnElement[bool]:
        """Whether the item is there to be shown, and no open or younger case may show the same bytes."""
        other, its_case = aliased(Evidence), aliased(Case)
        is_shared = (
            exists()
            .where(other.sha256 == Evidence.sha256, other.state != EXPIRED, other.case_id != Evidence.case_id)
            .where(its_case.id == other.case_id, ~self._is_due(its_case))
        )
        return and_(Evidence.state != EXPIRED, ~is_shared)

    def _is_due(self, case: Any) -> ColumnElement[bool]:
        """Never NULL, so that it may be denied."""
        unchanged_since = self._unchanged_since(case)
        later = aliased(HistoryLine)
        changed_later = exists().where(
            later.case_id == case.id, later.at > unchanged_since, later.action.not_in(_NO_CHANGE)
        )
        states = {state for state, _ in self._terms}
        return and_(case.state.in_(states), case.last_seen_at <= unchanged_since, ~changed_later)

    def _unchanged_since(self, case: Any) -> ColumnElement[datetime]:
        """Since when a case must not have changed, by its state and kind."""
        never = literal(_BEFORE_ALL_CASES, UtcTime())
        terms = (
            (and_(case.state == state, case.kind_key.in_(kinds)), literal(self._now - timedelta(days=days), UtcTime()))
            for (state, days), kinds in self._terms.items()
        )
        return when(*terms, else_=never) if self._terms else never

    def _due(self, case: Case, changed_at: datetime | None) -> DueCase:
        rule = self._policy.rule_for(case.kind_key, case.state)
        if rule is None:
            raise LookupError(f"case {case.id} is due by no rule")
        ended_at = max(case.last_seen_at, changed_at or case.last_seen_at)
        return DueCase(case.id, case.kind_key, case.state, ended_at, rule)


def first_report_at(session: Session) -> datetime | None:
    """Returns since when this database records reports, None where it has none."""
    return session.scalar(select(ReportRow.recorded_at).order_by(ReportRow.id).limit(1))


def named_by_a_case(session: Session, names: Collection[str]) -> set[str]:
    """Returns those that a case may still show."""
    shown = Evidence.sha256.in_(names) & (Evidence.state != EXPIRED)
    return set(session.scalars(select(Evidence.sha256).where(shown).distinct()))
