"""Replay: an empty database gets the same cases again from the archive, and says what it could not take."""

from __future__ import annotations

import gzip
import json
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from signal import SIGINT
from typing import Any

import pytest

from api.client import ApiClient, ApiRefused, ApiUnavailable
from api.schemas import Report, ReportAnswer, ReportOutcome
from ingest.archive import ArchivedEntry
from ingest.entries import StreamEntry
from ingest.replay import Replay, SpanError, span
from tests.ingest.centre import Centre, Edge
from tests.ingest.conftest import CentreFactory

ROOT = Path(__file__).parents[2]
TODAY = f"{datetime.now(UTC):%Y-%m-%d}"
TOMORROW = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d}"
SPAN = ("--from", TODAY, "--to", TOMORROW)


def command(centre: Centre, *arguments: str, archive: Path) -> list[str]:
    return [sys.executable, "-m", "streetcase", "ingest", "replay", *arguments, "--archive", str(archive)]


def replay(centre: Centre, *arguments: str, archive: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(centre, *arguments, archive=archive),
        env=centre.environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def archive_of(centre: Centre) -> Path:
    return Path(centre.environment["STREETCASE_ARCHIVE_DIR"])


def a_day_of_events(edge: Edge) -> list[dict[str, Any]]:
    """Three watches: incidents that join by watch, that are counted, that clear and come again; and a lone fault."""
    start = datetime.now(UTC) - timedelta(hours=3)
    events = []
    for number in range(120):
        watch = f"watch-{number % 3}"
        incident = uuid.uuid5(uuid.NAMESPACE_OID, f"{edge.edge_id} {watch} {number // 15}")
        phase = ("raised", "updated", "updated", "updated", "cleared")[number // 3 % 5]
        event = edge.event(
            incident_id=str(incident),
            phase=phase,
            watch_id=watch,
            source={"type": "camera", "id": watch},
            kind=("street-encroachment", "exposed-garbage", "burning")[number % 3],
            first_seen_at=(start + timedelta(minutes=number // 15)).isoformat(),
            occurred_at=(start + timedelta(minutes=number)).isoformat(),
            dwell_s=60.0 * number,
        )
        if phase == "cleared":
            event["clear_reason"] = ("gone", "lost")[number // 15 % 2]
        events.append(event)
    return events


def cases(centre: Centre) -> list[tuple[Any, ...]]:
    """What each case is but for its id, its number and when it was made; with its incidents and their states."""
    columns = (
        "id, state, kind_key, watch_id, first_seen_at, last_seen_at, dwell_s, incidents_count, reports_count, gone_at"
    )
    of_incidents = (
        "id, kind_key, watch_id, first_seen_at, last_seen_at, dwell_s, cleared_at, clear_reason, reports_count"
    )
    with closing(sqlite3.connect(archive_of(centre).parent / "streetcase.db")) as database:
        found = []
        for case_id, *case in database.execute(f"SELECT {columns} FROM cases"):
            query = f"SELECT {of_incidents} FROM incidents WHERE case_id = ? ORDER BY id"
            reports = "SELECT report_id, outcome, received_at FROM reports WHERE case_id = ? ORDER BY report_id"
            parts = [tuple(database.execute(text, [case_id])) for text in (query, reports)]
            found.append((*case, *parts))
    return sorted(found, key=repr)


def test_the_archive_builds_the_same_cases_again(redis_url: str, new_centre: CentreFactory) -> None:
    old = new_centre(redis_url)
    old.start_api_and_gateway()
    workers = [old.start_worker(name) for name in ("worker-1", "worker-2")]
    for name in ("edge-1", "edge-2"):
        with old.edge(name) as edge:
            events = a_day_of_events(edge)
            for start in range(0, len(events), 15):
                edge.post(*events[start : start + 15])
            edge.post(*events[:30])  # Sent again, as after a lost answer.
    old.wait_drained()
    workers[0].kill()

    new = new_centre(redis_url)
    new.start_api()
    done = replay(new, *SPAN, archive=archive_of(old))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("events 240: new cases ")
    assert cases(new) == cases(old)
    assert len(cases(new)) >= 6
    assert {case[0] for case in cases(new)} == {"detected"}

    refused = replay(new, *SPAN, archive=archive_of(old))
    assert refused.returncode == 2
    assert "already holds 240 reports" in refused.stderr
    again = replay(new, *SPAN, "--into-existing", archive=archive_of(old))
    assert again.returncode == 0
    assert "duplicates 240" in again.stdout
    assert cases(new) == cases(old)


def test_what_the_api_refuses_and_what_is_torn_is_told(redis_url: str, new_centre: CentreFactory) -> None:
    centre = new_centre(redis_url)
    centre.start_api()
    with centre.edge("edge-1") as edge:
        events = [edge.event(), edge.event(kind="no-such-kind"), edge.event(edge_id="edge-2"), {"event_id": 7}]
    now = datetime.now(UTC)
    lines = [_line(event, at=now + timedelta(seconds=place)) for place, event in enumerate(events)]
    folder = archive_of(centre) / TODAY
    folder.mkdir(parents=True)
    whole = gzip.compress(b"".join(lines))
    (folder / "w.jsonl.gz").write_bytes(whole + whole[:50])
    done = replay(centre, "--from", TODAY, "--to", TODAY, archive=archive_of(centre))
    assert done.returncode == 1
    assert "events 4: new cases 1, joined 0, counted 0, duplicates 0, refused 3" in done.stdout
    assert "refused 1: the API refused it: unknown kind no-such-kind" in done.stdout
    assert "refused 1: edge_id is edge-2" in done.stdout
    assert f"the last 50 bytes of {folder / 'w.jsonl.gz'} were never whole" in done.stdout
    assert "Traceback" not in done.stderr


def _line(event: dict[str, Any], *, at: datetime) -> bytes:
    entry = {"entry_id": f"{int(at.timestamp() * 1000)}-0", "edge_id": "edge-1", "source": "", "partition": 0}
    entry |= {"received_at": at.isoformat(), "request_id": "", "event": json.dumps(event)}
    return json.dumps(entry).encode() + b"\n"


def test_ctrl_c_stops_it_and_it_says_how_to_go_on(redis_url: str, new_centre: CentreFactory, tmp_path: Path) -> None:
    centre = new_centre(redis_url)
    api = centre.start_api()
    now = datetime.now(UTC).replace(hour=0, minute=0, second=0)
    with centre.edge("edge-1") as edge:
        lines = [_line(edge.event(), at=now + timedelta(seconds=number)) for number in range(4000)]
    folder = archive_of(centre) / TODAY
    folder.mkdir(parents=True)
    (folder / "w.jsonl.gz").write_bytes(gzip.compress(b"".join(lines)))
    running = subprocess.Popen(
        command(centre, *SPAN, archive=archive_of(centre)),
        env=centre.environment,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    client = ApiClient(centre.environment["STREETCASE_API_URL"], centre.service_key)
    deadline = time.monotonic() + 30
    while client.report_count() == 0 and time.monotonic() < deadline:
        time.sleep(0.02)
    running.send_signal(SIGINT)
    said, complaints = running.communicate(timeout=30)
    assert (running.returncode, complaints) == (130, "")
    assert f"stopped; go on with: streetcase ingest replay --from {TODAY} --to {SPAN[3]} --into-existing" in said
    done = client.report_count()
    client.close()
    assert 0 < done < 4000
    again = replay(centre, "--from", TODAY, "--to", SPAN[3], "--into-existing", archive=archive_of(centre))
    assert again.returncode == 0, again.stderr
    assert f"new cases {4000 - done:,}, joined 0, counted 0, duplicates {done:,}" in again.stdout
    assert api.running


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--from", "yesterday", "--to", TODAY), "--from needs a date such as 2026-11-23"),
        (("--from", "2026-02-30", "--to", TODAY), "--from needs a date such as 2026-11-23"),
        (("--from", "2026-11-24", "--to", "2026-11-23"), "--from 2026-11-24 must lie before --to 2026-11-23"),
        (("--from", TODAY, "--to", TODAY), "no answer from the API"),
    ],
)
def test_what_a_user_can_mend_is_told_in_a_line(
    redis_url: str, new_centre: CentreFactory, tmp_path: Path, arguments: Sequence[str], said: str
) -> None:
    done = replay(new_centre(redis_url), *arguments, archive=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_that_is_no_archive_is_told(redis_url: str, new_centre: CentreFactory, tmp_path: Path) -> None:
    centre = new_centre(redis_url)
    centre.start_api()
    done = replay(centre, *SPAN, archive=tmp_path / "nothing")
    assert done.returncode == 2
    assert "cannot read the archive" in done.stderr


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        ("2026-11-01", "2026-11-23", ("2026-11-01T00:00:00+00:00", "2026-11-24T00:00:00+00:00")),
        ("2026-11-01T08:00", "2026-11-01T08:00:01Z", ("2026-11-01T08:00:00+00:00", "2026-11-01T08:00:01+00:00")),
        ("2026-11-01T08:00+08:00", "2026-11-01", ("2026-11-01T00:00:00+00:00", "2026-11-02T00:00:00+00:00")),
    ],
)
def test_a_span_is_of_days_or_moments_in_utc(since: str, until: str, expected: tuple[str, str]) -> None:
    assert tuple(moment.isoformat() for moment in span(since, until)) == expected


@pytest.mark.parametrize("until", ["", "2026-11-23T25:00", "0001-01-01T00:00+14:00"])
def test_a_span_that_cannot_be_read_is_refused(until: str) -> None:
    with pytest.raises(SpanError, match=r"--to"):
        span("2026-11-01", until)


Judge = Callable[[Sequence[Report]], list[ReportAnswer]]


class JudgedApi:
    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self.calls: list[int] = []

    def report(self, reports: Sequence[Report]) -> list[ReportAnswer]:
        self.calls.append(len(reports))
        return self._judge(reports)


def archived(count: int) -> list[ArchivedEntry]:
    now = datetime.now(UTC)
    edge = Edge("edge-1", "", "http://127.0.0.1:1")
    try:
        events = [json.dumps(edge.event()).encode() for _ in range(count)]
    finally:
        edge.http.close()
    return [ArchivedEntry(StreamEntry("1-1", event, "edge-1", now.isoformat(), ""), now) for event in events]


def taken(reports: Sequence[Report]) -> list[ReportAnswer]:
    return [ReportAnswer(report_id=report.report_id, outcome=ReportOutcome.NEW_CASE) for report in reports]


@pytest.mark.parametrize("failure", [ApiRefused(413, "too large"), ApiUnavailable("a fault", status=500)])
def test_of_a_batch_that_fails_only_the_guilty_is_left_out(failure: Exception) -> None:
    entries = archived(20)
    guilty = json.loads(entries[13].entry.event)["event_id"]

    def judge(reports: Sequence[Report]) -> list[ReportAnswer]:
        if guilty in {str(report.report_id) for report in reports}:
            raise failure
        return taken(reports)

    summary = Replay(JudgedApi(judge), threading.Event()).run(entries, tell=lambda _: None)
    assert (summary.events, summary.outcomes[ReportOutcome.NEW_CASE]) == (20, 19)
    assert sum(summary.refused.values()) == 1


def test_an_api_that_is_away_is_waited_for() -> None:
    failures = [ApiUnavailable("away"), ApiUnavailable("busy", status=503), ApiUnavailable("fault", status=500)]

    def judge(reports: Sequence[Report]) -> list[ReportAnswer]:
        if failures:
            raise failures.pop()
        return taken(reports)

    api = JudgedApi(judge)
    summary = Replay(api, threading.Event(), batch=7).run(archived(10), tell=lambda _: None)
    assert (summary.outcomes[ReportOutcome.NEW_CASE], summary.refused.total()) == (10, 0)
    assert api.calls == [7, 7, 7, 7, 3]


def test_an_api_that_does_not_let_us_in_ends_it() -> None:
    def judge(_: Sequence[Report]) -> list[ReportAnswer]:
        raise ApiRefused(401, "unknown key")

    with pytest.raises(ApiRefused, match="unknown key"):
        Replay(JudgedApi(judge), threading.Event()).run(archived(1), tell=lambda _: None)
