"""Measures what a frame costs from picture to findings, beside the bare OpenVINO call on the same weights.

With ``--batches 2 4 8`` also whether frames cost less where one run takes so many of them: on one thread, as an edge's
process runs a model, at inputs of 320, 480 and 640 pixels; see docs/decisions/0014.

Usage: python -m bench.detect --frames 50 [--batches 2 4 8]
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
from detectors.openvino_runtime import taking_pictures
from detectors.quiet_openvino import openvino
from detectors.yolo import YoloConfiguration, YoloDetector, build
from models.zoo import load_model, load_weights

BATCHED_SIDES = (320, 480, 640)


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
    if asked.batches:
        batched = {side: _batched(asked, side) for side in BATCHED_SIDES}
        figures["batched_ms_per_frame"] = batched
        for side, costs in batched.items():
            row = ", ".join(f"{size}: {cost_ms:.2f}" for size, cost_ms in costs.items())
            print(f"{f'batches at {side}':24} {row} ms a frame")
        figures["batch_gain"] = round(max(1 - min(costs.values()) / costs[1] for costs in batched.values()), 3)
        print(f"{'batch_gain':24} {figures['batch_gain']}")
    print(json.dumps(figures))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=50)
    parser.add_argument("--model", default="street")
    parser.add_argument("--input", type=int, default=640)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--batches", type=int, nargs="+", default=[], help="frames of one run, such as 2 4 8")
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


def _batched(asked: argparse.Namespace, side: int) -> dict[int, float]:
    """Returns the milliseconds of a frame by how many of them one run takes; 1 among them."""
    sizes = sorted({1, *asked.batches})
    runs = [_run_of(asked.model, size, side, precision=asked.precision) for size in sizes]
    costs = _alternating([lambda _, run=run: run() for run in runs], rounds=asked.frames)  # type: ignore[misc]
    return {size: round(spent_ms / size, 2) for size, spent_ms in zip(sizes, costs, strict=True)}


def _run_of(model: str, size: int, side: int, *, precision: str) -> Callable[[], object]:
    """Returns one run of ``size`` ready pictures, with the colours and the scaling inside, as the product has them."""
    core = openvino.Core()
    network = core.read_model(load_weights(load_model(model)))
    network.reshape([size, 3, side, side])
    options = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY"}
    request = core.compile_model(taking_pictures(network), "CPU", options | {"NUM_STREAMS": 1}).create_infer_request()
    pictures = np.random.default_rng(2).integers(0, 256, (size, side, side, 3), dtype=np.uint8)
    return lambda: request.infer({0: pictures}, share_inputs=True)


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
