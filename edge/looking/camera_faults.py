"""Makes an incident of a camera that shows nothing to judge, and says so long that it is blind."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from uuid import UUID

import structlog

from detectors.base import DetectorError, DetectorIdentity, Finding
from edge.looking.evidence import EvidenceError, EvidenceFolder, Picture
from edge.looking.sameness import small_picture
from edge.looking.studio import Studio
from edge.looking.views_judge import ViewJudge
from edge.looking.views_references import References
from edge.outbox.keeper import Keeper
from edge.reading.camera import Look
from edge.reading.opening import is_live
from edge.staying.clock import Moment
from edge.staying.stays import Change, Stay, StayChange, WatchStays
from ingest.configuration import SIGNAL_PREFIX, VIEW_PREFIX, Camera, DetectorChoice, Policy, ViewFault, Watch
from ingest.contract import EvidenceRole

KIND = "camera-fault"
IN_A_ROW = 3
LASTS_S = 60.0
"""So long a fault lasts before it is an incident, and is over before the incident is cleared."""

IDENTITY = DetectorIdentity(name="view", version="1")
_OF_ONE_VIEW = frozenset({ViewFault.BLURRED, ViewFault.COVERED, ViewFault.MOVED})
_WHOLE = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]
_ID_CHARS = 64

log = structlog.get_logger(__name__)


def fault_watches(cameras: Iterable[Camera]) -> list[Watch]:
    """Returns the watches behind the faults of these cameras, as far as they are wanted."""
    both = [watch for camera in cameras for watch in (_view_watch(camera), _signal_watch(camera))]
    return [watch for watch in both if watch is not None]


class CameraFaults:
    """What is wrong with one camera. One caller at a time, moments in the order of time."""

    def __init__(
        self,
        camera: Camera,
        *,
        kept: Sequence[Stay],
        folder: Path,
        evidence: EvidenceFolder,
        keeper: Keeper,
        turns: bool = False,
    ) -> None:
        """kept: All stays of the outbox. folder: Where the references of all cameras lie.

        turns: Whether it goes from preset to preset, so that it has no one view to be held against.
        """
        self._camera = camera
        self._evidence = evidence
        self._keeper = keeper
        self._view = _stays_of(_view_watch(camera), kept)
        self._signal = _stays_of(_signal_watch(camera), kept)
        open_fault = _raised(self._view)
        self._standing = ViewFault(open_fault) if open_fault is not None else None
        frozen = self._standing is ViewFault.FROZEN
        judged = [f for f in _judged(camera) if not turns or f not in _OF_ONE_VIEW]
        self._judge = ViewJudge(judged, References(folder, camera.id), frozen=frozen)
        self._others = 0
        self._starts: dict[UUID, Picture] = {}
        self._lost_since: Moment | None = None
        self.blind: str | None = open_fault or _raised(self._signal)
        """Why this camera is blind at present; None while its looks are judged."""

    def look(self, look: Look, studio: Studio, *, moved: bool = False) -> str | None:
        """Takes a look; returns why it must not be judged, or None where it may be.

        moved: Whether somebody else knows that the camera looks elsewhere.
        """
        self._lost_since = None
        self._begin_anew(self._signal, look.moment)
        self._keep(self._signal, None, look.moment, studio)
        if self._view is None:
            self._tell()
            return self.blind
        in_force = self._standing is not None or _raised(self._view) is not None
        suspected = self._judge.judge(small_picture(look.frame), look.moment, in_force=in_force)
        if suspected is None and moved and ViewFault.MOVED in self._camera.view_faults:
            suspected = ViewFault.MOVED
        self._settle(suspected)
        self._keep(self._view, self._standing, look.moment, studio)
        self._tell()
        return self.blind or (suspected.value if suspected is not None else None)

    def lost(self, moment: Moment) -> None:
        """Notes, as long as no look can come, that the camera is lost at this moment."""
        if self._signal is None:
            return
        if self._lost_since is None:
            self._lost_since = moment
        soon_s = self._camera.lost_after_s - self._signal.watch.dwell_s
        # After a restart an open incident goes on at once.
        if self._signal.stays or moment.since(self._lost_since) >= soon_s:
            self._keep(self._signal, ViewFault.NO_SIGNAL, moment, None)

    def _settle(self, suspected: ViewFault | None) -> None:
        """One odd look (a flash, a lorry before the lens) is only left out; several in a row are the state."""
        if (suspected is None) == (self._standing is None):
            self._standing, self._others = suspected, 0
            return
        self._others += 1
        if self._others >= IN_A_ROW:
            self._standing, self._others = suspected, 0

    def _tell(self) -> None:
        """A fault holds until its incident has ended, so that the centre never hears of a place it takes for unseen."""
        why = self._standing.value if self._standing is not None else _raised(self._view) or _raised(self._signal)
        if (why is None) != (self.blind is None):
            if why is not None:
                log.warning("camera blind", camera=self._camera.id, fault=why)
            else:
                log.info("camera sees again", camera=self._camera.id)
        self.blind = why

    def _begin_anew(self, stays: WatchStays | None, moment: Moment) -> None:
        """A picture came: what was lost until now, and is no incident yet, does not add up with the next loss."""
        if stays is None:
            return
        changes = stays.drop_suspected(moment)
        self._keeper.keep(
            self._keeper.commit_of(changes, moment=moment, watch=stays.watch, sensor=None, detector=IDENTITY)
        )

    def _keep(self, stays: WatchStays | None, fault: ViewFault | None, moment: Moment, studio: Studio | None) -> None:
        if stays is None or (fault is None and not stays.stays):
            return
        changes = stays.judge([Finding(label=fault.value)] if fault is not None else [], moment)
        for change in changes:
            self._take_picture(change, studio)
        self._keeper.keep(
            self._keeper.commit_of(changes, moment=moment, watch=stays.watch, sensor=None, detector=IDENTITY)
        )

    def _take_picture(self, change: StayChange, studio: Studio | None) -> None:
        if studio is None:
            return
        stay = change.stay
        try:
            if change.change is Change.BORN:
                self._starts[stay.incident_id] = studio.wide(EvidenceRole.START)
            elif change.change is Change.RAISED:
                start = self._starts.pop(stay.incident_id, None)
                pictures = [start] if start is not None else []
                stay.evidence += [self._evidence.keep(p) for p in [*pictures, studio.wide(EvidenceRole.CONFIRM)]]
            elif change.change is Change.CLEARED:
                stay.evidence.append(self._evidence.keep(studio.wide(EvidenceRole.AFTER)))
            elif change.change is Change.DROPPED:
                self._starts.pop(stay.incident_id, None)
        except (EvidenceError, DetectorError) as error:
            log.error("picture lost", camera=self._camera.id, incident=str(stay.incident_id), error=str(error))


def _raised(stays: WatchStays | None) -> str | None:
    """Returns what the open incident of these stays says."""
    return next((stay.finding.label for stay in stays.stays if stay.raised), None) if stays is not None else None


def _judged(camera: Camera) -> list[ViewFault]:
    """A file may show the same drawn picture for ever; only a stream can freeze."""
    spared = {ViewFault.NO_SIGNAL} if is_live(camera.url) else {ViewFault.NO_SIGNAL, ViewFault.FROZEN}
    return [fault for fault in camera.view_faults if fault not in spared]


def _view_watch(camera: Camera) -> Watch | None:
    if not _judged(camera):
        return None
    lasts_s = max(LASTS_S, 2 * camera.look_every_s)
    return _watch(camera, VIEW_PREFIX, dwell_s=lasts_s, clear_s=lasts_s)


def _signal_watch(camera: Camera) -> Watch | None:
    if ViewFault.NO_SIGNAL not in camera.view_faults:
        return None
    lasts_s = max(LASTS_S, 2 * camera.look_every_s)
    return _watch(camera, SIGNAL_PREFIX, dwell_s=min(LASTS_S, camera.lost_after_s), clear_s=lasts_s)


def _watch(camera: Camera, prefix: str, *, dwell_s: float, clear_s: float) -> Watch:
    return Watch(
        id=_watch_id(prefix, camera.id),
        kind=KIND,
        camera=camera.id,
        zone=_WHOLE,
        detector=DetectorChoice(type=IDENTITY.name),
        policy=Policy.ANY,
        dwell_s=dwell_s,
        grace_s=max(30.0, 3 * camera.look_every_s),
        clear_s=clear_s,
    )


def _watch_id(prefix: str, camera_id: str) -> str:
    whole = prefix + camera_id
    if len(whole) <= _ID_CHARS:
        return whole
    mark = hashlib.sha256(camera_id.encode()).hexdigest()[:8]
    return f"{whole[: _ID_CHARS - len(mark) - 1]}.{mark}"


def _stays_of(watch: Watch | None, kept: Sequence[Stay]) -> WatchStays | None:
    return None if watch is None else WatchStays(watch, [stay for stay in kept if stay.watch_id == watch.id])
