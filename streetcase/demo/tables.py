"""Prints what the demo shows: the cases, the way that one of them took, and its confirmation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from streetcase.demo.operator import DemoCase, Json


def print_cases(console: Console, cases: Sequence[DemoCase], evidence: Mapping[str, Sequence[Path]]) -> None:
    """Prints a line for each case, and below the pictures of each, within 80 columns."""
    table = Table(title="Cases")
    table.add_column("kind", no_wrap=True)
    for heading in ("state", "seen from", "incidents", "events", "still there"):
        table.add_column(heading)
    for case in cases:
        table.add_row(
            case.kind,
            str(case.detail["state"]),
            str(case.detail["source_id"]),
            str(len(case.detail["incidents"])),
            ", ".join(report["payload"]["phase"] for report in case.reports),
            "no, gone" if case.is_gone else "yes",
        )
    console.print(table)
    for case in cases:
        console.print(f"{case.kind} ({case.detail['kind']['name_zh']}), evidence:", highlight=False)
        for path in evidence[case.id]:
            console.print(f"  {path}  {path.stat().st_size / 1000:.0f} kB", highlight=False)
        if not evidence[case.id]:
            console.print("  none: a sensor sends readings", highlight=False)


def print_way(console: Console, case: DemoCase) -> None:
    """Prints the stations of the case's first event, from the frame to the database."""
    report = case.reports[0]
    payload: Json = report["payload"]
    taken = [item["taken_at"] for item in payload.get("evidence", []) if item["role"] == "start"]
    finding = (payload.get("findings") or [{}])[0]
    table = Table("station", "time", "what", title=f"The way of one {case.kind}", show_lines=False)
    rows: list[tuple[str, Any, str]] = [
        ("frame", taken[0] if taken else payload["first_seen_at"], f"camera {payload['source_id']}, kept as start"),
        ("looks", payload["first_seen_at"], f"{finding.get('label', '?')} in zone of watch {payload['watch_id']}"),
        ("dwell", payload["occurred_at"], f"{payload['dwell_s']:.0f} s of staying were observed"),
        ("event", payload["occurred_at"], f"{payload['phase']} {report['report_id']}"),
        ("uplink", payload["sent_at"], "start and crop first, then the event"),
        ("stream", report["received_at"], f"entry {report['stream_entry']}, written before the edge was answered"),
        ("case", report["recorded_at"], f"{report['outcome']} {case.id}"),
    ]
    for station, moment, what in rows:
        table.add_row(station, _clock(moment), what)
    console.print(table)


def print_confirmation(console: Console, filed: Json, history: Sequence[Json]) -> None:
    console.print(f"an operator confirms it: case number [bold]{filed['number']}[/bold], state {filed['state']}")
    table = Table("time", "who", "what", title="Its history")
    for line in history:
        table.add_row(_clock(line["at"]), str(line["actor"]), str(line["action"]))
    console.print(table)


def _clock(moment: str) -> str:
    return datetime.fromisoformat(moment).strftime("%H:%M:%S.%f")[:-3]
