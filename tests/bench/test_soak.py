"""The soak counts as its docstring says: back-offs, looks on time, growth; its plan holds every fault and all kills."""

from __future__ import annotations

from collections import Counter

import pytest

from bench.soak.measured import (
    Episode,
    Wait,
    back_off_s,
    by_fault,
    course_mb,
    growth_mb,
    longest_gap_s,
    on_time,
    slowest,
)
from bench.soak.plan import Fault, Plan


@pytest.mark.parametrize(
    ("waits", "expected_s"),
    [
        ([Wait(90, 8), Wait(99, 3)], 2.0),  # in a wait when the server came back: its rest
        ([Wait(90, 8), Wait(101, 2)], 3.0),  # a try was under way, failed, and was followed by a wait
        ([Wait(90, 8), Wait(150, 2)], 5.0),  # so late no try may still fail: its time-outs and the wait
        ([Wait(90, 8)], 3.0),  # the try that was under way succeeded
        ([], 3.0),
    ],
)
def test_the_back_off_is_what_was_drawn_when_the_server_came_back(waits: list[Wait], expected_s: float) -> None:
    assert back_off_s(waits, server_back_s=100, timeout_s=1.5) == pytest.approx(expected_s)


@pytest.mark.parametrize(("back_s", "in_time"), [(4.9, True), (5.1, False), (None, False)])
def test_who_never_comes_back_is_late(back_s: float | None, in_time: bool) -> None:
    episode = Episode(Fault.REFUSED, away_s=3, back_s=back_s, back_off_s=2, allowed_s=5)

    assert episode.is_in_time is in_time


@pytest.mark.parametrize(
    ("done_s", "share"),
    [(range(101, 110), 1.0), ((101, 103, 105, 107, 109), 1.0), ((101, 102, 103, 104), 4 / 10), ((), 0.0)],
)
def test_looks_that_come_late_or_never_count(done_s: list[float], share: float) -> None:
    assert on_time({"a": done_s}, every_s=1.0, from_s=100, to_s=110) == pytest.approx(share)


def test_the_longest_gap_reaches_from_the_begin_to_the_end() -> None:
    assert longest_gap_s([90, 101, 102, 106], from_s=100, to_s=108) == 4


def test_growth_is_that_of_the_last_half() -> None:
    assert growth_mb([*range(100), *([200.0] * 100)]) == 0
    assert growth_mb([200.0] * 100 + [200 + second / 10 for second in range(100)]) == pytest.approx(8)
    assert growth_mb([]) == 0


def test_the_course_of_memory_ends_with_the_last_sample() -> None:
    assert course_mb([float(number) for number in range(100)]) == [9, 19, 29, 39, 49, 59, 69, 79, 89, 99]
    assert course_mb([]) == []


def test_the_slowest_is_who_never_came_back_or_took_longest_beyond_its_back_off() -> None:
    patient, slow, never = (
        Episode(Fault.REFUSED, away_s=3, back_s=back_s, back_off_s=back_off, allowed_s=9)
        for back_s, back_off in ((7.0, 6.5), (3.0, 1.0), (None, 1.0))
    )

    assert slowest([patient, slow]) is slow
    assert slowest([patient, never, slow]) is never
    assert by_fault([slow, never]) == {Fault.REFUSED: [slow, never]}


def test_a_run_holds_every_fault_and_all_kills_and_the_same_for_the_same_seed() -> None:
    assert _drawn(seed=7) == _drawn(seed=7) != _drawn(seed=8)
    times = Counter(fault for fault, _ in _drawn(seed=7))
    assert times[Fault.KILLED] == 20
    assert set(times) == set(Fault)


def test_a_run_that_is_too_short_goes_on_until_all_came() -> None:
    plan = Plan(seed=1, total_s=1, restarts=3)

    faults = []
    while (planned := plan.next(10.0)) is not None:
        faults.append(planned.fault)

    assert Counter(faults) == {fault: 3 if fault is Fault.KILLED else 1 for fault in Fault}


def _drawn(*, seed: int) -> list[tuple[Fault, float]]:
    plan, elapsed_s, drawn = Plan(seed=seed, total_s=300, restarts=20), 0.0, []
    while (planned := plan.next(elapsed_s)) is not None:
        drawn.append((planned.fault, planned.lasts_s))
        elapsed_s += planned.lasts_s + planned.well_s
    return drawn
