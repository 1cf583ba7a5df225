"""Makes a `camera-fault` incident of a camera that no process looks at, until one does again."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import structlog

from edge.looking.camera_faults import CameraFaults
from edge.looking.evidence import EvidenceFolder
from edge.outbox.box import Outbox, OutboxError
from edge.outbox.keeper import Keeper
from edge.staying.clock import Clock, Moment, SystemClock
from ingest.configuration import Camera

NOTE_EVERY_S = 1.0

log = structlog.get_logger(__name__)


class UnseenCameras:
    """Cameras set aside are lost like those that give no picture: the same watch, so the same incident.

    Which it is lies in the outbox: the process that looks at the camera again takes it from there, and clears it.
    One caller at a time.
    """

    def __init__(
        self, *, outbox: Outbox, keeper: Keeper, evidence: EvidenceFolder, views: Path, clock: Clock | None = None
    ) -> None:
        self._outbox = outbox
        self._keeper = keeper
        self._evidence = evidence
        self._views = views
        self._clock = clock or SystemClock()
        self._faults: dict[str, CameraFaults] = {}
        self._noted: Moment | None = None
        self._unread = False

    def note(self, cameras: Iterable[Camera]) -> None:
        """Notes that nobody looks at these cameras now; the others are somebody else's."""
        unseen = {camera.id: camera for camera in cameras}
        for camera_id in set(self._faults) - set(unseen):
            del self._faults[camera_id]
        now = self._clock.now()
        if not unseen or (self._noted is not None and now.since(self._noted) < NOTE_EVERY_S):
            return
        self._noted = now
        try:
            for camera in unseen.values():
                self._faults_of(camera).lost(now)
            self._unread = False
        except OutboxError as error:
            if not self._unread:
                log.warning("cameras set aside are not noted yet", reason=str(error))
            self._unread = True

    def _faults_of(self, camera: Camera) -> CameraFaults:
        if camera.id not in self._faults:
            self._faults[camera.id] = CameraFaults(
                camera, kept=self._outbox.stays(), folder=self._views, evidence=self._evidence, keeper=self._keeper
            )
        return self._faults[camera.id]
