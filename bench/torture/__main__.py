"""Kills everything in random order, and shows that nothing is lost and nothing doubled.

Usage: python -m bench.torture [--short] [--seed 7]
"""

from __future__ import annotations

import argparse
import json
import secrets
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.torture.plan import FULL, SHORT
from bench.torture.run import Torture, interruptible

INTERRUPTED = 130


def main() -> int:
    asked = _arguments()
    seed = secrets.randbelow(1_000_000) if asked.seed is None else asked.seed
    print(f"seed {seed}: `python -m bench.torture{' --short' if asked.short else ''} --seed {seed}` repeats this run")
    interruptible()
    begun_s = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="streetcase-torture-"))
    folder.chmod(0o711)  # PostgreSQL runs under an account of its own
    torture = Torture(folder, SHORT if asked.short else FULL, seed=seed)
    try:
        torture.run()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    finally:
        torture.close()
        if not torture.is_over:
            print(f"what the parts left is in {folder}", file=sys.stderr)
    figures = _figures(torture, seed=seed) | {"seconds": round(time.monotonic() - begun_s, 1)}
    _show(figures)
    wrong = torture.verdict.wrong
    for sentence in wrong:
        print(f"WRONG: {sentence}")
    if wrong or asked.keep:
        print(f"what the parts left is in {folder}")
    else:
        shutil.rmtree(folder)
    print(json.dumps(figures))
    return 1 if wrong else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="a minute instead of five")
    parser.add_argument("--seed", type=int, help="repeats the script, the order of the kills and their times")
    parser.add_argument("--keep", action="store_true", help="leave logs and data, also where nothing is wrong")
    return parser.parse_args()


def _figures(torture: Torture, *, seed: int) -> dict[str, Any]:
    course, verdict = torture.course, torture.verdict
    return {
        "bench": "torture",
        "accepted": course.accepted,
        "in_cases": verdict.in_cases,
        "doubled": verdict.doubled,
        "evidence_missing": verdict.evidence_missing,
        "evidence_altered": verdict.evidence_altered,
        "incidents": verdict.incidents,
        "cases": verdict.cases,
        "kills": course.kills_by_part.total(),
        "kills_by_part": dict(course.kills_by_part),
        "ended_by_itself": dict(course.ended_by_itself),
        "in_stream_at_wipe": course.in_stream_at_wipe,
        "wrong": len(verdict.wrong),
        "seed": seed,
        "drain_s": round(course.drain_s, 1),
    }


def _show(figures: dict[str, Any]) -> None:
    for name, value in figures.items():
        shown = ", ".join(f"{part} {number}" for part, number in value.items()) if isinstance(value, dict) else value
        print(f"{name:20} {shown}")


if __name__ == "__main__":
    sys.exit(main())
