"""Ends, as withdrawn, what watches followed that nobody wants any more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from uuid_utils.compat import uuid7

from edge.outbox.box import Commit, Outbox
from edge.staying.question import is_still_asked
from edge.staying.stays import Stay
from ingest.configuration import Camera, Watch
from ingest.contract import ClearReason, Event, Phase


def withdraw_unwatched(outbox: Outbox, watches: Sequence[Watch], cameras: Sequence[Camera] = ()) -> None:
    """Clears the incidents of watches that are gone, or that ask for something else now, or see it no more.

    Nothing may follow these stays any more when it is called. Raises: OutboxError.
    """
    by_id = {watch.id: watch for watch in watches}
    masks = {camera.id: camera.masks for camera in cameras}
    for stay in outbox.stays():
        last = outbox.last_event(stay.incident_id) if stay.raised else None
        watch = by_id.get(stay.watch_id)
        if watch is not None and is_still_asked(stay, watch, last, masks.get(watch.camera or "", ())):
            continue
        outbox.commit(Commit(forget=[stay.incident_id], events=_ending(stay, last)))


def _ending(stay: Stay, last: Event | None) -> list[Event]:
    if not stay.raised or last is None or last.phase is Phase.CLEARED:
        return []
    ending = {"phase": Phase.CLEARED, "clear_reason": ClearReason.WITHDRAWN}
    # A clock that was set back meanwhile must not make the end look older than what it ends.
    occurred_at = max(datetime.now(UTC), last.occurred_at)
    return [last.model_copy(update={**ending, "event_id": uuid7(), "occurred_at": occurred_at})]
