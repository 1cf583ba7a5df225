"""Reads what a run left behind: rows of the database, bytes of the evidence store, answers of the API, outboxes."""

from __future__ import annotations

import json
import random
import secrets
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psycopg

from api.evidence_store import EvidenceMissing, EvidenceStore
from bench.torture.judge import Recorded, Verdict
from edge.outbox.box import Counts, Outbox
from ingest.archive_reader import read_archive
from ingest.contract import Answer

CASES_ASKED_FOR = 50


def read_recorded(conninfo: str) -> Recorded:
    with psycopg.connect(conninfo) as database:
        return Recorded(
            reports=database.execute("SELECT report_id, incident_id, case_id FROM reports").fetchall(),
            cases=dict(database.execute("SELECT id, reports_count FROM cases").fetchall()),
            incidents={
                incident: (case, count)
                for incident, case, count in database.execute("SELECT id, case_id, reports_count FROM incidents")
            },
            pictures=set(database.execute("SELECT incident_id, sha256, role FROM evidence").fetchall()),
        )


def reader_of(folder: Path) -> Any:
    """Returns what reads the bytes under a sha256, or None where nothing is kept."""
    store = EvidenceStore(folder)

    def read(sha256: str) -> bytes | None:
        try:
            with store.open(sha256) as file:
                return file.read()
        except EvidenceMissing:
            return None

    return read


def archived_ids(folder: Path) -> set[UUID]:
    """Returns the ids of all events in the workers' archive."""
    everything = read_archive(folder, since=datetime(2000, 1, 1, tzinfo=UTC), until=datetime(9000, 1, 1, tzinfo=UTC))
    return {UUID(json.loads(archived.entry.event)["event_id"]) for archived in everything}


def judge_outboxes(counts: Iterable[Counts], verdict: Verdict) -> None:
    """Notes what still waits, was held, refused or given up on an edge."""
    for number, count in enumerate(counts, start=1):
        left = {state: n for state, n in count.events.items() if state != Answer.ACCEPTED}
        verdict.note(f"states of events in outbox {number} are not empty", (f"{k}: {n}" for k, n in left.items()))
        if count.evidence_items or count.sacrificed:
            verdict.wrong.append(
                f"outbox {number} still has {count.evidence_items} pictures, and gave {count.sacrificed} up"
            )


def counts_of(outbox_file: Path) -> Counts:
    outbox = Outbox(outbox_file)
    try:
        return outbox.counts()
    finally:
        outbox.close()


def judge_api(url: str, password: str, cases: Sequence[UUID], verdict: Verdict, *, seed: int) -> None:
    """Asks the API, as a supervisor does, for some cases and all their pictures."""
    chosen = random.Random(seed).sample(sorted(cases), k=min(CASES_ASKED_FOR, len(cases)))  # noqa: S311
    try:
        with httpx.Client(base_url=url, timeout=20, trust_env=False) as http:
            _log_in(http, administrator_password=password)
            wrong = [sentence for case in chosen for sentence in _ask_for(http, case)]
    except httpx.HTTPError as error:
        wrong = [f"{type(error).__name__}: {error}"]
    verdict.note("answers of the API are not as they should be", wrong)


def _log_in(http: httpx.Client, *, administrator_password: str) -> None:
    """The administrator may not look at pictures, and adds somebody who may."""
    name, password = "administrator", administrator_password
    for _ in range(2):
        login = http.post("/api/v1/sessions", json={"name": name, "password": password}).raise_for_status()
        http.headers["Authorization"] = f"Bearer {login.json()['token']}"
        if name == "administrator":
            name, password = "looks-on", secrets.token_urlsafe(24)
            person = {"name": name, "role": "supervisor", "password": password}
            http.post("/api/v1/people", json=person).raise_for_status()


def _ask_for(http: httpx.Client, case: UUID) -> Iterable[str]:
    shown = http.get(f"/api/v1/cases/{case}").raise_for_status().json()
    if shown["gone_at"] is None:
        yield f"case {case} is not gone, and all its incidents were cleared"
    for item in shown["evidence"]:
        picture = http.get(f"/api/v1/cases/{case}/evidence/{item['sha256']}")
        if picture.status_code != 200:
            yield f"picture {item['sha256']} of case {case}: {picture.status_code}"
        elif len(picture.content) != item["size_bytes"]:
            yield f"picture {item['sha256']} of case {case} has another size"
