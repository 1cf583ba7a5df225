"""Keeps what stays in a zone, and for how long.

Dwell is observed real time: what lies between two sightings counts up to the watch's grace, and a longer gap
(the box was down, the camera blind, the sensor silent) adds nothing. A stay is matched by its place, never by
a tracker's id; after a gap it goes on only if the place still looks the same. A look that missed it, or that
something hid it from, is neither a sighting nor an absence. Outside the watch's hours nothing is
followed, so that no dwell counts there.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo

from uuid_utils.compat import uuid7

from detectors.base import Finding
from edge.staying.appearance import ANOTHER, SAME_LOOK, likeness
from edge.staying.clock import Moment
from edge.staying.matching import RETURN_IOU, SAME_PLACE_IOU, AppearanceAt, distinct, matched_stays, nearness, settled
from edge.staying.past import Past
from edge.staying.question import question_of
from edge.staying.sight import is_out_of_sight
from edge.staying.stay import Change, Stay, StayChange
from edge.staying.windows import Windows
from ingest.configuration import Policy, Watch
from ingest.contract import ClearReason

__all__ = ["AppearanceAt", "Change", "Stay", "StayChange", "WatchStays"]

UPDATE_EVERY_S = 600.0
ABSENT_LOOKS = 10
"""Where looks are rarer than the grace, a stay that was never raised is forgotten after so many without it."""


@dataclass(frozen=True, slots=True)
class _Look:
    """What one look shows beside the findings that count."""

    moment: Moment
    appearance_at: AppearanceAt | None
    around: Sequence[Finding]


class WatchStays:
    """All stays of one watch. One caller at a time; a look older than the last one judged changes nothing.

    stays: What was kept of this watch, also what is only remembered. time_zone: The edge's, for the watch's hours.
    """

    def __init__(self, watch: Watch, stays: Sequence[Stay] = (), *, time_zone: tzinfo = UTC) -> None:
        self.watch = watch
        self.stays: list[Stay] = [stay for stay in stays if stay.ended is None]
        self._question = question_of(watch)
        for stay in stays:
            stay.question = stay.question or self._question
        # A sensor is one thing by itself: there is no place to match.
        self._by_place = watch.policy is Policy.SAME and watch.camera is not None
        self._judged: Moment | None = None
        self._windows = Windows(watch, time_zone)
        self._past = Past(watch, [stay for stay in stays if stay.ended is not None], by_place=self._by_place)

    @property
    def standing(self) -> bool:
        """Whether something stands here as of the last judged look."""
        return any(stay.last_seen == stay.last_judged for stay in self.stays)

    @property
    def suspect(self) -> bool:
        """Whether something was seen again at its place, and its dwell has not decided yet: worth looking more often.

        What was seen once may only pass; what waits for its place to cool down has dwelt long enough.
        """
        return any(not s.raised and s.sightings > 1 and s.dwell_s < self.watch.dwell_s for s in self.stays)

    def rests(self, moment: Moment) -> bool:
        """Whether a look at this moment is outside the watch's hours or under a permit: nothing counts in it."""
        return self._windows.why_closed(moment.utc) is not None

    def would_raise(self, stay: Stay, moment: Moment) -> bool:
        """Whether a look at this moment raises the stay, if it sees it."""
        dwell_s = stay.dwell_s + moment.since(stay.last_seen)
        return not stay.raised and dwell_s >= self.watch.dwell_s and not self._past.cools_down(stay, moment)

    def would_end(self, stay: Stay, moment: Moment) -> bool:
        """Whether a look at this moment ends the incident of the stay, if it does not see it."""
        return stay.raised and stay.absent_s + moment.since(stay.last_judged) >= self._away_s

    @property
    def _away_s(self) -> float:
        return max(self.watch.clear_s, self.watch.recurrence_s)

    def judge(
        self,
        findings: Sequence[Finding],
        moment: Moment,
        appearance_at: AppearanceAt | None = None,
        *,
        around: Sequence[Finding] = (),
    ) -> list[StayChange]:
        """Takes one look that could be judged and returns what it changed.

        findings: Only those that count for this watch: its labels, its scores, in its zone.
        appearance_at: Gives the present look of a place; None where there is no picture (sensors).
        around: All findings of the look, also those that do not count: what they cover is not seen.
        """
        if self._judged is not None and moment.is_before(self._judged):
            return []  # its seconds are counted already
        self._judged = moment
        changes = [StayChange(Change.FORGOTTEN, stay) for stay in self._past.forget(moment)]
        closed = self._windows.why_closed(moment.utc)
        if closed is not None:
            return changes + [self._end(stay, moment, closed) for stay in list(self.stays)]
        findings = [f for f in findings if not self._windows.permits(f.box_xyxy, moment.utc)]
        things = distinct(findings) if self._by_place else findings[:1]
        changes += self._permitted(things, moment)
        look = _Look(moment, appearance_at and functools.cache(appearance_at), around)
        return changes + self._follow(things, look)

    def drop_suspected(self, moment: Moment) -> list[StayChange]:
        """Ends what is no incident yet, so that its dwell begins anew."""
        return [self._end(stay, moment, ClearReason.GONE) for stay in list(self.stays) if not stay.raised]

    def _permitted(self, things: Sequence[Finding], moment: Moment) -> list[StayChange]:
        """Ends what a permit with a zone allows now; what follows no single thing goes on if others stay."""
        if things and not self._by_place:
            return []
        allowed = [stay for stay in self.stays if self._windows.permits(stay.finding.box_xyxy, moment.utc)]
        return [self._end(stay, moment, ClearReason.PERMITTED) for stay in allowed]

    def _follow(self, things: Sequence[Finding], look: _Look) -> list[StayChange]:
        matched = matched_stays(
            self.stays,
            things,
            by_place=self._by_place,
            least_iou=lambda stay: RETURN_IOU if self._may_return(stay, look) else SAME_PLACE_IOU,
            is_it=lambda stay, thing: self._is_it(stay, thing, look),
        )
        seen = [stay for stay in self.stays if id(stay) in matched]
        changes = [self._seen(stay, matched[id(stay)], look) for stay in seen]
        changes += [self._unfound(stay, seen, look) for stay in list(self.stays) if id(stay) not in matched]
        taken = {id(finding) for finding in matched.values()}
        new = [thing for thing in things if id(thing) not in taken and not any(nearness(s, thing) for s in seen)]
        return changes + [self._born(thing, look) for thing in new]

    def _may_return(self, stay: Stay, look: _Look) -> bool:
        """Whether it was away for longer than the grace, and comes back as the same incident if it comes back."""
        return stay.raised and self.watch.recurrence_s > 0 and look.moment.since(stay.last_seen) > self.watch.grace_s

    def _is_it(self, stay: Stay, thing: Finding, look: _Look) -> bool:
        """Whether the thing at a stay's place looks like the stay: there, or where a shaking camera shows it now."""
        if look.appearance_at is None or not stay.appearance or stay.anchor_xyxy is None:
            return True
        least = ANOTHER if look.moment.since(stay.last_seen) <= self.watch.grace_s else SAME_LOOK
        boxes = [
            box for box in (thing.box_xyxy, stay.anchor_xyxy if nearness(stay, thing) else None) if box is not None
        ]
        return any(likeness(stay.appearance, look.appearance_at(box)) >= least for box in boxes)

    def _born(self, finding: Finding, look: _Look) -> StayChange:
        moment, appearance_at = look.moment, look.appearance_at
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
            question=self._question,
        )
        stay.recurs = self._past.returned_as(stay, moment)
        self.stays.append(stay)
        return StayChange(Change.BORN, stay)

    def _seen(self, stay: Stay, finding: Finding, look: _Look) -> StayChange:
        moment, appearance_at = look.moment, look.appearance_at
        gap_s = moment.since(stay.last_seen)
        if gap_s <= self.watch.grace_s:
            stay.dwell_s += gap_s
        stay.last_seen = stay.last_judged = moment
        stay.absent_s, stay.absent_looks, stay.unseen_s, stay.place = 0.0, 0, 0.0, None
        stay.sightings += 1
        stay.finding = finding
        stay.best_score = max((s for s in (stay.best_score, finding.score) if s is not None), default=None)
        if stay.anchor_xyxy is not None and finding.box_xyxy is not None:
            # What moves by more than its place does so only when it returns, and stands somewhere else from then on.
            moved = nearness(stay, finding) == 0.0
            stay.anchor_xyxy = finding.box_xyxy if moved else settled(stay.anchor_xyxy, finding.box_xyxy)
            # The look of the last sighting, not of the first: over hours the sun moves and the thing does not.
            stay.appearance = appearance_at(stay.anchor_xyxy) if appearance_at else None
        return StayChange(self._told(stay, moment), stay)

    def _told(self, stay: Stay, moment: Moment) -> Change:
        """Returns whether a stay that was just seen is to be told, and notes that it is."""
        if not stay.raised:
            if stay.dwell_s < self.watch.dwell_s or self._past.cools_down(stay, moment):
                return Change.SEEN
            stay.raised, stay.last_event = True, moment
            return Change.RAISED
        if stay.last_event is not None and moment.since(stay.last_event) < UPDATE_EVERY_S:
            return Change.SEEN
        # Never told as earlier than the last one, so that the latest told moment outlives a clock that is set back.
        stay.last_event = moment if stay.last_event is None else moment.not_before(stay.last_event.utc)
        return Change.UPDATED

    def _unfound(self, stay: Stay, seen: Sequence[Stay], look: _Look) -> StayChange:
        gap_s = look.moment.since(stay.last_judged)
        stay.last_judged = look.moment
        stay.absent_looks += 1
        hidden = is_out_of_sight(stay, look.around, seen, look.appearance_at)
        if hidden and stay.unseen_s < self._unseen_at_most_s(stay):
            stay.unseen_s += min(gap_s, self.watch.grace_s)
            return StayChange(Change.ABSENT, stay)
        # Only time that was watched counts towards "it is gone": a blind hour is not an empty hour.
        if gap_s <= self.watch.grace_s:
            stay.absent_s += gap_s
        if not (stay.absent_s >= self._away_s if stay.raised else self._has_passed(stay, gap_s)):
            return StayChange(Change.ABSENT, stay)
        return self._end(stay, look.moment, ClearReason.GONE)

    def _unseen_at_most_s(self, stay: Stay) -> float:
        """Returns for how long it is believed to be there unseen.

        An incident as long as it was seen: one that stood for hours outlives a night in which nothing finds it, and
        what a detector made of a bare place for some minutes goes in as many. What may only pass, for the grace.
        """
        return max(self.watch.grace_s, stay.dwell_s) if stay.raised else self.watch.grace_s

    def _has_passed(self, stay: Stay, gap_s: float) -> bool:
        """Whether a stay that was never raised may be forgotten, now that it is absent."""
        # A detector may miss a thing that is there, so a camera's stay survives its grace; a reading is certain.
        if self.watch.camera is None:
            return True
        # Looks can be so rare that no absent time ever counts; passers-by must not pile up then.
        rare = gap_s > self.watch.grace_s
        return stay.absent_s >= self.watch.grace_s or (rare and stay.absent_looks >= ABSENT_LOOKS)

    def _end(self, stay: Stay, moment: Moment, reason: ClearReason) -> StayChange:
        self.stays.remove(stay)
        if not stay.raised:
            return StayChange(Change.DROPPED, stay)
        self._past.remember(stay, moment, reason)
        return StayChange(Change.CLEARED, stay, reason)
