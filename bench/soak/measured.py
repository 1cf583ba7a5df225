"""Turns what was noted into figures."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bench.soak.plan import Fault

TRY_TIMEOUTS = 2
"""A try that was under way when the server came back may last for so many time-outs of the camera."""


@dataclass(frozen=True, slots=True)
class Wait:
    """A wait before a camera was tried again: when it began on the boot clock, and how long it was, in seconds."""

    began_s: float
    wait_s: float

    @property
    def ends_s(self) -> float:
        return self.began_s + self.wait_s


@dataclass(frozen=True, slots=True)
class Episode:
    """One fault and what came of it, in seconds.

    away_s: How long it lasted. back_s: From then on until the first look, None where none came; of a fault that no
    camera is lost by, the longest time without a look. back_off_s: The back-off that had to pass.
    """

    fault: Fault
    away_s: float
    back_s: float | None
    back_off_s: float
    allowed_s: float
    told_as: str = ""

    @property
    def is_in_time(self) -> bool:
        return self.back_s is not None and self.back_s <= self.allowed_s


def back_off_s(waits: Sequence[Wait], *, server_back_s: float, timeout_s: float) -> float:
    """Returns after how many seconds from the server's return on the camera is to be tried at the latest.

    That is the rest of the wait that it was in. Where a try was under way instead, that try fails after its time-outs
    at the latest, and one wait follows on it; where it succeeds, its time-outs are allowed.
    """
    try_s = TRY_TIMEOUTS * timeout_s
    first = next((wait for wait in waits if wait.ends_s >= server_back_s), None)
    if first is None:
        return try_s
    begins_s = min(max(0.0, first.began_s - server_back_s), try_s)
    return begins_s + (first.ends_s - max(first.began_s, server_back_s))


def on_time(looks: Mapping[str, Iterable[float]], *, every_s: float, from_s: float, to_s: float) -> float:
    """Returns the share of looks that were done at most twice their interval after the one before.

    After a longer gap, also one up to the end, all looks that should have come in it count as late.
    """
    in_time = late = 0
    for done_s in looks.values():
        moments = [from_s, *(moment for moment in sorted(done_s) if from_s < moment < to_s), to_s]
        for before, after in itertools.pairwise(moments):
            if after - before > 2 * every_s:
                late += int((after - before) / every_s)
            else:
                in_time += after != to_s
    return in_time / (in_time + late) if in_time + late else 1.0


def longest_gap_s(moments: Iterable[float], *, from_s: float, to_s: float) -> float:
    """Returns the longest time without a look, in seconds."""
    inside = [from_s, *(moment for moment in moments if from_s < moment < to_s), to_s]
    return max(after - before for before, after in itertools.pairwise(inside))


def growth_mb(samples: Sequence[float]) -> float:
    """Returns by how much memory grew over the last half: the median of its last fifth less that of its first."""
    half = samples[len(samples) // 2 :]
    fifth = max(1, len(half) // 5)
    return statistics.median(half[-fifth:]) - statistics.median(half[:fifth]) if half else 0.0


def course_mb(samples: Sequence[float], *, points: int = 10) -> list[int]:
    """Returns memory at so many moments, evenly spread, the last one among them."""
    step = max(1, len(samples) // points)
    return [round(sample) for sample in samples[::-1][::step][::-1]]


def by_fault(episodes: Iterable[Episode]) -> dict[Fault, list[Episode]]:
    """Returns the episodes of each fault that came, in the order of :class:`Fault`."""
    held: dict[Fault, list[Episode]] = {fault: [] for fault in Fault}
    for episode in episodes:
        held[episode.fault].append(episode)
    return {fault: them for fault, them in held.items() if them}


def slowest(episodes: Iterable[Episode]) -> Episode:
    """Returns the one that took longest beyond its back-off."""
    return max(episodes, key=lambda e: math.inf if e.back_s is None else e.back_s - e.back_off_s)
