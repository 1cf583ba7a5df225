"""The demo and every bench at small size, against generous floors: ``make verify``."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Floor:
    """``name`` of the bench's JSON must be at least ``low`` and at most ``high``."""

    name: str
    low: float = float("-inf")
    high: float = float("inf")


@dataclass(frozen=True, slots=True)
class Step:
    """Python's arguments, how long it may take with them, and what its last line must say."""

    name: str
    arguments: str
    within_s: float
    floors: tuple[Floor, ...] = ()


STEPS = (
    Step("demo", "-m streetcase demo --out runs/demo --json runs/demo.json", within_s=300),
    Step("demo, rendered", "-m streetcase demo --rendered --out runs/rendered --json runs/rendered.json", within_s=300),
    Step("weights", "-m streetcase model verify", within_s=60),
    Step(
        "bench detect",
        "-m bench.detect --frames 20",
        within_s=180,
        floors=(Floor("total_over_raw_openvino", high=1.5), Floor("rss_mb", high=600)),
    ),
    Step(
        "bench ingest",
        "-m bench.ingest --seconds 8 --half-seconds 6 --floor-events 2000"
        " --only 'postgresql post50 plain w2' --only 'sqlite post50 plain w1'",
        within_s=240,
        floors=(
            Floor("events_per_s_postgres", low=300),
            Floor("p99_s_at_half_load", high=5),
            Floor("over_same_sql_floor", low=0.1),
        ),
    ),
    Step(
        "bench outbox",
        "-m bench.outbox --events 2000 --backlog 1000 --seconds 2",
        within_s=240,
        floors=(Floor("drained_per_s", low=100), Floor("new_p99_s", high=5)),
    ),
    Step(
        "fuzz, a tenth",
        "-m bench.fuzz --examples 2",
        within_s=300,
        floors=(Floor("failures", high=0), Floor("server_errors_logged", high=0), Floor("cases", low=200)),
    ),
    Step(
        "bench api",
        "-m bench.api --cases 20000 --sqlite-cases 0 --seconds 8 --eager-seconds 1",
        within_s=180,
        floors=(
            Floor("list_p95_ms", high=300),
            Floor("read_p95_ms", high=300),
            Floor("confirm_p95_ms", high=500),
            Floor("search_p95_ms", high=500),
            Floor("indicators_month_s", high=2),
            Floor("list_over_floor", low=0.25),
            Floor("read_over_floor", low=0.2),
        ),
    ),
    Step(
        "bench stays",
        "-m bench.stays",
        within_s=600,
        floors=(
            Floor("recall", low=0.9),
            Floor("precision", low=0.85),
            Floor("delay_p95_looks", high=3),
            Floor("events_lost_by_gate", high=0),
        ),
    ),
    Step(
        "bench cameras",
        "-m bench.cameras --seconds 24",  # as long as the clips of the next one, which are then there
        within_s=400,
        floors=(
            Floor("idle_over_keyframe_floor", high=2),
            Floor("busy_cpu_s", high=15),
            Floor("zone_recall", low=0.8),
        ),
    ),
    Step(
        "bench capacity",
        "-m bench.capacity --cameras 10 --seconds 12",
        within_s=600,
        floors=(Floor("looks_on_time", low=0.8), Floor("mb_per_camera", high=80)),
    ),
    Step(
        "soak, short",
        "-m bench.soak --minutes 0.75 --restarts 3 --opening-s 10 --most-growth-mb 60 --most-lost 0.3",
        within_s=300,
        floors=(Floor("restarts", low=3), Floor("faults", low=11), Floor("late", high=0)),
    ),
    Step(
        "torture, short",
        "-m bench.torture --short",
        within_s=420,
        floors=(
            Floor("doubled", high=0),
            Floor("evidence_missing", high=0),
            Floor("evidence_altered", high=0),
            Floor("kills", low=15),
        ),
    ),
)


def main() -> int:
    Path("runs").mkdir(exist_ok=True)
    wrong: list[str] = []
    for step in STEPS:
        begun_s = time.monotonic()
        print(f"=== {step.name}", flush=True)
        wrong += _run(step)
        print(f"=== {step.name}: {time.monotonic() - begun_s:.0f} s", flush=True)
    for sentence in wrong:
        print(f"NOT AS EXPECTED: {sentence}")
    print(json.dumps({"steps": len(STEPS), "not_as_expected": wrong}))
    return 1 if wrong else 0


def _run(step: Step) -> list[str]:
    try:
        command = [sys.executable, *shlex.split(step.arguments)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=step.within_s, check=False)
    except subprocess.TimeoutExpired as late:
        print(late.stdout or "")
        return [f"{step.name}: not over after {step.within_s:.0f} s"]
    print(done.stdout, flush=True)
    if done.returncode != 0:
        return [f"{step.name}: exit code {done.returncode}"]
    if not step.floors:
        return []
    figures: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return [
        f"{step.name}: {floor.name} is {figures[floor.name]}, expected {floor.low} to {floor.high}"
        for floor in step.floors
        if not floor.low <= figures[floor.name] <= floor.high
    ]


if __name__ == "__main__":
    sys.exit(main())
