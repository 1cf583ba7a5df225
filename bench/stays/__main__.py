"""Scores what the edge raises from composed clips of which everything is known.

Each clip lasts 90 s, a keyframe each second, a look every 2 s; dwell 20 s, grace 8 s, clear 12 s. Vehicles arrive,
stay and leave; passers-by, light, shake, gaps and night try to hide it. Every clip goes through the same code as
`streetcase edge try`. With --data DIR the clips are composed on photographs as well (DIR/plates, DIR/cutouts/cars).

Bars: recall 1.0, precision 0.95, raised within the dwell and two looks.

Usage: python -m bench.stays [--data DIR] [--only NAME] [--keep DIR]
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import yaml
from rich.console import Console
from rich.table import Table

from bench.stays.composing import Scene, compose
from bench.stays.scenes import CLEAR_S, DWELL_S, GRACE_S, LOOK_EVERY_S, WATCH, scenes
from bench.stays.stages import Stage, drawn_street, stages_of
from edge.logs import configure_logs
from edge.processes.group import Detectors
from edge.trying.folder import TryFolder
from edge.trying.run import ClipTry, Outcome
from edge.trying.scoring import Score, score_of
from edge.trying.timeline import write_timeline
from edge.trying.watches import Tried, watches_to_try

START = datetime(2026, 6, 1, tzinfo=UTC)
LABELS = ["car", "truck", "bus"]


@dataclass(frozen=True, slots=True)
class Played:
    stage: str
    clip: str
    score: Score
    outcome: Outcome


def main() -> None:
    asked = _arguments()
    configure_logs(least="warning")
    began_s = time.monotonic()
    stages = [drawn_street(), *(stages_of(asked.data) if asked.data else [])]
    with tempfile.TemporaryDirectory(prefix="bench-stays-") as temporary:
        root = asked.keep or Path(temporary)
        detectors = Detectors()
        played = [
            _play(stage, scene, root / stage.name / scene.name.replace(" ", "-").replace(",", ""), detectors)
            for stage in stages
            for scene in scenes(stage)
            if asked.only is None or asked.only in scene.name
        ]
    _print(played)
    print(json.dumps({"bench": "stays", "took_s": round(time.monotonic() - began_s, 1), **figures(played)}))


def _play(stage: Stage, scene: Scene, folder: Path, detectors: Detectors) -> Played:
    folder.mkdir(parents=True, exist_ok=True)
    clip = folder / "clip.mp4"
    compose(scene, clip)
    tried = watches_to_try(_watches_file(stage, folder), clip, look_every_s=LOOK_EVERY_S)
    outcome, score = _tried(tried, scene, TryFolder(folder / "tried", overwrite=True), detectors)
    write_timeline(folder / "tried" / "timeline.png", outcome.course, tried.watches)
    return Played(stage.name, scene.name, score, outcome)


def _tried(tried: Tried, scene: Scene, folder: TryFolder, detectors: Detectors) -> tuple[Outcome, Score]:
    outcome = ClipTry(tried, start=START, folder=folder, detectors=detectors).run(stop=threading.Event())
    return outcome, score_of(outcome.course, scene.truths, tried.watches, look_every_s=LOOK_EVERY_S)


def _watches_file(stage: Stage, folder: Path) -> Path:
    watch = {
        "id": WATCH,
        "kind": "illegal-parking",
        "zone": [list(point) for point in stage.zone],
        "detector": {"type": "yolo", "model": "street"},
        "labels": LABELS,
        "dwell_s": DWELL_S,
        "grace_s": GRACE_S,
        "clear_s": CLEAR_S,
    }
    file = folder / "watches.yaml"
    file.write_text(yaml.safe_dump({"watches": [watch]}), encoding="utf-8")
    return file


def figures(played: Sequence[Played]) -> dict[str, object]:
    """Returns recall, precision and delays over all clips together."""
    expected = sum(p.score.expected for p in played)
    missed = sum(len(p.score.missed) for p in played)
    right = [right for p in played for right in p.score.right]
    wrong = sum(len(p.score.wrong) for p in played)
    delays = [r.delay_looks for r in right] or [0.0]
    return {
        "clips": len(played),
        "expected": expected,
        "recall": round(1 - missed / expected, 4) if expected else 1.0,
        "precision": round(len(right) / (len(right) + wrong), 4) if right or wrong else 1.0,
        "delay_p95_looks": round(float(np.percentile(delays, 95)), 3),
        "delay_max_looks": round(max(delays), 3),
        "looks": sum(len(p.outcome.course.looks_s) for p in played),
        "detector_runs": sum(p.outcome.course.detector_runs for p in played),
    }


def _print(played: Sequence[Played]) -> None:
    console = Console()
    table = Table("stage", "clip", "found", "wrong", "latest, looks", "detector runs of looks", title="Stays")
    for p in played:
        latest = max((r.delay_looks for r in p.score.right), default=0.0)
        found = f"{p.score.expected - len(p.score.missed)} of {p.score.expected}"
        runs = f"{p.outcome.course.detector_runs} of {len(p.outcome.course.looks_s)}"
        table.add_row(p.stage, p.clip, found, str(len(p.score.wrong)), f"{latest:.1f}", runs)
    console.print(table)
    for p in played:
        for truth in p.score.missed:
            console.print(f"missed: {p.stage}, {p.clip}: {truth.thing}, {truth.from_s:.0f} to {truth.to_s:.0f} s")
        for wrong in p.score.wrong:
            at_s = wrong.incident.raised_s
            console.print(f"wrong: {p.stage}, {p.clip}: incident {wrong.incident.number} at {at_s:.0f} s: {wrong.why}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a folder with plates/ and cutouts/cars/")
    parser.add_argument("--only", help="only clips whose name holds this")
    parser.add_argument("--keep", type=Path, help="leave clips, events and timelines here")
    return parser.parse_args()


if __name__ == "__main__":
    main()
