"""What a report does to the state of a case, without a person: the clock of a new alarm, seen again, still there.

Each function works on a case that the caller has locked, or that is new. It changes the case and returns what is to be
written, as values of rows, so that a batch of reports writes all of its lines at once; see ``api.inserting``. None of
them counts the case's version: that counts what people decided.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from api.acts.clocks import Limit, Stage
from api.acts.stage_rules import REOPEN, StageRules
from api.acts.timers import Moment, pause_clock, resume_clock, start_clock
from api.cases.history import Act, line_values
from api.cases.states import CaseState
from api.tables import Case
from api.tables.base import JsonObject


@dataclass(frozen=True, slots=True)
class Machine:
    """Who tells when: ``at`` is now, ``actor`` such as ``edge:gate-3``, ``rules`` from ``load_rules``, once a batch."""

    at: datetime
    actor: str
    rules: StageRules
    request_id: str | None = None

    def moment(self, reason: str | None = None) -> Moment:
        return Moment(at=self.at, actor=self.actor, rules=self.rules, reason=reason)


@dataclass(frozen=True, slots=True)
class Happened:
    """history: values for ``history``. timers: values for ``timer_ledger``."""

    history: list[JsonObject] = field(default_factory=list)
    timers: list[JsonObject] = field(default_factory=list)


def begin_alarm(case: Case, machine: Machine) -> list[JsonObject]:
    """A new alarm waits to be reviewed: starts its accept clock, and returns values for ``timer_ledger``."""
    return start_clock(case, Stage.ACCEPT, machine.moment())


def seen_again(case: Case, machine: Machine, details: JsonObject | None = None) -> Happened:
    """expired -> detected: it is reviewed like a new alarm. Nothing happens to a case in another state."""
    if case.state is not CaseState.EXPIRED:
        return Happened()
    case.state, case.ended_at = CaseState.DETECTED, None
    return Happened([_line(case, Act.SEEN_AGAIN, machine, details)], begin_alarm(case, machine))


def still_there(case: Case, machine: Machine, details: JsonObject | None = None) -> Happened:
    """handled -> checking, marked: its camera sees the problem after it was handled; a person decides.

    A case that is being checked is marked once. Nothing happens to a case in another state. ``details``: the picture.
    """
    if case.state not in (CaseState.HANDLED, CaseState.CHECKING) or case.still_there:
        return Happened()
    case.state, case.still_there = CaseState.CHECKING, True
    return Happened([_line(case, Act.STILL_THERE, machine, details)])


def may_reopen(case: Case, *, at: datetime, window: Limit | None) -> bool:
    """Whether a case was closed so short a time ago that it goes on; window: ``rules.limits.get("reopen")``."""
    if case.state is not CaseState.CLOSED or case.closed_at is None or window is None:
        return False
    return at - case.closed_at <= timedelta(seconds=window.seconds)


def reopen(case: Case, moment: Moment) -> list[JsonObject]:
    """closed -> handling: a new round with the full limit. Returns values for ``timer_ledger``."""
    case.state = CaseState.HANDLING
    case.reopened_count += 1
    case.closed_at = case.ended_at = case.handled_at = case.handled_by = None
    case.still_there = False
    return start_handling_clock(case, moment)


def seen_after_closing(case: Case, machine: Machine, details: JsonObject | None = None) -> Happened:
    """closed -> handling, within the window; nothing happens to a case in another state, or closed longer ago."""
    if not may_reopen(case, at=machine.at, window=machine.rules.limits.get(REOPEN)):
        return Happened()
    timers = reopen(case, machine.moment("still seen"))
    return Happened([_line(case, Act.REOPENED, machine, details)], timers)


def start_handling_clock(case: Case, moment: Moment) -> list[JsonObject]:
    """Begins a round of handling with the limit that was fixed at the dispatch."""
    limit = None if case.limit is None or case.limit_unit is None else Limit(case.limit, case.limit_unit)
    return start_clock(case, Stage.HANDLE, moment, limit=limit)


def rest_while_merged(case: Case, moment: Moment) -> list[JsonObject]:
    """The clock of a case that goes into another one rests. Returns values for ``timer_ledger``."""
    return pause_clock(case, moment)


def go_on_after_merge(case: Case, moment: Moment) -> list[JsonObject]:
    """The clock of a case that was taken back to its former state goes on, unless it is suspended there."""
    return [] if case.state is CaseState.SUSPENDED else resume_clock(case, moment)


def _line(case: Case, act: Act, machine: Machine, details: JsonObject | None) -> JsonObject:
    return line_values(case.id, act, at=machine.at, actor=machine.actor, request_id=machine.request_id, details=details)
