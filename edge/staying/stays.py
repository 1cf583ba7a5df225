"""Keeps what stays in a zone, and for how long.

Dwell is observed real time: what lies between two sightings counts up to the watch's grace, and a longer gap
(the box was down, the camera blind, the sensor silent) adds nothing. A stay is matched by its place, never by
a tracker's id; after a gap it goes on only if the place still looks the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from uuid_utils.compat import uuid7

from detectors.base import BoxXyxy, Finding
from edge.looking.zones import overlap
from edge.staying.appearance import SAME_LOOK, likeness
from edge.staying.clock import Moment
from ingest.configuration import Policy, Watch
from ingest.contract import EvidenceItem

SAME_PLACE_IOU = 0.5
SAME_THING_IOU = 0.6
"""Two findings of one look that overlap more than this are one thing under two labels."""

UPDATE_EVERY_S = 600.0
ABSENT_LOOKS = 10
"""After so many looks in a row without it, a stay that was never raised is forgotten, however rare the looks."""

SETTLE = 0.1
"""Share by which the anchor follows each sighting: noise averages out, and what walks away leaves its anchor."""

AppearanceAt = Callable[[BoxXyxy], bytes]


class Change(StrEnum):
    """What one look did to one stay. ``dropped`` ends a stay that never became an incident."""

    BORN = "born"
    SEEN = "seen"
    ABSENT = "absent"
    RAISED = "raised"
    UPDATED = "updated"
    CLEARED = "cleared"
    DROPPED = "dropped"


@dataclass(slots=True)
class Stay:
    """One thing that remains; ``incident_id`` is minted with it and never changes.

    anchor_xyxy: Where it stands, settled over sightings; None for policies that follow no single thing.
    dwell_s, absent_s: Observed seconds of staying, and of being seen to be absent since the last sighting.
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


@dataclass(frozen=True, slots=True)
class StayChange:
    change: Change
    stay: Stay


