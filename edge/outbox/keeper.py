"""Makes what the stays changed durable: one transaction for stays, events and evidence of one look or reading."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog

from detectors.base import DetectorIdentity
from edge.outbox.box import Commit, CommitRefused, Outbox, OutboxError
from edge.staying.clock import Moment
from edge.staying.events import event_of
from edge.staying.stay_records import StayRecord, record_of
from edge.staying.stays import Change, Stay, StayChange
from ingest.configuration import Sensor, Watch
from ingest.contract import Event, EvidenceItem, Phase

SAVE_EVERY_S = 5.0
"""A stay that only goes on is written this often: more would wear out the flash of a box, less forget dwell."""

EVENTS_PER_COMMIT = 100
"""What waits while the disk takes nothing is put together to so many events: memory grows with events alone."""

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
    keeps its id, so the next start raises it again. ``keep(Commit())`` tries again what waits.
    ``refused`` counts the changes that the outbox can never take; each is told, and holds up nothing behind it.
    """

    def __init__(self, outbox: Outbox, *, edge_id: str) -> None:
        self._outbox = outbox
        self._edge_id = edge_id
        self._waiting: deque[Commit] = deque()
        self._saved: dict[UUID, _Saved] = {}
        self._lock = threading.Lock()
        self.fault: str | None = None
        self.refused = 0

    @property
    def uncommitted(self) -> int:
        """How many changes (events, stays written or forgotten) wait in memory."""
        return sum(commit.changes for commit in tuple(self._waiting))

    def holds(self, sha256: str) -> bool:
        """Whether evidence of these bytes belongs to an event of the outbox, or of one about to be written."""
        waiting = any(item.sha256 == sha256 for commit in tuple(self._waiting) for item in commit.evidence)
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
            if change.change is Change.CLEARED and stay.ended is not None:
                save.append(record_of(stay))
                self._saved.pop(stay.incident_id, None)
            elif change.change in (Change.CLEARED, Change.DROPPED, Change.FORGOTTEN):
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
                        occurred_at=_told_at(stay, moment),
                        edge_id=self._edge_id,
                        watch=watch,
                        sensor=sensor,
                        detector=detector,
                        evidence=stay.evidence,
                        clear_reason=change.clear_reason,
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
            self._enqueue(commit)
            self._write()
            kept = not self._waiting
        for event in commit.events:
            log.info(
                "incident",
                phase=event.phase.value,
                incident=str(event.incident_id),
                watch=event.watch_id,
                kind=event.kind,
                dwell_s=event.dwell_s,
            )
        return kept

    def _enqueue(self, commit: Commit) -> None:
        if commit.is_empty:
            return
        last = self._waiting[-1] if self._waiting else None
        if last is not None and len(last.events) + len(commit.events) <= EVENTS_PER_COMMIT:
            self._waiting[-1] = last.then(commit)
        else:
            self._waiting.append(commit)

    def _write(self) -> None:
        """Writes what waits, in order, as far as the outbox takes it."""
        try:
            while self._waiting:
                self._commit(self._waiting[0])
                self._waiting.popleft()
        except OutboxError as error:
            if self.fault is None:
                log.error("outbox lost", error=str(error))
            self.fault = str(error)
        else:
            if self.fault is not None:
                log.info("outbox back")
            self.fault = None

    def _commit(self, commit: Commit) -> None:
        try:
            self._outbox.commit(commit)
        except CommitRefused as refusal:
            self._commit_the_rest(commit, refusal)

    def _commit_the_rest(self, commit: Commit, refusal: CommitRefused) -> None:
        """Keeps of a refused commit what can be kept. An event whose id is there already has been kept before."""
        rest = self._outbox.without_known(commit)
        lost = [event for event in commit.events if event not in rest.events]
        try:
            self._outbox.commit(rest)
        except CommitRefused as again:
            refusal, lost = again, list(commit.events)
        self.refused += max(1, len(lost))
        log.error("change refused by the outbox", error=str(refusal), events=[e.model_dump_json() for e in lost])


def _told_at(stay: Stay, moment: Moment) -> datetime:
    """Returns the moment that the event names: the centre takes an end before the last sighting for old news."""
    return moment.utc if stay.last_event is None else moment.not_before(stay.last_event.utc).utc
