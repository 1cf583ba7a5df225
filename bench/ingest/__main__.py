"""Measures how many events a second become committed cases, beside what the same Redis takes raw.

Usage: python -m bench.ingest --seconds 5
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from ingest.embedded_redis import redis_url, server_command
from ingest.redis_link import StreamUnavailable, connect
from ingest.stream import EventStream

EDGE_ID = "bench-edge"
BATCH = 50
READY_S = 30.0
DRAIN_S = 300.0


def main() -> None:
    asked = _arguments()
    with tempfile.TemporaryDirectory(prefix="bench-ingest-") as folder:
        figures = {"bench": "ingest", "seconds": asked.seconds, "batch": BATCH, "senders": asked.senders}
        figures |= _measure(Path(folder), asked)
    for name, value in figures.items():
        print(f"{name:28} {value}")
    print(json.dumps(figures))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="how long events are sent")
    parser.add_argument("--senders", type=int, default=2, help="edges that send at once")
    parser.add_argument("--workers", type=int, default=1, help="workers that report at once")
    parser.add_argument("--port", type=int, default=18430, help="the first of three free ports")
    return parser.parse_args()


def _measure(folder: Path, asked: argparse.Namespace) -> dict[str, Any]:
    redis_port, api_port, gateway_port = asked.port, asked.port + 1, asked.port + 2
    url = redis_url(folder / "redis", redis_port)
    environment = dict(os.environ) | {
        "STREETCASE_REDIS_URL": url,
        "STREETCASE_API_URL": f"http://127.0.0.1:{api_port}",
        "STREETCASE_SERVICE_KEY_FILE": str(folder / "service.key"),
        "STREETCASE_EVIDENCE_DIR": str(folder / "evidence"),
        "STREETCASE_ARCHIVE_DIR": str(folder / "archive"),
    }
    streetcase = [sys.executable, "-m", "streetcase"]
    with ExitStack() as running:
        running.enter_context(_process(server_command(folder / "redis", redis_port), environment))
        client = running.enter_context(closing(connect(url)))
        stream = EventStream(client)
        _wait(lambda: _serves(stream), timeout_s=READY_S, what="Redis is up")
        xadd_per_s = _raw_xadd_per_s(client, seconds=min(2.0, asked.seconds))
        _output([*streetcase, "api", "prepare"], environment)
        key = _output([*streetcase, "api", "add-edge", EDGE_ID], environment).split()[-1]
        running.enter_context(_process([*streetcase, "api", "serve", "--port", str(api_port)], environment))
        running.enter_context(_process([*streetcase, "ingest", "gateway", "--port", str(gateway_port)], environment))
        for number in range(asked.workers):
            named = environment | {"STREETCASE_WORKER_NAME": f"bench-{number}"}
            running.enter_context(_process([*streetcase, "ingest", "worker"], named))
        gateway = f"http://127.0.0.1:{gateway_port}"
        _wait(lambda: _is_ready(gateway), timeout_s=READY_S, what="the gateway is ready")
        start = time.monotonic()
        with ThreadPoolExecutor(asked.senders) as senders:
            sent = sum(senders.map(lambda _: _send(gateway, key, seconds=asked.seconds), range(asked.senders)))
        accepted_s = time.monotonic() - start
        _wait(lambda: stream.length() == 0, timeout_s=DRAIN_S, what="every event is reported")
        committed_s = time.monotonic() - start
        cases = _cases(folder / "streetcase.db")
    if cases != sent:
        raise SystemExit(f"expected {sent} cases, got {cases}")
    events_per_s = sent / committed_s
    return {
        "events": sent,
        "cases": cases,
        "events_per_s": round(events_per_s),
        "gateway_events_per_s": round(sent / accepted_s),
        "xadd_per_s": round(xadd_per_s),
        "share": round(events_per_s / xadd_per_s, 4),
        "workers": asked.workers,
        "database": "SQLite",
        "appendfsync": "always",
    }


@contextmanager
def _process(command: list[str], environment: Mapping[str, str]) -> Iterator[None]:
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


def _output(command: list[str], environment: Mapping[str, str]) -> str:
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


def _wait(condition: Callable[[], bool], *, timeout_s: float, what: str) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"{what}: not within {timeout_s:g} s")
        time.sleep(0.01)


def _serves(stream: EventStream) -> bool:
    try:
        stream.ping()
    except StreamUnavailable:
        return False
    return True


def _is_ready(gateway: str) -> bool:
    try:
        return httpx.get(f"{gateway}/health/ready", trust_env=False).is_success
    except httpx.TransportError:
        return False


def _raw_xadd_per_s(client: Any, *, seconds: float) -> float:
    event = json.dumps(_event(0, "raw")).encode()
    added, start = 0, time.monotonic()
    while (spent_s := time.monotonic() - start) < seconds:
        with client.pipeline(transaction=False) as pipeline:
            for _ in range(BATCH):
                pipeline.xadd("raw", {"event": event})
            pipeline.execute()
        added += BATCH
    client.delete("raw")
    return added / spent_s


def _send(gateway: str, key: str, *, seconds: float) -> int:
    """Sends events of new incidents until the time is over; returns how many were accepted."""
    accepted, sender, deadline = 0, uuid.uuid4().hex[:8], time.monotonic() + seconds
    with httpx.Client(base_url=gateway, headers={"Authorization": f"Bearer {key}"}, trust_env=False) as client:
        while time.monotonic() < deadline:
            events = [_event(accepted + place, sender) for place in range(BATCH)]
            response = client.post("/ingest/v1/events", json={"events": events}, timeout=30).raise_for_status()
            answers = [answer["answer"] for answer in response.json()["answers"]]
            if answers != ["accepted"] * BATCH:
                raise SystemExit(f"expected {BATCH} accepted events, got {sorted(set(answers))}")
            accepted += BATCH
    return accepted


def _event(number: int, sender: str) -> dict[str, Any]:
    """One event of a thing of its own: 200 m from the next, so that no two are joined into one case."""
    now = datetime.now(UTC)
    return {
        "event_id": str(uuid.uuid4()),
        "incident_id": str(uuid.uuid4()),
        "phase": "raised",
        "edge_id": EDGE_ID,
        "source": {"type": "camera", "id": f"camera-{sender}-{number}"},
        "kind": "street-encroachment",
        "watch_id": f"watch-{sender}-{number}",
        "zone": [[0.1, 0.5], [0.9, 0.5], [0.9, 0.9], [0.1, 0.9]],
        "position": {
            "longitude": 100 + int(sender, 16) % 7000 / 1000 + number % 1000 * 0.002 if sender != "raw" else 100,
            "latitude": 20 + number // 1000 * 0.002,
        },
        "first_seen_at": (now - timedelta(minutes=5)).isoformat(),
        "occurred_at": now.isoformat(),
        "dwell_s": 300.0,
        "score": 0.87,
        "findings": [{"label": "stall", "score": 0.87, "box": [0.41, 0.6, 0.58, 0.83]}],
        "detector": {"name": "yolo", "version": "1"},
    }


def _cases(path: Path) -> int:
    with closing(sqlite3.connect(path)) as database:
        return int(database.execute("SELECT count(*) FROM cases").fetchone()[0])


if __name__ == "__main__":
    main()
