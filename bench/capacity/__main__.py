"""Measures how many cameras this machine looks at in time: real files, paced in real time, a look each 4 s.

Each camera is a file of its own, 1080p25 at 4 Mb/s, in a phase of its own; of each 150, 15 have a keyframe only each
12 s, 15 are H.265, and four fifths are idle. The edge's own processes look at them, as many as are asked for. A look is
on time when it is done at most twice its interval after the one before it; the interval of a camera with rare keyframes
is theirs, 12 s, as the edge lets its looks become. Looks that should have come and did not are late.

Measured is what comes once the looks have settled: after a start the detector of every camera runs until it agrees with
itself, and looks are rarer until then (`settled_after_s`).

Predicted: 150 cameras on two cores (a keyframe of 1080p costs about 15 ms, a look of a scene that is at rest little
more: 150 x 2 keyframes each 4 s take 1.2 of 2 cores). Measured: 150 cameras with two processes on two cores for 60 s:
2,100 looks, all on time, delay p95 0.60 s, none left out, 1.6 of 2 cores; 22 MB for each camera beyond 455 MB; settled
after 72 s. (0.81 when measured from 16 s after the start, with every camera's run in any case in the same second.)
Memory is that of the cameras' processes, without the supervisor's. The files take 0.5 MB a second and camera: 16 GB for
150 cameras and 60 s.

Usage: python -m bench.capacity --cameras 150 --seconds 60
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from bench.capacity.clips import CLIP_S, RARE_GOP_S, Clips, make_all, write_camera
from bench.capacity.measured import configuration_of, measured_main, noted_in
from edge.processes import supervision
from edge.processes.fleet import Fleet

LOOK_EVERY_S = 4.0
WARM_UP_S = 16.0
SETTLED_WITHIN_S = 90.0
"""After a start every camera's detector runs until it agrees with itself; measured is what comes after that."""

SETTLED_FOR_S = 12.0
ENOUGH = 0.99
FEW = 2


def main() -> None:
    asked = _arguments()
    clips = make_all(asked.folder)
    few = _measure(clips, cameras=FEW, seconds=1, workers=asked.workers)
    figures: dict[str, Any] = {}
    number, best = asked.cameras, 0
    while number > best:
        measured = _measure(clips, cameras=number, seconds=asked.seconds, workers=asked.workers)
        print(json.dumps(measured), flush=True)
        holds = measured["looks_on_time"] >= ENOUGH
        if holds or not figures:
            figures = measured
        if not holds:
            if best or number <= asked.step or not asked.search:
                break
            number -= asked.step
            figures = {}
            continue
        best = number
        number = number + asked.step if asked.search else number
    per_camera = (figures["memory_mb"] - few["memory_mb"]) / max(1, figures["tried"] - FEW)
    figures = {
        "bench": "capacity",
        "cameras": best,
        **figures,
        "mb_per_camera": round(per_camera, 1),
        "base_mb": round(few["memory_mb"] - FEW * per_camera),
        "workers": asked.workers,
        "seconds": asked.seconds,
    }
    for name, value in figures.items():
        print(f"{name:16} {value}")
    print(json.dumps(figures))


def _measure(clips: Clips, *, cameras: int, seconds: float, workers: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="bench-capacity-") as name:
        folder = Path(name)
        files = [folder / f"camera-{number:03}.mp4" for number in range(cameras)]
        for number, file in enumerate(files):
            # Long enough for the processes to start, for the warm-up and for a busy machine.
            lasts_s = WARM_UP_S + (SETTLED_WITHIN_S if cameras > FEW else 0) + seconds + CLIP_S + cameras / 10
            write_camera(clips.of_camera(number), file, number=number, seconds=lasts_s)
        fleet = Fleet()
        fleet.take(configuration_of(folder, files, look_every_s=LOOK_EVERY_S, workers=workers))
        try:
            with mock.patch.object(supervision, "group_main", measured_main):
                _tend(fleet, until=lambda: len(fleet.beats) == min(workers, cameras), within_s=120)
            _tend(fleet, until=lambda: False, within_s=WARM_UP_S)
            settled_s = WARM_UP_S + (_settle(fleet) if cameras > FEW else 0)
            began_s = time.clock_gettime(time.CLOCK_BOOTTIME)
            _tend(fleet, until=lambda: False, within_s=seconds)
            memory_mb = sum(group.memory_mb or 0.0 for group in fleet.groups)
            shed = max(group.shed_share for group in fleet.groups)
            gated = sum(camera.gated for camera in fleet.cameras) / max(1, sum(c.looks for c in fleet.cameras))
        finally:
            fleet.stop(within_s=30)
        noted = [look for look in noted_in(folder) if began_s - 2 * RARE_GOP_S <= look[1] <= began_s + seconds]
    intervals_s = {
        file.stem: RARE_GOP_S if clips.of_camera(number) == clips.rare else LOOK_EVERY_S
        for number, file in enumerate(files)
    }
    delays_s = [delay_s for _, done_s, delay_s in noted if done_s >= began_s]
    return {
        "tried": cameras,
        "looks_on_time": round(_on_time(noted, intervals_s, began_s=began_s, ended_s=began_s + seconds), 4),
        "delay_p95_s": round(float(np.percentile(delays_s, 95)), 3) if delays_s else None,
        "looks": len(delays_s),
        "gated_share": round(gated, 3),
        "shed_share": shed,
        "settled_after_s": round(settled_s, 1),
        "memory_mb": round(memory_mb, 1),
    }


def _settle(fleet: Fleet) -> float:
    """Waits until no looks have been left out for a while; returns after how many seconds."""
    began_s = calm_since_s = time.monotonic()
    while (now_s := time.monotonic()) - began_s < SETTLED_WITHIN_S and now_s - calm_since_s < SETTLED_FOR_S:
        _tend(fleet, until=lambda: False, within_s=1)
        if any(group.shed_share for group in fleet.groups):
            calm_since_s = time.monotonic()
    return time.monotonic() - began_s


def _on_time(
    noted: list[tuple[str, float, float]], intervals_s: dict[str, float], *, began_s: float, ended_s: float
) -> float:
    """Returns the share of looks on time; a gap of n intervals hides n - 1 looks that did not come."""
    done: dict[str, list[float]] = defaultdict(list)
    for camera, done_s, _ in noted:
        done[camera].append(done_s)
    on_time = late = 0
    for camera, every_s in intervals_s.items():
        moments = sorted(done[camera])
        before = next((m for m in reversed(moments) if m < began_s), began_s)
        for moment in [*(m for m in moments if m >= began_s), ended_s]:
            missed = int((moment - before) / (2 * every_s))
            late += missed
            on_time += missed == 0 and moment != ended_s
            before = moment
    return on_time / max(1, on_time + late)


def _tend(fleet: Fleet, *, until: Callable[[], bool], within_s: float) -> None:
    deadline_s = time.monotonic() + within_s
    while time.monotonic() < deadline_s and not until():
        fleet.tend()
        time.sleep(0.1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="How many cameras are looked at in time.")
    parser.add_argument("--cameras", type=int, default=150, help="how many to begin with")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long is measured, after a warm-up")
    parser.add_argument("--workers", type=int, default=2, help="processes that share the cameras")
    parser.add_argument("--search", action="store_true", help="try more, or fewer, until the largest is found")
    parser.add_argument("--step", type=int, default=25, help="by how many more or fewer")
    parser.add_argument("--folder", type=Path, default=Path(".bench-clips"), help="where the clips are kept")
    return parser.parse_args()


if __name__ == "__main__":
    main()
