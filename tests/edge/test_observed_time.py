"""Dwell is observed real time, whatever the clocks, the box and the looks do: the clock rule, example by example and as
properties of any order of steps, suspensions, boots, restarts, blind spells and looks."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from edge.outbox.box import Outbox
from edge.outbox.keeper import Keeper
from edge.staying.stay_records import stay_from_json, stay_to_json
from edge.staying.stays import Change, Stay, StayChange, WatchStays
from ingest.configuration import Watch
from ingest.contract import Phase
from tests.edge.fakes import FakeClock, car, watch
from tests.edge.makers import DETECTOR

GRACE_S, DWELL_S, CLEAR_S = 10, 60, 30
WATCH = watch(grace_s=GRACE_S, dwell_s=DWELL_S, clear_s=CLEAR_S)
LOOK, EMPTY = b"\x00\xff" * 288, b"\x50" * 576


def _look(stays: WatchStays, clock: FakeClock, *, here: bool = True) -> list[StayChange]:
    return stays.judge([car()] if here else [], clock.now(), lambda _: LOOK if here else EMPTY)


def _stay(stays: WatchStays, clock: FakeClock, seconds: int, *, every_s: int = 2) -> list[Change]:
    found: list[Change] = []
    for _ in range(seconds // every_s):
        clock.pass_s(every_s)
        found += [change.change for change in _look(stays, clock)]
    return found


def _restarted(stays: WatchStays) -> WatchStays:
    return WatchStays(stays.watch, [stay_from_json(stay_to_json(stay)) for stay in stays.stays])


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def stays(clock: FakeClock) -> WatchStays:
    """A car that has stayed for 40 s of the 60 that make an incident."""
    stays = WatchStays(WATCH)
    _look(stays, clock)
    _stay(stays, clock, 40)
    return stays


@pytest.mark.parametrize("step_s", [-7200, -60, 60, 7200], ids=lambda step_s: f"{step_s:+} s")
def test_a_step_of_the_wall_clock_neither_hastens_nor_delays_an_incident(
    stays: WatchStays, clock: FakeClock, step_s: int
) -> None:
    clock.step(step_s)

    assert _stay(stays, clock, 22) == [Change.SEEN] * 9 + [Change.RAISED, Change.SEEN]


@pytest.mark.parametrize("asleep_s", [GRACE_S + 1, 7200])
def test_a_suspension_adds_nothing_and_clears_nothing(stays: WatchStays, clock: FakeClock, asleep_s: int) -> None:
    clock.pass_s(asleep_s)  # CLOCK_BOOTTIME goes on while the box sleeps
    _look(stays, clock)

    assert stays.stays[0].dwell_s == 40
    assert _stay(stays, clock, 20)[-1] is Change.RAISED


def test_a_suspension_in_which_it_left_is_no_absence(stays: WatchStays, clock: FakeClock) -> None:
    _stay(stays, clock, 60)
    clock.pass_s(7200)

    assert [change.change for change in _look(stays, clock, here=False)] == [Change.ABSENT]
    assert stays.stays[0].absent_s == 0.0


@pytest.mark.parametrize("step_s", [-86400, 0, 86400], ids=lambda step_s: f"clock {step_s:+} s")
def test_two_hours_down_are_one_incident_told_once(tmp_path: Path, clock: FakeClock, step_s: int) -> None:
    outbox = Outbox(tmp_path / "outbox.sqlite")

    def look(stays: WatchStays) -> None:
        clock.pass_s(2)
        changes = _look(stays, clock)
        keeper.keep(keeper.commit_of(changes, moment=clock.now(), watch=WATCH, sensor=None, detector=DETECTOR))

    keeper, before = Keeper(outbox, edge_id="corner-7"), WatchStays(WATCH)
    for _ in range(40):
        look(before)
    clock.reboot(down_s=7200 + step_s)
    keeper, after = Keeper(outbox, edge_id="corner-7"), WatchStays(WATCH, outbox.stays())
    for _ in range(40):
        look(after)

    [event] = [waiting.event for waiting in outbox.waiting_events(10) if waiting.event.phase is Phase.RAISED]
    [stay] = after.stays
    assert event.incident_id == stay.incident_id == before.stays[0].incident_id
    # A kill costs what was not written yet, five seconds at most; the time down adds nothing.
    assert 78 + 78 - 5 <= stay.dwell_s <= 78 + 78
    outbox.close()


def test_a_blind_spell_adds_nothing(stays: WatchStays, clock: FakeClock) -> None:
    clock.pass_s(600)  # no look of these ten minutes could be judged
    _look(stays, clock)

    assert stays.stays[0].dwell_s == 40


@pytest.mark.parametrize(("every_s", "dwell_s"), [(1, 100), (10, 100), (11, 40)])
def test_looks_may_become_rarer_or_more_frequent(
    stays: WatchStays, clock: FakeClock, every_s: int, dwell_s: int
) -> None:
    _stay(stays, clock, 60, every_s=every_s)

    assert stays.stays[0].dwell_s == dwell_s  # beyond the grace nobody knows what was there in between
    assert len(stays.stays) == 1


@pytest.mark.parametrize("night", ["2026-03-29", "2026-10-25"], ids=["spring", "autumn"])
def test_the_night_of_daylight_saving_has_as_many_seconds_as_pass(clock: FakeClock, night: str) -> None:
    all_day: dict[str, Any] = {"active": [{"from": "00:00", "to": "24:00"}]}
    stays = WatchStays(Watch.model_validate(WATCH.model_dump() | all_day), time_zone=ZoneInfo("Europe/Berlin"))
    clock.utc = datetime.fromisoformat(f"{night} 00:30").replace(tzinfo=UTC)  # the clocks change at 01:00 UTC
    _look(stays, clock)

    found = _stay(stays, clock, 3600, every_s=5)

    assert stays.stays[0].dwell_s == 3600
    assert found.count(Change.RAISED) == 1


def test_a_look_older_than_the_last_one_changes_nothing(stays: WatchStays, clock: FakeClock) -> None:
    late = clock.now()
    _stay(stays, clock, 4)

    assert stays.judge([car()], late, lambda _: LOOK) == []
    _stay(stays, clock, 4)
    assert stays.stays[0].dwell_s == 48


class AnyDay(RuleBasedStateMachine):
    """Whatever happens, in whatever order: what the stays claim is held against the time that truly passed."""

    def __init__(self) -> None:
        super().__init__()
        self.clock, self.stays = FakeClock(), WatchStays(WATCH)
        self.truth_s = 0
        self.boots = 0
        self.stepped = False
        self.seen_at: dict[UUID, tuple[int, int]] = {}
        self.observed_s: Counter[UUID] = Counter()
        self.doubt_s: Counter[UUID] = Counter()
        self.dwell_s: dict[UUID, float] = {}
        self.told_at: dict[UUID, datetime] = {}
        self.raised: Counter[UUID] = Counter()
        self.ended: set[UUID] = set()

    @rule(after_s=st.integers(0, 2 * GRACE_S), here=st.booleans())
    def look(self, after_s: int, here: bool) -> None:
        self._pass(after_s)
        for change in _look(self.stays, self.clock, here=here):
            self._check(change)

    @rule(looks=st.integers(2, 40), every_s=st.integers(1, GRACE_S))
    def stay(self, looks: int, every_s: int) -> None:
        for _ in range(looks):
            self.look(every_s, here=True)

    @rule(seconds=st.integers(0, 8000))
    def be_blind_or_asleep(self, seconds: int) -> None:
        self._pass(seconds)

    @rule(seconds=st.one_of(st.integers(-20, 20), st.integers(-100_000, 100_000)))
    def step(self, seconds: int) -> None:
        self.clock.step(seconds)
        self.stepped = True

    @rule(down_s=st.integers(1, 8000))
    def reboot(self, down_s: int) -> None:
        self.clock.reboot(down_s=down_s)
        self.truth_s += down_s
        self.boots += 1
        self.restart()

    @rule()
    def restart(self) -> None:
        self.stays = _restarted(self.stays)

    @rule(ago_s=st.integers(1, 60))
    def judge_late(self, ago_s: int) -> None:
        """A look of the past arrives, after another one was judged."""
        self.look(0, here=True)
        moment = FakeClock(self.clock.utc, self.clock.boot_s - ago_s, self.clock.boot).now()
        assert self.stays.judge([car()], moment, lambda _: LOOK) == []

    def _pass(self, seconds: int) -> None:
        self.clock.pass_s(seconds)
        self.truth_s += seconds

    def _check(self, change: StayChange) -> None:
        stay, incident = change.stay, change.stay.incident_id
        assert incident not in self.ended
        self._observe(change.change, stay)
        assert self.dwell_s.get(incident, 0.0) <= stay.dwell_s
        assert self.observed_s[incident] <= stay.dwell_s <= self.observed_s[incident] + self.doubt_s[incident]
        self.dwell_s[incident] = stay.dwell_s
        self.raised[incident] += change.change is Change.RAISED
        assert self.raised[incident] == stay.raised <= 1
        if change.change is Change.RAISED:
            assert stay.dwell_s >= DWELL_S
        if stay.last_event is not None:
            assert self.told_at.get(incident, stay.last_event.utc) <= stay.last_event.utc
            self.told_at[incident] = stay.last_event.utc
        if change.change in (Change.CLEARED, Change.DROPPED):
            assert (change.change is Change.CLEARED) == stay.raised
            self.ended.add(incident)

    def _observe(self, change: Change, stay: Stay) -> None:
        """Counts the time that truly passed between two sightings, where it was short enough to be observed."""
        if change not in (Change.BORN, Change.SEEN, Change.RAISED, Change.UPDATED):
            return
        at_s, boot = self.seen_at.get(stay.incident_id, (self.truth_s, self.boots))
        gap_s = self.truth_s - at_s
        if boot != self.boots and self.stepped:
            # A clock that is wrong and a boot together hide how long nobody looked: the grace at most is in doubt.
            self.doubt_s[stay.incident_id] += GRACE_S
        elif gap_s <= GRACE_S:
            self.observed_s[stay.incident_id] += gap_s
        self.seen_at[stay.incident_id] = self.truth_s, self.boots


AnyDay.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestAnyDay = AnyDay.TestCase
