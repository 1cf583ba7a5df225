"""Measures how many events a second become committed cases, and how long one takes, beside what the parts could do.

Every row runs a centre of its own: gateway, Redis with appendfsync always, workers, API and database, with the load
generator on the same machine. Senders are held back while more than a few thousand events wait, so that the length of
the stream is flat and what is measured is what lasts. Then the same centre gets half of that, evenly, for the latency.

Usage: python -m bench.ingest --seconds 60
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psycopg
from rich.console import Console
from rich.table import Table

from api.database import Database as ApiDatabase
from api.first_start import prepare
from api.settings import ApiSettings
from bench.ingest import floor, load
from bench.ingest.centre import Centre, Database, new_postgres, new_sqlite, raw_xadd_per_s, running_centre
from bench.services import PostgresServer

WARM_UP_S = 3.0
HOLD_BACK_AT = 3000
FLOOR_BATCH = 200  # what a worker reports at once when it is behind
MS = 1000


@dataclass(frozen=True, slots=True)
class Row:
    """What one row measures."""

    database: str
    per_post: int
    evidence: bool
    workers: int

    @property
    def name(self) -> str:
        return f"{self.database} post{self.per_post} {'evidence' if self.evidence else 'plain'} w{self.workers}"


HEADLINE = Row("postgresql", 50, evidence=False, workers=2)


def main() -> None:
    asked = _arguments()
    rows = [row for row in _rows() if not asked.only or any(word in row.name for word in asked.only)]
    with tempfile.TemporaryDirectory(prefix="bench-ingest-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL runs as somebody else
        with _postgres(folder / "postgres") as server:
            xadd_per_s = raw_xadd_per_s(folder / "raw", seconds=min(3.0, asked.seconds))
            floors = _floors(server, folder / "floor", events=asked.floor_events)
            measured = []
            for number, row in enumerate(rows):
                print(f"[{number + 1}/{len(rows)}] {row.name}", flush=True)
                place = folder / f"row{number}"
                database = new_postgres(server, f"row{number}") if row.database == "postgresql" else new_sqlite(place)
                measured.append(_measure(place, database, row, asked))
    _tell(measured, xadd_per_s, floors, seconds=asked.seconds)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Events per second from the gateway to the committed case.")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long each row is loaded")
    parser.add_argument("--half-seconds", type=float, default=20.0, help="how long each row gets half of that")
    parser.add_argument("--senders", type=int, default=2, help="edges that send at once")
    parser.add_argument("--only", action="append", metavar="WORD", help="only rows whose name holds WORD; repeatable")
    parser.add_argument("--floor-events", type=int, default=5000, help="events of the floor")
    return parser.parse_args()


def _rows() -> list[Row]:
    rows = [
        Row(database, per_post, evidence=evidence, workers=workers)
        for database in ("postgresql", "sqlite")
        for per_post in (50, 1)
        for evidence in (False, True)
        for workers in (1, 2, 4)
    ]
    return sorted(rows, key=lambda row: row != HEADLINE)


@contextmanager
def _postgres(folder: Path) -> Iterator[PostgresServer]:
    server = PostgresServer(folder)
    server.start()
    try:
        with psycopg.connect(server.conninfo, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET track_commit_timestamp = on")
        server.stop()
        server.start()
        yield server
    finally:
        server.stop()


def _floors(server: PostgresServer, folder: Path, *, events: int) -> dict[str, float]:
    """Returns events a second of ``record`` alone, and of its very statements without it."""
    reports = floor.reports(events)
    batches = [reports[start : start + FLOOR_BATCH] for start in range(0, len(reports), FLOOR_BATCH)]
    written, again = (new_postgres(server, name) for name in ("floor_written", "floor_again"))
    for database in (written, again):
        prepare(ApiSettings(database.url, folder / "evidence", folder / "service.key"))
    api = ApiDatabase(written.url)
    transactions, record_per_s = floor.written_down(api, batches)
    api.close()
    conninfo = server.conninfo.replace("dbname=postgres", "dbname=floor_again")
    same_sql_per_s = floor.run_again(conninfo, transactions, batch=FLOOR_BATCH)
    return {"record_alone_per_s": round(record_per_s), "same_sql_per_s": round(same_sql_per_s)}


def _measure(folder: Path, database: Database, row: Row, asked: argparse.Namespace) -> dict[str, Any]:
    folder.mkdir()
    picture = load.noisy_jpeg() if row.evidence else None
    with running_centre(folder, database, workers=row.workers, edges=asked.senders) as centre:
        full, sent = _at_full_load(centre, row, picture, seconds=asked.seconds)
        per_post_s = row.per_post * len(centre.targets) / (full["events_per_s"] / 2)
        since = time.time()
        sent += _at_half_load(centre, row, picture, seconds=asked.half_seconds, every_s=per_post_s)
        latencies_s = database.latencies_s(since + 1.0)
    if database.reports() != sent:
        raise SystemExit(f"{row.name}: {sent} events were accepted, {database.reports()} are in the database")
    return asdict(row) | full | _percentiles(latencies_s)


def _at_full_load(centre: Centre, row: Row, picture: bytes | None, *, seconds: float) -> tuple[dict[str, Any], int]:
    stop, length = threading.Event(), [0]
    senders = [
        load.Sender(t, per_post=row.per_post, picture=picture, stop=stop, may_go=lambda: length[0] < HOLD_BACK_AT)
        for t in centre.targets
    ]
    samples: list[tuple[float, int, int]] = []
    for sender in senders:
        sender.start()
    begun_s = time.monotonic()
    while (now_s := time.monotonic() - begun_s) < WARM_UP_S + seconds:
        length[0] = centre.waiting()
        samples.append((now_s, sum(sender.sent.events for sender in senders), length[0]))
        time.sleep(0.02)
    _end(senders, stop)
    _drain(centre)
    steady = [sample for sample in samples if sample[0] >= WARM_UP_S]
    first, last = steady[0], steady[-1]
    committed = (last[1] - last[2]) - (first[1] - first[2])
    half = [waiting for _, _, waiting in steady[len(steady) // 2 :]]
    quarter = max(1, len(half) // 2)
    full = {
        "events_per_s": round(committed / (last[0] - first[0]), 1),
        "stream_third_quarter": round(sum(half[:quarter]) / quarter),
        "stream_last_quarter": round(sum(half[-quarter:]) / quarter),
    }
    return full, sum(sender.sent.events for sender in senders)


def _at_half_load(centre: Centre, row: Row, picture: bytes | None, *, seconds: float, every_s: float) -> int:
    stop = threading.Event()
    senders = [
        load.Sender(t, per_post=row.per_post, picture=picture, stop=stop, may_go=lambda: True, every_s=every_s)
        for t in centre.targets
    ]
    for sender in senders:
        sender.start()
        time.sleep(every_s / len(senders))  # evenly, not all at once
    time.sleep(seconds)
    _end(senders, stop)
    _drain(centre)
    return sum(sender.sent.events for sender in senders)


def _end(senders: list[load.Sender], stop: threading.Event) -> None:
    stop.set()
    for sender in senders:
        sender.join(load.TIMEOUT_S)
    if faults := [sender.sent.fault for sender in senders if sender.sent.fault]:
        raise SystemExit(f"a sender failed: {faults[0]}")


def _drain(centre: Centre) -> None:
    deadline = time.monotonic() + 120
    while centre.waiting():
        if time.monotonic() > deadline:
            raise SystemExit(f"{centre.waiting()} events were not reported within two minutes")
        time.sleep(0.02)


def _percentiles(latencies_s: list[float]) -> dict[str, float | None]:
    if not latencies_s:
        return {"p50_s": None, "p99_s": None}
    count = len(latencies_s)
    return {
        "p50_s": round(latencies_s[count // 2], 4),
        "p99_s": round(latencies_s[min(count - 1, int(count * 0.99))], 4),
    }


def _tell(rows: list[dict[str, Any]], xadd_per_s: float, floors: dict[str, float], *, seconds: float) -> None:
    columns = (
        "database",
        "a POST",
        "150 kB each",
        "workers",
        "events/s",
        "waiting, 3rd and 4th quarter",
        "p50 ms",
        "p99 ms",
    )
    table = Table(*columns, title=f"From POST to committed case, {seconds:g} s a row, {os.cpu_count()} cores")
    for row in rows:
        waits = [f"{row[name] * MS:.0f}" if row[name] is not None else "-" for name in ("p50_s", "p99_s")]
        flat = f"{row['stream_third_quarter']}, {row['stream_last_quarter']}"
        evidence = "yes" if row["evidence"] else "no"
        cells = (row["database"], row["per_post"], evidence, row["workers"], f"{row['events_per_s']:.0f}", flat, *waits)
        table.add_row(*(str(cell) for cell in cells))
    Console(width=120).print(table)
    print(f"load generator: {load.NAME}")
    print(f"the same Redis, raw pipelined XADD: {xadd_per_s:.0f}/s")
    print(f"recording alone, in one process: {floors['record_alone_per_s']}/s")
    print(f"floor, the same SQL from memory: {floors['same_sql_per_s']}/s")
    best = max((r for r in rows if _is_headline(r)), key=lambda r: r["events_per_s"], default=None)
    figures = {"bench": "ingest", "seconds": seconds, "load": load.NAME, "xadd_per_s": round(xadd_per_s), **floors}
    if best is not None:
        figures |= {
            "events_per_s_postgres": best["events_per_s"],
            "p99_s_at_half_load": best["p99_s"],
            "over_same_sql_floor": round(best["events_per_s"] / floors["same_sql_per_s"], 3),
            "over_record_alone": round(best["events_per_s"] / floors["record_alone_per_s"], 3),
        }
    print(json.dumps(figures | {"rows": rows}))


def _is_headline(row: dict[str, Any]) -> bool:
    return row["database"] == "postgresql" and row["per_post"] == HEADLINE.per_post and not row["evidence"]


if __name__ == "__main__":
    main()
