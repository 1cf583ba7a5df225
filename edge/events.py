"""Turns a change of a stay into an event of the contract."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from uuid_utils.compat import uuid7

from detectors.base import DetectorIdentity, Finding
from edge.stays import Stay
from ingest.configuration import Sensor, Watch
from ingest.contract import (
    ClearReason,
    DetectorMark,
    Event,
    EventReading,
    EvidenceItem,
    Phase,
    SeenFinding,
    Source,
    SourceType,
)


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
        source=Source(type=SourceType.CAMERA, id=watch.camera)
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
        score=stay.best_score,
        findings=[] if phase is Phase.CLEARED or finding.value is not None else [_seen(finding)],
        reading=None
        if finding.value is None
        else EventReading(value=finding.value, unit=sensor.unit if sensor else None, threshold=finding.threshold),
        evidence=list(evidence),
        detector=DetectorMark(name=detector.name, version=detector.version, weights_sha256=detector.weights_sha256),
    )


def _seen(finding: Finding) -> SeenFinding:
    return SeenFinding(
        label=finding.label,
        score=finding.score,
        box=finding.box_xyxy,
        polygon=list(finding.polygon) if finding.polygon else None,
    )
