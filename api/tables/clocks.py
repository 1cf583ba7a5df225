"""The tables of a case's clocks: every start, stop and pause; what was asked of them; calendars; limits of stages."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import JSON, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from api.tables.base import Base, JsonObject, Name, RowNumber, Text, Uuid7Key


class TimerLine(Base):
    """One line of the timer ledger: what happened to the clock of a stage, and by when the stage was due then.

    entry: start, stop, pause, resume or extend. limit: of a start, and what an extension added.
    due_at, close_due_at: by when the stage was due after it, and the whole case where the stage is the handling, or
    a check that rested.
    remaining_s: what was left of the limit when it was paused or stopped, in the seconds that the limit's unit counts;
    negative once overdue.
    """

    __tablename__ = "timer_ledger"

    id: Mapped[RowNumber]
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))
    at: Mapped[datetime]
    stage: Mapped[Name]
    entry: Mapped[Name]
    limit: Mapped[float | None]
    limit_unit: Mapped[Name | None]
    due_at: Mapped[datetime | None]
    close_due_at: Mapped[datetime | None]
    remaining_s: Mapped[float | None]
    actor: Mapped[Text]
    reason: Mapped[Text | None]

    __table_args__ = (Index(None, "case_id", "id"),)


class CaseAsk(Base):
    """A handler's wish for an extension or a suspension; ``granted`` is None until that is decided, or it lapsed."""

    __tablename__ = "case_asks"

    id: Mapped[Uuid7Key]
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), index=True)
    type: Mapped[Name]
    reason: Mapped[Text]
    asked_at: Mapped[datetime]
    asked_by: Mapped[Text]
    granted: Mapped[bool | None]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[Text | None]
    note: Mapped[Text | None]


class Calendar(Base):
    """Working time: ``hours`` are pairs of local times such as ["08:00", "12:00"], ``weekdays`` 0 (Monday) to 6."""

    __tablename__ = "calendars"

    key: Mapped[Name] = mapped_column(primary_key=True)
    name: Mapped[Text]
    time_zone: Mapped[Name]
    hours: Mapped[list[list[str]]] = mapped_column(JSON)
    weekdays: Mapped[list[int]] = mapped_column(JSON)


class CalendarDay(Base):
    """A day that is not what its weekday says: a holiday, or a make-up working day. ``day``: YYYY-MM-DD, local."""

    __tablename__ = "calendar_days"

    calendar_key: Mapped[Name] = mapped_column(ForeignKey("calendars.key"), primary_key=True)
    day: Mapped[Name] = mapped_column(primary_key=True)
    working: Mapped[bool]
    name: Mapped[Text]


class StageLimit(Base):
    """How long a stage that is not the handling itself may take: accept, dispatch, check.

    Two more rows are no stages: ``expire``, after how long unseen an alarm expires; ``reopen``, how long after closing
    a case may be reopened.
    """

    __tablename__ = "stage_limits"

    stage: Mapped[Name] = mapped_column(primary_key=True)
    limit: Mapped[float]
    limit_unit: Mapped[Name]


class EscalationStep(Base):
    """``share`` of a stage's limit after which ``level`` is reached; ``tells`` whom: a word for those who are told."""

    __tablename__ = "escalation_steps"

    stage: Mapped[Name] = mapped_column(primary_key=True)
    level: Mapped[int] = mapped_column(primary_key=True)
    share: Mapped[float]
    tells: Mapped[Name]
    settings: Mapped[JsonObject | None] = mapped_column(JSON(none_as_null=True))
