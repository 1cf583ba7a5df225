"""Remembers cleared incidents for a while: their places cool down, and what returns is known again."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from edge.looking.zones import overlap
from edge.staying.appearance import SAME_LOOK, likeness
from edge.staying.clock import Moment
from edge.staying.matching import RETURN_IOU, SAME_PLACE_IOU
from edge.staying.stay import Stay
from ingest.configuration import Watch
from ingest.contract import ClearReason


class Past:
    """The cleared incidents of one watch that still matter; kept with the stays, so that a restart remembers them."""

    def __init__(self, watch: Watch, stays: Sequence[Stay], *, by_place: bool) -> None:
        self._cool_down_s = watch.cool_down_s
        self._recurrence_s = watch.recurrence_s
        self._by_place = by_place
        self._stays = list(stays)

    def remember(self, stay: Stay, moment: Moment, reason: ClearReason) -> None:
        """Notes a cleared incident. What ended by the clock or by a permit needs no rest: it may still be there."""
        stay.rests = reason is ClearReason.GONE and self._cool_down_s > 0
        if stay.rests or self._recurrence_s > 0:
            stay.ended = moment
            self._stays.append(stay)

    def forget(self, moment: Moment) -> list[Stay]:
        """Returns, for the last time, those whose time is over; also where a boot without a clock hides how long."""
        over = [s for s in self._stays if not (self._rests(s, moment) or _within(s, moment, self._recurrence_s))]
        self._stays = [stay for stay in self._stays if all(stay is not gone for gone in over)]
        return over

    def cools_down(self, stay: Stay, moment: Moment) -> bool:
        """Whether an incident at this place was cleared too short a time ago for another one."""
        return any(self._rests(past, moment) and self._is_its_place(past, stay) for past in self._stays)

    def _rests(self, past: Stay, moment: Moment) -> bool:
        return past.rests and _within(past, moment, self._cool_down_s)

    def _is_its_place(self, past: Stay, stay: Stay) -> bool:
        if not self._by_place:
            return True
        if past.anchor_xyxy is None or stay.anchor_xyxy is None:
            return False
        return overlap(past.anchor_xyxy, stay.anchor_xyxy) >= SAME_PLACE_IOU

    def returned_as(self, stay: Stay, moment: Moment) -> UUID | None:
        """Returns the last cleared incident of the thing that ``stay`` begins with, within the watch's recurrence."""
        for past in reversed(self._stays):
            if _within(past, moment, self._recurrence_s) and self._is_the_thing(past, stay):
                return past.incident_id
        return None

    def _is_the_thing(self, past: Stay, stay: Stay) -> bool:
        if not self._by_place:
            return True
        if past.anchor_xyxy is None or stay.anchor_xyxy is None or not past.appearance or not stay.appearance:
            return False
        near = overlap(past.anchor_xyxy, stay.anchor_xyxy) >= RETURN_IOU
        return near and likeness(past.appearance, stay.appearance) >= SAME_LOOK


def _within(past: Stay, moment: Moment, seconds: float) -> bool:
    return past.ended is not None and moment.since(past.ended) < seconds
