"""A case that was merged by mistake goes on where it stood: its clock rested, and its ledger tells so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from api.acts.chores import escalate
from api.acts.clocks import Clock, NewLine, Stage, recomputed, replay
from api.acts.stage_rules import load_rules
from api.acts.timers import clock_of
from api.rights import Role
from api.settings import ApiSettings
from api.tables import Case, LoginSession, TimerLine
from tests.api.cases.steps import Life
from tests.api.place import Clocked, Place

ROLES = (Role.SUPERVISOR, Role.OPERATOR, Role.HANDLER)
STATES = ["detected", "filed", "dispatched", "handling", "suspended", "returned", "handled", "checking"]


@pytest.fixture
def clock() -> Clocked:
    return Clocked()


@pytest.fixture
def slow_place(settings: ApiSettings, clock: Clocked) -> Iterator[Place]:
    """Its clock is moved and its chores are done by the test; everybody stays logged in."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("api.app.CHORES", ())
        with Place(settings, clock) as made:
            for role in ROLES:
                made.person(role)
            with made.app.state.services.database.write() as session:
                session.execute(update(LoginSession).values(expires_at=clock() + timedelta(days=900)))
            yield made


def test_it_is_as_far_from_due_as_before_in_whatever_state(slow_place: Place, clock: Clocked) -> None:
    for state in STATES:
        holder, life = Life(slow_place).to("filed"), _in_state(slow_place, clock, state)
        clock.pass_by(60)
        before = _clock_of(slow_place, life)
        life.done(Role.SUPERVISOR, "merge", into=str(holder.id))
        assert _clock_of(slow_place, life).stage_due_at is None, state
        clock.pass_by(30 * 24 * 3600)
        escalate(slow_place.app.state.services)
        assert "overdue" not in life.acts(), state
        assert life.done(Role.SUPERVISOR, "unmerge")["state"] == state
        after = _clock_of(slow_place, life)
        assert (after.stage, after.stage_limit) == (before.stage, before.stage_limit), state
        if before.stage_due_at is not None and before.stage_limit_unit != "workday":
            assert after.stage_due_at == before.stage_due_at + timedelta(days=30), state
        assert (after.remaining_s, after.paused_at) == (before.remaining_s, before.paused_at), state


def _in_state(place: Place, clock: Clocked, state: str) -> Life:
    now = clock()
    life = Life(place, first_seen_at=now, occurred_at=now, received_at=now)
    if state == "suspended":
        assert life.to("handling").granted("suspension").is_success
    elif state == "returned":
        life.to("handling").done(Role.HANDLER, "return", reason="not our road")
    elif state != "detected":
        life.to(state)
    return life


def _clock_of(place: Place, life: Life) -> Clock:
    """The case's clock, which is what its ledger tells, and what follows from what was done and when."""
    with place.app.state.services.database.read() as session:
        clock, rules = clock_of(session.get_one(Case, life.id)), load_rules(session)
        lines = session.scalars(select(TimerLine).where(TimerLine.case_id == life.id).order_by(TimerLine.id)).all()
        assert replay(lines) == clock
        anew = recomputed(lines, rules.hours, check=rules.limits[Stage.CHECK])
        names = list(NewLine.__dataclass_fields__)
        assert [[getattr(one, name) for name in names] for one in [*lines]] == [
            [getattr(one, name) for name in names] for one in anew
        ]
    return clock
