"""The clock of a case's stage: when it is due, what is left while it rests, and the ledger that tells it all again.

Pure: a clock and a line go in, a clock or a line comes out. One clock runs at a time. ``after`` is the only place where
a clock changes, so that ``replay`` of the ledger gives exactly what the case's columns say.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import reduce
from typing import Protocol

from api.clocks.work_time import WorkingHours, WorkTimeError, after_s, counted_s, limit_s


class Stage(StrEnum):
    """accept: until an alarm is filed or turned down. The others: until the case is dispatched, handled, closed."""

    ACCEPT = "accept"
    DISPATCH = "dispatch"
    HANDLE = "handle"
    CHECK = "check"


class Entry(StrEnum):
    START = "start"
    STOP = "stop"
    PAUSE = "pause"
    RESUME = "resume"
    EXTEND = "extend"


@dataclass(frozen=True, slots=True)
class Limit:
    """amount: of the unit, a value of ``LimitUnit``."""

    amount: float
    unit: str

    @property
    def seconds(self) -> float:
        return limit_s(self.amount, self.unit)


@dataclass(frozen=True, slots=True)
class Clock:
    """The clock columns of a case, under their names there. Nothing is due while it rests, or where none runs.

    stage_limit: of the stage that runs, with what it was extended by.
    handle_due_at, close_due_at: of the current round of handling; they stay after it was handled, and, where it was
    returned when it was overdue, until it is dispatched anew.
    """

    stage: str | None = None
    stage_started_at: datetime | None = None
    stage_due_at: datetime | None = None
    stage_limit: float | None = None
    stage_limit_unit: str | None = None
    paused_at: datetime | None = None
    remaining_s: float | None = None
    handle_due_at: datetime | None = None
    close_due_at: datetime | None = None


class Line(Protocol):
    """A line of the ledger, as it is to be written or as it was read."""

    @property
    def at(self) -> datetime: ...
    @property
    def stage(self) -> str: ...
    @property
    def entry(self) -> str: ...
    @property
    def limit(self) -> float | None: ...
    @property
    def limit_unit(self) -> str | None: ...
    @property
    def due_at(self) -> datetime | None: ...
    @property
    def close_due_at(self) -> datetime | None: ...
    @property
    def remaining_s(self) -> float | None: ...


@dataclass(frozen=True, slots=True)
class NewLine:
    """A line to be written: ``due_at`` is by when the stage is due after it, and where it stops, by when it was."""

    at: datetime
    stage: str
    entry: str
    limit: float | None
    limit_unit: str | None
    due_at: datetime | None = None
    close_due_at: datetime | None = None
    remaining_s: float | None = None


def start(stage: Stage, limit: Limit | None, *, at: datetime, hours: WorkingHours, check: Limit | None) -> NewLine:
    """A full limit from now on; None: it is never due.

    check: the limit of the check, which adds to when it is to be handled by when it is to be closed.
    """
    if limit is None:
        return NewLine(at, stage, Entry.START, None, None)
    due = due_after(at, limit.seconds, limit.unit, hours)
    close_due = _close_due(stage, due, check, hours)
    return NewLine(at, stage, Entry.START, limit.amount, limit.unit, due_at=due, close_due_at=close_due)


def stop(clock: Clock, *, at: datetime, hours: WorkingHours) -> NewLine | None:
    """None where no clock runs."""
    if clock.stage is None:
        return None
    left = _remaining(clock, at, hours) if clock.paused_at is None else clock.remaining_s
    return _line(clock, Entry.STOP, at, due_at=clock.stage_due_at, remaining_s=left)


def pause(clock: Clock, *, at: datetime, hours: WorkingHours) -> NewLine | None:
    """None where no clock runs, or it rests already."""
    if clock.stage is None or clock.paused_at is not None:
        return None
    return _line(clock, Entry.PAUSE, at, remaining_s=_remaining(clock, at, hours))


def resume(clock: Clock, *, at: datetime, hours: WorkingHours, check: Limit | None) -> NewLine | None:
    """The due moves so that what was left is left again. None where the clock does not rest."""
    if clock.stage is None or clock.paused_at is None:
        return None
    due = None
    if clock.remaining_s is not None and clock.stage_limit_unit is not None:
        due = due_after(at, clock.remaining_s, clock.stage_limit_unit, hours)
    close_due = _close_due(clock.stage, due, check, hours)
    if clock.stage == Stage.CHECK:
        close_due = _moved_close_due(clock, at, hours)
    return _line(clock, Entry.RESUME, at, due_at=due, close_due_at=close_due)


def extend(clock: Clock, by: Limit, *, at: datetime, hours: WorkingHours, check: Limit | None) -> NewLine | None:
    """Adds a limit to what is due. None where no clock runs, or it rests."""
    if clock.stage is None or clock.stage_due_at is None:
        return None
    due = due_after(clock.stage_due_at, by.seconds, by.unit, hours)
    close_due = _close_due(clock.stage, due, check, hours)
    return NewLine(at, clock.stage, Entry.EXTEND, by.amount, by.unit, due_at=due, close_due_at=close_due)


def after(clock: Clock, line: Line) -> Clock:
    """Returns the clock as a line of the ledger leaves it."""
    if line.entry == Entry.START:
        # A case that waits for its dispatch is due to be handled by nobody; who returns it late does not undo that.
        was_late = clock.handle_due_at is not None and clock.handle_due_at <= line.at
        renewed = line.stage == Stage.HANDLE or (line.stage == Stage.DISPATCH and not was_late)
        return Clock(
            stage=line.stage,
            stage_started_at=line.at,
            stage_due_at=line.due_at,
            stage_limit=line.limit,
            stage_limit_unit=line.limit_unit,
            handle_due_at=(line.due_at if line.stage == Stage.HANDLE else None) if renewed else clock.handle_due_at,
            close_due_at=line.close_due_at if renewed else clock.close_due_at,
        )
    if line.entry == Entry.STOP:
        return Clock(handle_due_at=clock.handle_due_at, close_due_at=clock.close_due_at)
    rests = line.entry == Entry.PAUSE
    more = line.limit if line.entry == Entry.EXTEND else None
    moved = replace(
        clock,
        stage_due_at=line.due_at,
        paused_at=line.at if rests else None,
        remaining_s=line.remaining_s if rests else None,
        stage_limit=clock.stage_limit if more is None else (clock.stage_limit or 0.0) + more,
    )
    if line.stage == Stage.CHECK and line.entry == Entry.RESUME:
        return replace(moved, close_due_at=line.close_due_at)
    if line.stage != Stage.HANDLE:
        return moved
    return replace(moved, handle_due_at=line.due_at, close_due_at=line.close_due_at)


def replay(lines: Iterable[Line]) -> Clock:
    """Returns the clock columns that the ledger tells; the lines of one case, in their order."""
    return reduce(after, lines, Clock())


def recomputed(lines: Iterable[Line], hours: WorkingHours, *, check: Limit | None) -> list[NewLine]:
    """Returns the lines as they follow from what was done and when, worked out anew with these hours and this check.

    They are equal to the ledger unless the calendar or the limit of the check was edited since.
    """
    clock, anew = Clock(), []
    for line in lines:
        made = _anew(clock, line, hours, check)
        if made is None:
            raise ValueError(f"the ledger says {line.entry} of {line.stage} at {line.at}, where no clock could do so")
        anew.append(made)
        clock = after(clock, made)
    return anew


def _anew(clock: Clock, line: Line, hours: WorkingHours, check: Limit | None) -> NewLine | None:
    limit = None if line.limit is None or line.limit_unit is None else Limit(line.limit, line.limit_unit)
    match Entry(line.entry):
        case Entry.START:
            return start(Stage(line.stage), limit, at=line.at, hours=hours, check=check)
        case Entry.STOP:
            return stop(clock, at=line.at, hours=hours)
        case Entry.PAUSE:
            return pause(clock, at=line.at, hours=hours)
        case Entry.RESUME:
            return resume(clock, at=line.at, hours=hours, check=check)
        case Entry.EXTEND:
            return extend(clock, limit, at=line.at, hours=hours, check=check) if limit else None


def next_step_at(clock: Clock, shares: Sequence[float], *, known_overdue: bool, hours: WorkingHours) -> datetime | None:
    """Returns when the next of these shares of the limit is used up, or the stage is overdue; None while it rests."""
    if clock.stage_due_at is None or clock.stage_limit is None or clock.stage_limit_unit is None:
        return None
    moments = [_share_at(clock, share, hours) for share in shares]
    if not known_overdue:
        moments.append(clock.stage_due_at)
    return min((moment for moment in moments if moment is not None), default=None)


def share_reached(clock: Clock, share: float, *, at: datetime, hours: WorkingHours) -> bool:
    """Whether this share of the stage's limit is used up."""
    reached_at = _share_at(clock, share, hours)
    return reached_at is not None and reached_at <= at


