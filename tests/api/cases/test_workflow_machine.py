"""Several people, cameras and the clock act on cases at random and at once: no illegal state, and nothing untold.

``pytest --hypothesis-profile=long tests/api/cases/test_workflow_machine.py`` goes on for half an hour.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test
from sqlalchemy import select, update

from api.acts import machine_acts
from api.acts.chores import escalate, expire_alarms
from api.acts.stage_rules import load_rules
from api.audit.chain import seal, verify
from api.inserting import insert_rows
from api.settings import ApiSettings
from api.tables import AuditRow, Case, TimerLine
from tests.api.cases.judge import BY_PERSON, Judge
from tests.api.cases.town import CAMERA, Town
from tests.api.cases.workflow_model import (
    MOVES,
    PEOPLE,
    RUBBISH,
    STALL,
    Modelled,
    attempt,
    may_merge,
    merged,
    taken_back,
    tell,
    told,
)
from tests.api.place import Clocked, Place, a_report, followed
from tests.services.postgres import PostgresCluster

_ACTS = st.sampled_from([*MOVES, "dispatch", "start", "finish", "asks", "decide", "decide", "kind", "flags", "assign"])
_WHO = st.sampled_from(sorted(PEOPLE))
_SEED = st.integers(0, 2**32 - 1)
_TOLD = ("seen_again", "still_there", "seen_after_closing")
_LONG = "long"


class People(Judge, RuleBasedStateMachine):
    """What may happen, in any order; the judge compares after every step."""

    def __init__(self) -> None:
        RuleBasedStateMachine.__init__(self)
        Judge.__init__(self)

    @precondition(lambda self: len(self.ids) < 3)
    @rule(kind=st.sampled_from([STALL, STALL, RUBBISH]), quick=st.sampled_from([0, 2, 3, 4, 5, 5]))
    def begin(self, kind: str, quick: int) -> None:
        """A new alarm; to find the rare ends of a life, some go part of the straight way at once."""
        now = self.town.clock()
        report = a_report(kind=kind, first_seen_at=now, occurred_at=now, received_at=now)
        [answer] = self.town.place.report(report)
        assert answer.case_id is not None, answer.reason
        department = "urban-management" if kind == STALL else "sanitation"
        self.ids.append(answer.case_id)
        self.reports.append(report)
        self.models.append(Modelled(kind=kind, department=department, last_seen_at=now))
        self.accepted.append(0)
        self.asks.append([])
        # Reports start the clock of a new alarm where they record it.
        self._begin_clock(answer.case_id)
        handler = "handler-um" if kind == STALL else "handler-sa"
        way = [("operator-1", "confirm"), ("operator-1", "dispatch"), (handler, "start"), (handler, "finish")]
        for who, act in [*way, ("operator-1", "check")][:quick]:
            self.all_at_once(len(self.ids) - 1, [(who, act, {})])

    def _begin_clock(self, case_id: UUID) -> None:
        with self.town.database.write() as session:
            case = session.get_one(Case, case_id)
            if case.stage is None:
                machine = machine_acts.Machine(at=self.town.clock(), actor=CAMERA, rules=load_rules(session))
                insert_rows(session, TimerLine, machine_acts.begin_alarm(case, machine))

    # What is drawn must not depend on who was faster, so each rule draws a seed and chooses by it.

    @precondition(lambda self: self.ids)
    @rule(who=_WHO, act=_ACTS, seed=_SEED)
    def one_does_anything(self, who: str, act: str, seed: int) -> None:
        luck = _luck(seed)
        number = luck.randrange(len(self.ids))
        self.all_at_once(number, [self.attempt(luck, number, who, act)])

    @precondition(lambda self: self.ids)
    @rule(turns=st.integers(1, 4), seed=_SEED)
    def one_after_the_other_acts(self, turns: int, seed: int) -> None:
        luck = _luck(seed)
        number = luck.randrange(len(self.ids))
        for _ in range(turns):
            self.all_at_once(number, [self.likely(luck, number)])

    @precondition(lambda self: self.ids)
    @rule(turns=st.integers(1, 3), seed=_SEED)
    def some_act_at_once(self, turns: int, seed: int) -> None:
        luck = _luck(seed)
        number = luck.randrange(len(self.ids))
        for _ in range(turns):
            some = [self.likely(luck, number) for _ in range(luck.choice([2, 3]))]
            if luck.random() < 0.5:
                some.append(("camera", luck.choice(_TOLD), {}))
            self.all_at_once(number, some)

    @precondition(lambda self: self.ids)
    @rule(word=st.sampled_from(_TOLD), seed=_SEED)
    def a_camera_tells(self, word: str, seed: int) -> None:
        self.all_at_once(seed % len(self.ids), [("camera", word, {})])

    @precondition(lambda self: len(self.ids) > 1)
    @rule(who=_WHO, seed=_SEED)
    def one_merges_two(self, who: str, seed: int) -> None:
        number, into = _luck(seed).sample(range(len(self.ids)), 2)
        case, other, now = self.models[number], self.models[into], self.town.clock()
        expected = may_merge(who, case, other)
        assert self.town.act(self.ids[number], [], (who, "merge", {"into": str(self.ids[into])})) == expected
        if expected == 200:
            self.must_be(number, merged(case, into, now), accepted=1)
            self.must_be(into, told(other, "merged_here"), accepted=1)

    @precondition(lambda self: self.ids)
    @rule(who=st.sampled_from(["operator-1", "supervisor", "handler-um"]), seed=_SEED)
    def one_takes_back(self, who: str, seed: int) -> None:
        luck, now = _luck(seed), self.town.clock()
        merged_ones = [number for number, model in enumerate(self.models) if model.state == "merged"]
        number = luck.choice(merged_ones or list(range(len(self.ids))))
        expected = 403 if who == "handler-um" else 200 if number in merged_ones else 409
        assert self.town.act(self.ids[number], [], (who, "unmerge", {})) == expected
        if expected == 200:
            holder = self._holder(number)
            self.must_be(number, taken_back(self.models[number], now), accepted=1)
            self.must_be(holder, told(self.models[holder], "unmerged"), accepted=1)

    def _holder(self, number: int) -> int:
        into = self.models[number].merged_into
        return number if into is None else self._holder(into)

    @precondition(lambda self: self.ids)
    @rule(seed=_SEED)
    def it_is_gone(self, seed: int) -> None:
        """The incident that made a case is seen to be gone; another case may hold it now."""
        number = _luck(seed).choice(range(len(self.ids)))
        now = self.town.clock()
        self.town.place.report(followed(self.reports[number], phase="cleared", occurred_at=now, received_at=now))
        holder = self._holder(number)
        self.must_be(holder, self.models[holder])

    @rule(minutes=st.sampled_from([1, 9, 50, 130, 600, 1500, 4400]))
    def time_passes(self, minutes: int) -> None:
        self.town.clock.pass_by(minutes * 60)
        expire_alarms(self.town.services)
        escalate(self.town.services)
        for number, model in enumerate(self.models):
            self.models[number] = tell(model, "expire", self.town.clock())
            self.must_be(number, self.models[number])

    @precondition(lambda self: self.ids)
    @rule(who=_WHO, seed=_SEED)
    def one_looks(self, who: str, seed: int) -> None:
        """The acts that a person is offered are those that would be done."""
        number = seed % len(self.ids)
        answer = self.town.people[who].get(f"/api/v1/cases/{self.ids[number]}")
        model, now = self.models[number], self.town.clock()
        if answer.status_code == 403:
            assert attempt(model, who, "comments", {}, now)[0] == 403
            return
        offered = set(answer.json()["allowed_acts"])
        others_work = replace(model, handled_by=None)
        may = {act for act in MOVES if attempt(others_work, who, act, BY_PERSON, now)[0] == 200}
        assert offered & {act.replace("-", "_") for act in MOVES} == {act.replace("-", "_") for act in may}

    def teardown(self) -> None:
        for number, model in enumerate(self.models):
            self.must_be(number, model)


def _luck(seed: int) -> Random:
    return Random(seed)  # noqa: S311 (nothing is kept secret with it)


@pytest.fixture(scope="module")
def town(postgres_cluster: PostgresCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder, clock = tmp_path_factory.mktemp("town"), Clocked()
    with postgres_cluster.database() as url, pytest.MonkeyPatch.context() as patch:
        # The machine does the chores itself, when the clock has moved.
        patch.setattr("api.app.CHORES", ())
        site = ApiSettings(database_url=url, evidence_dir=folder / "evidence", service_key_file=folder / "service.key")
        with Place(site, clock) as place:
            made = Town(place, clock)
            yield made
            made.threads.shutdown()


def test_people_at_random_and_at_once_break_no_rule(town: Town) -> None:
    class Here(People):
        pass

    Here.town = town
    long = settings.get_current_profile_name() == _LONG
    bounds = settings(
        max_examples=1000 if long else 15,
        stateful_step_count=60 if long else 30,
        deadline=None,
        # Neither who is faster nor the clock, which only goes on, is the same again: the first find is what counts.
        phases=[Phase.generate],
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    try:
        run_state_machine_as_test(Here, settings=bounds)
    finally:
        assert not town.broken, town.broken[0]
    _assert_chain_holds(town)


def _assert_chain_holds(town: Town) -> None:
    """Every act is in the audit chain, which verifies; one byte that is edited later is found."""
    with town.database.write() as session:
        while seal(session):
            pass
    with town.database.read() as session:
        verdict = verify(session, now=town.clock())
        assert (verdict.fault, verdict.unsealed) == (None, 0)
        row = session.scalars(select(AuditRow).order_by(AuditRow.place.desc()).limit(1)).one()
    _edited(town, row, lambda actor: actor[:-1] + chr(ord(actor[-1]) ^ 1))


def _edited(town: Town, row: AuditRow, edit: Callable[[str], str]) -> None:
    with town.database.write() as session:
        session.execute(update(AuditRow).where(AuditRow.id == row.id).values(actor=edit(row.actor)))
    with town.database.read() as session:
        fault = verify(session, now=town.clock()).fault
    assert fault is not None
    assert (fault.place, fault.row_id) == (row.place, row.id)
