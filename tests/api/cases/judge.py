"""Compares cases with their models: the state, the history, the ledger, the audit rows; also of acts at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from random import Random
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.acts.clocks import NewLine, Stage, recomputed, replay
from api.acts.stage_rules import load_rules
from api.acts.timers import clock_of
from api.tables import AuditRow, Case, CaseAsk, HistoryLine, TimerLine
from tests.api.cases.town import CAMERA, Attempt, Town
from tests.api.cases.workflow_model import MOVES, PEOPLE, RUBBISH, STALL, STATES, WORDS, Modelled, attempt, tell

BY_PERSON = {"checked_by": "person"}
_STAGE_OF = {
    **dict.fromkeys(("filed", "returned"), "dispatch"),
    **dict.fromkeys(("dispatched", "handling", "suspended"), "handle"),
    **dict.fromkeys(("handled", "checking"), "check"),
    "detected": "accept",
}
_LINES = frozenset(WORDS.values()) | {
    *("suspended", "expired", "seen_again", "still_there", "merged", "merged_here", "unmerged"),
}
_COUNTS = ("rework_count", "return_count", "extension_count", "suspension_count", "reopened_count")


class Judge:
    """Keeps a model of each case of one example; reports: what made them."""

    town: Town

    def __init__(self) -> None:
        self.ids: list[UUID] = []
        self.reports: list[Any] = []
        self.models: list[Modelled] = []
        self.accepted: list[int] = []
        self.asks: list[list[UUID]] = []

    def likely(self, luck: Random, number: int) -> Attempt:
        """What somebody may do now, if anybody may do anything: at random nearly everything would be refused."""
        model, now = self.models[number], self.town.clock()
        may = [(who, act) for who in PEOPLE for act in MOVES if attempt(model, who, act, BY_PERSON, now)[0] == 200]
        if model.state in ("dispatched", "handling"):
            may += [(who, "asks") for who, (_, department) in PEOPLE.items() if department == model.department]
        if any(decided is None for _, decided in model.asks):
            may += [("supervisor", "decide")] * 3
        may += [("operator-1", "comments"), ("supervisor", "flags"), ("operator-2", "assign"), ("operator-2", "kind")]
        return self.attempt(luck, number, *luck.choice(may))

    def attempt(self, luck: Random, number: int, who: str, act: str) -> Attempt:
        model = self.models[number]
        said: dict[str, Any] = {}
        if act in ("reject", "return", "void", "fail-check", "reopen", "flags", "asks"):
            said["reason"] = "because"
        if act == "dispatch":
            said["department"] = luck.choice([None, None, "urban-management", "sanitation"])
        if act == "close":
            said |= {"checked_by": luck.choice(["person", "camera"]), "note": "it is clear"}
        if act == "asks":
            said["type"] = luck.choice(["extension", "suspension"])
        if act == "decide":
            said |= {"number": luck.randrange(len(model.asks) + 1), "granted": luck.random() < 0.7}
        if act == "kind":
            said["kind"] = luck.choice([STALL, RUBBISH])
        if act == "flags":
            said["urgent"] = True
        if act == "assign":
            said["assignee"] = luck.choice([None, who])
        if act == "comments":
            said["text"] = "who is that?"
        elif luck.random() < 0.5:
            said["version"] = luck.choice([model.version, model.version, max(1, model.version - 1)])
        return who, act, said

    def all_at_once(self, number: int, some: Sequence[Attempt]) -> None:
        """Finds an order in which the model answers as the API did, and ends where the case is now."""
        case_id, asks = self.ids[number], self.asks[number]
        statuses = list(self.town.threads.map(lambda one: self.town.act(case_id, asks, one), some))
        errors = []
        for order in permutations(range(len(some))):
            model, expected = self._in_order(number, [some[place] for place in order])
            if expected != [statuses[place] for place in order]:
                errors.append(f"{expected}")
                continue
            try:
                self._compare(number, model, accepted=_accepted(some, statuses))
            except AssertionError as error:
                errors.append(str(error))
                continue
            return
        self.town.broken.append(f"{some} on {self.models[number]} gave {statuses}, expected one of {errors}")
        raise AssertionError(self.town.broken[-1])

    def _in_order(self, number: int, some: Sequence[Attempt]) -> tuple[Modelled, list[int]]:
        model, expected, now = self.models[number], [], self.town.clock()
        for who, act, said in some:
            if who == "camera":
                told = tell(model, act, now)
                expected.append(0 if told == model else 200)
                model = told
            else:
                status, model = attempt(model, who, act, said, now)
                expected.append(status)
        return model, expected

    def must_be(self, number: int, model: Modelled, *, accepted: int = 0) -> None:
        try:
            self._compare(number, model, accepted=accepted)
        except AssertionError as error:
            self.town.broken.append(f"case {number} is not {model}: {error}")
            raise

    def _compare(self, number: int, model: Modelled, *, accepted: int = 0) -> None:
        """The case, its history, its ledger and its audit rows are as the model says; then the model is taken over."""
        with self.town.database.read() as session:
            case = session.get_one(Case, self.ids[number])
            assert case.state.value in STATES
            assert (case.state.value, case.version) == (model.state, model.version)
            assert (case.kind_key, case.department) == (model.kind, model.department)
            assert [getattr(case, name) for name in _COUNTS] == [model.count(name) for name in _COUNTS]
            assert _words(session, case) == list(model.lines)
            asks = session.scalars(select(CaseAsk).where(CaseAsk.case_id == case.id).order_by(CaseAsk.id)).all()
            asked = [(ask.type, {None: None, True: "granted", False: "refused"}[ask.granted]) for ask in asks]
            assert sorted(map(str, asked)) == sorted(map(str, model.asks))
            rows = select(func.count()).where(AuditRow.subject == f"case:{case.id}")
            assert session.scalar(rows) == self.accepted[number] + accepted
            self._compare_clocks(case, model, session.scalars(_ledger(case)).all(), load_rules(session))
            if model.wall_limit is None and case.handle_due_at is not None:
                model = replace(model, due_at=case.handle_due_at)
            # When it was last seen, and whether all of it is gone, is what joining answers for.
            seen = {"last_seen_at": case.last_seen_at, "gone": case.gone_at is not None}
            self.models[number] = replace(model, asks=tuple(asked), **seen)
            self.accepted[number] += accepted
            self.asks[number] = [ask.id for ask in asks]

    def _compare_clocks(self, case: Case, model: Modelled, ledger: Sequence[TimerLine], rules: Any) -> None:
        clock = clock_of(case)
        assert clock.stage == _STAGE_OF.get(model.former or model.state)
        assert (clock.paused_at is not None) == (model.state in ("suspended", "merged"))
        if model.wall_limit is not None:
            assert clock.handle_due_at == model.due_at
        assert replay(ledger) == clock
        anew = recomputed(ledger, rules.hours, check=rules.limits[Stage.CHECK])
        names = list(NewLine.__dataclass_fields__)
        assert [[getattr(line, name) for name in names] for line in ledger] == [
            [getattr(line, name) for name in names] for line in anew
        ]


def _words(session: Session, case: Case) -> list[str]:
    """What the history tells; but for what a merge says of whether it is gone, in words that reports use too."""
    lines = select(HistoryLine).where(HistoryLine.case_id == case.id).order_by(HistoryLine.id)
    told = [line for line in session.scalars(lines) if line.action in _LINES]
    return [line.action for line in told if line.action != "seen_again" or line.actor == CAMERA]


def _ledger(case: Case) -> Any:
    return select(TimerLine).where(TimerLine.case_id == case.id).order_by(TimerLine.id)


def _accepted(some: Sequence[Attempt], statuses: Sequence[int]) -> int:
    return sum(who != "camera" and status < 300 for (who, _, _), status in zip(some, statuses, strict=True))
