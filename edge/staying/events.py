"""Turns a change of a stay into an event of the contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from uuid_utils.compat import uuid7

from detectors.base import DetectorIdentity, Finding
from edge.staying.stays import Stay
from ingest.configuration import Sensor, Watch
from ingest.contract import (
    ClearReason,
    DetectorMark,
    Event,
    EventReading,
    EvidenceItem,
    EvidenceState,
    Phase,
    SeenFinding,
    Source,
    SourceType,
)

_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_MAY_BE_AHEAD = timedelta(days=1)


def event_of(
    stay: Stay,
    *,
    phase: Phase,
    occurred_at: datetime,
    edge_id: str,
    watch: Watch,
    sensor: Sensor | None,
    detector: DetectorIdentity,
    evidence: Sequence[EvidenceItem] = (),
    clear_reason: ClearReason | None = None,
) -> Event:
    """Returns the event with an id of its own; it is minted once and stored with the outbox entry."""
    finding = stay.finding
    return Event(
        event_id=uuid7(),
        incident_id=stay.incident_id,
        phase=phase,
        clear_reason=clear_reason,
        edge_id=edge_id,
        source=Source(type=SourceType.CAMERA, id=watch.camera, preset=watch.preset)
        if watch.camera is not None
        else Source(type=SourceType.SENSOR, id=str(watch.sensor)),
        kind=watch.kind,
        watch_id=watch.id,
        zone=watch.zone,
        position=watch.position,
        asset_id=sensor.asset_id if sensor else None,
        first_seen_at=min(stay.first_seen.utc, occurred_at),
        occurred_at=occurred_at,
        dwell_s=round(stay.dwell_s, 3),
        recurs=stay.recurs,
        score=stay.best_score,
        findings=[] if phase is Phase.CLEARED or finding.value is not None else [_seen(finding)],
        reading=None
        if finding.value is None
        else EventReading(value=finding.value, unit=sensor.unit if sensor else None, threshold=finding.threshold),
        evidence=list(evidence),
        detector=DetectorMark(name=detector.name, version=detector.version, weights_sha256=detector.weights_sha256),
    )


def sacrifice_told(last: Event, states: Mapping[str, tuple[EvidenceState, str | None]], *, now: datetime) -> Event:
    """Returns the event that tells what an incident's evidence has come to; ``last`` is the last one before it.

    It tells nothing else: at the very moment of ``last`` it neither makes the incident look alive for longer, nor
    takes back that it is gone. Only where the centre would not believe that moment (a box without a clock battery
    says 1970) and put its own in its place, a ``cleared`` is said once more instead.
    """
    believed = _EARLIEST <= last.occurred_at <= now + _MAY_BE_AHEAD
    repeats = last.phase is Phase.CLEARED and not believed
    return last.model_copy(
        update={
            "event_id": uuid7(),
            "phase": last.phase if repeats else Phase.UPDATED,
            "clear_reason": last.clear_reason if repeats else None,
            "sent_at": None,
            "evidence": evidence_now(last.evidence, states),
        }
    )


def evidence_now(
    items: Sequence[EvidenceItem], states: Mapping[str, tuple[EvidenceState, str | None]]
) -> list[EvidenceItem]:
    """Returns the items with the states that are known by now."""
    return [
        item.model_copy(update={"state": states[item.sha256][0], "reason": states[item.sha256][1]})
        if item.sha256 in states
        else item
        for item in items
    ]


def _seen(finding: Finding) -> SeenFinding:
    return SeenFinding(
        label=finding.label,
        score=finding.score,
        box=finding.box_xyxy,
        polygon=list(finding.polygon) if finding.polygon else None,
    )
