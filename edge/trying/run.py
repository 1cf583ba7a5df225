"""Takes one clip through the edge: reader, looks, stays, evidence and events, on the clip's own clock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from detectors.base import BoxXyxy, DetectorIdentity, Finding, Frame, FrameDetector, PartDetector
from edge.looking.evidence import EvidenceFolder
from edge.looking.looks import CameraLooks
from edge.looking.presets import PresetLooks
from edge.outbox.box import Commit, Outbox
from edge.outbox.keeper import Keeper
from edge.processes.building import Detectors, camera_looks
from edge.processes.folders import Folders
from edge.reading.camera import CameraReader
from edge.reading.faults import CameraFault
from edge.trying.course import Course
from edge.trying.folder import FolderUnusable, TryFolder
from edge.trying.media_time import MediaClock
from edge.trying.watches import Tried
from ingest.contract import Event

Say = Callable[[Course], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it. ``fault`` is why the reading ended early, ``stopped`` whether somebody asked for it."""

    course: Course
    fault: str | None = None
    stopped: bool = False


class ClipTry:
    """One clip, one camera, its watches. Nothing outside ``folder`` is touched.

    Raises: DetectorError, OutboxError. WatchCannotStart: Where it is the detector of one watch.
    """

    def __init__(self, tried: Tried, *, start: datetime, folder: TryFolder, detectors: Detectors | None = None) -> None:
        self._tried = tried
        self._clock = MediaClock(start)
        self._folder = folder
        self._course = Course(start)
        # Detectors that were built before may be shared among many clips.
        self._detectors = CountedDetectors(detectors or Detectors())

    def run(self, *, stop: threading.Event, after_look: Say = lambda _: None) -> Outcome:
        """Reads to the end of the clip, or until ``stop``. Raises: FolderUnusable: The disk takes no more."""
        with self._folder.working() as working:
            try:
                return self._run(Folders(working), stop, after_look)
            except OSError as error:
                raise FolderUnusable(f"{self._folder.root}: cannot be written: {error.strerror}") from error

    def _run(self, folders: Folders, stop: threading.Event, after_look: Say) -> Outcome:
        outbox = Outbox(folders.outbox)
        try:
            evidence = EvidenceFolder(folders.evidence)
            looks = self._camera_looks(folders, outbox, evidence)
            reader = CameraReader(self._tried.camera, clock=self._clock, stop=stop, pace_of=self._clock.pace_of)
            fault = None
            try:
                for look in reader.looks():
                    looked = looks.look(look)
                    at_s = self._course.at_s(look.moment.utc)
                    if looked.fault is None:
                        self._course.note_look(at_s, looks.watches)
                    else:
                        self._course.faults[looked.fault] = self._course.faults.get(looked.fault, 0) + 1
                    self._course.passed_s = self._clock.passed_s
                    self._course.detector_runs = self._detectors.runs
                    after_look(self._course)
            except CameraFault as error:
                fault = f"{error.name}: {error}"
            self._course.passed_s = self._clock.passed_s
            return Outcome(self._course, fault, stopped=stop.is_set())
        finally:
            outbox.close()

    def _camera_looks(self, folders: Folders, outbox: Outbox, evidence: EvidenceFolder) -> CameraLooks | PresetLooks:
        def told(events: Sequence[Event]) -> None:
            for event in events:
                self._folder.add_event(event)
                incident = self._course.note_event(event)
                for item in event.evidence:
                    at_s = self._course.at_s(item.taken_at)
                    self._folder.add_evidence(incident, item, at_s=at_s, kept=evidence)

        return camera_looks(
            self._tried.camera,
            self._tried.watches,
            time_zone=ZoneInfo(self._tried.time_zone),
            kept=(),
            detectors=self._detectors,
            folders=folders,
            evidence=evidence,
            keeper=_TellingKeeper(outbox, edge_id=self._tried.edge_id, told=told),
        )


class _TellingKeeper(Keeper):
    """Keeps as an edge does, and hands on what was kept."""

    def __init__(self, outbox: Outbox, *, edge_id: str, told: Callable[[Sequence[Event]], None]) -> None:
        super().__init__(outbox, edge_id=edge_id)
        self._told = told

    def keep(self, commit: Commit) -> bool:
        kept = super().keep(commit)
        self._told(commit.events)
        return kept


class CountedDetectors(Detectors):
    """Counts the runs of all detectors that it hands out."""

    def __init__(self, inner: Detectors) -> None:
        super().__init__()
        self._inner = inner
        self._counted: dict[int, _Counted] = {}

    @property
    def runs(self) -> int:
        return sum(detector.runs for detector in self._counted.values())

    def get(self, choice: dict[str, object]) -> FrameDetector:
        detector = self._inner.get(choice)
        counted = _CountedParts(detector) if isinstance(detector, PartDetector) else _Counted(detector)
        return self._counted.setdefault(id(detector), counted)


class _Counted:
    """Implements :class:`detectors.base.FrameDetector` by another one."""

    def __init__(self, inner: FrameDetector) -> None:
        self._inner = inner
        self.runs = 0

    @property
    def identity(self) -> DetectorIdentity:
        return self._inner.identity

    @property
    def labels(self) -> frozenset[str]:
        return self._inner.labels

    def labels_of_kind(self, kind: str) -> frozenset[str]:
        return self._inner.labels_of_kind(kind)

    def detect(self, frames: Sequence[Frame]) -> list[list[Finding]]:
        self.runs += len(frames)
        return self._inner.detect(frames)


class _CountedParts(_Counted):
    """Implements :class:`detectors.base.PartDetector` by another one."""

    def __init__(self, inner: PartDetector) -> None:
        super().__init__(inner)
        self._parts = inner

    def detect_part(self, frame: Frame, part_xyxy: BoxXyxy) -> list[Finding]:
        self.runs += 1
        return self._parts.detect_part(frame, part_xyxy)