class WatchStays:
    """All stays of one watch. One caller at a time; judged looks must come in the order of time."""

    def __init__(self, watch: Watch, stays: Sequence[Stay] = ()) -> None:
        self.watch = watch
        self.stays: list[Stay] = list(stays)
        # A sensor is one thing by itself: there is no place to match.
        self._by_place = watch.policy is Policy.SAME and watch.camera is not None

    @property
    def standing(self) -> bool:
        """Whether something stands here as of the last judged look."""
        return any(stay.last_seen == stay.last_judged for stay in self.stays)

    def judge(
        self, findings: Sequence[Finding], moment: Moment, appearance_at: AppearanceAt | None = None
    ) -> list[StayChange]:
        """Takes one look that could be judged and returns what it changed.

        findings: Only those that count for this watch: its labels, its scores, in its zone.
        appearance_at: Gives the present look of a place; None where there is no picture (sensors).
        """
        things = _distinct(findings) if self._by_place else list(findings)[:1]
        matched = self._match(things, moment, appearance_at)
        changes: list[StayChange] = []
        for stay in list(self.stays):
            finding = matched.pop(id(stay), None)
            changes += (
                self._absent(stay, moment) if finding is None else self._seen(stay, finding, moment, appearance_at)
            )
        taken = {id(change.stay.finding) for change in changes if change.change is not Change.DROPPED}
        changes += [self._born(thing, moment, appearance_at) for thing in things if id(thing) not in taken]
        return changes

    def _match(
        self, things: Sequence[Finding], moment: Moment, appearance_at: AppearanceAt | None
    ) -> dict[int, Finding]:
        """Pairs stays with findings, closest overlap first."""
        pairs = sorted(
            (
                (nearness, stay_index, thing_index)
                for stay_index, stay in enumerate(self.stays)
                for thing_index, thing in enumerate(things)
                if (nearness := self._nearness(stay, thing)) > 0
            ),
            reverse=True,
        )
        matched: dict[int, Finding] = {}
        used: set[int] = set()
        for _, stay_index, thing_index in pairs:
            stay = self.stays[stay_index]
            if id(stay) in matched or thing_index in used:
                continue
            if self._still_the_same(stay, moment, appearance_at):
                matched[id(stay)] = things[thing_index]
                used.add(thing_index)
        return matched

    def _nearness(self, stay: Stay, thing: Finding) -> float:
        if not self._by_place:
            return 1.0
        if stay.anchor_xyxy is None or thing.box_xyxy is None:
            return 0.0
        iou = overlap(stay.anchor_xyxy, thing.box_xyxy)
        return iou if iou >= SAME_PLACE_IOU else 0.0

    def _still_the_same(self, stay: Stay, moment: Moment, appearance_at: AppearanceAt | None) -> bool:
        if moment.since(stay.last_seen) <= self.watch.grace_s:
            return True
        if appearance_at is None or stay.appearance is None or stay.anchor_xyxy is None:
            return True
        return likeness(stay.appearance, appearance_at(stay.anchor_xyxy)) >= SAME_LOOK

    def _born(self, finding: Finding, moment: Moment, appearance_at: AppearanceAt | None) -> StayChange:
        box = finding.box_xyxy if self._by_place else None
        stay = Stay(
            incident_id=uuid7(),
            watch_id=self.watch.id,
            first_seen=moment,
            last_seen=moment,
            last_judged=moment,
            finding=finding,
            anchor_xyxy=box,
            appearance=appearance_at(box) if appearance_at and box else None,
            best_score=finding.score,
        )
        self.stays.append(stay)
        return StayChange(Change.BORN, stay)

    def _seen(
        self, stay: Stay, finding: Finding, moment: Moment, appearance_at: AppearanceAt | None
    ) -> list[StayChange]:
        gap_s = moment.since(stay.last_seen)
        if gap_s <= self.watch.grace_s:
            stay.dwell_s += gap_s
        stay.last_seen = stay.last_judged = moment
        stay.absent_s, stay.absent_looks = 0.0, 0
        stay.sightings += 1
        stay.finding = finding
        stay.best_score = max((s for s in (stay.best_score, finding.score) if s is not None), default=None)
        if stay.anchor_xyxy is not None and finding.box_xyxy is not None:
            stay.anchor_xyxy = _settled(stay.anchor_xyxy, finding.box_xyxy)
            # The look of the last sighting, not of the first: over hours the sun moves and the thing does not.
            stay.appearance = appearance_at(stay.anchor_xyxy) if appearance_at else None
        if not stay.raised and stay.dwell_s >= self.watch.dwell_s:
            stay.raised, stay.last_event = True, moment
            return [StayChange(Change.RAISED, stay)]
        if stay.raised and (stay.last_event is None or moment.since(stay.last_event) >= UPDATE_EVERY_S):
            # Never told as earlier than the last one, so that the latest told moment outlives a clock that is set back.
            stay.last_event = moment if stay.last_event is None else moment.not_before(stay.last_event.utc)
            return [StayChange(Change.UPDATED, stay)]
        return [StayChange(Change.SEEN, stay)]

    def _absent(self, stay: Stay, moment: Moment) -> list[StayChange]:
        # Only time that was watched counts towards "it is gone": a blind hour is not an empty hour.
        gap_s = moment.since(stay.last_judged)
        if gap_s <= self.watch.grace_s:
            stay.absent_s += gap_s
        stay.last_judged = moment
        stay.absent_looks += 1
        if not (stay.absent_s >= self.watch.clear_s if stay.raised else self._has_passed(stay)):
            return [StayChange(Change.ABSENT, stay)]
        self.stays.remove(stay)
        return [StayChange(Change.CLEARED if stay.raised else Change.DROPPED, stay)]

    def _has_passed(self, stay: Stay) -> bool:
        """Whether a stay that was never raised may be forgotten, now that it is absent."""
        # A detector may miss a thing that is there, so a camera's stay survives its grace; a reading is certain.
        if self.watch.camera is None:
            return True
        # Looks can be so rare that no absent time ever counts; passers-by must not pile up then.
        return stay.absent_s >= self.watch.grace_s or stay.absent_looks >= ABSENT_LOOKS


def _distinct(findings: Sequence[Finding]) -> list[Finding]:
    """Keeps the surest of findings that cover the same thing, whatever their labels."""
    kept: list[Finding] = []
    for finding in sorted(findings, key=lambda f: f.score or 0.0, reverse=True):
        box = finding.box_xyxy
        if box is not None and all(overlap(box, k.box_xyxy) <= SAME_THING_IOU for k in kept if k.box_xyxy):
            kept.append(finding)
    return kept


def _settled(anchor: BoxXyxy, box: BoxXyxy) -> BoxXyxy:
    x1, y1, x2, y2 = (a + SETTLE * (b - a) for a, b in zip(anchor, box, strict=True))
    return (x1, y1, x2, y2)
