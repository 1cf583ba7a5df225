"""Dwell is observed real time; a thing that stays is followed by its place, over gaps, steps and restarts."""

from __future__ import annotations

import os

import pytest

from edge.staying.stay_records import stay_from_json, stay_to_json
from edge.staying.stays import Change, StayChange, WatchStays
from ingest.configuration import Policy
from tests.edge.fakes import FakeClock, car, watch

LOOK = b"\x00\xff" * 288
OTHER_LOOK = bytes(range(256)) * 2 + b"\x00" * 64
EMPTY = b"\x50" * 576


def _changes(changes: list[StayChange]) -> list[Change]:
    """What happened, but for stays that only go on being absent."""
    return [change.change for change in changes if change.change is not Change.ABSENT]


def _stay_s(stays: WatchStays, clock: FakeClock, seconds: float, *, every_s: float = 2.0) -> list[Change]:
    found: list[Change] = []
    for _ in range(round(seconds / every_s)):
        found += _changes(stays.judge([car()], clock.pass_s(every_s), lambda _: LOOK))
    return found


def test_a_car_that_stays_is_raised_once_and_only_after_its_dwell() -> None:
    clock, stays = FakeClock(), WatchStays(watch(dwell_s=20))

    first = _stay_s(stays, clock, 20)
    later = _stay_s(stays, clock, 60)

    assert Change.RAISED not in first  # born at 2 s: 18 s observed
    assert later[0] is Change.RAISED
    assert later.count(Change.RAISED) == 1


def test_dwell_counts_time_and_not_looks() -> None:
    clock, stays = FakeClock(), WatchStays(watch(dwell_s=20))

    stays.judge([car()], clock.now(), lambda _: LOOK)
    for _ in range(19):
        assert Change.RAISED not in _changes(stays.judge([car()], clock.pass_s(1), lambda _: LOOK))

    assert _changes(stays.judge([car()], clock.pass_s(1), lambda _: LOOK)) == [Change.RAISED]


def test_a_walker_is_never_one_stay() -> None:
    clock, stays = FakeClock(), WatchStays(watch(dwell_s=10, grace_s=6))
    found: list[Change] = []

    for step in range(40):
        x = 0.02 * step
        found += _changes(stays.judge([car((x, 0.4, x + 0.06, 0.6))], clock.pass_s(2), lambda _: LOOK))

    assert Change.RAISED not in found


def test_a_gap_within_grace_counts_and_ends_nothing() -> None:
    clock, stays = FakeClock(), WatchStays(watch(dwell_s=20, grace_s=10))
    _stay_s(stays, clock, 10)
    incident = stays.stays[0].incident_id

    for _ in range(4):
        assert _changes(stays.judge([], clock.pass_s(2), lambda _: EMPTY)) == []
    stays.judge([car()], clock.pass_s(1), lambda _: LOOK)

    assert stays.stays[0].incident_id == incident
    assert stays.stays[0].dwell_s == pytest.approx(8 + 9)


@pytest.mark.parametrize(
    ("there_again", "goes_on"), [(LOOK, True), (OTHER_LOOK, False)], ids=["looks the same", "looks different"]
)
def test_after_a_longer_gap_a_stay_goes_on_only_if_the_place_looks_the_same(there_again: bytes, goes_on: bool) -> None:
    clock, stays = FakeClock(), WatchStays(watch(dwell_s=60, grace_s=10))
    _stay_s(stays, clock, 20)
    before = stays.stays[0]

    stays.judge([car()], clock.pass_s(600), lambda _: there_again)

    assert (before.last_seen == clock.now()) is goes_on
    assert before.dwell_s == pytest.approx(18)  # ten minutes that nobody watched add nothing
    assert len(stays.stays) == (1 if goes_on else 2)


@pytest.mark.parametrize("step_s", [-7200.0, 7200.0], ids=["back two hours", "on two hours"])
def test_a_step_of_the_wall_clock_changes_no_dwell(step_s: float) -> None:
    clock, stays = FakeClock(), WatchStays(watch(dwell_s=60))
    _stay_s(stays, clock, 20)

    clock.step(step_s)
    _stay_s(stays, clock, 10)

    assert stays.stays[0].dwell_s == pytest.approx(28)
    assert len(stays.stays) == 1


def test_over_a_reboot_the_same_thing_keeps_its_incident_and_the_time_down_adds_nothing() -> None:
    clock, before = FakeClock(), WatchStays(watch(dwell_s=20))
    _stay_s(before, clock, 30)
    kept = stay_from_json(stay_to_json(before.stays[0]))

    after = WatchStays(watch(dwell_s=20), [kept])
    changes = after.judge([car()], clock.reboot(down_s=7200), lambda _: LOOK)

    assert after.stays[0].incident_id == before.stays[0].incident_id
    assert after.stays[0].dwell_s == pytest.approx(before.stays[0].dwell_s)
    assert Change.RAISED not in _changes(changes)


def test_a_thing_that_left_is_cleared_after_it_was_seen_absent_long_enough() -> None:
    clock, stays = FakeClock(), WatchStays(watch(dwell_s=4, clear_s=30))
    _stay_s(stays, clock, 10)
    found = [c for _ in range(16) for c in _changes(stays.judge([], clock.pass_s(2), lambda _: EMPTY))]

    assert found == [Change.CLEARED]
    assert stays.stays == []


