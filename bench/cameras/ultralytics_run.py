"""Counts the processor time of ultralytics on a clip; runs in its own environment (make bench-venv), not in ours.

Usage: PYTHON bench/cameras/ultralytics_run.py WEIGHTS CLIP VID_STRIDE
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any


def main() -> None:
    weights, clip, stride = sys.argv[1:4]
    # Nobody else has it: it is imported where it is used.
    from ultralytics import YOLO  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415

    model: Any = YOLO(weights, task="detect")
    asked = {"stream": True, "vid_stride": int(stride), "imgsz": 640, "conf": 0.35, "verbose": False}
    next(iter(model.predict(clip, **asked)))
    began, wall = time.process_time(), time.perf_counter()
    looks = sum(1 for _ in model.predict(clip, **asked))
    print(json.dumps({"cpu_s": time.process_time() - began, "wall_s": time.perf_counter() - wall, "looks": looks}))


if __name__ == "__main__":
    main()
