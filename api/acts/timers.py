"""Moves the clock of a case: each start, stop, pause, resume and extension changes its columns and is a ledger line.

The functions change the case and return the lines as values of ``timer_ledger``, all with the same keys, so that
people's acts add them one by one and reports many at once. A case that is not in the database yet will do.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import datetime

from sqlalchemy.orm import Session

from api.acts import clocks
from api.acts.clocks import Clock, Entry, Limit, NewLine, Stage
from api.acts.stage_rules import EscalationLevel, StageRules
from api.inserting import insert_beside
from api.tables import Case, TimerLine
from api.tables.base import JsonObject

_COLUMNS = [column.name for column in fields(Clock)]
CLOCK_COLUMNS = (*_COLUMNS, "overdue_at", "escalation", "escalates_at")
"""All columns of a case that starting a clock sets."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When something happens to a clock, who does it and why, and by which rules."""

    at: datetime
    actor: str
    rules: StageRules
    reason: str | None = None


def clock_of(case: Case) -> Clock:
    return Clock(**{name: getattr(case, name) for name in _COLUMNS})


def start_clock(case: Case, stage: Stage, moment: Moment, *, limit: Limit | None = None) -> list[JsonObject]:
    """Stops the clock that runs and starts this one; ``limit``: the stage's own where it is left out."""
    limit = limit or moment.rules.limits.get(stage)
    check = moment.rules.limits.get(Stage.CHECK)
    lines = stop_clock(case, moment)
    return [
        *lines,
        *_write(case, clocks.start(stage, limit, at=moment.at, hours=moment.rules.hours, check=check), moment),
    ]


def stop_clock(case: Case, moment: Moment) -> list[JsonObject]:
    return _write(case, clocks.stop(clock_of(case), at=moment.at, hours=moment.rules.hours), moment)


def pause_clock(case: Case, moment: Moment) -> list[JsonObject]:
    return _write(case, clocks.pause(clock_of(case), at=moment.at, hours=moment.rules.hours), moment)


def resume_clock(case: Case, moment: Moment) -> list[JsonObject]:
    check = moment.rules.limits.get(Stage.CHECK)
    line = clocks.resume(clock_of(case), at=moment.at, hours=moment.rules.hours, check=check)
    return _write(case, line, moment)


def extend_clock(case: Case, by: Limit, moment: Moment) -> list[JsonObject]:
    check = moment.rules.limits.get(Stage.CHECK)
    line = clocks.extend(clock_of(case), by, at=moment.at, hours=moment.rules.hours, check=check)
    return _write(case, line, moment)


def keep_lines(session: Session, lines: list[JsonObject]) -> None:
    insert_beside(session, TimerLine, lines)


def is_overdue(case: Case, *, at: datetime) -> bool:
    """Whether the stage that runs is overdue, whatever the chore has noticed yet."""
    return case.stage_due_at is not None and case.stage_due_at <= at


def levels_ahead(case: Case, rules: StageRules) -> list[EscalationLevel]:
    """Returns the levels of the stage that runs that were not reached yet, lowest first."""
    return [level for level in rules.levels.get(case.stage or "", ()) if level.level > case.escalation]


def plan_escalation(case: Case, rules: StageRules) -> None:
    """Sets when the next level of the stage is reached, or the stage is overdue."""
    shares = [level.share for level in levels_ahead(case, rules)]
    case.escalates_at = clocks.next_step_at(
        clock_of(case), shares, known_overdue=case.overdue_at is not None, hours=rules.hours
    )


def _write(case: Case, line: NewLine | None, moment: Moment) -> list[JsonObject]:
    if line is None:
        return []
    clock = clocks.after(clock_of(case), line)
    for name in _COLUMNS:
        setattr(case, name, getattr(clock, name))
    if line.entry in (Entry.START, Entry.STOP, Entry.EXTEND):
        # A new limit, or a longer one, is told of from the beginning.
        case.overdue_at, case.escalation = None, 0
    plan_escalation(case, moment.rules)
    return [{"case_id": case.id, **asdict(line), "actor": moment.actor, "reason": moment.reason}]
