"""What time does to cases: old alarms expire, stages become overdue and are escalated."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from api.acts.clocks import share_reached
from api.acts.stage_rules import EXPIRE, StageRules, load_rules
from api.acts.timers import Moment, clock_of, is_overdue, keep_lines, levels_ahead, plan_escalation, stop_clock
from api.cases.history import Act, line
from api.cases.states import CaseState
from api.chores.runner import Chore
from api.reports.by_people import PERSON
from api.services import Services
from api.tables import Case, Incident
from api.tables.base import JsonObject

_ACTOR = "clock"
_AT_ONCE = 200
"""Cases in one transaction: few enough that whoever acts on one of them does not wait long."""


def expire_alarms(services: Services) -> None:
    """detected -> expired: alarms that nobody reviewed or reported, and nothing has seen for the limit ``expire``."""
    while _expire_some(services, at=services.clock()) == _AT_ONCE:
        pass


def escalate(services: Services) -> None:
    """Writes down which stages became overdue, and which levels of escalation they reached; each once."""
    while _escalate_some(services, at=services.clock()) == _AT_ONCE:
        pass


STAGE_CHORES = (
    Chore("escalation", every_s=5.0, run=escalate),
    Chore("expiry of alarms", every_s=60.0, run=expire_alarms),
)


def _expire_some(services: Services, *, at: datetime) -> int:
    with services.database.write() as session:
        rules = load_rules(session)
        limit = rules.limits.get(EXPIRE)
        if limit is None:
            return 0
        unseen_since = at - timedelta(seconds=limit.seconds)
        # What a person said waits for a person's answer, however long.
        said = exists().where(Incident.case_id == Case.id, Incident.source_type == PERSON)
        old = (
            select(Case)
            .where(Case.state == CaseState.DETECTED, Case.last_seen_at < unseen_since, Case.created_at < unseen_since)
            .where(~said)
            .order_by(Case.id)
        )
        cases = session.scalars(old.limit(_AT_ONCE).with_for_update(skip_locked=True)).all()
        for case in cases:
            case.state, case.ended_at = CaseState.EXPIRED, at
            keep_lines(session, stop_clock(case, Moment(at=at, actor=_ACTOR, rules=rules)))
            _tell(session, case, Act.EXPIRED, at, {"unseen_since": case.last_seen_at.isoformat()})
        return len(cases)


def _escalate_some(services: Services, *, at: datetime) -> int:
    with services.database.write() as session:
        ripe = select(Case).where(Case.escalates_at <= at).order_by(Case.escalates_at)
        cases = session.scalars(ripe.limit(_AT_ONCE).with_for_update(skip_locked=True)).all()
        rules = load_rules(session) if cases else None
        for case in cases:
            for act, details in _steps(case, rules, at) if rules else ():
                _tell(session, case, act, at, details)
        return len(cases)


def _steps(case: Case, rules: StageRules, at: datetime) -> Iterator[tuple[Act, JsonObject]]:
    """Yields what has come about since the last time, and plans the next time."""
    stage = {"stage": case.stage, "due_at": None if case.stage_due_at is None else case.stage_due_at.isoformat()}
    if case.overdue_at is None and is_overdue(case, at=at):
        case.overdue_at = case.stage_due_at
        yield Act.OVERDUE, stage
    for level in levels_ahead(case, rules):
        if share_reached(clock_of(case), level.share, at=at, hours=rules.hours):
            case.escalation = level.level
            yield Act.ESCALATED, stage | {"level": level.level, "share": level.share, "tells": level.tells}
    plan_escalation(case, rules)


def _tell(session: Session, case: Case, act: Act, at: datetime, details: JsonObject) -> None:
    session.add(line(case.id, act, at=at, actor=_ACTOR, request_id=None, details=details))
