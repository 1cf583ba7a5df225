"""Notes what a clip showed, look by look: findings, stays and incidents, in seconds of the clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from detectors.base import BoxXyxy
from edge.looking.camera_faults import fault_watches
from edge.looking.looks import CameraWatch
from ingest.configuration import Camera, Watch
from ingest.contract import Event, Phase


@dataclass(slots=True)
class StayNote:
    """One stay: first and last seen, in seconds of the clip."""

    watch_id: str
    first_s: float
    last_s: float


@dataclass(slots=True)
class Incident:
    """One incident; times are seconds of the clip, ``cleared_s`` None where it was still there when the clip ended.

    number: Counts the incidents of its watch from 1. box_xyxy: At the time it was raised. evidence: Names of files.
    """

    incident_id: UUID
    watch_id: str
    kind: str
    number: int
    label: str | None
    score: float | None
    box_xyxy: BoxXyxy | None
    first_seen_s: float
    raised_s: float
    dwell_s: float
    cleared_s: float | None = None
    clear_reason: str | None = None
    evidence: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Course:
    """All that happened in one clip. ``looks_s`` has an entry for each look, ``found_s`` those with findings.

    passed_s: How far into the clip. detector_runs: In all. faults: Why looks were not judged, with how many.
    """

    start: datetime
    looks_s: list[float] = field(default_factory=list)
    found_s: dict[str, list[float]] = field(default_factory=dict)
    stays: dict[UUID, StayNote] = field(default_factory=dict)
    incidents: dict[UUID, Incident] = field(default_factory=dict)
    events: int = 0
    passed_s: float = 0.0
    detector_runs: int = 0
    faults: dict[str, int] = field(default_factory=dict)

    def at_s(self, moment: datetime) -> float:
        return round((moment - self.start).total_seconds(), 3)

    def note_look(self, at_s: float, watches: Sequence[CameraWatch]) -> None:
        """Notes a judged look: who found something, and which stays there are now."""
        self.looks_s.append(at_s)
        for watch in watches:
            for stay in watch.stays.stays:
                seen_s = self.at_s(stay.last_seen.utc)
                if seen_s >= at_s:
                    self.found_s.setdefault(stay.watch_id, [])
                    if not self.found_s[stay.watch_id] or self.found_s[stay.watch_id][-1] != at_s:
                        self.found_s[stay.watch_id].append(at_s)
                note = self.stays.setdefault(
                    stay.incident_id, StayNote(stay.watch_id, self.at_s(stay.first_seen.utc), seen_s)
                )
                note.last_s = max(note.last_s, seen_s)

    def note_event(self, event: Event) -> Incident:
        """Notes an event and returns its incident."""
        self.events += 1
        incident = self.incidents.get(event.incident_id) or self._raised(event)
        if event.phase is Phase.CLEARED:
            incident.cleared_s = self.at_s(event.occurred_at)
            incident.clear_reason = event.clear_reason.value if event.clear_reason else None
        if event.dwell_s is not None:
            incident.dwell_s = event.dwell_s
        # A fault of the camera is an incident too, and its stay is none of the watches'.
        note = self.stays.setdefault(
            event.incident_id, StayNote(event.watch_id, incident.first_seen_s, incident.first_seen_s)
        )
        note.last_s = max(note.last_s, self.at_s(event.occurred_at))
        return incident

    def watches_of(self, camera: Camera, watches: Sequence[Watch]) -> list[Watch]:
        """Returns ``watches``, and behind them those for faults of the camera, if there were any."""
        raised = {incident.watch_id for incident in self.incidents.values()}
        return [*watches, *(watch for watch in fault_watches([camera]) if watch.id in raised)]

    def _raised(self, event: Event) -> Incident:
        finding = event.findings[0] if event.findings else None
        incident = self.incidents[event.incident_id] = Incident(
            incident_id=event.incident_id,
            watch_id=event.watch_id,
            kind=event.kind,
            number=1 + sum(other.watch_id == event.watch_id for other in self.incidents.values()),
            label=finding.label if finding else None,
            score=event.score,
            box_xyxy=finding.box if finding else None,
            first_seen_s=self.at_s(event.first_seen_at),
            raised_s=self.at_s(event.occurred_at),
            dwell_s=event.dwell_s or 0.0,
        )
        return incident
