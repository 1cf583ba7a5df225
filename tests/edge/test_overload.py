"""When looks come late they become rarer, evenly over all cameras, and as often as before when there is room."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import numpy as np
import pytest

from detectors.base import Frame
from edge.processes.overload import Overload
from edge.reading.camera import Look
from edge.reading.feeds import Mailbox
from edge.reading.grid import LookGrid
from edge.staying.clock import Moment
from tests.edge.fakes import START

EVERY_S = {**{f"often-{n}": 1.0 for n in range(20)}, **{f"rare-{n}": 4.0 for n in range(5)}}
TICK_S = 0.05


class Simulated:
    """A group's loop on a clock of its own: grids, mailbox and overload are real, looks take as long as told."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.overload = Overload(monotonic=lambda: self.now_s)
        self.looks: Counter[str] = Counter()
        self._mailbox = Mailbox()
        self._grids = {camera: LookGrid(every_s, spread=0.5) for camera, every_s in EVERY_S.items()}
        self._free_at_s = 0.0

    def run(self, seconds: float, *, look_takes_s: float) -> None:
        self.looks.clear()
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
                self.overload.looked(waited_s=waited_s, took_s=look_takes_s, every_s=EVERY_S[camera])
                self._free_at_s = max(self._free_at_s, self.now_s - TICK_S) + look_takes_s
            if self.overload.judged_anew():
                for grid in self._grids.values():
                    grid.stretch(self.overload.stretch)

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


def test_where_a_stay_is_suspected_looks_are_twice_as_frequent_while_there_is_room() -> None:
    group = Simulated()
    assert group.overload.stretch_of(suspect=True) == 1.0  # nobody knows yet how much time looks take

    group.run(20, look_takes_s=0.01)
    assert group.overload.stretch_of(suspect=True) == 0.5
    assert group.overload.stretch_of(suspect=False) == 1.0

    group.run(20, look_takes_s=0.025)  # half of the time: room to go on, and none to begin
    assert group.overload.stretch_of(suspect=True) == 0.5
    group.run(60, look_takes_s=0.1)
    assert group.overload.stretch_of(suspect=True) == group.overload.stretch > 1.0
    group.run(120, look_takes_s=0.025)
    assert group.overload.stretch_of(suspect=True) == 1.0


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
