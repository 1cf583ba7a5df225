"""What must come of an act on a case, written down from the field's rules and not from the code that it judges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

STALL, RUBBISH = "street-encroachment", "exposed-garbage"
DEPARTMENT_OF = {STALL: "urban-management", RUBBISH: "sanitation"}
WALL_LIMIT = {STALL: timedelta(hours=2), RUBBISH: None}
"""RUBBISH counts four work hours: the calendar has tests of its own, so the model asks when it is due."""

REOPEN_WITHIN = timedelta(hours=2)
EXPIRES_AFTER = timedelta(hours=72)
MAX_EXTENSIONS, MAX_SUSPENSIONS = 2, 1
_DISTANT = timedelta(days=365)

PEOPLE: Mapping[str, tuple[str, str | None]] = {
    "operator-1": ("operator", None),
    "operator-2": ("operator", None),
    "supervisor": ("supervisor", None),
    "handler-um": ("handler", "urban-management"),
    "handler-sa": ("handler", "sanitation"),
}

MOVES: Mapping[str, tuple[frozenset[str], str]] = {
    "confirm": (frozenset({"detected"}), "filed"),
    "reject": (frozenset({"detected"}), "rejected"),
    "dispatch": (frozenset({"filed", "returned"}), "dispatched"),
    "start": (frozenset({"dispatched"}), "handling"),
    "finish": (frozenset({"handling"}), "handled"),
    "return": (frozenset({"dispatched", "handling"}), "returned"),
    "void": (frozenset({"filed", "returned"}), "void"),
    "resume": (frozenset({"suspended"}), "handling"),
    "check": (frozenset({"handled"}), "checking"),
    "close": (frozenset({"checking"}), "closed"),
    "fail-check": (frozenset({"checking"}), "handling"),
    "reopen": (frozenset({"closed"}), "handling"),
}
ENDED = frozenset({"rejected", "expired", "closed", "void", "merged"})
UNFILED = frozenset({"detected", "rejected", "expired"})
STATES = UNFILED | ENDED | {move[1] for move in MOVES.values()} | {"suspended"}
OPEN = STATES - ENDED

_REVIEWERS = frozenset({"operator", "supervisor"})
_HANDLERS = frozenset({"supervisor", "handler"})
_ANYBODY = _REVIEWERS | _HANDLERS
MAY: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("confirm", "reject", "dispatch", "check", "close", "fail-check", "reopen", "kind"), _REVIEWERS),
    **dict.fromkeys(("start", "finish", "resume", "return"), _HANDLERS),
    **dict.fromkeys(("void", "decide", "flags"), frozenset({"supervisor"})),
    "asks": frozenset({"handler"}),
    "assign": _ANYBODY,
    "comments": _ANYBODY,
}
WORDS: Mapping[str, str] = {
    **{"confirm": "confirmed", "reject": "rejected", "dispatch": "dispatched", "start": "started"},
    **{"finish": "handled", "return": "returned", "void": "voided", "resume": "resumed", "check": "checking"},
    **{"close": "closed", "fail-check": "check_failed", "reopen": "reopened", "asks": "asked"},
    **{"kind": "kind_changed", "flags": "flagged", "assign": "assigned", "comments": "commented"},
    "decide": "ask_decided",
}
DECIDES_NOTHING = frozenset({"asks", "comments"})


@dataclass(frozen=True)
class Modelled:
    """A case as it must be. lines: what its history must tell, without what only time and reports told."""

    kind: str
    department: str
    last_seen_at: datetime
    state: str = "detected"
    version: int = 1
    wall_limit: timedelta | None = None
    due_at: datetime | None = None
    left: timedelta | None = None
    handled_by: str | None = None
    closed_at: datetime | None = None
    assignee: str | None = None
    gone: bool = False
    still_there: bool = False
    former: str | None = None
    merged_into: int | None = None
    asks: tuple[tuple[str, str | None], ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    lines: tuple[str, ...] = ()

    def counted(self, name: str) -> Mapping[str, int]:
        return {**self.counts, name: self.counts.get(name, 0) + 1}

    def count(self, name: str) -> int:
        return self.counts.get(name, 0)


def attempt(case: Modelled, who: str, act: str, said: Mapping[str, Any], now: datetime) -> tuple[int, Modelled]:
    """Returns the status that the act must be answered with, and the case as it must be afterwards."""
    role, department = PEOPLE[who]
    if role not in MAY[act]:
        return 403, case
    if role == "handler" and (case.department != department or case.state in UNFILED):
        return 403, case
    if case.state not in _states(act, said):
        return 409, case
    if said.get("version") not in (None, case.version):
        return 409, case
    status, after = _do(case, who, act, said, now)
    if status >= 300:
        return status, case
    word = "suspended" if act == "decide" and after.state == "suspended" else WORDS[act]
    version = case.version + (act not in DECIDES_NOTHING)
    return status, replace(after, version=version, lines=(*case.lines, word))


def _states(act: str, said: Mapping[str, Any]) -> frozenset[str]:
    if act in MOVES:
        return MOVES[act][0]
    if act == "asks":
        return frozenset({"handling"} if said["type"] == "suspension" else {"dispatched", "handling"})
    return STATES if act in ("decide", "comments") else OPEN


def _do(case: Modelled, who: str, act: str, said: Mapping[str, Any], now: datetime) -> tuple[int, Modelled]:
    if act in MOVES:
        return _move(case, who, act, said, now)
    if act in ("kind", "assign"):
        return _give(case, who, act, said)
    if act == "asks":
        return _ask(case, said["type"], now)
    if act == "decide":
        return _decide(case, said["number"], said["granted"], now)
    return 200, case


def _give(case: Modelled, who: str, act: str, said: Mapping[str, Any]) -> tuple[int, Modelled]:
    if act == "kind":
        moves = case.state in {"detected", "filed", "returned"}
        department = DEPARTMENT_OF[said["kind"]] if moves else case.department
        assignee = case.assignee if department == case.department else None
        return 200, replace(case, kind=said["kind"], department=department, assignee=assignee)
    if PEOPLE[who][0] == "handler" and case.assignee not in (None, who):
        return 403, case
    return 200, replace(case, assignee=said["assignee"])


def _move(case: Modelled, who: str, act: str, said: Mapping[str, Any], now: datetime) -> tuple[int, Modelled]:
    if act == "close":
        return _close(case, who, said, now)
    if act == "reopen":
        return (200, reopened(case, now)) if may_reopen(case, now) else (409, case)
    return 200, _moved(case, who, act, said, now)


def _moved(case: Modelled, who: str, act: str, said: Mapping[str, Any], now: datetime) -> Modelled:
    moved = replace(case, state=MOVES[act][1])
    if act == "dispatch":
        department = said.get("department") or case.department
        assignee = case.assignee if department == case.department else None
        moved = replace(moved, department=department, assignee=assignee, wall_limit=WALL_LIMIT[case.kind])
        return _new_round(moved, now)
    if act == "return":
        counts = case.counted("return_count")
        is_late = case.due_at is not None and case.due_at <= now
        due_at = case.due_at if is_late else None
        return replace(moved, counts=counts, due_at=due_at, assignee=None, asks=_lapsed(case))
    if act == "resume":
        return replace(moved, due_at=now + (case.left or timedelta()), left=None)
    if act == "finish":
        return replace(moved, handled_by=who, asks=_lapsed(case))
    if act == "fail-check":
        moved = replace(moved, counts=case.counted("rework_count"), handled_by=None, still_there=False)
        return _new_round(moved, now)
    return moved


def _lapsed(case: Modelled) -> tuple[tuple[str, str | None], ...]:
    """What nobody decided in a round of handling is refused when it ends."""
    return tuple((wanted, decided or "refused") for wanted, decided in case.asks)


def _close(case: Modelled, who: str, said: Mapping[str, Any], now: datetime) -> tuple[int, Modelled]:
    if said["checked_by"] == "person" and case.handled_by == who:
        return 403, case
    if said["checked_by"] == "camera" and not case.gone:
        return 409, case
    return 200, replace(case, state="closed", closed_at=now, still_there=False)


def may_reopen(case: Modelled, now: datetime) -> bool:
    return case.state == "closed" and case.closed_at is not None and now - case.closed_at <= REOPEN_WITHIN


def reopened(case: Modelled, now: datetime) -> Modelled:
    counts = case.counted("reopened_count")
    moved = replace(case, state="handling", counts=counts, closed_at=None, handled_by=None, still_there=False)
    return _new_round(moved, now)


def _new_round(case: Modelled, now: datetime) -> Modelled:
    return replace(case, due_at=now + (case.wall_limit or _DISTANT), left=None)


def _ask(case: Modelled, wanted: str, now: datetime) -> tuple[int, Modelled]:
    if not _may_have(case, wanted, now) or (wanted, None) in case.asks:
        return 409, case
    return 201, replace(case, asks=(*case.asks, (wanted, None)))


def _decide(case: Modelled, number: int, granted: bool, now: datetime) -> tuple[int, Modelled]:
    if number >= len(case.asks):
        return 404, case
    wanted, decided = case.asks[number]
    if decided is not None:
        return 409, case
    if granted and (case.state not in _states("asks", {"type": wanted}) or not _may_have(case, wanted, now)):
        return 409, case
    asks = (*case.asks[:number], (wanted, "granted" if granted else "refused"), *case.asks[number + 1 :])
    case = replace(case, asks=asks)
    if not granted:
        return 200, case
    if wanted == "extension":
        due_at = (case.due_at or now) + (case.wall_limit or timedelta())
        return 200, replace(case, counts=case.counted("extension_count"), due_at=due_at)
    left = (case.due_at or now) - now
    counts = case.counted("suspension_count")
    return 200, replace(case, state="suspended", counts=counts, due_at=None, left=left)


def _may_have(case: Modelled, wanted: str, now: datetime) -> bool:
    if wanted == "suspension":
        return case.count("suspension_count") < MAX_SUSPENSIONS
    return case.count("extension_count") < MAX_EXTENSIONS and (case.due_at is None or now < case.due_at)


def tell(case: Modelled, word: str, now: datetime) -> Modelled:
    """What a report or the clock does: seen_again, still_there, seen_after_closing, expire."""
    if word == "expire" and case.state == "detected" and now - case.last_seen_at > EXPIRES_AFTER:
        return replace(case, state="expired", lines=(*case.lines, "expired"))
    if word == "seen_again" and case.state == "expired":
        return replace(case, state="detected", lines=(*case.lines, "seen_again"))
    if word == "still_there" and case.state in ("handled", "checking") and not case.still_there:
        return replace(case, state="checking", still_there=True, lines=(*case.lines, "still_there"))
    if word == "seen_after_closing" and may_reopen(case, now):
        return replace(reopened(case, now), lines=(*case.lines, "reopened"))
    return case


def may_merge(who: str, case: Modelled, into: Modelled) -> int:
    """Returns the status: both are to be open, and a filed case does not go into an alarm."""
    if PEOPLE[who][0] not in _REVIEWERS:
        return 403
    filed_into_alarm = "confirmed" in case.lines and "confirmed" not in into.lines
    return 409 if case.state not in OPEN or into.state not in OPEN or filed_into_alarm else 200


def merged(case: Modelled, into: int, now: datetime) -> Modelled:
    rests = case.state in ("dispatched", "handling") and case.due_at is not None
    clock = {"left": case.due_at - now, "due_at": None} if rests and case.due_at else {}
    return replace(told(case, "merged"), state="merged", former=case.state, merged_into=into, **clock)  # type: ignore[arg-type]


def taken_back(case: Modelled, now: datetime) -> Modelled:
    goes_on = case.former in ("dispatched", "handling")
    clock = {"due_at": now + (case.left or timedelta()), "left": None} if goes_on else {}
    return replace(told(case, "unmerged"), state=str(case.former), former=None, merged_into=None, **clock)  # type: ignore[arg-type]


def told(case: Modelled, word: str) -> Modelled:
    """A decision that changes nothing else, as the other case of two that are merged or parted has it."""
    return replace(case, version=case.version + 1, lines=(*case.lines, word))