def due_after(start: datetime, seconds: float, unit: str, hours: WorkingHours) -> datetime | None:
    """None where it cannot be worked out, such as in work hours of a calendar without any: then it is never due.

    A case must not get stuck, nor an alarm be lost, because somebody emptied a calendar.
    """
    try:
        return after_s(start, seconds, unit, hours)
    except WorkTimeError:
        return None


def _share_at(clock: Clock, share: float, hours: WorkingHours) -> datetime | None:
    if clock.stage_due_at is None or clock.stage_limit is None or clock.stage_limit_unit is None:
        return None
    beyond_s = (share - 1.0) * limit_s(clock.stage_limit, clock.stage_limit_unit)
    return due_after(clock.stage_due_at, beyond_s, clock.stage_limit_unit, hours)


def _close_due(stage: str, handle_due: datetime | None, check: Limit | None, hours: WorkingHours) -> datetime | None:
    if stage != Stage.HANDLE or handle_due is None or check is None:
        return None
    return due_after(handle_due, check.seconds, check.unit, hours)


def _moved_close_due(clock: Clock, at: datetime, hours: WorkingHours) -> datetime | None:
    """A check that rested leaves as much until the case is to be closed as was left when it began to rest."""
    if clock.close_due_at is None or clock.paused_at is None or clock.stage_limit_unit is None:
        return clock.close_due_at
    try:
        left_s = counted_s(clock.paused_at, clock.close_due_at, clock.stage_limit_unit, hours)
    except WorkTimeError:
        return clock.close_due_at
    return due_after(at, left_s, clock.stage_limit_unit, hours)


def _remaining(clock: Clock, at: datetime, hours: WorkingHours) -> float | None:
    if clock.stage_due_at is None or clock.stage_limit_unit is None:
        return None
    try:
        return counted_s(at, clock.stage_due_at, clock.stage_limit_unit, hours)
    except WorkTimeError:
        return None


def _line(clock: Clock, entry: Entry, at: datetime, **rest: object) -> NewLine:
    return NewLine(at, str(clock.stage), entry, None, clock.stage_limit_unit, **rest)  # type: ignore[arg-type]
