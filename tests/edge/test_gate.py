"""Where nothing has changed the detector rests, and what is raised and cleared is as if it never had."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from detectors.base import DetectionError, Finding, Frame, Image
from edge.looking.evidence import EvidenceFolder
from edge.looking.gate import SOONER, Gate
from edge.looking.looks import CameraLooks, CameraWatch
from edge.looking.sameness import Remembered, small_picture
from edge.outbox.box import Outbox
from edge.outbox.keeper import Keeper
from edge.reading.camera import Look
from edge.staying.stays import Change, WatchStays
from ingest.configuration import Gate as GateSettings
from ingest.configuration import GateMode, Policy
from ingest.contract import Event, Phase
from ingest.edge_messages import CameraState, CameraStatus
from tests.edge.composed import BlueDetector, Street, Thing
from tests.edge.fakes import START, FakeClock, car, watch

EVERY_S = 2.0
STANDS: Thing = Thing((0.55, 0.50, 0.60, 0.58))
PASSES: Thing = Thing((0.20, 0.50, 0.26, 0.60))

Draw = Callable[[int], Image]


class Yard:
    """A camera with one watch behind a gate, on a clock of its own."""

    def __init__(
        self,
        folder: Path,
        detector: BlueDetector,
        settings: GateSettings,
        *,
        policy: Policy = Policy.SAME,
        recurrence_s: float = 0,
    ) -> None:
        keys = {"area_share": 0.001, "recurrence_s": recurrence_s}
        its_watch = watch(dwell_s=60, grace_s=10, clear_s=20, policy=policy).model_copy(update=keys)
        self.clock = FakeClock()
        self.detector = detector
        self.outbox = Outbox(folder / f"{settings.mode}.sqlite")
        watches = [CameraWatch(WatchStays(its_watch), detector, frozenset({"car"}))]
        self.gate = Gate(settings, watches, camera_id="yard")
        self.looks = CameraLooks(
            watches,
            privacy=BlueDetector(),
            evidence=EvidenceFolder(folder / "evidence"),
            keeper=Keeper(self.outbox, edge_id="corner-7"),
            gate=self.gate,
        )

    def look(self, image: Image, *, asked: bool = False) -> None:
        moment = self.clock.pass_s(EVERY_S)
        self.looks.look(Look(Frame(image, moment.utc), moment), asked=asked)

    @property
    def events(self) -> list[Event]:
        return [waiting.event for waiting in self.outbox.waiting_events(100)]


def _told(events: Sequence[Event]) -> list[tuple[Phase, float, float | None]]:
    return [(event.phase, (event.occurred_at - START).total_seconds(), event.dwell_s) for event in events]


@pytest.fixture(scope="module")
def street() -> Street:
    return Street()


@pytest.fixture(scope="module")
def story(street: Street) -> list[Image]:
    """Empty; something arrives and stays; the light changes; somebody passes; it leaves; empty. The mast shakes."""
    pictures = []
    for number in range(120):
        things = [STANDS] if 15 <= number < 85 else []
        things += [PASSES] if number in (30, 31, 60) else []
        gain = 1.0 if number < 40 else 0.75 if number < 100 else 1.1
        shake = (1.5, -1.0) if number % 7 == 3 else (0.0, 0.0)
        pictures.append(street.picture(things, gain=gain, shake_px=shake))
    return pictures


def _watched(
    folder: Path,
    pictures: Sequence[Image],
    detector: BlueDetector,
    settings: GateSettings,
    policy: Policy,
    *,
    recurrence_s: float = 0,
) -> tuple[Yard, list[Event]]:
    yard = Yard(folder, detector, settings, policy=policy, recurrence_s=recurrence_s)
    with closing(yard.outbox):
        for picture in pictures:
            yard.look(picture)
        return yard, yard.events


@pytest.mark.parametrize("recurrence_s", [0, 50], ids=["ends when it is gone", "may return"])
@pytest.mark.parametrize("policy", list(Policy))
def test_the_events_are_those_of_an_edge_without_a_gate(
    tmp_path: Path, story: list[Image], policy: Policy, recurrence_s: float
) -> None:
    off, on = GateSettings(mode=GateMode.OFF), GateSettings()
    _, without = _watched(tmp_path, story, BlueDetector(), off, policy, recurrence_s=recurrence_s)
    yard, behind = _watched(tmp_path, story, BlueDetector(), on, policy, recurrence_s=recurrence_s)

    assert [event.phase for event in without] == [Phase.RAISED, Phase.CLEARED]
    assert _told(behind) == _told(without)
    assert yard.detector.runs < len(story) / 2
    assert yard.gate.gated == len(story) - yard.detector.runs
    assert yard.looks.watches[0].judged == len(story)


@pytest.mark.parametrize("misses", [0.1, 0.3])
def test_a_detector_that_misses_now_and_then_loses_no_incident(
    tmp_path: Path, story: list[Image], misses: float
) -> None:
    _, behind = _watched(tmp_path, story, BlueDetector(misses), GateSettings(), Policy.SAME)

    assert [event.phase for event in behind] == [Phase.RAISED, Phase.CLEARED]


def test_shadow_mode_runs_always_and_counts_what_it_would_have_saved(tmp_path: Path, story: list[Image]) -> None:
    yard, _ = _watched(tmp_path, story, BlueDetector(), GateSettings(mode=GateMode.SHADOW), Policy.SAME)
    status = yard.looks.counted(CameraStatus(id="yard", state=CameraState.LIVE))

    assert yard.detector.runs == len(story)
    assert status.gated > len(story) / 2
    assert status.would_have_missed == 0


def test_shadow_mode_counts_what_the_gate_would_have_missed(tmp_path: Path, street: Street) -> None:
    yard = Yard(tmp_path, BlueDetector(), GateSettings(mode=GateMode.SHADOW, always_every_s=600))
    with closing(yard.outbox):
        for _ in range(6):
            yard.look(street.picture())
        yard.detector.detect = lambda _: [[Finding("car", 0.9, STANDS.box_xyxy)]]  # type: ignore[method-assign,assignment]
        yard.look(street.picture())

    assert yard.gate.would_have_missed == 1


@pytest.fixture
def quiet(tmp_path: Path, street: Street) -> Iterator[Yard]:
    """A yard that has settled, with a gate that looks again by itself every 30 s."""
    yard = Yard(tmp_path, BlueDetector(), GateSettings(always_every_s=30))
    for _ in range(4):
        yard.look(street.picture())
    yield yard
    yard.outbox.close()


def test_a_run_comes_now_and_then_in_any_case(quiet: Yard, street: Street) -> None:
    runs = [quiet.detector.runs]

    for _ in range(90):
        quiet.look(street.picture())
        runs.append(quiet.detector.runs)

    ran = [number for number, (before, after) in enumerate(pairwise(runs)) if after > before]
    apart_s = [EVERY_S * (after - before) for before, after in pairwise(ran)]
    assert ran[0] * EVERY_S <= 30
    assert max(apart_s) <= 30
    assert min(apart_s) >= (1 - SOONER) * 30
    assert len(set(apart_s)) > 1, "cameras that were started together do not stay together"


def test_who_asks_for_a_look_gets_a_run(quiet: Yard, street: Street) -> None:
    before = quiet.detector.runs

    quiet.look(street.picture())
    quiet.look(street.picture(), asked=True)

    assert quiet.detector.runs == before + 1


def test_what_fades_in_slowly_is_seen(tmp_path: Path, street: Street) -> None:
    yard = Yard(tmp_path, BlueDetector(), GateSettings(always_every_s=3600))
    with closing(yard.outbox):
        for number in range(60):
            yard.look(street.picture([Thing(STANDS.box_xyxy, opacity=min(1.0, number / 25))]))

        assert [event.phase for event in yard.events] == [Phase.RAISED]
    assert yard.detector.runs < 45


def test_after_a_failed_run_the_next_look_asks_again(quiet: Yard, street: Street) -> None:
    works = quiet.detector.detect

    def fails(frames: Sequence[Frame]) -> list[list[Finding]]:
        raise DetectionError("fails")

    quiet.detector.detect = fails  # type: ignore[method-assign]
    quiet.look(street.picture([STANDS]))
    quiet.detector.detect = works  # type: ignore[method-assign]
    quiet.look(street.picture([STANDS]))

    assert len(quiet.looks.watches[0].stays.stays) == 1


class Unchanged:
    """A scene that never changes before a gate that hardly ever runs by itself; what a run finds is told each time."""

    def __init__(self, street: Street, *, recurrence_s: float = 0, cool_down_s: float = 0) -> None:
        times = {"recurrence_s": recurrence_s, "cool_down_s": cool_down_s}
        self.watch = watch(dwell_s=60, grace_s=10, clear_s=20).model_copy(update=times)
        self.stays = WatchStays(self.watch)
        self.clock = FakeClock()
        self.gate = Gate(GateSettings(always_every_s=3600), [self], camera_id="yard")
        self._picture = street.picture()
        self._fresh = True

    def change(self) -> None:
        """What comes now is another scene."""
        self._fresh = True

    def look(self, *found: Finding, seconds: float = EVERY_S) -> tuple[bool, list[Change]]:
        """Returns whether the detector ran, and what the look changed."""
        moment = self.clock.pass_s(seconds)
        frame = Frame(self._picture, moment.utc)
        held = None if self._fresh else self.gate.held(frame, moment)
        if self._fresh:
            self.gate._agreed, self._fresh = 0, False
        counting = [list(found)] if held is None else held
        if held is None:
            self.gate.ran(frame, moment, counting)
        return held is None, [change.change for change in self.stays.judge(counting[0], moment)]

    def settle(self, *found: Finding, seconds: float) -> list[Change]:
        """Looks at another scene for so long; in the end nothing runs any more."""
        self.change()
        looks = [self.look(*found) for _ in range(round(seconds / EVERY_S))]
        assert not looks[-1][0]
        return [change for _, changes in looks for change in changes]


def test_the_look_that_raises_is_the_detectors_own(street: Street) -> None:
    scene = Unchanged(street)
    scene.settle(car(), seconds=58)

    raised = [(ran, changes) for ran, changes in (scene.look(car()) for _ in range(10)) if Change.RAISED in changes]
    assert raised == [(True, [Change.RAISED])]
    assert not scene.look(car())[0]


def test_what_a_held_look_would_raise_and_the_detector_does_not_see_is_not_raised(street: Street) -> None:
    scene = Unchanged(street)
    scene.settle(car(), seconds=60)

    assert [change for _ in range(30) for change in scene.look()[1] if change is not Change.ABSENT] == [Change.DROPPED]


def test_while_something_is_absent_each_look_is_the_detectors_own(street: Street) -> None:
    scene = Unchanged(street)
    assert Change.RAISED in scene.settle(car(), seconds=90)
    scene.change()

    looks = [scene.look() for _ in range(10)]
    assert all(ran for ran, _ in looks)
    assert [changes for _, changes in looks][-1] == [Change.CLEARED]


@pytest.mark.parametrize("seconds", [20, 90], ids=["not raised yet", "raised"])
def test_after_a_gap_nobody_believes_what_was_there_before(street: Street, seconds: float) -> None:
    scene = Unchanged(street)
    scene.settle(car(), seconds=seconds)

    assert not scene.look(car(), seconds=10)[0]
    assert scene.look(car(), seconds=11)[0]


def test_what_is_raised_when_its_place_has_cooled_down_is_seen_by_the_detector(street: Street) -> None:
    scene = Unchanged(street, cool_down_s=600)
    scene.settle(car(), seconds=90)
    scene.settle(seconds=90)
    scene.settle(car(), seconds=90)

    looks = [scene.look(car()) for _ in range(300)]
    assert [ran for ran, changes in looks if Change.RAISED in changes] == [True]
    assert sum(ran for ran, _ in looks) == 1, "and while it cools down the detector rests"


def test_what_may_return_is_held_once_it_is_away_and_ends_at_a_run(street: Street) -> None:
    scene = Unchanged(street, recurrence_s=1200)
    scene.settle(car(), seconds=90)
    scene.settle(seconds=60)

    looks = [scene.look() for _ in range(600)]
    assert [ran for ran, changes in looks if Change.CLEARED in changes] == [True]
    assert sum(ran for ran, _ in looks) == 1

    scene = Unchanged(street, recurrence_s=1200)
    scene.settle(car(), seconds=90)
    scene.settle(seconds=60)
    assert scene.look(seconds=11)[0], "after a gap the detector says again that it is away"


class BusDetector(BlueDetector):
    """What is wide is a bus, for which nobody asks."""

    def _found(self, frame: Frame) -> list[Finding]:
        wide = [(f, f.box_xyxy[2] - f.box_xyxy[0] > 0.1) for f in super()._found(frame) if f.box_xyxy is not None]
        return [Finding("bus", f.score, f.box_xyxy) if is_wide else f for f, is_wide in wide]


@pytest.mark.parametrize("mode", [GateMode.OFF, GateMode.ON])
def test_what_parks_before_a_place_hides_it_also_while_the_detector_rests(
    tmp_path: Path, street: Street, mode: GateMode
) -> None:
    yard = Yard(tmp_path, BusDetector(), GateSettings(mode=mode), recurrence_s=300)
    bus = Thing((0.5, 0.4, 0.7, 0.6))
    with closing(yard.outbox):
        for things, looks in (([STANDS], 60), ([], 30), ([bus], 30)):
            for _ in range(looks):
                yard.look(street.picture(things))

    [stay] = yard.looks.watches[0].stays.stays
    assert (stay.absent_s, stay.unseen_s) == (58, 62)
    assert (yard.detector.runs < 90) is (mode is GateMode.ON)


def _differs(before: Image, after: Image) -> bool:
    return Remembered(small_picture(Frame(before, START))).differs(small_picture(Frame(after, START)))


@pytest.mark.parametrize(
    "changed",
    [
        {"shake_px": (2.0, 1.0)},
        {"shake_px": (-1.3, 2.0)},
        {"gain": 0.6},
        {"gain": 1.3, "offset": -10.0},
        {"offset": 25.0},
        {"noise": 8.0},
    ],
    ids=["shake", "shake by parts of a pixel", "darker", "harder light", "brighter", "noisier"],
)
def test_what_is_no_change(street: Street, changed: dict[str, float]) -> None:
    assert not _differs(street.picture(), street.picture(**changed))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "thing",
    [Thing((0.50, 0.50, 0.515, 0.55)), Thing((0.50, 0.50, 0.53, 0.54)), Thing((0.1, 0.1, 0.9, 0.9)), STANDS],
    ids=["a person far away", "a box", "a lorry that fills the picture", "a car"],
)
@pytest.mark.parametrize("gain", [1.0, 0.7])
def test_what_is_a_change(street: Street, thing: Thing, gain: float) -> None:
    assert _differs(street.picture(), street.picture([thing], gain=gain))


def test_another_size_is_a_change() -> None:
    one, other = np.full((360, 640, 3), 90, np.uint8), np.full((480, 640, 3), 90, np.uint8)

    assert _differs(one, other)
