"""When looks come late they become rarer, evenly over all cameras, and as often as before when there is room."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta

import numpy as np
import pytest

from detectors.base import Frame
from edge.processes.overload import MOST, Overload, Pace, pace_of
from edge.reading.camera import Look
from edge.reading.feeds import Mailbox
from edge.reading.grid import LookGrid
from edge.staying.clock import Moment
from ingest.configuration import Camera
from tests.edge.fakes import START, watch

EVERY_S = {**{f"often-{n}": 1.0 for n in range(20)}, **{f"rare-{n}": 4.0 for n in range(5)}}
TICK_S = 0.05
FREE = {camera: Pace(every_s, MOST) for camera, every_s in EVERY_S.items()}
"""No watch of any camera minds how rare its looks become."""


class Simulated:
    """A group's loop on a clock of its own: grids, mailbox and overload are real, looks take as long as told."""

    def __init__(self, paces: Mapping[str, Pace] = FREE) -> None:
        self.now_s = 1000.0
        self.overload = Overload(monotonic=lambda: self.now_s)
        self.overload.paces.update(paces)
        self.longest_s: dict[str, float] = {}
        self._last_s: dict[str, float] = {}
        self.looks: Counter[str] = Counter()
        self._mailbox = Mailbox()
        self._grids = {camera: LookGrid(every_s, spread=0.5) for camera, every_s in EVERY_S.items()}
        self._free_at_s = 0.0

    def run(self, seconds: float, *, look_takes_s: float) -> None:
        self.looks.clear()
        self.longest_s.clear()
        until_s = self.now_s + seconds
        while self.now_s < until_s:
            self.now_s += TICK_S
            self._put_due()
            while self.now_s >= self._free_at_s and not self._mailbox.is_empty:
                taken = self._mailbox.take(0)
                assert taken is not None
                camera, look = taken
                waited_s = self.now_s - look.moment.boot_s
                self.looks[camera] += 1
                at_s = look.moment.boot_s
                self.longest_s[camera] = max(self.longest_s.get(camera, 0), at_s - self._last_s.get(camera, at_s))
                self._last_s[camera] = at_s
                self.overload.looked(camera, waited_s=waited_s, took_s=look_takes_s)
                self._free_at_s = max(self._free_at_s, self.now_s - TICK_S) + look_takes_s
            if self.overload.judged_anew():
                for camera, grid in self._grids.items():
                    grid.stretch(self.overload.stretch_of(camera, suspect=False))

    def _put_due(self) -> None:
        moment = Moment(utc=START + timedelta(seconds=self.now_s), boot_s=self.now_s, boot_id="boot-1")
        for camera, grid in self._grids.items():
            if grid.is_due(self.now_s, early=False):
                grid.looked(self.now_s)
                self._mailbox.put(camera, Look(Frame(np.zeros((2, 2, 3), np.uint8), moment.utc), moment))


def test_a_group_that_keeps_up_sheds_nothing() -> None:
    group = Simulated()

    group.run(120, look_takes_s=0.02)

    assert (group.overload.stretch, group.overload.shed_share) == (1.0, 0.0)


def test_an_overloaded_group_looks_less_often_at_all_alike_and_comes_back() -> None:
    group = Simulated()
    group.run(120, look_takes_s=0.1)  # 21 looks are due each second, 10 can be made

    group.run(120, look_takes_s=0.1)
    shares = [group.looks[camera] * every_s / 120 for camera, every_s in EVERY_S.items()]
    assert 2 < group.overload.stretch < 4
    assert min(shares) > 0.2, "no camera starves"
    assert max(shares) / min(shares) < 1.5, "evenly"
    assert group.overload.shed_share == pytest.approx(1 - 1 / group.overload.stretch)

    group.run(60, look_takes_s=0.01)
    group.run(60, look_takes_s=0.01)
    assert group.overload.stretch == 1.0
    assert min(group.looks[camera] * every_s / 60 for camera, every_s in EVERY_S.items()) > 0.9


def test_no_watch_is_looked_at_too_rarely_to_decide_and_the_others_make_room_for_it() -> None:
    minding = {camera: Pace(1.0, 2.0) for camera in EVERY_S if camera in ("often-0", "often-1", "often-2")}
    group = Simulated({**FREE, **minding})
    group.run(300, look_takes_s=0.4)  # 2.5 looks can be made each second

    group.run(300, look_takes_s=0.4)
    assert max(group.longest_s[camera] for camera in minding) <= 4.0
    assert all(group.looks[camera] > 0 for camera in EVERY_S)
    assert group.looks["often-9"] < group.looks["often-0"] / 4
    made = sum(group.looks.values()) / sum(300 / every_s for every_s in EVERY_S.values())
    assert group.overload.shed_share == pytest.approx(1 - made, abs=0.02)


@pytest.mark.parametrize(
    ("graces_s", "most"), [([30.0, 60.0], 3.75), ([8.0], 1.0), ([], MOST), ([6.0], 1.0), ([3600.0], MOST)]
)
def test_looks_become_as_rare_as_half_the_shortest_grace(graces_s: list[float], most: float) -> None:
    camera = Camera(id="yard", url="rtsp://192.0.2.7/stream", view_faults=[])
    elsewhere = watch(name="gate", grace_s=1.0).model_copy(update={"camera": "gate"})
    watches = [watch(name=f"w{grace_s}", grace_s=grace_s) for grace_s in graces_s]

    assert pace_of(camera, [*watches, elsewhere]) == Pace(4.0, most)


def test_a_camera_without_watches_is_looked_at_often_enough_for_its_faults() -> None:
    camera = Camera(id="yard", url="rtsp://192.0.2.7/stream")

    assert pace_of(camera, []) == Pace(4.0, 3.75)


def test_where_a_stay_is_suspected_looks_are_twice_as_frequent_while_there_is_room() -> None:
    group = Simulated()
    assert group.overload.stretch_of("rare-0", suspect=True) == 1.0  # nobody knows yet how much time looks take

    group.run(20, look_takes_s=0.01)
    assert group.overload.stretch_of("rare-0", suspect=True) == 0.5
    assert group.overload.stretch_of("rare-0", suspect=False) == 1.0

    group.run(20, look_takes_s=0.025)  # half of the time: room to go on, and none to begin
    assert group.overload.stretch_of("rare-0", suspect=True) == 0.5
    group.run(60, look_takes_s=0.1)
    assert group.overload.stretch_of("rare-0", suspect=True) == group.overload.stretch > 1.0
    group.run(120, look_takes_s=0.025)
    assert group.overload.stretch_of("rare-0", suspect=True) == 1.0


def test_a_grid_of_half_the_interval_looks_twice_as_often() -> None:
    grid = LookGrid(4.0)
    looks = []
    for second in range(40):
        grid.stretch(0.5 if second >= 20 else 1.0)
        if grid.is_due(second, early=False):
            grid.looked(second)
            looks.append(second)

    assert looks == [0, 4, 8, 12, 16, 20, 22, 24, 26, 28, 30, 32, 34, 36, 38]


def test_a_grid_that_is_let_loose_again_waits_for_its_time() -> None:
    grid = LookGrid(4.0)
    grid.stretch(8)
    grid.looked(0.0)
    grid.looked(32.0)
    grid.stretch(1)

    assert not grid.is_due(33.0, early=False)
    assert grid.is_due(64.0, early=False)
