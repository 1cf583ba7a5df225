"""Makes what a bench puts into an outbox: events, and pictures that a gateway can decode."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import cv2
import numpy as np

from edge.looking.evidence import Picture
from edge.outbox.box import Commit
from ingest.contract import DetectorMark, Event, EvidenceItem, EvidenceRole, Phase, SeenFinding, Source, SourceType

SOURCES = 50


def commit(*events: Event) -> Commit:
    return Commit(events=events, evidence=[item for event in events for item in event.evidence])


def event(edge_id: str, number: int, evidence: Sequence[EvidenceItem] = ()) -> Event:
    now = datetime.now(UTC)
    return Event(
        event_id=uuid4(),
        incident_id=uuid4(),
        phase=Phase.RAISED,
        edge_id=edge_id,
        source=Source(type=SourceType.CAMERA, id=f"camera-{number % SOURCES}"),
        kind="street-encroachment",
        watch_id=f"watch-{number % SOURCES}",
        zone=[(0.1, 0.5), (0.9, 0.5), (0.9, 0.9), (0.1, 0.9)],
        first_seen_at=now - timedelta(minutes=5),
        occurred_at=now,
        dwell_s=300.0,
        score=0.87,
        findings=[SeenFinding(label="stall", score=0.87, box=(0.41, 0.6, 0.58, 0.83))],
        evidence=list(evidence),
        detector=DetectorMark(name="yolo", version="1", weights_sha256="0" * 64),
    )


def unwritten(number: int, role: EvidenceRole) -> EvidenceItem:
    """Evidence of which only the row is written."""
    return EvidenceItem(
        sha256=uuid4().hex * 2, media_type="image/jpeg", size_bytes=number + 1, role=role, taken_at=datetime.now(UTC)
    )


def pictures(size_bytes: int) -> Iterator[Picture]:
    """Yields pictures that a gateway can decode, no two alike, each of about so many bytes."""
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    jpeg = cv2.imencode(".jpg", noise)[1].tobytes()
    side = int(64 * (size_bytes / len(jpeg)) ** 0.5)
    noise = np.random.default_rng(1).integers(0, 256, (side, side, 3), dtype=np.uint8)
    jpeg = cv2.imencode(".jpg", noise)[1].tobytes()
    # A comment behind the first marker makes each another: JPEG allows one, and it costs no encoding.
    while True:
        comment = b"\xff\xfe\x00\x12" + uuid4().bytes
        yield Picture(EvidenceRole.START, datetime.now(UTC), jpeg[:2] + comment + jpeg[2:])
