"""The bench of capacity counts what did not come, and its cameras' files are out of step and whole."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from bench.cameras.clips import FPS
from bench.capacity.__main__ import _on_time
from bench.capacity.clips import write_camera
from tests.services.clips import write_clip


@pytest.mark.parametrize(
    ("done_s", "share"),
    [
        ((98, 102, 106, 110, 114, 118), 1.0),
        ((98, 105, 112, 119), 1.0),
        ((98, 102, 112, 116), 2 / 3),
        ((98,), 0.0),
        ((), 0.0),
    ],
)
def test_a_look_that_does_not_come_is_late(done_s: tuple[float, ...], share: float) -> None:
    noted = [("yard", moment, 0.1) for moment in done_s]

    assert _on_time(noted, {"yard": 4.0}, began_s=100, ended_s=120) == pytest.approx(share)


def test_cameras_have_whole_files_in_phases_of_their_own(tmp_path: Path) -> None:
    grey = np.full((64, 96, 3), 90, np.uint8)
    clip = write_clip(tmp_path / "clip.mp4", seconds=4, fps=FPS, size_wh=(96, 64), gop=2 * FPS, draw=lambda _: grey)
    phases = set()
    for number in range(6):
        file = tmp_path / f"{number}.mp4"
        write_camera(clip, file, number=number, seconds=10)
        with av.open(file) as container:
            frames = list(container.decode(video=0))
        assert len(frames) >= 10 * FPS
        assert frames[-1].time == pytest.approx((len(frames) - 1) / FPS)
        keyframes = [index for index, frame in enumerate(frames) if frame.key_frame]
        assert set(np.diff(keyframes[1:])) == {2 * FPS}
        phases.add(keyframes[1])

    assert len(phases) == 6
