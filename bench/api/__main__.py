"""Measures list, read, confirm, report, search and indicators of the case API at a million cases.

50 clients pause half a second between their requests, as people do; then eager connections ask as fast as they are
answered, for lists and for cases, in turns with a hand-written route: the same key check and SQL by a driver alone.
Load, API and database share the machine. The patient are served by as many processes as the API takes by itself, the
eager by one, as the hand-written route is.

Predicted at 1,000,000 cases on two cores, before the first run: list p95 25 ms, read 15 ms, confirm 30 ms, search
40 ms, indicators of a month 0.3 s, 0.6 of the hand-written list and 0.55 of its read.

Usage: python -m bench.api --cases 1000000
"""

from __future__ import annotations

import argparse
import json
import math
import pickle
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from rich.console import Console
from rich.table import Table
from uuid_utils.compat import uuid7

from api.database import Database
from bench.api.centre import Centre, furnish, make_settings, running_api, running_floor
from bench.api.load import Connection, Refused, Timings, closed_loop, paced, request
from bench.api.plan import written_down
from bench.api.seeding import seed
from bench.services import PostgresServer

PAUSE_S = 0.5
SHARES = {"list": 0.3, "read": 0.3, "search": 0.15, "confirm": 0.15, "report": 0.1}
SEARCHES = (
    "占道经营",
    "占道",
    "井盖",
    "stall",
    "urban",
    "永阳东路77号",
    "camera-301",
    "夜间施工",
    "垃圾 grid-3",
    "rarest",
)
LISTS = (
    "",
    "?state=detected&sort=review",
    "?sort=due",
    "?kind=street-vendor",
    "?grid=grid-3&state=closed",
    "?overdue=true",
)
WARM_CLIENTS, WARM_PAUSE_S, WARM_SECONDS = 16, 0.05, 2.0
ANSWER_S, ROOM_FOR_CHANCE = 0.03, 1.1
ROUNDS = 4
EAGER = 4


def main() -> None:
    asked = _arguments()
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="bench-api-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL runs as somebody else
        if asked.cases:
            kept = (asked.keep or folder) / f"{asked.cases}-cases"
            kept.mkdir(parents=True, exist_ok=True)
            with _postgres(kept / "postgres") as server:
                place = kept / "on-postgresql"
                figures = _measure(place, asked, asked.cases, url=server.url, conninfo=server.conninfo, file=None)
                _tell("PostgreSQL", figures)
        if asked.sqlite_cases:
            place = folder / "on-sqlite"
            file = place / "streetcase.db"
            on_sqlite = _measure(place, asked, asked.sqlite_cases, url=f"sqlite:///{file}", conninfo=None, file=file)
            _tell("SQLite", on_sqlite)
            figures |= {f"sqlite_{key}": value for key, value in on_sqlite.items()} if asked.cases else on_sqlite
    print(json.dumps(figures))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Requests per second and p95 of the case API.")
    parser.add_argument("--cases", type=int, default=1_000_000, help="on PostgreSQL; 0 leaves it out")
    parser.add_argument("--sqlite-cases", type=int, default=100_000, help="on SQLite; 0 leaves it out")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long the patient clients ask")
    parser.add_argument("--eager-seconds", type=float, default=4.0, help="how long each round of the eager ones lasts")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument(
        "--keep", type=Path, help="folder, readable by all, to keep PostgreSQL's cases in for next time"
    )
    return parser.parse_args()


def _measure(
    folder: Path, asked: argparse.Namespace, cases: int, *, url: str, conninfo: str | None, file: Path | None
) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    settings, seeded = make_settings(folder, url), folder / "seeded"
    if not seeded.exists():
        seconds = seed(cases, conninfo=conninfo, file=file)
        seeded.touch()
        print(f"{cases:,} cases seeded in {seconds:.0f} s", flush=True)
    centre = furnish(settings, clients=asked.clients)
    if lack := lack_of_alarms(len(centre.alarms), clients=asked.clients, seconds=asked.seconds):
        print(lack, file=sys.stderr)
        raise SystemExit(2)
    database = Database(settings.database_url)
    some = centre.case_ids[:200]
    plan = written_down(
        database, bearer=centre.tokens[0], case_ids=some, conninfo=conninfo, file=str(file) if file else None
    )
    database.close()
    plan_file = folder / "plan"
    plan_file.write_bytes(pickle.dumps(plan))
    with running_api(centre, folder) as port:
        month_s = _indicators_s(port, centre)
        timings = _patient(port, centre, asked)
    # One process each: what is compared is the work for a request, not how many cores are at it.
    with (
        running_api(centre, folder, processes=1) as port,
        running_floor(plan_file, folder, bearer=centre.tokens[0]) as floor_port,
    ):
        eager = _eager(port, floor_port, centre, some, seconds=asked.eager_seconds)
    if timings.refused:
        raise SystemExit(f"{len(timings.refused)} requests were refused, the first: {timings.refused[0]}")
    figures: dict[str, Any] = {"cases": cases, "clients": asked.clients}
    for action in SHARES:
        figures[f"{action}_p50_ms"] = round(timings.percentile_ms(action, 0.5), 1)
        figures[f"{action}_p95_ms"] = round(timings.percentile_ms(action, 0.95), 1)
    answered = sum(len(spent) for spent in timings.by_action.values())
    return figures | {"patient_per_s": round(answered / asked.seconds, 1), "indicators_month_s": month_s} | eager


