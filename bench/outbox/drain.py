"""Drains an outbox into a real gateway: as fast as it goes, and a backlog on a limited link while new events come."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.ingest.centre import Centre
from bench.outbox.made import commit, event, pictures
from edge.looking.evidence import EvidenceFolder, Picture
from edge.outbox.box import Commit, Outbox
from edge.uplink.link import CentreLink
from edge.uplink.sending import Uplink
from ingest.configuration import Centre as CentreSettings
from ingest.contract import Event, EvidenceRole

PICTURE_BYTES = 3000
SCALE = 100
LINK_MBITS_PER_S = 100.0
NEW_EVERY_S = 1.0
LOOK_EVERY_S = 0.01
PER_COMMIT = 50
PATIENCE_S = 1800.0


def measure_out(folder: Path, centre: Centre, *, events: int) -> dict[str, Any]:
    edge_id = centre.targets[0].edge_id
    with closing(Outbox(folder / "outbox.sqlite")) as outbox:
        for start in range(0, events, PER_COMMIT):
            many = [event(edge_id, number) for number in range(start, min(start + PER_COMMIT, events))]
            outbox.commit(Commit(events=many))
        outbox.shrink()
        size_bytes = outbox.file_bytes
        begun_s = time.monotonic()
        with _uplink(outbox, EvidenceFolder(folder / "evidence"), centre):
            _wait(lambda: not outbox.counts().events.get("waiting"), every_s=0.05)
            spent_s = time.monotonic() - begun_s
        _check_accepted(outbox, events)
    return {
        "drained_per_s": round(events / spent_s),
        "bytes_per_event": round(size_bytes / events),
        "size_of_100k_mb": round(size_bytes / events / 10, 1),
    }


def measure_backlog(folder: Path, centre: Centre, *, events: int) -> dict[str, Any]:
    edge_id = centre.targets[0].edge_id
    evidence, made = EvidenceFolder(folder / "evidence"), pictures(PICTURE_BYTES)
    with closing(Outbox(folder / "outbox.sqlite")) as outbox:
        _fill_backlog(outbox, evidence, made, edge_id=edge_id, events=events)
        picture_bytes = outbox.counts().evidence_bytes
        kbytes_per_s = LINK_MBITS_PER_S * 1e6 / 8 / 1000 / SCALE
        newcomers = _Newcomers(outbox, evidence, made, edge_id=edge_id)
        begun_s = time.monotonic()
        with _uplink(outbox, evidence, centre, kbytes_per_s=kbytes_per_s), newcomers.coming():
            _wait(lambda: _is_drained(outbox, events), every_s=0.1)
            events_s = time.monotonic() - begun_s
            _wait(lambda: outbox.evidence.pending_total().items <= 2 or newcomers.only_they_wait(), every_s=0.1)
            drain_s = time.monotonic() - begun_s
        waits_s = sorted(newcomers.waits_s)
        if not waits_s:
            raise SystemExit("the backlog was gone before a new event came: take a larger --backlog")
        if outbox.counts().sacrificed:
            raise SystemExit(f"{outbox.counts().sacrificed} pictures were given up, expected none")
    return {
        "backlog_pictures_mb_simulated": round(picture_bytes * SCALE / 1e6),
        "link_mbits_per_s_simulated": LINK_MBITS_PER_S,
        "drain_events_s": round(events_s, 1),
        "drain_s": round(drain_s, 1),
        "drain_floor_s": round(picture_bytes / 1000 / kbytes_per_s, 1),
        "new_events": len(waits_s),
        "new_p50_s": round(waits_s[len(waits_s) // 2], 3),
        "new_p99_s": round(waits_s[min(len(waits_s) - 1, int(len(waits_s) * 0.99))], 3),
    }


def _fill_backlog(
    outbox: Outbox, evidence: EvidenceFolder, made: Iterator[Picture], *, edge_id: str, events: int
) -> None:
    roles = (EvidenceRole.START, EvidenceRole.CONFIRM, EvidenceRole.CROP, EvidenceRole.WIDE)
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    for start in range(0, events, PER_COMMIT):
        many = []
        for number in range(start, min(start + PER_COMMIT, events)):
            picture = next(made)
            item = evidence.keep(Picture(roles[number % len(roles)], picture.taken_at, picture.content))
            many.append(event(edge_id, number, [item]))
        outbox.commit(commit(*many))
    # They have waited for long: none of them is fresh.
    outbox._db.execute("UPDATE events SET added_at = ?", (yesterday,))
    outbox._db.execute("UPDATE evidence SET added_at = ?", (yesterday,))


def _is_drained(outbox: Outbox, events: int) -> bool:
    return outbox.counts().events.get("accepted", 0) >= events


@dataclass
class _Newcomers:
    """New events, one a second with a picture each, and how long each waited from its commit to its answer."""

    outbox: Outbox
    evidence: EvidenceFolder
    made: Iterator[Picture]
    edge_id: str

    def __post_init__(self) -> None:
        self.waits_s: list[float] = []
        self._mine: set[str] = set()
        self._stop = threading.Event()

    def only_they_wait(self) -> bool:
        return set(self.outbox.evidence.pending_page(10)) <= self._mine

    @contextmanager
    def coming(self) -> Iterator[None]:
        thread = threading.Thread(target=self._come, name="newcomers")
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def _come(self) -> None:
        number = 0
        while not self._stop.wait(NEW_EVERY_S):
            item = self.evidence.keep(next(self.made))
            self._mine.add(item.sha256)
            new = event(self.edge_id, number, [item])
            self.outbox.commit(commit(new))
            committed_s = time.monotonic()
            while not self._stop.is_set() and not self._is_accepted(new):
                time.sleep(LOOK_EVERY_S)
            if not self._stop.is_set():
                self.waits_s.append(time.monotonic() - committed_s)
            number += 1

    def _is_accepted(self, new: Event) -> bool:
        return self.outbox.queue.state_of(new.event_id) == "accepted"


@contextmanager
def _uplink(
    outbox: Outbox, evidence: EvidenceFolder, centre: Centre, *, kbytes_per_s: float | None = None
) -> Iterator[None]:
    target, stop = centre.targets[0], threading.Event()
    link = CentreLink(CentreSettings(url=f"http://{target.host}:{target.port}", key_env="KEY"), target.key)
    uplink = Uplink(link, outbox, evidence, stop=stop, upload_kbytes_per_s=kbytes_per_s)
    thread = threading.Thread(target=uplink.run, name="uplink")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        link.close()


def _check_accepted(outbox: Outbox, events: int) -> None:
    counts = outbox.counts().events
    if counts != {"accepted": events}:
        raise SystemExit(f"expected {events} accepted events, got {counts}")


def _wait(condition: Callable[[], bool], *, every_s: float) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline_s:
            raise SystemExit(f"not drained within {PATIENCE_S:.0f} s")
        time.sleep(every_s)
