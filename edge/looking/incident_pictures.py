"""Takes the pictures of stays: when they come, when they become incidents, and when the place is clear again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog

from detectors.base import BoxXyxy, DetectorError
from edge.looking.evidence import EvidenceError, EvidenceFolder
from edge.looking.main_pictures import NEAR_S, MainPictures
from edge.looking.negative import Negative
from edge.looking.recent_looks import RecentLooks
from edge.looking.studio import Studio
from edge.looking.timelapse import timelapse
from edge.outbox.box import OutboxError
from edge.outbox.keeper import Keeper
from edge.reading.camera import Look
from edge.staying.clock import Moment
from edge.staying.stays import Change, Stay, StayChange
from ingest.configuration import Watch
from ingest.contract import ClearReason, EvidenceItem, EvidenceRole

MAY_STAY = 0.1
"""From this share of its dwell on, a stay is worth the blur of its first picture, which waits in memory until then."""

START_WAITS_S = 10.0
"""So long a first picture waits for the main stream to take its place."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Start:
    """The first picture of a stay. since: When the main stream was first asked for it; settled: it is no longer."""

    negative: Negative
    since: Moment | None = None
    settled: bool = False


class IncidentPictures:
    """The pictures of one camera's stays. One caller at a time.

    stays: Gives all stays of the camera, which may share a picture.
    main: Where they are taken from, if the camera has a main stream beside the one that is looked at.
    """

    def __init__(
        self,
        *,
        evidence: EvidenceFolder,
        keeper: Keeper,
        recent: RecentLooks | None,
        main: MainPictures | None,
        stays: Callable[[], Iterable[Stay]],
    ) -> None:
        self._evidence = evidence
        self._keeper = keeper
        self._recent = recent
        self._main = main
        self._stays = stays
        self._starts: dict[UUID, _Start] = {}

    def take(self, change: StayChange, watch: Watch, look: Look, studio: Studio) -> None:
        """Adds to the stay's evidence what this change asks for. studio: That of the look."""
        stay = change.stay
        try:
            if change.change is Change.BORN:
                self._starts[stay.incident_id] = _Start(studio.negative())
                return
            if change.change is Change.ABSENT:
                return
            if change.change is Change.SEEN and (self._awaits_start(stay, look) or not _may_stay(stay, watch)):
                return
            # What has stayed for a while may stay on: only now does its first picture touch the disk.
            start = self._starts.pop(stay.incident_id, None)
            if change.change is Change.DROPPED:
                self._remove(stay)
                return
            if start is not None:
                first = start.negative.developed(EvidenceRole.START, around=_place_of(stay))
                stay.evidence.append(self._evidence.keep(first))
            if change.change is Change.RAISED:
                stay.evidence += self._confirm(stay, look, studio, keep_plate=watch.keep_plate)
                stay.evidence += self._timelapse(stay, studio)
            elif change.clear_reason is ClearReason.GONE:
                cleared = self._cleared(stay, look, studio).wide(EvidenceRole.AFTER, around=_place_of(stay))
                stay.evidence.append(self._evidence.keep(cleared))
        except (EvidenceError, DetectorError) as error:
            # The event matters more than its picture; what is missing is told, not waited for.
            log.error("picture lost", watch=watch.id, incident=str(stay.incident_id), error=str(error))

    def _awaits_start(self, stay: Stay, look: Look) -> bool:
        """Asks the main stream for the first picture of what was seen again, and returns whether it may still come."""
        start = self._starts.get(stay.incident_id)
        if self._main is None or start is None or start.settled or look.stream != "substream":
            return False
        if start.since is None:
            start.since = look.moment
        self._main.want()
        main = self._main.near(look, place=stay.anchor_xyxy, not_before=_not_before(stay))
        if main is not None:
            start.negative = main.negative()
        start.settled = main is not None or look.moment.since(start.since) >= START_WAITS_S
        return not start.settled

    def _confirm(self, stay: Stay, look: Look, studio: Studio, *, keep_plate: bool) -> list[EvidenceItem]:
        box, since = stay.finding.box_xyxy, _not_before(stay)
        # What follows no single thing may show it moving, and then only the look shows it where it was found.
        followed = box if stay.anchor_xyxy is not None else None
        whole = self._main.near(look, place=followed, not_before=since) if self._main is not None else None
        items = [self._evidence.keep((whole or studio).wide(EvidenceRole.CONFIRM, around=_place_of(stay)))]
        if box is not None:
            part = self._main.near(look, place=box, not_before=since) if self._main is not None else None
            items.append(self._evidence.keep((part or studio).crop(box, keep_plate=keep_plate)))
        return items

    def _cleared(self, stay: Stay, look: Look, studio: Studio) -> Studio:
        """Returns what shows the cleared place: nothing from before it was seen to be so."""
        if self._main is None:
            return studio
        within_s = min(NEAR_S, stay.absent_s / 2)
        return self._main.near(look, place=stay.anchor_xyxy, within_s=within_s) or studio

    def _timelapse(self, stay: Stay, studio: Studio) -> list[EvidenceItem]:
        """Returns the clip from first seen to now, where enough looks of that time are kept."""
        if self._recent is None:
            return []
        try:
            clip = timelapse(self._recent.between(stay.first_seen.utc, studio.taken_at))
        except OSError as error:
            raise EvidenceError(f"kept looks cannot be read: {error.strerror}") from error
        return [self._evidence.keep(clip)] if clip is not None else []

    def _remove(self, stay: Stay) -> None:
        """Removes the pictures of a stay that came to nothing, unless a stay born in the same look shares them."""
        try:
            shared = {item.sha256 for other in self._stays() for item in other.evidence}
            for item in stay.evidence:
                if item.sha256 not in shared and not self._keeper.holds(item.sha256):
                    self._evidence.remove(item.sha256)
        except (OutboxError, OSError) as error:
            # Nobody knows now who else needs them; left behind, they are swept at the next start.
            log.warning("pictures not removed", incident=str(stay.incident_id), reason=str(error))
        stay.evidence.clear()


def _not_before(stay: Stay) -> datetime | None:
    """Returns from when on a picture may show it: what is followed is known by its looks, whatever the time."""
    return stay.first_seen.utc if stay.anchor_xyxy is None else None


def _place_of(stay: Stay) -> BoxXyxy:
    """Returns where the thing is; the whole picture where nothing says so."""
    return stay.anchor_xyxy or stay.finding.box_xyxy or (0.0, 0.0, 1.0, 1.0)


def _may_stay(stay: Stay, watch: Watch) -> bool:
    return stay.dwell_s >= MAY_STAY * watch.dwell_s
