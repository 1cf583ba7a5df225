"""Measures an edge's outbox: events in beside what the disk does alone, events out, and a day's backlog that drains.

The backlog is simulated small: each picture of 3 kB stands for one of 300 kB, and pictures may take a hundredth of the
link that is named, so that the time is that of the real one; what each file costs by itself is not made smaller. New
events, each with a picture, are committed once a second meanwhile, and must not wait behind the backlog. The gateway
and its Redis are real, with an fsync for each POST; no worker reports further, as that is bench.ingest's matter.

Usage: python -m bench.outbox --events 100000 --backlog 10000 --seconds 5
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from io import FileIO
from pathlib import Path
from typing import Any

from bench.ingest.centre import new_sqlite, running_centre
from bench.outbox.drain import measure_backlog, measure_out
from bench.outbox.made import commit, event, pictures, unwritten
from edge.looking.evidence import EvidenceFolder
from edge.outbox.box import Outbox
from ingest.contract import EvidenceRole

EDGE_ID = "bench-0"
APPEND_BYTES = 1500
TURN_S = 0.2
ROLES = (EvidenceRole.START, EvidenceRole.CONFIRM, EvidenceRole.CROP)


def main() -> None:
    asked = _arguments()
    figures: dict[str, Any] = {"bench": "outbox", "events": asked.events, "backlog": asked.backlog}
    with tempfile.TemporaryDirectory(prefix="bench-outbox-", dir=asked.folder) as name:
        folder = Path(name)
        figures |= _measure_in(folder / "in", seconds=asked.seconds)
        with running_centre(folder / "centre", new_sqlite(folder / "centre"), workers=0, edges=1) as centre:
            figures |= measure_out(folder / "out", centre, events=asked.events)
            figures |= measure_backlog(folder / "backlog", centre, events=asked.backlog)
    for figure, value in figures.items():
        print(f"{figure:34} {value}")
    print(json.dumps(figures))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Events in and out of an edge's outbox, and a backlog that drains.")
    parser.add_argument("--events", type=int, default=100_000, help="events whose size and way out are measured")
    parser.add_argument("--backlog", type=int, default=10_000, help="events with a picture each that have waited")
    parser.add_argument("--seconds", type=float, default=5.0, help="how long each way in is measured")
    parser.add_argument("--folder", type=Path, help="on the disk that is measured; left out: the temporary folder's")
    return parser.parse_args()


def _measure_in(folder: Path, *, seconds: float) -> dict[str, Any]:
    folder.mkdir()
    evidence, made = EvidenceFolder(folder / "evidence"), pictures(20_000)
    with (
        (folder / "raw").open("wb", buffering=0) as raw,
        closing(_raw_sqlite(folder / "raw.sqlite")) as db,
        closing(Outbox(folder / "outbox.sqlite")) as outbox,
    ):
        rates = _rates(
            {
                "fsyncs": lambda _: _append(raw),
                "raw_sqlite_commits": lambda _: db.execute("INSERT INTO raw (body) VALUES (?)", ("x" * APPEND_BYTES,)),
                "commits": lambda n: outbox.commit(commit(event(EDGE_ID, n))),
                "commits_with_3_evidence_rows": lambda n: outbox.commit(
                    commit(event(EDGE_ID, n, [unwritten(n, role) for role in ROLES]))
                ),
                "commits_with_a_picture_file": lambda n: outbox.commit(
                    commit(event(EDGE_ID, n, [evidence.keep(next(made))]))
                ),
            },
            seconds=seconds,
        )
    return {f"{name}_per_s": round(rate) for name, rate in rates.items()} | {
        "commits_over_fsync_floor": round(rates["commits"] / rates["fsyncs"], 3),
        "commits_over_raw_sqlite": round(rates["commits"] / rates["raw_sqlite_commits"], 3),
    }


def _append(raw: FileIO) -> None:
    """The floor of physics: what the disk acknowledges, of so many bytes at a time."""
    raw.write(b"x" * APPEND_BYTES)
    os.fsync(raw.fileno())


def _raw_sqlite(file: Path) -> sqlite3.Connection:
    """The floor of SQLite: one row a transaction, with the outbox's own settings."""
    db = sqlite3.connect(file, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("CREATE TABLE raw (seq INTEGER PRIMARY KEY, body TEXT)")
    return db


def _rates(works: Mapping[str, Callable[[int], object]], *, seconds: float) -> dict[str, float]:
    """Returns how often a second each can be done; they take turns, so that a busy disk is busy for all of them."""
    done, spent_s = dict.fromkeys(works, 0), dict.fromkeys(works, 0.0)
    while min(spent_s.values()) < seconds:
        for name, work in works.items():
            begun_s = time.monotonic()
            while (turn_s := time.monotonic() - begun_s) < TURN_S:
                work(done[name])
                done[name] += 1
            spent_s[name] += turn_s
    return {name: done[name] / spent_s[name] for name in works}


if __name__ == "__main__":
    main()
