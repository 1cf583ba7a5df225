"""Measures what a frame costs from picture to findings, beside the bare OpenVINO call on the same weights.

Usage: python -m bench.detect --frames 50
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from detectors.base import Frame
from detectors.quiet_openvino import openvino
from detectors.yolo import YoloConfiguration, YoloDetector, build
from models.zoo import load_model, load_weights


def main() -> None:
    asked = _arguments()
    detector = build(
        YoloConfiguration(
            model=asked.model, input_size=asked.input, threads=asked.threads, precision=asked.precision, min_score=0.1
        )
    )
    # After the product's own model alone: the bare call below compiles a second one.
    rss_mb = _rss_mb()
    frames = _frames(8, width=asked.width, height=asked.height)
    raw = _raw_call(asked.model, detector, threads=asked.threads, precision=asked.precision)
    total_ms, raw_ms = _alternating(
        [lambda turn: detector.detect([frames[turn % len(frames)]]), lambda _: raw()], rounds=asked.frames
    )
    figures = {
        "bench": "detect",
        "model": asked.model,
        "total_ms": round(total_ms, 2),
        "raw_openvino_ms": round(raw_ms, 2),
        "total_over_raw_openvino": round(total_ms / raw_ms, 3),
        "rss_mb": round(rss_mb, 1),
        "precision": asked.precision,
        "input": list(detector.input_wh),
        "frame": [asked.width, asked.height],
        "threads": asked.threads,
        "frames": asked.frames,
        "openvino": openvino.__version__.split("-")[0],
    }
    for name, value in figures.items():
        print(f"{name:24} {value}")
    print(json.dumps(figures))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=50)
    parser.add_argument("--model", default="street")
    parser.add_argument("--input", type=int, default=640)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--width", type=int, default=1920)
    parser.add_argument("--height", type=int, default=1080)
    return parser.parse_args()


def _frames(count: int, *, width: int, height: int) -> list[Frame]:
    """Returns smooth random pictures: like a scene, they find little."""
    random = np.random.default_rng(0)
    at = datetime(2026, 1, 1, tzinfo=UTC)
    coarse = [random.integers(0, 256, (height // 40 + 1, width // 40 + 1, 3), dtype=np.uint8) for _ in range(count)]
    return [Frame(image=one.repeat(40, 0).repeat(40, 1)[:height, :width].copy(), captured_at=at) for one in coarse]


def _raw_call(model: str, detector: YoloDetector, *, threads: int, precision: str) -> Callable[[], object]:
    """Returns one bare inference on a ready float input: no letterbox, no boxes."""
    core = openvino.Core()
    network = core.read_model(load_weights(load_model(model)))
    width, height = detector.input_wh
    network.reshape([1, 3, height, width])
    options = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY"}
    request = core.compile_model(network, "CPU", options).create_infer_request()
    blob = np.random.default_rng(1).random((1, 3, height, width), dtype=np.float32)
    return lambda: request.infer({0: blob}, share_inputs=True)


def _alternating(calls: list[Callable[[int], object]], *, rounds: int) -> list[float]:
    """Returns the median milliseconds of each call; they take turns, so that a busy machine slows all alike."""
    spent: list[list[float]] = [[] for _ in calls]
    for turn in range(rounds + 5):
        for call, times in zip(calls, spent, strict=True):
            began = time.perf_counter()
            call(turn)
            times.append((time.perf_counter() - began) * 1000)
    return [statistics.median(times[5:]) for times in spent]


def _rss_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


if __name__ == "__main__":
    main()
