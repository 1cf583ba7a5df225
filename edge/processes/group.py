"""One process that looks at a group of cameras; what crashes or hangs here touches no other group."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

import structlog

from detectors.base import DetectorError
from edge.logs import configure_logs
from edge.looking.evidence import EvidenceFolder
from edge.looking.looks import CameraLooks
from edge.looking.presets import PresetLooks
from edge.looking.recent_looks import RecentLooks
from edge.outbox.box import Commit, Outbox, OutboxError
from edge.outbox.keeper import Keeper
from edge.processes.asking import Asked, Beat, CannotStart, FromGroup, HasLetGo, LetGo, ToGroup
from edge.processes.building import Detectors, camera_looks
from edge.processes.cannot_start import WatchCannotStart
from edge.processes.folders import Folders
from edge.processes.group_requests import GroupRequests
from edge.processes.orphans import end_with_parent
from edge.processes.overload import Overload, pace_of
from edge.processes.parts import part_of
from edge.reading.budget import DecodeBudget
from edge.reading.camera import Look
from edge.reading.feeds import CameraFeed, Mailbox
from edge.reading.onvif_asker import onvif_asker
from edge.reading.rhythm import rarest_look_s
from edge.reading.side_stream import MOST_AT_ONCE
from edge.staying.clock import SystemClock
from ingest.configuration import Camera, EdgeConfiguration
from ingest.edge_messages import CameraState, CameraStatus, RequestResult

BEAT_EVERY_S = 1.0

log = structlog.get_logger(__name__)


class Group:
    """The look loop of a group of cameras, with a reader thread for each; one camera changes without the others.

    Raises: OutboxError, DetectorError. WatchCannotStart: Where it is the detector of one watch.
    """

    def __init__(self, configuration: EdgeConfiguration, *, stop: threading.Event) -> None:
        self._folders = Folders(Path(configuration.data_dir))
        self._stop = stop
        self._outbox = Outbox(self._folders.outbox)
        self._keeper = Keeper(self._outbox, edge_id=configuration.edge_id)
        self._detectors = Detectors()
        self._overload = Overload()
        self._mailbox = Mailbox()
        self._evidence = EvidenceFolder(self._folders.evidence)
        self._clock = SystemClock()
        self._budget, self._slots = DecodeBudget(), threading.BoundedSemaphore(MOST_AT_ONCE)
        self._feeds: dict[str, CameraFeed] = {}
        self._looks: dict[str, CameraLooks | PresetLooks] = {}
        self._leaving: list[CameraFeed] | None = None
        """Feeds that were let go and have not ended yet; None where nobody waits for that."""

        # Models load before the first packet is read, so that a file's first looks are not spent on waiting.
        self._add(configuration)
        self._requests = GroupRequests(self._feeds, evidence=self._evidence, keeper=self._keeper, clock=self._clock)

    def _add(self, configuration: EdgeConfiguration) -> list[CameraFeed]:
        """Builds what reads and looks at these cameras; where one cannot be built, nothing changes."""
        feeds = {camera.id: self._feed(camera, configuration) for camera in configuration.cameras}
        looks = {camera.id: self._camera_looks(camera, configuration, feeds) for camera in configuration.cameras}
        self._feeds.update(feeds)
        self._looks.update(looks)
        self._overload.paces |= {c.id: pace_of(c, configuration.watches) for c in configuration.cameras}
        return list(feeds.values())

    def _feed(self, camera: Camera, configuration: EdgeConfiguration) -> CameraFeed:
        return CameraFeed(
            camera,
            self._mailbox,
            clock=self._clock,
            stop=threading.Event(),
            rarest_s=rarest_look_s([watch for watch in configuration.watches if watch.camera == camera.id]),
            budget=self._budget,
            slots=self._slots,
            asker_of=onvif_asker,
        )

    def _camera_looks(
        self, camera: Camera, configuration: EdgeConfiguration, feeds: Mapping[str, CameraFeed]
    ) -> CameraLooks | PresetLooks:
        return camera_looks(
            camera,
            [watch for watch in configuration.watches if watch.camera == camera.id],
            time_zone=configuration.zone_info,
            kept=self._outbox.stays(),
            detectors=self._detectors,
            folders=self._folders,
            evidence=self._evidence,
            keeper=self._keeper,
            recent=RecentLooks(self._folders.looks, camera.id, masks=camera.masks),
            main=feeds[camera.id].main,
        )

    def run(self, pipe: Connection) -> None:
        """Looks until told to stop; a look in hand is finished and kept."""
        for feed in self._feeds.values():
            feed.start()
        next_beat_s = 0.0
        while not self._stop.is_set():
            while pipe.poll():
                _send(pipe, self._told(pipe.recv()))
            taken = self._mailbox.take(timeout_s=0.2)
            if taken is not None and taken[0] in self._looks:
                _send(pipe, self._look(*taken))
            _send(pipe, [*self._requests.given_up(), *self._has_let_go()])
            if time.monotonic() >= next_beat_s:
                next_beat_s = time.monotonic() + BEAT_EVERY_S
                self._keeper.keep(Commit())
                self._note_lost()
                self._pace_looks()
                pipe.send(self.beat())
        feeds = [*self._feeds.values(), *(self._leaving or [])]
        for feed in feeds:
            feed.ask_to_stop()
        for feed in feeds:
            feed.join(timeout=5)
        self._keeper.keep(Commit())
        pipe.send(self.beat())
        self._outbox.close()

    def _told(self, message: ToGroup) -> Sequence[FromGroup]:
        if isinstance(message, Asked):
            return self._requests.take(message)
        if isinstance(message, LetGo):
            return self._let_go(message.cameras)
        try:
            new = EdgeConfiguration.model_validate_json(message.configuration_json)
            # Told twice where the beat that would have shown them came late.
            for feed in self._add(part_of(new, {camera.id for camera in new.cameras} - set(self._looks))):
                feed.start()
            watches = [watch.watch for looks in self._looks.values() for watch in looks.watches]
            self._detectors.forget_all_but([watch.detector.model_dump() for watch in watches])
        except (DetectorError, OutboxError, WatchCannotStart) as error:
            log.error("cameras not taken", error=str(error))
            return [CannotStart(str(error), error.watch_id if isinstance(error, WatchCannotStart) else None)]
        return []

    def _let_go(self, cameras: Iterable[str]) -> list[RequestResult]:
        answers = []
        self._leaving = self._leaving or []
        for camera_id in cameras:
            answers += self._requests.let_go(camera_id)
            if self._looks.pop(camera_id, None) is not None:
                feed = self._feeds.pop(camera_id)
                self._overload.paces.pop(camera_id)
                feed.ask_to_stop()
                self._leaving.append(feed)
        return answers

    def _has_let_go(self) -> list[HasLetGo]:
        """Says so once the streams are closed and what stays is on the disk; no other camera waits for that."""
        if self._leaving is None or self._keeper.uncommitted or any(feed.is_alive() for feed in self._leaving):
            return []
        for feed in self._leaving:
            feed.join(timeout=0)
            self._mailbox.forget(feed.camera.id)
        self._leaving = None
        return [HasLetGo()]

    def _look(self, camera_id: str, look: Look) -> list[RequestResult]:
        waited_s = self._clock.now().boot_s - look.moment.boot_s + look.late_s
        begun_s = time.monotonic()
        looked = self._looks[camera_id].look(look, asked=self._requests.waits_for(camera_id))
        if looked.fault is None:
            self._feeds[camera_id].looks += 1
            self._feeds[camera_id].last_look_at = look.moment.utc
        answers = self._requests.answered_by(camera_id, look, looked)
        self._overload.looked(camera_id, waited_s=waited_s, took_s=time.monotonic() - begun_s)
        return answers

    def _pace_looks(self) -> None:
        self._overload.judged_anew()
        for camera_id, feed in self._feeds.items():
            feed.stretch(self._overload.stretch_of(camera_id, suspect=self._looks[camera_id].suspect))

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


def _send(pipe: Connection, messages: Iterable[FromGroup]) -> None:
    for message in messages:
        pipe.send(message)


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
