"""Draws from the seed what is killed when, when the link is cut, and when Redis loses its data."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

API = "api"
REDIS = "redis"
WORKERS = ("worker-1", "worker-2")
DOWN_S = (0.2, 3.0)
CALM_S = 7.0
API_AWAY_S = 8.0
AFTER_API_S = 2.0


@dataclass(frozen=True, slots=True)
class Size:
    """How big a run is: a short one for ``make verify``, the full one for ``make torture``.

    Each part is killed once a round; the rounds are spread over ``chaos_s``, but for two calms. What is then still on
    its way gets ``drain_s`` at most.
    """

    events: int
    rounds: int
    chaos_s: float
    cut_s: float
    drain_s: float


FULL = Size(events=10_000, rounds=10, chaos_s=240, cut_s=60, drain_s=240)
SHORT = Size(events=1_200, rounds=2, chaos_s=52, cut_s=6, drain_s=90)


@dataclass(frozen=True, slots=True)
class Kill:
    """``part`` dies ``at_s`` after the start of the run and comes back ``down_s`` later.

    ``wipe``: without its data. Such a kill waits, for a few seconds at most, until there is something to lose.
    """

    at_s: float
    part: str
    down_s: float
    wipe: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    kills: tuple[Kill, ...]
    cut_at_s: float
    mend_at_s: float


def draw(size: Size, *, seed: int, parts: Sequence[str]) -> Plan:
    """Returns the plan of a run: the same for the same seed, size and parts, of which the API and Redis are two."""
    rng = random.Random(f"plan:{seed}")  # noqa: S311 - repeats a run, keeps no secret
    calms_s = (rng.uniform(0.1, 0.15) * size.chaos_s, rng.uniform(0.68, 0.72) * size.chaos_s)
    wipe, orphans = _wipe(calms_s[0] + CALM_S, rng), _orphans(calms_s[1] + CALM_S, rng)
    cut_at_s = wipe[0].at_s + API_AWAY_S + rng.uniform(0, 0.05) * size.chaos_s
    order = _order(size.rounds, parts, rng)
    gap_s = (size.chaos_s - CALM_S * len(calms_s)) / len(order)
    kills = [*wipe, *orphans]
    for number, part in enumerate(order):
        at_s = (number + rng.random()) * gap_s
        for calm_s in calms_s:
            at_s += CALM_S if at_s >= calm_s else 0
        kills.append(Kill(at_s, part, rng.uniform(*DOWN_S)))
    return Plan(tuple(sorted(kills, key=lambda kill: kill.at_s)), cut_at_s, cut_at_s + size.cut_s)


def _order(rounds: int, parts: Sequence[str], rng: random.Random) -> list[str]:
    """Shuffles each round, and never lets a part die again before two others did."""
    order = list[str]()
    for _ in range(rounds):
        again = list(parts)
        rng.shuffle(again)
        while set(again[:2]) & set(order[-2:]):
            rng.shuffle(again)
        order += again
    return order


def _wipe(at_s: float, rng: random.Random) -> list[Kill]:
    """After a calm the API goes away and the stream fills: what is then in it, only the edges can send again.

    Early in the run, because all that is sent again may hide what was lost before.
    """
    return [
        Kill(at_s, API, API_AWAY_S),
        Kill(at_s + AFTER_API_S, REDIS, rng.uniform(*DOWN_S), wipe=True),
    ]


def _orphans(at_s: float, rng: random.Random) -> list[Kill]:
    """After a calm the API goes away, and then all workers die with events in hand that it has not taken."""
    dead = [Kill(at_s + AFTER_API_S + 0.1 * n, name, rng.uniform(*DOWN_S)) for n, name in enumerate(WORKERS)]
    return [Kill(at_s, API, API_AWAY_S), *dead]
