"""Shadows, headlights, a bus in front and a detector that misses neither end a stay nor start a new one."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import pytest

from detectors.base import BoxXyxy, Finding, Image
from edge.staying.appearance import ANOTHER, SAME_LOOK, appearance, likeness
from edge.staying.stay_records import stay_from_json, stay_to_json
from edge.staying.stays import Change, StayChange, WatchStays
from ingest.contract import ClearReason
from tests.edge.fakes import CAR_BOX, FakeClock, car, watch

SIZE_WH = (320, 180)
BUS_BOX: BoxXyxy = (0.2, 0.2, 0.9, 0.75)
BUS = Finding("bus", 0.8, BUS_BOX)
DICE = np.random.default_rng(5)
NOISES = [DICE.normal(0, 3, (SIZE_WH[1], SIZE_WH[0], 3)).astype(np.int16) for _ in range(8)]


def _ground() -> Image:
    coarse = np.random.default_rng(3).integers(90, 120, (18, 32), dtype=np.uint8)
    return cv2.cvtColor(cv2.resize(coarse, SIZE_WH, interpolation=cv2.INTER_CUBIC), cv2.COLOR_GRAY2BGR).astype(np.uint8)


def _block(image: Image, box: BoxXyxy, grey: int) -> None:
    x1, y1, x2, y2 = (round(v * s) for v, s in zip(box, SIZE_WH * 2, strict=True))
    image[y1:y2, x1:x2] = grey


def _within(box: BoxXyxy, part: BoxXyxy) -> BoxXyxy:
    x, y, width, height = box[0], box[1], box[2] - box[0], box[3] - box[1]
    return (x + part[0] * width, y + part[1] * height, x + part[2] * width, y + part[3] * height)


VAN = [((0.0, 0.1, 1.0, 0.9), 200), ((0.1, 0.2, 0.3, 0.5), 40), ((0.4, 0.2, 0.9, 0.5), 60), ((0.1, 0.8, 0.3, 1.0), 15)]
CART = [((0.1, 0.4, 0.9, 0.8), 70), ((0.45, 0.0, 0.55, 0.4), 20), ((0.1, 0.8, 0.25, 1.0), 160), ((0, 0, 1, 0.15), 220)]
COACH = [((0.0, 0.0, 1.0, 1.0), 150), ((0.0, 0.3, 1.0, 0.4), 20), ((0.05, 0.9, 0.15, 1.0), 10)]


def _street(*things: tuple[BoxXyxy, Sequence[tuple[BoxXyxy, int]]]) -> Image:
    image = _ground()
    for box, parts in things:
        for part, grey in parts:
            _block(image, _within(box, part), grey)
    return image


def _noisy(image: Image) -> Image:
    return np.asarray(np.clip(image + NOISES[DICE.integers(len(NOISES))], 0, 255), dtype=np.uint8)


def _dark(image: Image) -> Image:
    return (image * 0.25).astype(np.uint8)


def _half_shadow(image: Image) -> Image:
    light = np.ones(SIZE_WH[0], np.float32)
    light[: SIZE_WH[0] // 2] = 0.45
    return np.asarray(image * cv2.blur(light[None], (9, 1)).reshape(1, -1, 1), dtype=np.uint8)


def _headlights(image: Image) -> Image:
    y, x = np.mgrid[: SIZE_WH[1], : SIZE_WH[0]]
    glow = 140 * np.exp(-((x - 150) ** 2 + (y - 100) ** 2) / (2 * 18**2))
    return np.asarray(np.clip(image + glow[..., None], 0, 255), dtype=np.uint8)


def _shaken(image: Image) -> Image:
    return np.asarray(np.roll(image, (1, -1), (0, 1)), dtype=np.uint8)


EMPTY, WITH_VAN = _street(), _street((CAR_BOX, VAN))
LIGHTS: list[Callable[[Image], Image]] = [_noisy, _dark, _half_shadow, _headlights, _shaken]


@pytest.mark.parametrize("light", LIGHTS)
def test_the_same_thing_in_another_light_is_alike(light: Callable[[Image], Image]) -> None:
    before, now = appearance(WITH_VAN, CAR_BOX), appearance(_noisy(light(WITH_VAN)), CAR_BOX)

    assert likeness(before, now) >= SAME_LOOK


@pytest.mark.parametrize("light", LIGHTS)
@pytest.mark.parametrize(
    "other", [EMPTY, _street((CAR_BOX, CART)), _street((BUS_BOX, COACH))], ids=["empty", "a cart", "a coach in front"]
)
def test_another_thing_or_none_is_not_alike_in_any_light(other: Image, light: Callable[[Image], Image]) -> None:
    before, now = appearance(WITH_VAN, CAR_BOX), appearance(_noisy(light(other)), CAR_BOX)

    assert likeness(before, now) < ANOTHER


def test_a_bare_place_is_like_itself() -> None:
    flat = np.full_like(EMPTY, 80)

    assert likeness(appearance(flat, CAR_BOX), appearance(_noisy(flat), CAR_BOX)) >= SAME_LOOK


@dataclass
class Corner:
    """A place that is looked at every two seconds; ``done`` is all that happened but for being absent."""

    stays: WatchStays = field(default_factory=lambda: WatchStays(watch(dwell_s=60, grace_s=10, clear_s=30)))
    clock: FakeClock = field(default_factory=FakeClock)
    done: list[StayChange] = field(default_factory=list)

    def look(self, image: Image, *found: Finding, seconds: float = 2, around: Sequence[Finding] = ()) -> None:
        """Looks at noisy copies of ``image`` for so long, finding the same each time."""
        for _ in range(round(seconds / 2)):
            noisy, moment = _noisy(image), self.clock.pass_s(2)
            look_at = functools.partial(appearance, noisy)
            changes = self.stays.judge(found, moment, look_at, around=[*found, *around])
            self.done += [c for c in changes if c.change not in (Change.ABSENT, Change.SEEN)]

    @property
    def told(self) -> list[Change]:
        return [change.change for change in self.done]


@pytest.fixture
def corner() -> Corner:
    """A van that was raised after a minute, and has stood for 298 s."""
    corner = Corner()
    corner.look(WITH_VAN, car(), seconds=300)
    corner.done.clear()
    return corner


@pytest.mark.parametrize("light", LIGHTS)
def test_what_the_detector_misses_in_another_light_is_neither_absent_nor_seen(
    corner: Corner, light: Callable[[Image], Image]
) -> None:
    [van] = corner.stays.stays
    dwell_s = van.dwell_s

    corner.look(light(WITH_VAN), seconds=200)
    assert (van.absent_s, van.dwell_s, van.unseen_s) == (0.0, dwell_s, 200.0)
    corner.look(WITH_VAN, car(), seconds=20)

    assert corner.stays.stays == [van]
    assert corner.told == []
    assert van.unseen_s == 0.0
    assert van.dwell_s == dwell_s + 18  # the gap was longer than the grace


def test_it_is_believed_for_as_long_as_it_was_seen_and_then_seen_to_be_absent(corner: Corner) -> None:
    began = corner.clock.now()

    while not corner.done:
        corner.look(WITH_VAN)

    [cleared] = corner.done
    assert cleared.clear_reason is ClearReason.GONE
    assert corner.clock.now().since(began) == 298 + 30


def test_what_was_not_raised_yet_is_believed_for_its_grace() -> None:
    corner = Corner()
    corner.look(WITH_VAN, car(), seconds=20)
    began = corner.clock.now()

    while corner.told == [Change.BORN]:
        corner.look(WITH_VAN)

    assert corner.told == [Change.BORN, Change.DROPPED]
    assert corner.clock.now().since(began) == 10 + 10


def test_a_bus_in_front_ends_nothing_and_behind_it_the_same_stay_goes_on(corner: Corner) -> None:
    [van] = corner.stays.stays

    corner.look(_street((CAR_BOX, VAN), (BUS_BOX, COACH)), around=[BUS], seconds=200)
    assert van.absent_s == 0.0
    corner.look(WITH_VAN, car(), seconds=20)

    assert corner.stays.stays == [van]
    assert corner.told == []


def test_what_left_behind_a_bus_is_gone_once_its_place_was_seen_long_enough(corner: Corner) -> None:
    corner.look(_street((BUS_BOX, COACH)), around=[BUS], seconds=200)
    left = corner.clock.now()

    while not corner.done:
        corner.look(EMPTY)

    assert corner.told == [Change.CLEARED]
    assert corner.clock.now().since(left) <= 30 + 2


def test_a_bus_that_never_leaves_hides_for_as_long_as_the_thing_was_seen(corner: Corner) -> None:
    corner.look(_street((BUS_BOX, COACH)), around=[BUS], seconds=298 + 34)

    assert corner.told == [Change.CLEARED]


def test_a_bus_of_the_watch_itself_hides_too_and_is_a_stay_of_its_own(corner: Corner) -> None:
    [van] = corner.stays.stays

    corner.look(_street((BUS_BOX, COACH)), car(BUS_BOX, label="bus"), seconds=50)

    assert corner.told == [Change.BORN]
    assert van.absent_s == 0.0


def test_what_stood_beside_it_all_the_time_hides_nothing() -> None:
    beside: BoxXyxy = (0.4, 0.3, 0.9, 0.65)  # covers more than half of the van's place, as parked cars do
    corner, both = Corner(), _street((beside, COACH), (CAR_BOX, VAN))
    corner.look(both, car(), car(beside, label="bus"), seconds=300)
    assert corner.told.count(Change.RAISED) == 2

    corner.look(_street((beside, COACH)), car(beside, label="bus"), seconds=36)

    assert corner.told[-1] is Change.CLEARED


def test_a_crowd_that_passes_in_front_is_no_absence(corner: Corner) -> None:
    [van] = corner.stays.stays

    for _ in range(60):
        crowd = [((x, 0.0, x + 0.3, 1.0), int(DICE.integers(256))) for x in DICE.uniform(-0.1, 0.9, 5)]
        corner.look(_street((CAR_BOX, VAN), (CAR_BOX, crowd)))

    assert van.absent_s <= 20  # two looks in a row that happen to be alike
    assert corner.told == []


def test_what_leaves_an_empty_place_is_gone_one_look_later_than_its_time(corner: Corner) -> None:
    left = corner.clock.now()

    while not corner.done:
        corner.look(EMPTY)

    assert corner.clock.now().since(left) == 30 + 2


def test_another_car_at_the_same_place_is_another_stay_even_without_a_gap(corner: Corner) -> None:
    [van] = corner.stays.stays

    corner.look(_street((CAR_BOX, CART)), car(), seconds=40)

    assert corner.told == [Change.BORN, Change.CLEARED]
    assert corner.done[1].stay is van
    assert [stay.dwell_s for stay in corner.stays.stays] == [38.0]


def test_findings_that_change_places_in_the_list_and_labels_that_flicker_keep_their_stays() -> None:
    corner, other = Corner(), (0.1, 0.4, 0.3, 0.6)
    image = _street((CAR_BOX, VAN), (other, CART))

    for number in range(40):
        two = [car(label="truck" if number % 3 else "car"), car(other, label="car" if number % 2 else "truck")]
        doubled = [*two, car((0.4, 0.43, 0.6, 0.7), label="truck", score=0.4)] if number % 4 == 1 else two
        corner.look(image, *(doubled if number % 2 else reversed(doubled)))

    assert corner.told == [Change.BORN, Change.BORN, Change.RAISED, Change.RAISED]
    assert [stay.dwell_s for stay in corner.stays.stays] == [78.0, 78.0]


def test_a_stay_that_is_hidden_goes_on_after_a_restart(corner: Corner) -> None:
    corner.look(_street((BUS_BOX, COACH)), around=[BUS], seconds=100)
    [van] = corner.stays.stays

    corner.stays = WatchStays(corner.stays.watch, [stay_from_json(stay_to_json(van))])
    corner.look(_street((BUS_BOX, COACH)), around=[BUS], seconds=100)

    [again] = corner.stays.stays
    assert (again.incident_id, again.absent_s) == (van.incident_id, 0.0)
    assert again.unseen_s == 200


@pytest.mark.parametrize("reboots", [False, True], ids=["the box goes on", "the box starts anew"])
def test_what_stood_beside_it_all_the_time_does_not_hide_that_it_left(reboots: bool) -> None:
    corner, stall = Corner(), car(BUS_BOX)
    corner.look(WITH_VAN, stall, car(), seconds=100)
    if reboots:
        corner.clock.reboot(down_s=60)
        kept = [stay_from_json(stay_to_json(stay)) for stay in corner.stays.stays]
        corner.stays = WatchStays(corner.stays.watch, kept)
        corner.look(WITH_VAN, stall, car(), seconds=10)
    corner.done.clear()

    corner.look(EMPTY, stall, seconds=40)

    [change] = corner.done
    assert (change.change, change.stay.finding) == (Change.CLEARED, car())
