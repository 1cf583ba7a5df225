"""What clocks go by: working hours, the limits of stages, the steps of escalation. All of it is data of the place."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from sqlalchemy import bindparam, exists, select
from sqlalchemy.orm import Session

from api.acts.clocks import Limit
from api.asking import Asks, Question
from api.clocks.work_time import WorkingHours, load_working_hours
from api.inserting import insert_if_absent
from api.kept import Kept, Subject, changed
from api.tables import EscalationStep, StageLimit

_CATALOGUE = Path(__file__).parent.parent / "catalogue"
STAGE_LIMITS_CSV = _CATALOGUE / "stage_limits.csv"
ESCALATION_STEPS_CSV = _CATALOGUE / "escalation_steps.csv"

REOPEN = "reopen"
EXPIRE = "expire"
"""Rows of ``stage_limits`` that are no stages: how long a case may be reopened, and an alarm be unseen."""

# Columns, not objects, and built once: each act of a person asks for them.
_limits, _steps = StageLimit.__table__.c, EscalationStep.__table__.c
_LIMITS = select(_limits.stage, _limits.limit, _limits.limit_unit)
_STEPS = select(_steps.stage, _steps.level, _steps.share, _steps.tells).order_by(_steps.stage, _steps.level)
_REOPEN_WINDOW = Question(select(_limits.limit, _limits.limit_unit).where(_limits.stage == bindparam("stage")))


@dataclass(frozen=True, slots=True)
class EscalationLevel:
    """share: of the stage's limit. tells: a word for those who are told, such as a role."""

    level: int
    share: float
    tells: str


@dataclass(frozen=True, slots=True)
class StageRules:
    """limits: by stage; one that has none is never due. levels: by stage, lowest first."""

    hours: WorkingHours
    limits: Mapping[str, Limit] = field(default_factory=dict)
    levels: Mapping[str, tuple[EscalationLevel, ...]] = field(default_factory=dict)


def load_rules(session: Session) -> StageRules:
    """Returns what holds now, without reading it again where nothing has changed.

    Raises: CalendarMissing. CalendarRefused.
    """
    return _rules.of(session)


def _read_rules(session: Session) -> StageRules:
    levels: dict[str, tuple[EscalationLevel, ...]] = {}
    for step in session.execute(_STEPS):
        levels[step.stage] = (*levels.get(step.stage, ()), EscalationLevel(step.level, step.share, step.tells))
    return StageRules(hours=load_working_hours(session), limits=load_limits(session), levels=levels)


_rules = Kept(Subject.RULES, _read_rules)


def load_limits(session: Session) -> dict[str, Limit]:
    return {row.stage: Limit(row.limit, row.limit_unit) for row in session.execute(_LIMITS)}


def reopen_window(asks: Asks) -> Limit | None:
    """Returns how long a case may be reopened after it was closed; None: at any time."""
    rows = asks(_REOPEN_WINDOW, {"stage": REOPEN})
    return Limit(rows[0]["limit"], rows[0]["limit_unit"]) if rows else None


def seed_rules(session: Session) -> None:
    """Fills either table where it is empty: what a city has changed or removed must outlive an upgrade."""
    if not session.scalar(select(exists().select_from(StageLimit))):
        limits = [row | {"limit": float(Fraction(row["limit"]))} for row in _rows(STAGE_LIMITS_CSV)]
        changed(session, Subject.RULES)
        insert_if_absent(session, StageLimit, limits, unique=["stage"])
    if not session.scalar(select(exists().select_from(EscalationStep))):
        steps = [
            row | {"level": int(row["level"]), "share": float(row["share"])} for row in _rows(ESCALATION_STEPS_CSV)
        ]
        changed(session, Subject.RULES)
        insert_if_absent(session, EscalationStep, steps, unique=["stage", "level"])


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
