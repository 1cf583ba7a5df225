"""Takes pictures of incidents from the main stream of a camera that is looked at by its substream."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

import numpy as np
import structlog

from detectors.base import BoxXyxy, Frame, FrameDetector
from edge.looking.sameness import small_picture
from edge.looking.studio import Studio
from edge.looking.views import Edges, edges, small_view
from edge.looking.views import likeness as likeness_of
from edge.reading.camera import Look
from edge.staying.appearance import SAME_LOOK, appearance, likeness
from edge.staying.clock import Moment
from edge.staying.stays import Stay
from ingest.configuration import Watch

NEAR_S = 15.0
"""So far from its look a picture of the main stream may be; cameras send a keyframe each 12 s or more often."""

LEAD_S = 10.0
"""So long before a stay's last look to come the main stream is opened: to connect, and for its next keyframe."""

LONGEST_LEAD_S = 120.0

PARTS = 4
ENOUGH_PARTS = 4
ONE_VIEW = 0.8
_PLAIN = 0.5
"""Below this spread of its edges a part shows nothing to compare."""

log = structlog.get_logger(__name__)


class MainStream(Protocol):
    """What :class:`edge.reading.side_stream.SideStream` is for who takes pictures of it."""

    def want(self, for_s: float) -> None: ...

    def forget(self) -> None: ...

    def nearest(self, moment: Moment, *, within_s: float) -> Frame | None: ...


class MainPictures:
    """The main stream of one camera, open only while evidence is about to be made. One caller at a time.

    A picture is blurred by a run of its own on the main stream's frame, and where the main stream shows another view
    than the substream (masks and boxes would lie elsewhere), none is taken.
    """

    def __init__(
        self, stream: MainStream, *, privacy: FrameDetector, camera_id: str, max_people: int | None = None
    ) -> None:
        """max_people: As in :class:`edge.looking.studio.Studio`."""
        self._stream = stream
        self._max_people = max_people
        self._privacy = privacy
        self._camera_id = camera_id
        self._planned: Moment | None = None
        self._last: tuple[Frame, Studio | None] | None = None
        self._differs = False

    def want(self) -> None:
        """Opens it: somebody needs a picture of what is there now."""
        self._stream.want(LEAD_S)

    def plan(self, stays: Iterable[tuple[Watch, Stay]], look: Look) -> None:
        """Keeps it open while one of the next looks may raise or clear an incident."""
        every_s = LEAD_S if self._planned is None else min(look.moment.since(self._planned), LONGEST_LEAD_S)
        self._planned = look.moment
        if look.stream == "substream" and any(_decides_within(LEAD_S + every_s, *stay) for stay in stays):
            self._stream.want(LEAD_S + every_s)
        else:
            self._stream.forget()

    def near(
        self,
        look: Look,
        *,
        place: BoxXyxy | None = None,
        not_before: datetime | None = None,
        within_s: float = NEAR_S,
    ) -> Studio | None:
        """Returns the main stream's picture nearest to a look of the substream, or None where there is none in time.

        place: Has to look in it as it does in the look. not_before: It was taken then or later.
        """
        frame = self._stream.nearest(look.moment, within_s=within_s) if look.stream == "substream" else None
        if frame is None or (not_before is not None and frame.captured_at < not_before):
            return None
        if self._last is None or self._last[0] is not frame:
            shows_it = self._shows_the_view_of(look, frame)
            made = Studio(frame, self._privacy, stream="main", max_people=self._max_people)
            self._last = frame, made if shows_it else None
        studio = self._last[1]
        return studio if studio is None or place is None or alike(studio.frame, look.frame, place) else None

    def _shows_the_view_of(self, look: Look, frame: Frame) -> bool:
        same = is_one_view(frame, look.frame)
        if same is not None and same == self._differs:
            self._differs = not same
            if same:
                log.info("both streams show one view", camera=self._camera_id)
            else:
                log.warning("main stream shows another view, gives no evidence", camera=self._camera_id)
        return not self._differs


def is_one_view(frame: Frame, other: Frame) -> bool | None:
    """Whether two frames of one camera, seconds apart, show the same part of the street; None where they show little.

    Their edges are compared part by part, at the same shares of width and height: a thing that came or went changes
    some parts, a view that one stream cuts off changes nearly all. Measured on 16 pictures against themselves at 352 x
    288 and a low quality: 0.97 or more in the middle of the parts, 0.91 with a thing in a sixth of the picture, 0.83 in
    the dark; cut to 4:3 it is 0.74 at most, cut by 5 % on each side 0.64.
    """
    both = [edges(small_view(small_picture(each)).grey) for each in (frame, other)]
    found = [likeness_of(*pair) for pair in zip(*map(_parts, both), strict=True) if min(p.std() for p in pair) > _PLAIN]
    return float(np.median(found)) >= ONE_VIEW if len(found) >= ENOUGH_PARTS else None


def _parts(whole: Edges) -> list[Edges]:
    return [part for rows in np.split(whole, PARTS, axis=0) for part in np.split(rows, PARTS, axis=1)]


def alike(frame: Frame, other: Frame, place: BoxXyxy) -> bool:
    """Whether a place looks the same in two frames, of whatever sizes."""
    return likeness(appearance(frame.luma, place), appearance(other.luma, place)) >= SAME_LOOK


def _decides_within(seconds: float, watch: Watch, stay: Stay) -> bool:
    if stay.raised:
        away_s = max(watch.clear_s, watch.recurrence_s)
        return stay.absent_looks > 0 and away_s - stay.absent_s <= seconds
    return stay.sightings > 1 and 0 < watch.dwell_s - stay.dwell_s <= seconds
