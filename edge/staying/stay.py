"""What a stay is, and what one look can do to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from detectors.base import BoxXyxy, Finding
from edge.staying.clock import Moment
from ingest.contract import ClearReason, EvidenceItem


class Change(StrEnum):
    """What one look did to one stay.

    ``absent`` is any look that did not find it. ``dropped`` ends a stay that never became an incident;
    ``forgotten`` ends what was remembered of an incident after it was cleared.
    """

    BORN = "born"
    SEEN = "seen"
    ABSENT = "absent"
    RAISED = "raised"
    UPDATED = "updated"
    CLEARED = "cleared"
    DROPPED = "dropped"
    FORGOTTEN = "forgotten"


@dataclass(slots=True)
class Stay:
    """One thing that remains; ``incident_id`` is minted with it and never changes.

    anchor_xyxy: Where it stands, settled over sightings; None for policies that follow no single thing.
    dwell_s, absent_s: Observed seconds of staying, and of being seen to be absent since the last sighting.
    absent_looks: Looks in a row that did not find it. unseen_s: Seconds since the last sighting in which it was missed
    or hidden, neither seen nor seen to be absent. place: What its place looked like at the last of these looks.
    recurs: The cleared incident of the same thing, where it has returned.
    ended: When its incident was cleared; such a stay is only remembered, and is not among the open ones.
    rests: Whether its place cools down then.
    question: What its watch asked when it was followed last (:func:`edge.staying.question.question_of`).
    """

    incident_id: UUID
    watch_id: str
    first_seen: Moment
    last_seen: Moment
    last_judged: Moment
    finding: Finding
    anchor_xyxy: BoxXyxy | None = None
    appearance: bytes | None = None
    dwell_s: float = 0.0
    absent_s: float = 0.0
    absent_looks: int = 0
    sightings: int = 1
    best_score: float | None = None
    raised: bool = False
    last_event: Moment | None = None
    evidence: list[EvidenceItem] = field(default_factory=list)
    """What was taken of it so far; every event of the incident names all of it."""
    ended: Moment | None = None
    rests: bool = False
    unseen_s: float = 0.0
    place: bytes | None = None
    recurs: UUID | None = None
    question: str | None = None


@dataclass(frozen=True, slots=True)
class StayChange:
    """``clear_reason`` goes with ``cleared``, and only with it."""

    change: Change
    stay: Stay
    clear_reason: ClearReason | None = None
