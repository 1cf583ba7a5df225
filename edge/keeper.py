"""Makes what the stays changed durable: one transaction for stays, events and evidence of one look or reading."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from uuid import UUID

import structlog

from detectors.base import DetectorIdentity
from edge.clock import Moment
from edge.events import event_of
from edge.outbox import Commit, Outbox, OutboxError
from edge.stay_records import StayRecord, record_of
from edge.stays import Change, StayChange
from ingest.configuration import Sensor, Watch
from ingest.contract import ClearReason, Event, EvidenceItem, Phase

SAVE_EVERY_S = 5.0
"""A stay that only goes on is written this often: more would wear out the flash of a box, less forget dwell."""

_PHASES = {Change.RAISED: Phase.RAISED, Change.UPDATED: Phase.UPDATED, Change.CLEARED: Phase.CLEARED}

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Saved:
    """How a stay was last written: when, and whether it was there."""

    at: Moment
    change: Change


class Keeper:
    """Commits in order. While the outbox cannot be written, changes wait in memory and go first when it can.

    A kill in that time loses nothing that was raised: the stay on disk is not raised either, and its incident
    keeps its id, so the next start raises it again.
    """

    def __init__(self, outbox: Outbox, *, edge_id: str) -> None:
        self._outbox = outbox
        self._edge_id = edge_id
        self._waiting: deque[Commit] = deque()
        self._saved: dict[UUID, _Saved] = {}
        self._lock = threading.Lock()

    @property
    def uncommitted(self) -> int:
        return len(self._waiting)

    def holds(self, sha256: str) -> bool:
        """Whether evidence of these bytes belongs to an event of the outbox, or of one about to be written."""
        waiting = any(item.sha256 == sha256 for commit in self._waiting for item in commit.evidence)
        return waiting or bool(self._outbox.evidence_states([sha256]))

    def commit_of(
        self,
        changes: list[StayChange],
        *,
        moment: Moment,
        watch: Watch,
        sensor: Sensor | None,
        detector: DetectorIdentity,
    ) -> Commit:
        """Returns what to keep of one judged look or reading of one watch.

        A camera's stay is kept from its second sighting on: what only passes never touches the disk.
        """
        save: list[StayRecord] = []
        forget: list[UUID] = []
        events: list[Event] = []
        for change in changes:
            stay = change.stay
            if change.change in (Change.CLEARED, Change.DROPPED):
                forget.append(stay.incident_id)
                self._saved.pop(stay.incident_id, None)
            elif (sensor is not None or stay.sightings > 1) and self._is_news(change, moment):
                self._saved[stay.incident_id] = _Saved(moment, change.change)
                save.append(record_of(stay))
            if change.change in _PHASES:
                events.append(
                    event_of(
                        stay,
                        phase=_PHASES[change.change],
                        occurred_at=moment.utc,
                        edge_id=self._edge_id,
                        watch=watch,
                        sensor=sensor,
                        detector=detector,
                        evidence=stay.evidence,
                        clear_reason=ClearReason.GONE if change.change is Change.CLEARED else None,
                    )
                )
        evidence: list[EvidenceItem] = [item for event in events for item in event.evidence]
        return Commit(save=save, forget=forget, events=events, evidence=evidence)

    def _is_news(self, change: StayChange, moment: Moment) -> bool:
        """Events, and a stay that came or went, are written at once; one that goes on, now and then."""
        saved = self._saved.get(change.stay.incident_id)
        if (
            saved is None
            or change.change in _PHASES
            or (saved.change is Change.ABSENT) != (change.change is Change.ABSENT)
        ):
            return True
        return moment.since(saved.at) >= SAVE_EVERY_S

    def keep(self, commit: Commit) -> bool:
        """Commits now, or as soon as the outbox can be written again; returns whether all is on the disk."""
        if commit.is_empty and not self._waiting:
            return True
        with self._lock:
            was_waiting = bool(self._waiting)
            self._waiting.append(commit)
            try:
                while self._waiting:
                    self._outbox.commit(self._waiting[0])
                    self._waiting.popleft()
            except OutboxError as error:
                if not was_waiting:
                    log.error("outbox lost", error=str(error))
            else:
                if was_waiting:
                    log.info("outbox back")
        for event in commit.events:
            log.info(
                "incident",
                phase=event.phase.value,
                incident=str(event.incident_id),
                watch=event.watch_id,
                kind=event.kind,
                dwell_s=event.dwell_s,
            )
        return not self._waiting
