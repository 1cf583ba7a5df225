"""A scripted edge: commits what the script says to a real outbox at a steady pace, and sends it.

Usage: python -m bench.torture.edge --seed 1 --edge 1 --events 5000 --per-s 30 --folder F --url U --key-file K
"""

from __future__ import annotations

import argparse
import signal
import sqlite3
import threading
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import structlog

from bench.torture.script import Script, ScriptedEvent
from edge.logs import configure_logs
from edge.looking.evidence import EvidenceFolder, Picture
from edge.outbox.box import Commit, Outbox
from edge.outbox.keeper import Keeper
from edge.processes.threads import tireless
from edge.uplink.link import CentreLink
from edge.uplink.sending import Uplink
from ingest.configuration import Centre
from ingest.contract import ClearReason, Event, EvidenceItem, Phase, Position, Source, SourceType

SEEN_BEFORE = timedelta(minutes=5)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class EdgeFiles:
    """Where one scripted edge keeps what it has."""

    folder: Path

    @property
    def outbox(self) -> Path:
        return self.folder / "outbox.sqlite"

    @property
    def evidence(self) -> Path:
        return self.folder / "evidence"


def committed_ids(outbox_file: Path) -> set[UUID]:
    """Returns the ids of all events that were ever committed to an outbox, whatever became of them."""
    if not outbox_file.exists():
        return set()
    with closing(sqlite3.connect(outbox_file, timeout=30)) as database:
        return {UUID(event_id) for (event_id,) in database.execute("SELECT event_id FROM events")}


class Teller:
    """Commits the script's events one by one, beginning with the first that the outbox does not have."""

    def __init__(self, script: Script, *, keeper: Keeper, evidence: EvidenceFolder, known: set[UUID]) -> None:
        self._script = script
        self._keeper = keeper
        self._evidence = evidence
        self._known = known

    def tell(self, *, per_s: float, stop: threading.Event) -> None:
        """Returns when the script is told or ``stop`` is set."""
        left = [event for event in self._script.events if event.event_id not in self._known]
        log.info("goes on", place=left[0].place if left else None, left=len(left))
        begun_s = time.monotonic()
        for number, scripted in enumerate(left):
            if stop.wait(max(0.0, begun_s + number / per_s - time.monotonic())):
                return
            self._commit(scripted)

    def _commit(self, scripted: ScriptedEvent) -> None:
        # As on a real edge: the pictures lie on the disk before the event that names them is committed.
        now = datetime.now(UTC)
        items = [self._evidence.keep(Picture(p.role, now, p.jpeg())) for p in scripted.pictures]
        event = event_of(scripted, self._script, now=now, evidence=items)
        if not self._keeper.keep(Commit(events=[event], evidence=items)):
            log.error("not committed yet", place=scripted.place)


def event_of(scripted: ScriptedEvent, script: Script, *, now: datetime, evidence: list[EvidenceItem]) -> Event:
    """Returns the event of the contract; ``now`` is when it is committed."""
    incident = scripted.incident
    return Event(
        event_id=scripted.event_id,
        incident_id=incident.incident_id,
        phase=scripted.phase,
        clear_reason=ClearReason.GONE if scripted.phase is Phase.CLEARED else None,
        edge_id=script.edge_id,
        source=Source(type=SourceType.CAMERA, id=incident.source),
        kind=incident.kind,
        watch_id=incident.watch_id,
        # Half a kilometre from one incident to the next, so that none is near another.
        position=Position(longitude=100 + incident.number % 4000 * 0.005, latitude=20 + script.edge),
        first_seen_at=now - SEEN_BEFORE,
        occurred_at=now,
        dwell_s=SEEN_BEFORE.total_seconds(),
        score=0.8,
        evidence=evidence,
    )


def main() -> None:
    asked = _arguments()
    configure_logs()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    files = EdgeFiles(asked.folder)
    script = Script(seed=asked.seed, edge=asked.edge, events=asked.events)
    outbox, evidence = Outbox(files.outbox), EvidenceFolder(files.evidence)
    link = CentreLink(Centre(url=asked.url, key_file=str(asked.key_file)), asked.key_file.read_text().strip())
    uplink = tireless(Uplink(link, outbox, evidence, stop=stop).run, name="uplink", stop=stop)
    uplink.start()
    try:
        keeper = Keeper(outbox, edge_id=script.edge_id)
        teller = Teller(script, keeper=keeper, evidence=evidence, known=committed_ids(files.outbox))
        teller.tell(per_s=asked.per_s, stop=stop)
        log.info("has told its script")
        stop.wait()
    finally:
        stop.set()
        uplink.join()
        link.close()
        outbox.close()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--edge", type=int, required=True, help="the edge's number")
    parser.add_argument("--events", type=int, required=True, help="length of the script")
    parser.add_argument("--per-s", type=float, required=True, help="events committed a second")
    parser.add_argument("--folder", type=Path, required=True, help="where outbox and pictures lie")
    parser.add_argument("--url", required=True, help="of the gateway, or of the link to it")
    parser.add_argument("--key-file", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