def lack_of_alarms(left: int, *, clients: int, seconds: float) -> str | None:
    """Returns what to say where a kept database has too few alarms for another run: each confirmation takes one.

    A quick API may take a few more than this, and then says so too.
    """
    asked = clients * seconds / (PAUSE_S + ANSWER_S) + WARM_CLIENTS * WARM_SECONDS / (WARM_PAUSE_S + ANSWER_S)
    needed = math.ceil(asked * SHARES["confirm"] * ROOM_FOR_CHANCE)
    if left >= needed:
        return None
    return f"{left} alarms are left and about {needed} are needed: give another folder, or fewer --clients or --seconds"


def _patient(port: int, centre: Centre, asked: argparse.Namespace) -> Timings:
    alarms, chance = iter(centre.alarms), random.Random(3)  # noqa: S311
    make = _maker(centre, alarms, chance)
    # Everybody's first request opens connections and compiles statements; that is no part of a working day.
    for shares in ({"list": 1.0}, SHARES):
        few = paced(port, clients=WARM_CLIENTS, pause_s=WARM_PAUSE_S, seconds=WARM_SECONDS, shares=shares, make=make)
        if few.refused:
            return few
    return paced(port, clients=asked.clients, pause_s=PAUSE_S, seconds=asked.seconds, shares=SHARES, make=make)


def _maker(centre: Centre, alarms: Iterator[str], chance: random.Random) -> Callable[[str, int], bytes]:
    numbers = count()

    def make(action: str, client: int) -> bytes:
        token = centre.tokens[client]
        if action == "list":
            return request("GET", f"/api/v1/cases{chance.choice(LISTS)}", token)
        if action == "read":
            return request("GET", f"/api/v1/cases/{chance.choice(centre.case_ids)}", token)
        if action == "search":
            words = chance.choice((*SEARCHES, chance.choice(centre.numbers)))
            return request("GET", f"/api/v1/cases?q={quote(words)}", token)
        if action == "confirm":
            if (alarm := next(alarms, None)) is None:
                raise Refused("no alarm is left to confirm: give another folder, or more --cases")
            return request("POST", f"/api/v1/cases/{alarm}/confirm", token)
        body = json.dumps([_report(next(numbers))]).encode()
        return request("POST", "/internal/v1/reports", centre.service_key, body)

    return make


def _report(number: int) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat()
    return {
        "report_id": str(uuid4()),
        "incident_id": str(uuid7()),
        "phase": "raised",
        "edge_id": "edge-1",
        "source_type": "camera",
        "source_id": f"camera-{number % 30}",
        "kind": "street-vendor",
        "watch_id": f"bench-{number}",
        "position": {"longitude": 118.43 + (number % 97) * 0.001, "latitude": 32.45},
        "first_seen_at": now,
        "occurred_at": now,
        "received_at": now,
        "score": 0.8,
    }


def _indicators_s(port: int, centre: Centre) -> float:
    """Returns the median of five, of the month that is going on and of the one before."""
    connection, spent = Connection(port), []
    for on in (None, "2"):
        for _ in range(3 if on is None else 2):
            began_s = time.perf_counter()
            path = "/api/v1/indicators?period=month&by=department"
            connection.ask(request("GET", path, centre.tokens[0]))
            spent.append(time.perf_counter() - began_s)
    connection.close()
    return round(statistics.median(spent), 3)


def _eager(port: int, floor_port: int, centre: Centre, some: list[str], *, seconds: float) -> dict[str, float]:
    """In turns, so that whatever else the machine does hits both alike."""
    lists = [request("GET", "/api/v1/cases", token) for token in centre.tokens]
    reads = [request("GET", f"/api/v1/cases/{case_id}", centre.tokens[0]) for case_id in some]
    rates: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        for what, asked in (("list", lists), ("read", reads)):
            for whose, at in (("", port), ("floor_", floor_port)):
                rate = closed_loop(at, asked, connections=EAGER, seconds=seconds)
                rates.setdefault(f"{whose}{what}_per_s", []).append(rate)
    figures = {name: round(statistics.median(found), 1) for name, found in rates.items()}
    for what in ("list", "read"):
        figures[f"{what}_over_floor"] = round(figures[f"{what}_per_s"] / figures[f"floor_{what}_per_s"], 2)
    return figures


def _tell(name: str, figures: dict[str, Any]) -> None:
    table = Table(title=f"{figures['cases']:,} cases on {name}, {figures['clients']} clients")
    for column in ("action", "p50 ms", "p95 ms", "closed loop /s", "hand-written /s", "ratio"):
        table.add_column(column, justify="left" if column == "action" else "right")
    for action in SHARES:
        row = [action, figures[f"{action}_p50_ms"], figures[f"{action}_p95_ms"]]
        row += [figures.get(f"{action}_per_s", ""), figures.get(f"floor_{action}_per_s", "")]
        table.add_row(*map(str, [*row, figures.get(f"{action}_over_floor", "")]))
    table.add_row("indicators of a month", "", str(round(figures["indicators_month_s"] * 1000)))
    Console(width=110).print(table)


@contextmanager
def _postgres(folder: Path) -> Iterator[PostgresServer]:
    server = PostgresServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()


if __name__ == "__main__":
    main()
