"""Measures what a 1080p camera costs: CPU seconds for each minute of it, on an idle and on a busy scene.

Usage: python -m bench.cameras --seconds 20

1080p25 H.264 at 4 Mb/s, a keyframe and a look every 2 s, one watch over the lower half of the picture, model street,
f32. Beside it, in the same run: keyframes decoded and nothing else, every frame decoded and nothing else, and
ultralytics ``predict(stream=True, vid_stride=50)`` with the same weights (its environment: make bench-venv; without it,
null). Making the clips takes most of the time; they are kept.

Predicted on two busy cores: idle 1.1 of the floor (30 small pictures, a run a minute), busy 2.1 s (30 keyframes
0.6, 30 runs of 640x224 at 28 ms, 6 of 640x384 for the kept looks, pixels and pictures 0.3). Measured there: floor 0.60,
idle 0.69 (1.14), busy 2.11, full decoding 5.65, ultralytics 9.28 (busy 0.23 of it), zone recall 1.0 of 106 things.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from bench.cameras.clips import FPS, make_clips
from bench.cameras.loop import LOOK_EVERY_S, everything_decoded, keyframes_alone, run_loop, zone_recall
from models.zoo import find_models

IDLE_MINUTES = 2


def main() -> None:
    asked = _arguments()
    clip_s = asked.seconds
    idle_clip, busy_clip = make_clips(asked.folder, seconds=clip_s, footage=asked.footage)
    floor = keyframes_alone(idle_clip, clip_s=clip_s, times=3)
    # Two minutes at least: a run that comes once a minute in any case must be in it as often as it should.
    idle = run_loop(idle_clip, clip_s=clip_s, times=max(1, round(IDLE_MINUTES * 60 / clip_s)))
    floor = (floor + keyframes_alone(idle_clip, clip_s=clip_s, times=3)) / 2
    busy = run_loop(busy_clip, clip_s=clip_s, times=2)
    recall, things = zone_recall(busy_clip, busy.found)
    full = everything_decoded(busy_clip, clip_s=clip_s)
    theirs = _ultralytics(asked.bench_venv, busy_clip, clip_s=clip_s)
    figures = {
        "bench": "cameras",
        "idle_cpu_s": round(idle.cpu_s, 3),
        "busy_cpu_s": round(busy.cpu_s, 3),
        "keyframe_floor_cpu_s": round(floor, 3),
        "full_decode_cpu_s": round(full, 3),
        "ultralytics_cpu_s": round(theirs, 3) if theirs is not None else None,
        "idle_over_keyframe_floor": round(idle.cpu_s / floor, 3),
        "busy_over_ultralytics": round(busy.cpu_s / theirs, 3) if theirs is not None else None,
        "zone_recall": round(recall, 3),
        "things_in_zone": things,
        "idle_looks": idle.looks,
        "idle_gated": idle.gated,
        "busy_looks": busy.looks,
        "busy_gated": busy.gated,
        "input": "at the scale of 640 over the whole picture",
        "precision": "f32",
        "clip_s": clip_s,
    }
    for name, value in figures.items():
        print(f"{name:26} {value}")
    print(json.dumps(figures))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=20, help="length of the clips")
    parser.add_argument("--folder", type=Path, default=Path(".bench-clips"), help="where the clips are kept")
    parser.add_argument("--footage", type=Path, help="a clip of a fixed camera, in place of the drawn street")
    parser.add_argument("--bench-venv", type=Path, default=Path(".venv-bench"))
    return parser.parse_args()


def _ultralytics(venv: Path, clip: Path, *, clip_s: float) -> float | None:
    """Returns its processor seconds a minute, or None where its environment has not been made."""
    python = venv / "bin/python"
    if not python.exists():
        print(f"no {python}: ultralytics is left out; make bench-venv makes it", file=sys.stderr)
        return None
    weights = find_models()["street"] / "weights.onnx"
    told = subprocess.run(
        [python, Path(__file__).with_name("ultralytics_run.py"), weights, clip, str(round(FPS * LOOK_EVERY_S))],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "YOLO_AUTOINSTALL": "false", "YOLO_OFFLINE": "true", "PYTHONPATH": ""},
    )
    return float(json.loads(told.stdout.splitlines()[-1])["cpu_s"]) / (clip_s / 60)


if __name__ == "__main__":
    main()
