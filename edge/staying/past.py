"""Remembers for a while where an incident was cleared, so that the same place is left alone until it cooled down."""

from __future__ import annotations

from collections.abc import Sequence

from edge.looking.zones import overlap
from edge.staying.clock import Moment
from edge.staying.matching import SAME_PLACE_IOU
from edge.staying.stay import Stay
from ingest.configuration import Watch
from ingest.contract import ClearReason


class Past:
    """The cleared incidents of one watch that still matter; kept with the stays, so that a restart remembers them."""

    def __init__(self, watch: Watch, stays: Sequence[Stay], *, by_place: bool) -> None:
        self._keep_s = watch.cool_down_s
        self._by_place = by_place
        self._stays = list(stays)

    def remember(self, stay: Stay, moment: Moment, reason: ClearReason) -> None:
        """Notes a cleared incident. What ended by the clock or by a permit needs no rest: it may still be there."""
        if self._keep_s > 0 and reason is ClearReason.GONE:
            stay.ended = moment
            self._stays.append(stay)

    def forget(self, moment: Moment) -> list[Stay]:
        """Returns, for the last time, those whose time is over; also where a boot without a clock hides how long."""
        over = [stay for stay in self._stays if stay.ended is None or moment.since(stay.ended) >= self._keep_s]
        self._stays = [stay for stay in self._stays if all(stay is not gone for gone in over)]
        return over

    def cools_down(self, stay: Stay, moment: Moment) -> bool:
        """Whether an incident at this place was cleared too short a time ago for another one."""
        return any(
            past.ended is not None and moment.since(past.ended) < self._keep_s and self._is_its_place(past, stay)
            for past in self._stays
        )

    def _is_its_place(self, past: Stay, stay: Stay) -> bool:
        if not self._by_place:
            return True
        if past.anchor_xyxy is None or stay.anchor_xyxy is None:
            return False
        return overlap(past.anchor_xyxy, stay.anchor_xyxy) >= SAME_PLACE_IOU
