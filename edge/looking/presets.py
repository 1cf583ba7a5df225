"""Looks of a camera that turns: each is judged by the watches of the preset that it shows, and by no others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import structlog

from detectors.base import FrameDetector, FrameError
from edge.looking.camera_faults import CameraFaults
from edge.looking.looks import CameraLooks, CameraWatch, Looked, unseen
from edge.looking.main_pictures import MainPictures
from edge.looking.sameness import small_picture
from edge.looking.studio import Studio
from edge.looking.views import SmallView, small_view, unlit
from edge.looking.views_moved import Fit, fit
from edge.looking.views_references import References
from edge.reading.camera import Look
from edge.staying.clock import Moment
from ingest.edge_messages import CameraState, CameraStatus

ELSEWHERE_S = 600.0
"""So long a camera may show no preset (somebody steers it by hand) before it counts as moved."""

REFRESH_EVERY_S = 10.0
UNKNOWN = "no preset: none of its presets is known, streetcase edge learn-preset tells the edge one"

log = structlog.get_logger(__name__)


def preset_references(folder: Path, camera_id: str, preset: str) -> References:
    """Returns what one preset of a camera looks like; no camera's own name has an @ in it."""
    return References(folder, f"{camera_id}@{preset}")


class Presets:
    """Recognises the presets of one camera. One caller at a time."""

    def __init__(self, folder: Path, camera_id: str, names: Sequence[str]) -> None:
        self._references = {name: preset_references(folder, camera_id, name) for name in names}
        self._refreshed_at: Moment | None = None
        self.elsewhere = False
        """Whether the view of the last look was surely none of them."""

    @property
    def known(self) -> bool:
        """Whether any of them has been learnt."""
        return any(references.all for references in self._references.values())

    def recognise(self, view: SmallView, moment: Moment) -> str | None:
        """Returns the preset that this view shows, or None while the camera turns or looks elsewhere."""
        self._refresh(moment)
        self.elsewhere = False
        if unlit(view) is not None:
            return None
        fits: set[Fit] = set()
        for name, references in self._references.items():
            for known in references.of(moment.utc) or references.all:
                fits.add(fit(view.grey, known.grey))
                if Fit.SAME in fits:
                    return name
        self.elsewhere = Fit.MOVED in fits
        return None

    def learn(self, name: str, view: SmallView, moment: Moment) -> None:
        """Lets a preset's reference follow the light and the seasons."""
        self._references[name].learn(view, moment)

    def _refresh(self, moment: Moment) -> None:
        if self._refreshed_at is None or moment.since(self._refreshed_at) >= REFRESH_EVERY_S:
            self._refreshed_at = moment
            for references in self._references.values():
                references.refresh()


class PresetLooks:
    """All watches of one camera that turns, by preset. What :class:`CameraLooks` is for a fixed one."""

    def __init__(
        self,
        looks: Mapping[str, CameraLooks],
        presets: Presets,
        *,
        privacy: FrameDetector,
        faults: CameraFaults,
        main: MainPictures | None = None,
    ) -> None:
        """looks: For each preset; they know no faults of their own."""
        self.faults = faults
        self._looks = dict(looks)
        self._presets = presets
        self._main = main
        self._privacy = privacy
        self._elsewhere_since: Moment | None = None

    @property
    def watches(self) -> list[CameraWatch]:
        return [watch for looks in self._looks.values() for watch in looks.watches]

    @property
    def suspect(self) -> bool:
        """Whether a stay is suspected in one of its views."""
        return any(looks.suspect for looks in self._looks.values())

    def look(self, look: Look, *, asked: bool = False) -> Looked:
        """Judges one frame by the watches of its preset; those of the others neither see it nor miss anything in it."""
        studio = Studio(look.frame, self._privacy, stream=look.stream)
        if self._main is not None and (unfit := self._main.unfit(look)) is not None:
            return unseen(studio, unfit, look, self.faults)
        try:
            view = small_view(small_picture(look.frame))
        except FrameError as error:
            return Looked(studio, fault=str(error))
        preset = self._presets.recognise(view, look.moment)
        elsewhere = self._is_elsewhere(preset, look.moment)
        blind = self.faults.look(look, studio, moved=elsewhere)
        if blind is not None:
            return Looked(studio, fault=f"the view is {blind}")
        if preset is None:
            return Looked(studio, fault="it shows none of its presets" if self._presets.known else UNKNOWN)
        self._presets.learn(preset, view, look.moment)
        return self._looks[preset].look(look, asked=asked)

    def _is_elsewhere(self, preset: str | None, moment: Moment) -> bool:
        """Whether it has looked elsewhere for long; a dark night tells neither that it does nor that it is over."""
        since = self._elsewhere_since
        elsewhere = since is not None and moment.since(since) >= ELSEWHERE_S
        if preset is not None or not self._presets.known:
            self._elsewhere_since, elsewhere = None, False
        elif not self._presets.elsewhere and not elsewhere:
            self._elsewhere_since = None
        elif since is None:
            self._elsewhere_since = moment
        return elsewhere

    def counted(self, status: CameraStatus) -> CameraStatus:
        """Returns the camera's status with what was counted; blind while no preset is known or a detector fails."""
        each = [looks.counted(status) for looks in self._looks.values()]
        counted = status.model_copy(
            update={
                "gated": sum(one.gated for one in each),
                "would_have_missed": sum(one.would_have_missed for one in each),
                "failed_looks": sum(one.failed_looks for one in each),
            }
        )
        failing = next((one for one in each if one.state is not status.state), None)
        if failing is not None and self.faults.blind is None:
            return counted.model_copy(update={"state": failing.state, "fault": failing.fault})
        if self._presets.known or status.state is not CameraState.LIVE:
            return counted
        return counted.model_copy(update={"state": CameraState.BLIND, "fault": UNKNOWN})
