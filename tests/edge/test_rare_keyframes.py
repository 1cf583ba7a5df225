"""Where keyframes are rare: looks become rarer as far as no watch minds, and only then everything is decoded."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from edge.reading.budget import SAVED_S, Allowance, DecodeBudget, Meter
from edge.reading.camera import CameraReader, Look
from edge.reading.decoding import KeptPackets
from edge.reading.grid import LookGrid
from edge.reading.rhythm import RAREST_S, Mode, Rhythm, rarest_look_s
from edge.trying.media_time import MediaClock
from ingest.configuration import Camera
from tests.edge.fakes import START, watch
from tests.services.clips import write_clip

FPS = 10


def _numbered(index: int) -> NDArray[np.uint8]:
    return np.full((120, 160, 3), 40 + 2 * index, dtype=np.uint8)


def _number(look: Look) -> int:
    return round((float(look.frame.image.mean()) - 40) / 2)


@pytest.fixture(scope="module")
def rare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight seconds with a keyframe every two."""
    path = tmp_path_factory.mktemp("clips") / "rare.mp4"
    return write_clip(path, seconds=8, fps=FPS, size_wh=(160, 120), gop=20, draw=_numbered)


def _read(
    clip: Path, *, rarest_s: float, budget: DecodeBudget | None = None, rhythm: Rhythm | None = None
) -> tuple[CameraReader, list[int]]:
    """Reads a clip as fast as it goes; returns the numbers of the pictures that were looked at."""
    camera, clock = Camera(id="yard", url=str(clip), look_every_s=0.5), MediaClock(START)
    reader = CameraReader(
        camera,
        clock=clock,
        stop=threading.Event(),
        pace_of=clock.pace_of,
        rhythm=rhythm or Rhythm(every_s=0.5, rarest_s=rarest_s),
        budget=budget,
    )
    return reader, [_number(look) for look in reader.looks()]


def test_looks_become_rarer_where_no_watch_minds(rare: Path) -> None:
    reader, numbers = _read(rare, rarest_s=2.0)

    assert reader.mode == "rarer"
    assert numbers == pytest.approx([0, 20, 40, 60], abs=2)


def test_everything_is_decoded_where_a_watch_would_mind_and_no_look_is_missed(rare: Path) -> None:
    reader, numbers = _read(rare, rarest_s=1.0)

    assert reader.mode == "continuous"
    # What a watch can do without until it is known how rare keyframes are is the gap before the second look.
    assert numbers == pytest.approx([0, *range(10, 80, 5)], abs=2)


def test_beyond_the_budget_looks_are_as_rare_as_keyframes(rare: Path) -> None:
    reader, numbers = _read(rare, rarest_s=0.0, budget=DecodeBudget(share=1e-9))

    assert reader.mode == "continuous"
    assert numbers == pytest.approx([0, 5, 20, 40, 60], abs=2)


def test_a_stream_that_is_opened_again_is_read_as_it_was(rare: Path) -> None:
    rhythm = Rhythm(every_s=0.5)
    _read(rare, rarest_s=0.0, rhythm=rhythm)

    reader, numbers = _read(rare, rarest_s=0.0, rhythm=rhythm)

    assert reader.mode == "continuous"
    assert numbers == pytest.approx(list(range(0, 80, 5)), abs=2)


@pytest.mark.parametrize(
    ("intervals_s", "mode", "settled"),
    [
        ([], "keyframes", False),
        ([4, 4], "keyframes", False),
        ([4, 4, 4], "keyframes", True),
        ([2, 2, 4.3], "keyframes", True),
        ([2, 2, 12], "rarer", True),
        ([12, 2, 2], "rarer", True),
        ([12, 2, 2, 2], "keyframes", True),
        ([2, 2, 25], "continuous", False),
        ([25, 12, 12], "continuous", False),
        ([25, 12, 12, 12], "rarer", True),
    ],
)
def test_the_rarest_of_the_last_keyframes_says_how_a_stream_is_read(
    intervals_s: Sequence[float], mode: Mode, settled: bool
) -> None:
    rhythm = Rhythm(every_s=4.0, rarest_s=15.0)
    now_s = 0.0
    rhythm.keyframe(now_s)
    for interval_s in intervals_s:
        now_s += interval_s
        rhythm.keyframe(now_s)

    assert (rhythm.mode, rhythm.is_settled) == (mode, settled)


def test_a_file_that_begins_again_says_nothing_about_its_keyframes() -> None:
    rhythm = Rhythm(every_s=4.0)
    for now_s in (0.0, 4.0, 8.0, 0.0):
        rhythm.keyframe(now_s)

    assert rhythm.keyframe_every_s == 4.0


def test_looks_may_be_as_rare_as_a_fifth_of_the_shortest_dwell_and_half_a_grace() -> None:
    patient, hasty = watch(dwell_s=300, grace_s=30), watch(dwell_s=60, grace_s=30)

    assert rarest_look_s([patient]) == 15
    assert rarest_look_s([patient, hasty]) == 12
    assert rarest_look_s([]) == rarest_look_s([watch(dwell_s=3600, grace_s=600)]) == RAREST_S


def test_the_budget_is_shared_by_those_who_need_it_and_fills_up_again() -> None:
    now_s = 0.0
    budget = DecodeBudget(share=0.5, monotonic=lambda: now_s)
    first = Allowance(budget)
    first.spend(0.5 * SAVED_S + 1.0)
    spent = first.is_spent
    assert spent

    now_s = 2.5
    spent = first.is_spent
    assert not spent

    second = Allowance(budget)
    assert budget.part == 0.25
    second.close()
    assert budget.part == 0.5


def test_the_meter_tells_a_share_from_the_start_and_forgets() -> None:
    now_s = 0.0
    meter = Meter(monotonic=lambda: now_s)
    for _ in range(20):
        now_s += 0.5
        meter.add(0.05)
    assert meter.share == pytest.approx(0.1, rel=0.1)

    now_s += 600
    assert meter.share < 0.001


def test_too_many_packets_are_not_kept() -> None:
    kept = KeptPackets(2500)
    for _ in range(2):
        kept.begin(av.Packet(1000))  # type: ignore[arg-type]
        kept.add(av.Packet(1000))  # type: ignore[arg-type]
    assert len(kept.take()) == 2

    kept.begin(av.Packet(1000))  # type: ignore[arg-type]
    for _ in range(3):
        kept.add(av.Packet(1000))  # type: ignore[arg-type]
    assert kept.take() == []


@pytest.mark.parametrize(("spread", "second_s", "third_s"), [(0.0, 4.0, 8.0), (0.5, 3.0, 7.0), (1.0, 2.0, 6.0)])
def test_the_second_look_of_each_camera_comes_at_another_time(spread: float, second_s: float, third_s: float) -> None:
    grid = LookGrid(4.0, spread=spread)
    looked_s = []
    for now_s in np.arange(0, 12, 0.25):
        if grid.is_due(float(now_s), early=False):
            grid.looked(float(now_s))
            looked_s.append(float(now_s))

    assert looked_s[:3] == [0.0, second_s, third_s]
