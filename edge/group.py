"""One process that looks at a group of cameras; what crashes or hangs here touches no other group."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import cast

import structlog

from detectors.base import DetectorError, FrameDetector
from detectors.registry import build
from edge.clock import SystemClock
from edge.evidence import EvidenceFolder
from edge.feeds import CameraFeed, Mailbox
from edge.keeper import Keeper
from edge.logs import configure_logs
from edge.looks import CameraLooks, CameraWatch
from edge.outbox import Outbox, OutboxError
from edge.privacy import MIN_SCORE
from edge.stays import WatchStays
from ingest.configuration import Camera, EdgeConfiguration, Watch
from ingest.edge_messages import CameraStatus, WatchStatus

PRIVACY_DETECTOR: dict[str, object] = {"type": "yolo", "model": "street", "min_score": MIN_SCORE}
BEAT_EVERY_S = 1.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Beat:
    """What a group tells its supervisor each second; its silence means that it hangs."""

    cameras: tuple[CameraStatus, ...]
    watches: tuple[WatchStatus, ...]
    uncommitted: int = 0


@dataclass(frozen=True, slots=True)
class Folders:
    """Where an edge keeps what must survive: ``outbox`` is one SQLite file, ``evidence`` a folder of pictures."""

    root: Path

    @property
    def outbox(self) -> Path:
        return self.root / "outbox.sqlite"

    @property
    def evidence(self) -> Path:
        return self.root / "evidence"

    @property
    def status(self) -> Path:
        return self.root / "status.json"


class Detectors:
    """Builds each distinct detector configuration once and shares it among the watches of this process."""

    def __init__(self) -> None:
        self._built: dict[str, FrameDetector] = {}

    def get(self, choice: dict[str, object]) -> FrameDetector:
        # A low score here and the watch's own score later: one run then serves watches and privacy alike.
        settled = {"min_score": MIN_SCORE, **choice} if choice["type"] == "yolo" else choice
        key = json.dumps(settled, sort_keys=True)
        if key not in self._built:
            self._built[key] = cast(FrameDetector, build(settled))
        return self._built[key]


class Group:
    """The look loop of a group of cameras, with a reader thread for each."""

    def __init__(self, configuration: EdgeConfiguration, cameras: Sequence[str], *, stop: threading.Event) -> None:
        folders = Folders(Path(configuration.data_dir))
        self._stop = stop
        self._outbox = Outbox(folders.outbox)
        self._keeper = Keeper(self._outbox, edge_id=configuration.edge_id)
        self._detectors = Detectors()
        self._mailbox = Mailbox()
        clock = SystemClock()
        mine = [camera for camera in configuration.cameras if camera.id in cameras]
        evidence = EvidenceFolder(folders.evidence)
        # Models load before the first packet is read, so that a file's first looks are not spent on waiting.
        self._looks = {camera.id: self._camera_looks(camera, configuration, evidence) for camera in mine}
        self._feeds = {c.id: CameraFeed(c, self._mailbox, clock=clock, stop=stop) for c in mine}

    def _camera_looks(self, camera: Camera, configuration: EdgeConfiguration, evidence: EvidenceFolder) -> CameraLooks:
        kept = self._outbox.stays()
        watches = []
        for watch in configuration.watches:
            if watch.camera == camera.id:
                detector = self._detectors.get(watch.detector.model_dump())
                stays = WatchStays(watch, [stay for stay in kept if stay.watch_id == watch.id])
                watches.append(CameraWatch(stays, detector, labels_of(watch, detector)))
        privacy = self._detectors.get(dict(PRIVACY_DETECTOR))
        return CameraLooks(watches, privacy=privacy, evidence=evidence, keeper=self._keeper)

    def run(self, beats: Connection) -> None:
        """Looks until told to stop; a look in hand is finished and kept."""
        for feed in self._feeds.values():
            feed.start()
        next_beat_s = 0.0
        while not self._stop.is_set():
            taken = self._mailbox.take(timeout_s=0.2)
            if taken is not None:
                camera_id, look = taken
                feed = self._feeds[camera_id]
                if self._looks[camera_id].look(look):
                    feed.looks += 1
                    feed.last_look_at = look.moment.utc
            if time.monotonic() >= next_beat_s:
                next_beat_s = time.monotonic() + BEAT_EVERY_S
                beats.send(self.beat())
        for feed in self._feeds.values():
            feed.join(timeout=5)
        beats.send(self.beat())
        self._outbox.close()

    def beat(self) -> Beat:
        return Beat(
            cameras=tuple(feed.status() for feed in self._feeds.values()),
            watches=tuple(watch.status() for looks in self._looks.values() for watch in looks.watches),
            uncommitted=self._keeper.uncommitted,
        )


def labels_of(watch: Watch, detector: FrameDetector) -> frozenset[str]:
    """The watch's labels, or those that the detector's card maps to its kind."""
    return frozenset(watch.labels) if watch.labels is not None else detector.labels_of_kind(watch.kind)


def group_main(configuration_json: str, cameras: list[str], beats: Connection) -> None:
    """Entry point of the process."""
    configure_logs()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the supervisor, which stops us in order
    threading.Thread(target=_stop_with_parent, args=(os.getppid(), stop), daemon=True).start()
    configuration = EdgeConfiguration.model_validate_json(configuration_json)
    try:
        group = Group(configuration, cameras, stop=stop)
    except (DetectorError, OutboxError) as error:
        log.error("camera group cannot start", cameras=cameras, error=str(error))
        sys.exit(3)
    group.run(beats)


def _stop_with_parent(parent: int, stop: threading.Event) -> None:
    """A killed supervisor must not leave a group behind that writes beside its successor."""
    while not stop.wait(1.0):
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
