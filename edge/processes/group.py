"""One process that looks at a group of cameras; what crashes or hangs here touches no other group."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

import structlog

from detectors.base import DetectorError, FrameDetector
from detectors.registry import build
from edge.logs import configure_logs
from edge.looking.camera_faults import CameraFaults
from edge.looking.evidence import EvidenceFolder
from edge.looking.gate import Gate
from edge.looking.looks import CameraLooks, CameraWatch
from edge.looking.main_pictures import MainPictures, MainStream
from edge.looking.presets import PresetLooks, Presets
from edge.looking.privacy import MIN_SCORE
from edge.looking.recent_looks import RecentLooks
from edge.outbox.box import Commit, Outbox, OutboxError
from edge.outbox.keeper import Keeper
from edge.processes.asking import Beat, CannotStart
from edge.processes.cannot_start import WatchCannotStart
from edge.processes.group_requests import GroupRequests
from edge.processes.orphans import end_with_parent
from edge.processes.overload import Overload
from edge.reading.budget import DecodeBudget
from edge.reading.camera import Look
from edge.reading.feeds import CameraFeed, Mailbox
from edge.reading.rhythm import rarest_look_s
from edge.reading.side_stream import MOST_AT_ONCE
from edge.staying.clock import SystemClock
from edge.staying.stays import Stay, WatchStays
from ingest.configuration import Camera, EdgeConfiguration, Watch
from ingest.edge_messages import CameraState, CameraStatus, RequestResult

PRIVACY_DETECTOR: dict[str, object] = {"type": "yolo", "model": "street", "min_score": MIN_SCORE}
BEAT_EVERY_S = 1.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Folders:
    """Where an edge keeps what must survive, and ``looks`` and ``views``, which are learnt or come again.

    ``outbox`` is one SQLite file, ``evidence`` a folder of pictures, ``centre_configuration`` what the centre last told
    it to watch.
    """

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

    @property
    def centre_configuration(self) -> Path:
        return self.root / "centre-configuration.json"

    @property
    def looks(self) -> Path:
        return self.root / "looks"

    @property
    def views(self) -> Path:
        return self.root / "views"


class Detectors:
    """Builds each distinct detector configuration once and shares it among the watches of this process."""

    def __init__(self) -> None:
        self._built: dict[str, FrameDetector] = {}

    def get(self, choice: dict[str, object]) -> FrameDetector:
        # A process for each core: a second thread would only take time from another one.
        # A low score here and the watch's own score later: one run then serves watches and privacy alike.
        settled = {"min_score": MIN_SCORE, "threads": 1, **choice} if choice["type"] == "yolo" else choice
        key = json.dumps(settled, sort_keys=True)
        if key not in self._built:
            self._built[key] = cast(FrameDetector, build(settled))
        return self._built[key]


class Group:
    """The look loop of a group of cameras, with a reader thread for each.

    Raises: OutboxError, DetectorError. WatchCannotStart: Where it is the detector of one watch.
    """

    def __init__(self, configuration: EdgeConfiguration, *, stop: threading.Event) -> None:
        self._folders = Folders(Path(configuration.data_dir))
        self._stop = stop
        self._outbox = Outbox(self._folders.outbox)
        self._keeper = Keeper(self._outbox, edge_id=configuration.edge_id)
        self._detectors = Detectors()
        self._mailbox = Mailbox()
        self._evidence = EvidenceFolder(self._folders.evidence)
        clock = self._clock = SystemClock()
        budget, slots = DecodeBudget(), threading.BoundedSemaphore(MOST_AT_ONCE)
        self._feeds = {
            c.id: CameraFeed(
                c,
                self._mailbox,
                clock=clock,
                stop=stop,
                rarest_s=rarest_look_s([watch for watch in configuration.watches if watch.camera == c.id]),
                budget=budget,
                slots=slots,
            )
            for c in configuration.cameras
        }
        # Models load before the first packet is read, so that a file's first looks are not spent on waiting.
        self._looks = {camera.id: self._camera_looks(camera, configuration) for camera in configuration.cameras}
        self._overload = Overload()
        self._requests = GroupRequests(self._feeds, evidence=self._evidence, keeper=self._keeper, clock=clock)

    def _camera_looks(self, camera: Camera, configuration: EdgeConfiguration) -> CameraLooks | PresetLooks:
        return camera_looks(
            camera,
            [watch for watch in configuration.watches if watch.camera == camera.id],
            time_zone=configuration.zone_info,
            kept=self._outbox.stays(),
            detectors=self._detectors,
            folders=self._folders,
            evidence=self._evidence,
            keeper=self._keeper,
            recent=RecentLooks(self._folders.looks, camera.id),
            main=self._feeds[camera.id].main,
        )

    def run(self, pipe: Connection) -> None:
        """Looks until told to stop; a look in hand is finished and kept."""
        for feed in self._feeds.values():
            feed.start()
        next_beat_s = 0.0
        while not self._stop.is_set():
            while pipe.poll():
                self._requests.take(pipe.recv())
            taken = self._mailbox.take(timeout_s=0.2)
            if taken is not None:
                _send(pipe, self._look(*taken))
            _send(pipe, self._requests.given_up())
            if time.monotonic() >= next_beat_s:
                next_beat_s = time.monotonic() + BEAT_EVERY_S
                self._keeper.keep(Commit())
                self._note_lost()
                self._pace_looks()
                pipe.send(self.beat())
        for feed in self._feeds.values():
            feed.join(timeout=5)
        self._keeper.keep(Commit())
        pipe.send(self.beat())
        self._outbox.close()

    def _look(self, camera_id: str, look: Look) -> list[RequestResult]:
        waited_s = self._clock.now().boot_s - look.moment.boot_s + look.late_s
        begun_s = time.monotonic()
        looked = self._looks[camera_id].look(look, asked=self._requests.waits_for(camera_id))
        if looked.fault is None:
            self._feeds[camera_id].looks += 1
            self._feeds[camera_id].last_look_at = look.moment.utc
        answers = self._requests.answered_by(camera_id, look, looked)
        every_s = self._feeds[camera_id].camera.look_every_s
        self._overload.looked(waited_s=waited_s, took_s=time.monotonic() - begun_s, every_s=every_s)
        return answers

    def _pace_looks(self) -> None:
        self._overload.judged_anew()
        for camera_id, feed in self._feeds.items():
            feed.stretch(self._overload.stretch_of(suspect=self._looks[camera_id].suspect))

    def _note_lost(self) -> None:
        for camera_id, feed in self._feeds.items():
            faults = self._looks[camera_id].faults
            if faults is not None and feed.status().state is CameraState.LOST:
                faults.lost(self._clock.now())

    def _camera_status(self, feed: CameraFeed) -> CameraStatus:
        """A camera that plays and shows nothing to judge is blind."""
        status = self._looks[feed.camera.id].counted(feed.status())
        faults = self._looks[feed.camera.id].faults
        if faults is None or faults.blind is None or status.state is not CameraState.LIVE:
            return status
        return status.model_copy(update={"state": CameraState.BLIND, "fault": faults.blind})

    def beat(self) -> Beat:
        return Beat(
            cameras=tuple(self._camera_status(feed) for feed in self._feeds.values()),
            watches=tuple(watch.status() for looks in self._looks.values() for watch in looks.watches),
            uncommitted=self._keeper.uncommitted,
            fault=self._keeper.fault,
            shed_share=self._overload.shed_share,
        )


def camera_looks(
    camera: Camera,
    watches: Sequence[Watch],
    *,
    time_zone: ZoneInfo,
    kept: Sequence[Stay],
    detectors: Detectors,
    folders: Folders,
    evidence: EvidenceFolder,
    keeper: Keeper,
    recent: RecentLooks | None = None,
    main: MainStream | None = None,
) -> CameraLooks | PresetLooks:
    """Returns all that looks at one camera need, with the stays of ``kept`` (all of the outbox) that are its own.

    Raises: DetectorError. WatchCannotStart: Where it is the detector of one watch.
    """
    looked = [
        camera_watch(WatchStays(watch, [s for s in kept if s.watch_id == watch.id], time_zone=time_zone), detectors)
        for watch in watches
    ]
    privacy = detectors.get(dict(PRIVACY_DETECTOR))
    presets = list(dict.fromkeys(watch.preset for watch in watches if watch.preset is not None))
    faults = CameraFaults(
        camera, kept=kept, folder=folders.views, evidence=evidence, keeper=keeper, turns=bool(presets)
    )

    pictures = None if main is None else MainPictures(main, privacy=privacy, camera_id=camera.id)

    def at_one_view(of_it: Sequence[CameraWatch], its_faults: CameraFaults | None) -> CameraLooks:
        return CameraLooks(
            of_it,
            privacy=privacy,
            evidence=evidence,
            keeper=keeper,
            recent=recent,
            gate=Gate(camera.gate, of_it, camera_id=camera.id),
            faults=its_faults,
            main=pictures,
        )

    if not presets:
        return at_one_view(looked, faults)
    return PresetLooks(
        {name: at_one_view([w for w in looked if w.watch.preset == name], None) for name in presets},
        Presets(folders.views, camera.id, presets),
        privacy=privacy,
        faults=faults,
    )


def camera_watch(stays: WatchStays, detectors: Detectors) -> CameraWatch:
    """Returns a watch with its detector. Raises: WatchCannotStart: The detector cannot be built."""
    try:
        detector = detectors.get(stays.watch.detector.model_dump())
    except DetectorError as error:
        raise WatchCannotStart(stays.watch.id, str(error)) from error
    return CameraWatch(stays, detector, labels_of(stays.watch, detector))


def labels_of(watch: Watch, detector: FrameDetector) -> frozenset[str]:
    """The watch's labels, or those that the detector's card maps to its kind."""
    return frozenset(watch.labels) if watch.labels is not None else detector.labels_of_kind(watch.kind)


def _send(pipe: Connection, results: Iterable[RequestResult]) -> None:
    for result in results:
        pipe.send(result)


def group_main(configuration_json: str, pipe: Connection) -> None:
    """Entry point of the process; the configuration holds the cameras and watches of this group alone."""
    configure_logs()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    end_with_parent(stop)
    configuration = EdgeConfiguration.model_validate_json(configuration_json)
    try:
        group = Group(configuration, stop=stop)
    except (DetectorError, OutboxError, WatchCannotStart) as error:
        log.error("camera group cannot start", cameras=[c.id for c in configuration.cameras], error=str(error))
        pipe.send(CannotStart(str(error), error.watch_id if isinstance(error, WatchCannotStart) else None))
        sys.exit(3)
    group.run(pipe)
