"""The clips: what arrives, stays and leaves, and what tries to hide it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from bench.stays.composing import Scene, Step, Thing, Walker, box_of
from bench.stays.stages import Stage
from edge.trying.truth import Truth

SECONDS = 90
DRIVES_S = 3.0

WATCH = "parking"
DWELL_S, GRACE_S, CLEAR_S, LOOK_EVERY_S = 20.0, 8.0, 12.0, 2.0


def scenes(stage: Stage) -> list[Scene]:
    return [build(stage) for build in _SCENES]


def _arrive_stay_leave(stage: Stage) -> Scene:
    stays, short = _Parked(stage, 0, 0, 10.5, 60), _Parked(stage, 2, 1, 31, 44)
    return _scene("arrive, stay, leave", stage, [stays, short])


def _one_after_another(stage: Stage) -> Scene:
    return _scene("one after another", stage, [_Parked(stage, 0, 0, 6.5, 38), _Parked(stage, 1, 0, 52.5, 86)])


def _quickly_replaced(stage: Stage) -> Scene:
    """Another vehicle takes the place within the grace: what stands there is not what stood there."""
    return _scene("quickly replaced", stage, [_Parked(stage, 0, 0, 6.5, 40), _Parked(stage, 1, 0, 44.5, 86)])


def _passers_by(stage: Stage) -> Scene:
    """Somebody walks in front all the time, and twice a large vehicle hides the parked one for some seconds."""
    parked = _Parked(stage, 0, 0, 6.5, 84)
    return _scene(
        "passers-by in front", stage, [parked], walkers=_crowd(stage, stage.spots[0][1] + 14, every_s=3.5),
        passing=[_pass(stage, stage.spots[0][1] + 20, enters_s) for enters_s in (30.0, 56.0)],
    )  # fmt: skip


def _nobody_stays(stage: Stage) -> Scene:
    rows = [y + 10 for _, y in stage.spots]
    walkers = [walker for row in rows for walker in _crowd(stage, row, every_s=5.0)]
    passing = [_pass(stage, rows[int(t) % 3], float(t)) for t in range(2, 80, 7)]
    stops = [_Parked(stage, 0, 0, 10.5, 24), _Parked(stage, 2, 2, 40.5, 54), _Parked(stage, 1, 1, 63, 76)]
    return _scene("nobody stays", stage, stops, walkers=walkers, passing=passing)


def _changing_light(stage: Stage) -> Scene:
    """A cloud, the sun, its flicker, and headlights that sweep over the parked vehicle and over the empty street."""

    def gain(at_s: float) -> float:
        cloud = 1.0 - 0.45 / (1 + math.exp(-(at_s - 22) * 2)) + 0.6 / (1 + math.exp(-(at_s - 44) * 2))
        return cloud + (0.08 * math.sin(at_s * 2.1) if at_s > 60 else 0.0)

    def lamps(at_s: float) -> list[tuple[float, float, float]]:
        if not 64 <= at_s <= 76:
            return []
        return [((at_s - 64) / 12 * stage.size_wh[0], stage.spots[0][1], stage.size_wh[0] * 0.12)]

    return _scene("changing light", stage, [_Parked(stage, 0, 0, 6.5, 84)], gain=gain, lamps=lamps)


def _shake(stage: Stage) -> Scene:
    def shift(at_s: float) -> tuple[float, float]:
        return 4 * math.sin(at_s * 2.3), 3 * math.sin(at_s * 3.7 + 1)

    return _scene("camera shake", stage, [_Parked(stage, 0, 0, 6.5, 84), _Parked(stage, 2, 1, 21, 70)], shift=shift)


def _gap(stage: Stage) -> Scene:
    """No picture for half a minute: one stays over it, one is gone after it, one has come in it."""
    parked = [_Parked(stage, 0, 0, 12.5, 84), _Parked(stage, 2, 1, 3, 30), _Parked(stage, 1, 2, 50.5, 86)]
    return _scene("gap", stage, parked, unseen=[(28.0, 60.0)])


def _night(stage: Stage) -> Scene:
    def lamps(_: float) -> list[tuple[float, float, float]]:
        return [(x, y, stage.size_wh[0] * 0.3) for x, y in stage.spots[:1]]

    walkers = _crowd(stage, stage.spots[1][1] + 8, every_s=9.0)
    return _scene(
        "night", stage, [_Parked(stage, 0, 0, 10.5, 70)], walkers=walkers, gain=lambda _: 0.3, lamps=lamps, noise=5.0
    )


def _side_by_side(stage: Stage) -> Scene:
    """Two stand at the same time; one leaves, and another stops in its place for a moment."""
    parked = [_Parked(stage, 0, 0, 6.5, 84), _Parked(stage, 1, 2, 8.5, 46), _Parked(stage, 2, 2, 66.5, 78)]
    return _scene("two at once", stage, parked)


def _long_hidden(stage: Stage) -> Scene:
    """A large vehicle halts in front for ten seconds, longer than the grace."""
    x, y = stage.spots[0]
    enters, leaves = (-stage.size_wh[0] * 0.3, y + 20), (stage.size_wh[0] * 1.3, y + 20)
    halt = Thing(stage.passing, [(38.0, *enters), (40.0, x, y + 20), (50.0, x, y + 20), (52.0, *leaves)])
    return _scene("hidden for 10 s", stage, [_Parked(stage, 0, 0, 6.5, 84)], passing=[halt])


_SCENES: Sequence[Callable[[Stage], Scene]] = (
    _arrive_stay_leave, _one_after_another, _quickly_replaced, _side_by_side, _passers_by, _long_hidden,
    _nobody_stays, _changing_light, _shake, _gap, _night,
)  # fmt: skip


class _Parked:
    """A vehicle that drives in, stands from ``from_s`` to ``to_s``, and drives away."""

    def __init__(self, stage: Stage, vehicle: int, spot: int, from_s: float, to_s: float) -> None:
        sprite = stage.vehicles[vehicle]
        x, y = stage.spots[spot]
        away = stage.size_wh[0] * 1.2
        way: list[Step] = [
            (from_s - DRIVES_S, -away * 0.2, y),
            (from_s, x, y),
            (to_s, x, y),
            (to_s + DRIVES_S, away, y),
        ]
        self.thing = Thing(sprite, way)
        box = box_of(sprite, x, y, stage.size_wh)
        name = f"vehicle {vehicle} at place {spot}"
        self.truth = Truth(thing=name, watch=WATCH, box=box, from_s=max(0.0, from_s), to_s=to_s)


def _scene(
    name: str, stage: Stage, parked: Sequence[_Parked], *, passing: Sequence[Thing] = (), **effects: object
) -> Scene:
    return Scene(
        name=name,
        seconds=SECONDS,
        background=stage.background,
        things=[*(p.thing for p in parked), *passing],
        truths=[p.truth for p in parked],
        **effects,  # type: ignore[arg-type]
    )


def _pass(stage: Stage, y: float, enters_s: float) -> Thing:
    width = stage.size_wh[0]
    return Thing(stage.passing, [(enters_s, -0.2 * width, y), (enters_s + 6.0, 1.2 * width, y)])


def _crowd(stage: Stage, y: float, *, every_s: float) -> list[Walker]:
    width = stage.size_wh[0]
    walkers = []
    for number in range(int(SECONDS / every_s)):
        right = number % 3 != 0
        poses = stage.figures[number % len(stage.figures)]
        speed = 62.0 + 7 * (number % 4)
        walkers.append(
            Walker(
                poses if right else [pose.mirrored() for pose in poses],
                enters_s=number * every_s - 6.0,
                x=-20.0 if right else width + 20.0,
                y=y + 4 * (number % 3),
                height=stage.person_px,
                px_per_s=speed if right else -speed,
            )
        )
    return walkers