def test_blind_is_not_empty() -> None:
    clock, stays = FakeClock(), WatchStays(watch(dwell_s=4, clear_s=30, grace_s=10))
    _stay_s(stays, clock, 10)

    changes = stays.judge([], clock.pass_s(3600), lambda _: EMPTY)  # an hour without a look that could be judged

    assert _changes(changes) == []
    assert stays.stays[0].raised
    assert stays.stays[0].absent_s == 0.0


def test_of_what_is_absent_already_only_watched_time_counts() -> None:
    clock, stays = FakeClock(), WatchStays(watch(dwell_s=4, clear_s=30, grace_s=10))
    _stay_s(stays, clock, 10)
    for _ in range(4):
        stays.judge([], clock.pass_s(2), lambda _: EMPTY)
    [stay] = stays.stays
    assert stay.absent_s == 6

    for gap_s in (3600, 11):
        assert _changes(stays.judge([], clock.pass_s(gap_s), lambda _: EMPTY)) == []
        assert stay.absent_s == 6
    stays.judge([], clock.pass_s(10), lambda _: EMPTY)
    assert stay.absent_s == 16


def test_what_never_became_an_incident_is_dropped_without_an_event() -> None:
    clock, stays = FakeClock(), WatchStays(watch(dwell_s=60, grace_s=6))
    _stay_s(stays, clock, 10)

    found = [c for _ in range(5) for c in _changes(stays.judge([], clock.pass_s(2), lambda _: EMPTY))]

    assert found == [Change.DROPPED]


def test_two_cars_are_two_stays_and_one_car_under_two_labels_is_one() -> None:
    clock, stays = FakeClock(), WatchStays(watch())

    stays.judge(
        [car((0.1, 0.1, 0.3, 0.3)), car((0.11, 0.1, 0.3, 0.3), label="truck"), car((0.5, 0.1, 0.7, 0.3))],
        clock.now(),
        lambda _: LOOK,
    )

    assert len(stays.stays) == 2


def test_an_open_incident_is_told_again_every_ten_minutes() -> None:
    clock, stays = FakeClock(), WatchStays(watch(dwell_s=4))
    _stay_s(stays, clock, 10)

    found = _stay_s(stays, clock, 1300)

    assert found.count(Change.UPDATED) == 2


@pytest.mark.parametrize("policy", [Policy.ANY, Policy.AREA])
def test_policies_that_follow_no_single_thing_keep_one_stay_wherever_it_is_found(policy: Policy) -> None:
    clock, stays = FakeClock(), WatchStays(watch(policy=policy, dwell_s=10))

    found = [
        c
        for x in (0.1, 0.8, 0.3, 0.5, 0.0, 0.7, 0.2)
        for c in _changes(stays.judge([car((x, 0.1, x + 0.1, 0.2))], clock.pass_s(2), lambda _: LOOK))
    ]

    assert found.count(Change.BORN) == 1
    assert found.count(Change.RAISED) == 1


def test_a_stay_survives_its_record_unchanged() -> None:
    clock, stays = FakeClock(), WatchStays(watch())
    _stay_s(stays, clock, 10)
    stays.stays[0].appearance = os.urandom(576)

    assert stay_from_json(stay_to_json(stays.stays[0])) == stays.stays[0]


def test_a_box_whose_clock_wakes_up_in_1970_still_asks_whether_it_is_the_same_thing() -> None:
    clock, before = FakeClock(), WatchStays(watch(dwell_s=20))
    _stay_s(before, clock, 30)
    woken = clock.reboot(down_s=-(56 * 365 * 86400))

    after = WatchStays(watch(dwell_s=20), before.stays)
    changes = after.judge([car()], woken, lambda _: OTHER_LOOK)

    assert Change.BORN in _changes(changes)


def test_passers_by_do_not_pile_up_where_looks_are_rarer_than_the_grace() -> None:
    clock, stays = FakeClock(), WatchStays(watch(grace_s=10))

    for number in range(100):
        x = 0.009 * number
        stays.judge([car((x, 0.1, x + 0.05, 0.3))], clock.pass_s(31), lambda _: LOOK)
    for _ in range(20):
        stays.judge([], clock.pass_s(31), lambda _: EMPTY)

    assert stays.stays == []


def test_a_stay_is_suspect_from_its_second_sighting_until_its_dwell_has_decided() -> None:
    clock, stays = FakeClock(), WatchStays(watch(dwell_s=6, grace_s=6, clear_s=8))

    suspect = []
    for _ in range(5):
        stays.judge([car()], clock.pass_s(2), lambda _: LOOK)
        suspect.append(stays.suspect)

    assert suspect == [False, True, True, False, False]


def test_what_passes_is_suspect_until_it_is_dropped_and_what_cools_down_is_not() -> None:
    clock, stays = FakeClock(), WatchStays(watch(dwell_s=6, clear_s=8).model_copy(update={"cool_down_s": 600.0}))
    suspect = []
    for seconds in (4, 20, 30):
        _stay_s(stays, clock, seconds)
        suspect.append(stays.suspect)
        if seconds < 30:
            while stays.stays:
                stays.judge([], clock.pass_s(2), lambda _: EMPTY)
            suspect.append(stays.suspect)

    assert suspect == [True, False, False, False, False]
    assert [stay.raised for stay in stays.stays] == [False]
