"""Events and evidence in one line, for tests of what happens to them after they were raised."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

from detectors.base import DetectorIdentity
from edge.looking.evidence import EvidenceFolder, Picture
from edge.outbox.box import Commit, Outbox
from ingest.contract import (
    Answer,
    ClearReason,
    DetectorMark,
    Event,
    EvidenceItem,
    EvidenceRole,
    Phase,
    Source,
    SourceType,
)
from tests.edge.fakes import START

DETECTOR = DetectorIdentity(name="yolo", version="1", weights_sha256="0" * 64)
EDGE_ID = "corner-7"


def an_event(
    *,
    phase: Phase = Phase.RAISED,
    occurred_at: datetime = START,
    evidence: Sequence[EvidenceItem] = (),
    source: str = "yard",
    incident_id: UUID | None = None,
    kind: str = "illegal-parking",
    edge_id: str = EDGE_ID,
) -> Event:
    return Event(
        event_id=uuid4(),
        incident_id=incident_id or uuid4(),
        phase=phase,
        clear_reason=ClearReason.GONE if phase is Phase.CLEARED else None,
        edge_id=edge_id,
        source=Source(type=SourceType.CAMERA, id=source),
        kind=kind,
        watch_id=f"watch-{source}",
        first_seen_at=occurred_at - timedelta(minutes=5),
        occurred_at=occurred_at,
        dwell_s=300.0,
        score=0.8,
        evidence=list(evidence),
        detector=DetectorMark(name="yolo"),
    )


def a_later(event: Event, phase: Phase, *, minutes: float = 10) -> Event:
    """Returns a later event of the same incident."""
    return event.model_copy(
        update={
            "event_id": uuid4(),
            "phase": phase,
            "clear_reason": ClearReason.GONE if phase is Phase.CLEARED else None,
            "occurred_at": event.occurred_at + timedelta(minutes=minutes),
        }
    )


def an_item(role: EvidenceRole = EvidenceRole.START, digit: str = "a", *, size_bytes: int = 9) -> EvidenceItem:
    """Evidence of which only the name exists."""
    return EvidenceItem(sha256=digit * 64, media_type="image/jpeg", size_bytes=size_bytes, role=role, taken_at=START)


def a_picture(
    folder: EvidenceFolder, role: EvidenceRole = EvidenceRole.START, *, size_bytes: int = 20_000, seed: str = ""
) -> EvidenceItem:
    """Evidence with a file: bytes that begin as a JPEG does, each time others unless ``seed`` is given."""
    seed = seed or str(uuid4())
    noise = b"".join(hashlib.sha256(f"{seed}{n}".encode()).digest() for n in range(size_bytes // 32 + 1))
    return folder.keep(Picture(role, datetime.now(UTC), (b"\xff\xd8\xff\xe0" + noise)[:size_bytes]))


def commit(outbox: Outbox, *events: Event) -> None:
    """Commits events together with the evidence that they name."""
    outbox.commit(Commit(events=events, evidence=[item for event in events for item in event.evidence]))


def accept_all(outbox: Outbox) -> None:
    outbox.answered([(item.seq, Answer.ACCEPTED, None) for item in outbox.queue.oldest(10_000)])


def long_ago(outbox: Outbox, *, days: float) -> None:
    """Makes all that was answered and added so many days older."""
    then = (datetime.now(UTC) - timedelta(days=days)).isoformat()
    outbox._db.execute("UPDATE events SET answered_at = ? WHERE answered_at IS NOT NULL", (then,))
    outbox._db.execute("UPDATE evidence SET added_at = ?", (then,))


def files_in(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}
