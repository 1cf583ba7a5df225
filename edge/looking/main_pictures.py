"""Takes pictures of incidents from the main stream of a camera that is looked at by its substream."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Protocol

from detectors.base import BoxXyxy, Frame, FrameDetector
from edge.looking.one_view import OneView
from edge.looking.studio import Studio
from edge.reading.camera import Look
from edge.staying.appearance import SAME_LOOK, appearance, likeness
from edge.staying.clock import Moment
from edge.staying.stays import Stay
from ingest.configuration import Camera, Watch

NEAR_S = 15.0
"""So far from its look a picture of the main stream may be; cameras send a keyframe each 12 s or more often."""

LEAD_S = 10.0
"""So long before a stay's last look to come the main stream is opened: to connect, and for its next keyframe."""

LONGEST_LEAD_S = 120.0

FIND_OUT_EVERY_S = 600.0
"""So often, at most, it is opened only to find out whether both streams show one view, while that is not known."""


OTHER_VIEW = "the main stream shows another view than the substream, which fails"
UNKNOWN_VIEW = "it is not known whether the masks hold on the main stream, and the substream fails"


class MainStream(Protocol):
    """What :class:`edge.reading.side_stream.SideStream` is for who takes pictures of it."""

    def want(self, for_s: float) -> None: ...

    def forget(self) -> None: ...

    def nearest(self, moment: Moment, *, within_s: float) -> Frame | None: ...


class MainPictures:
    """The main stream of one camera, open only while evidence is about to be made. One caller at a time.

    A picture is blurred by a run of its own on the main stream's frame. None is taken until both streams were seen to
    show one view, nor where they show two: masks and boxes would lie elsewhere in it.

    folder: Where what is known of that is kept.
    """

    def __init__(self, stream: MainStream, *, privacy: FrameDetector, camera: Camera, folder: Path) -> None:
        self._stream = stream
        self._privacy = privacy
        self._camera = camera
        self._view = OneView(folder, camera)
        self._found_out_at: Moment | None = None
        self._planned: Moment | None = None
        self._last: tuple[Frame, Studio | None] | None = None

    def want(self) -> None:
        """Opens it: somebody needs a picture of what is there now."""
        self._stream.want(LEAD_S)

    def plan(self, stays: Iterable[tuple[Watch, Stay]], look: Look) -> None:
        """Keeps it open while one of the next looks may raise or clear an incident."""
        every_s = LEAD_S if self._planned is None else min(look.moment.since(self._planned), LONGEST_LEAD_S)
        self._planned = look.moment
        decides = any(_decides_within(LEAD_S + every_s, *stay) for stay in stays)
        if look.stream == "substream" and (self._finds_out(look) or decides):
            self._stream.want(LEAD_S + every_s)
        else:
            self._stream.forget()

    def unfit(self, look: Look) -> str | None:
        """Returns why a look is not to be judged, nor any picture of it stored; None where it may be.

        While the substream fails the main stream is looked at. Where that is known to show another view, its zones and
        masks would lie elsewhere; where nothing is known yet, a camera without masks is given the benefit of the doubt.
        """
        if look.stream != "main" or self._view.known or (self._view.known is None and not self._camera.masks):
            return None
        return OTHER_VIEW if self._view.known is False else UNKNOWN_VIEW

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
            one = self._view.holds(frame, look.frame)
            made = Studio(frame, self._privacy, stream="main", max_people=self._camera.max_people)
            self._last = frame, made if one else None
        studio = self._last[1]
        return studio if studio is None or place is None or alike(studio.frame, look.frame, place) else None

    def _finds_out(self, look: Look) -> bool:
        """Compares both streams now and then while they are not known to show one view; returns whether it goes on."""
        if self._view.known:
            return False
        if self._found_out_at is None or look.moment.since(self._found_out_at) >= FIND_OUT_EVERY_S:
            self._found_out_at = look.moment
        self.near(look)
        return not self._view.known and look.moment.since(self._found_out_at) < LEAD_S


def alike(frame: Frame, other: Frame, place: BoxXyxy) -> bool:
    """Whether a place looks the same in two frames, of whatever sizes."""
    return likeness(appearance(frame.luma, place), appearance(other.luma, place)) >= SAME_LOOK


def _decides_within(seconds: float, watch: Watch, stay: Stay) -> bool:
    if stay.raised:
        away_s = max(watch.clear_s, watch.recurrence_s)
        return stay.absent_looks > 0 and away_s - stay.absent_s <= seconds
    return stay.sightings > 1 and 0 < watch.dwell_s - stay.dwell_s <= seconds
