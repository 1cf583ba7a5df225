"""Looks at a frame for every watch of its camera: detector, zone, stays, pictures, events."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from detectors.base import DetectorError, Finding, FrameDetector
from edge.looking.camera_faults import CameraFaults
from edge.looking.evidence import EvidenceFolder
from edge.looking.gate import Counting, Gate
from edge.looking.incident_pictures import IncidentPictures
from edge.looking.main_pictures import MainPictures
from edge.looking.recent_looks import RecentLooks
from edge.looking.regions import Region
from edge.looking.sameness import small_picture
from edge.looking.studio import Studio
from edge.looking.zones import covered_share, stands_in
from edge.outbox.box import Commit
from edge.outbox.keeper import Keeper
from edge.reading.camera import Look
from edge.staying.appearance import appearance
from edge.staying.clock import Moment
from edge.staying.stays import WatchStays
from ingest.configuration import GateMode, Policy, Watch
from ingest.edge_messages import CameraState, CameraStatus, WatchStatus

DETECTOR_FAILS = "detector fails"
"""The type of the fault of a camera whose looks cannot be judged; the detector's own words follow."""

FAULT_CHARS = 500
RARE_LOOKS = 3
"""So many looks in a row that come later than a watch's grace are no mere interruption."""

IN_A_ROW = 3
"""So many looks in a row for which a detector failed are no mere accident."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class CameraWatch:
    """A watch with the detector that it asks and the stays that it follows; ``apart_s`` are its last looks."""

    stays: WatchStays
    detector: FrameDetector
    labels: frozenset[str]
    judged: int = 0
    with_findings: int = 0
    judged_at: Moment | None = None
    apart_s: deque[float] = field(default_factory=lambda: deque(maxlen=RARE_LOOKS))

    @property
    def watch(self) -> Watch:
        return self.stays.watch

    def asks_for(self, finding: Finding) -> bool:
        """True for a label and a score that this watch asks for, wherever it stands."""
        return finding.label in self.labels and (finding.score is None or finding.score >= self.watch.min_score)

    def counting(self, findings: Sequence[Finding]) -> list[Finding]:
        """Returns those findings that count for this watch; for ``area`` one that stands for them all."""
        watch = self.watch
        zone = watch.zone or ()
        surely = [finding for finding in findings if self.asks_for(finding)]
        if watch.policy is Policy.AREA:
            if covered_share(surely, zone) < watch.area_share:
                return []
            return sorted(surely, key=lambda f: f.score or 0.0, reverse=True)[:1]
        return [f for f in surely if f.box_xyxy is not None and stands_in(f.box_xyxy, zone)]

    def note(self, moment: Moment, *, found: bool) -> None:
        """Counts a look that could be judged."""
        self.judged += 1
        self.with_findings += found
        if self.judged_at is not None:
            self.apart_s.append(moment.since(self.judged_at))
        self.judged_at = moment

    def status(self) -> WatchStatus:
        apart_s = min(self.apart_s) if len(self.apart_s) == RARE_LOOKS else 0.0
        return WatchStatus(
            id=self.watch.id,
            judged=self.judged,
            with_findings=self.with_findings,
            open_incidents=sum(stay.raised for stay in self.stays.stays),
            looks_apart_s=round(apart_s, 1) if self.watch.grace_s < apart_s < math.inf else None,
        )


@dataclass(frozen=True, slots=True)
class Looked:
    """What one look came to.

    findings: What counts for one of the watches at least. fault: Why nothing was judged; None where all was.
    main: The main stream's picture of about that time, where the look is of the substream and somebody asked.
    """

    studio: Studio
    findings: Sequence[Finding] = ()
    fault: str | None = None
    main: Studio | None = None


def unseen(studio: Studio, why: str, look: Look, faults: CameraFaults | None) -> Looked:
    """Returns what a look comes to that must not be judged: for the camera it is as if none had come."""
    if faults is not None:
        faults.lost(look.moment)
    return Looked(studio.withhold(why), fault=why)


class CameraLooks:
    """All watches of one camera. One caller at a time, looks in the order of time."""

    def __init__(
        self,
        watches: Sequence[CameraWatch],
        *,
        privacy: FrameDetector,
        evidence: EvidenceFolder,
        keeper: Keeper,
        recent: RecentLooks | None = None,
        gate: Gate | None = None,
        faults: CameraFaults | None = None,
        main: MainPictures | None = None,
        max_people: int | None = None,
    ) -> None:
        self.watches = list(watches)
        self._max_people = max_people
        self._privacy = privacy
        self._main = main
        self._pictures = IncidentPictures(
            evidence=evidence,
            keeper=keeper,
            recent=recent,
            main=main,
            stays=lambda: [stay for watch in self.watches for stay in watch.stays.stays],
        )
        self._keeper = keeper
        self._recent = recent
        self._gate = gate
        self.faults = faults
        self._regions = {key: _region(key, self.watches) for key in dict.fromkeys(id(w.detector) for w in watches)}
        self._failed = self._failed_in_a_row = 0
        self._fault: str | None = None
        self._found: dict[int, list[Finding]] = {}  # of the last run: they stand, too, while the gate holds

    @property
    def suspect(self) -> bool:
        """Whether one of the watches suspects a stay, so that the camera is worth looking at more often."""
        return any(watch.stays.suspect for watch in self.watches)

    def counted(self, status: CameraStatus) -> CameraStatus:
        """Returns the camera's status with what was counted here; blind while a detector fails at each look."""
        counts = {"failed_looks": self._failed}
        if self._gate is not None:
            counts |= {"gated": self._gate.gated, "would_have_missed": self._gate.would_have_missed}
        counted = status.model_copy(update=counts)
        seen_blind = self.faults is not None and self.faults.blind is not None
        if self._failed_in_a_row < IN_A_ROW or seen_blind or status.state is not CameraState.LIVE:
            return counted
        return counted.model_copy(update={"state": CameraState.BLIND, "fault": self._fault})

    def look(self, look: Look, *, asked: bool = False) -> Looked:
        """Judges one frame; when blind or a detector failed nothing is raised or cleared, and the result says so.

        asked: Somebody waits for what is there now, so that the detector runs in any case.
        """
        studio = Studio(look.frame, self._privacy, stream=look.stream, max_people=self._max_people)
        if self._main is not None and (unfit := self._main.unfit(look)) is not None:
            return unseen(studio, unfit, look, self.faults)
        try:
            if self.faults is not None and (blind := self.faults.look(look, studio)) is not None:
                return Looked(studio, fault=f"the view is {blind}")
            rests = not asked and bool(self.watches) and all(w.stays.rests(look.moment) for w in self.watches)
            counting = [[] for _ in self.watches] if rests else self._counting(look, studio, asked=asked)
        except DetectorError as error:
            if not self._failed_in_a_row:
                log.error("detector lost", error=str(error))
            self._failed += 1
            self._failed_in_a_row += 1
            self._fault = f"{DETECTOR_FAILS}: {error}"[:FAULT_CHARS]
            return Looked(studio, fault=str(error))
        if self._failed_in_a_row and not rests:
            log.info("detector back")
            self._failed_in_a_row = 0
        judged = zip(self.watches, counting, strict=True)
        self._keeper.keep(_together([self._judge(watch, findings, look, studio) for watch, findings in judged]))
        if self._main is not None:
            self._main.plan([(w.watch, stay) for w in self.watches for stay in w.stays.stays], look)
        self._remember(look, studio)
        found = list(dict.fromkeys(finding for findings in counting for finding in findings))
        return Looked(studio, found, main=self._main.near(look) if asked and self._main is not None else None)

    def _remember(self, look: Look, studio: Studio) -> None:
        """Keeps a small look now and then; only for these does the privacy detector run where no watch ran it."""
        if self._recent is None or not self._recent.is_due(look.moment):
            return
        try:
            small = small_picture(look.frame) if self._gate is not None and self._gate.mode is GateMode.ON else None
            if small is not None and self._recent.repeat(small, look.moment):
                return
            if studio.is_crowd():
                self._recent.skip(look.moment)
            else:
                self._recent.keep(studio.blurred(), look.moment, small=small)
        except DetectorError:
            # Not blurred, so not kept. A detector that fails is told where a watch asks it, or by the missing looks.
            self._recent.skip(look.moment)

    def _counting(self, look: Look, studio: Studio, *, asked: bool) -> Counting:
        """Returns what counts for each watch: found in this frame or, where nothing has changed, in the last run's."""
        held = self._gate.held(look.frame, look.moment) if self._gate is not None else None
        if self._gate is not None and held is not None and self._gate.mode is GateMode.ON and not asked:
            self._gate.gated += 1
            return held
        self._found = found = self._detect(look, studio)
        counting = [watch.counting(found[id(watch.detector)]) for watch in self.watches]
        if self._gate is not None and held is not None and self._gate.mode is GateMode.SHADOW:
            self._gate.ran_in_shadow(held, look.moment, counting)
        elif self._gate is not None:
            self._gate.ran(look.frame, look.moment, counting)
        return counting

    def _detect(self, look: Look, studio: Studio) -> dict[int, list[Finding]]:
        found: dict[int, list[Finding]] = {}
        for key, region in self._regions.items():
            # Where a picture is to be blurred anyway, one run serves both.
            blurs = key == id(self._privacy) and self._recent is not None and self._recent.is_due(look.moment)
            found[key], is_whole = region.detect(look.frame, whole=blurs)
            # What a part of the picture holds says nothing of the heads and plates in the rest.
            if is_whole and key == id(self._privacy):
                studio.findings = found[key]
        return found

    def _judge(self, watch: CameraWatch, counting: Sequence[Finding], look: Look, studio: Studio) -> Commit:
        watch.note(look.moment, found=bool(counting))
        changes = watch.stays.judge(
            counting,
            look.moment,
            lambda box: appearance(look.frame.luma, box),
            around=self._found.get(id(watch.detector), ()),
        )
        for change in changes:
            self._pictures.take(change, watch.watch, look, studio)
        return self._keeper.commit_of(
            changes, moment=look.moment, watch=watch.watch, sensor=None, detector=watch.detector.identity
        )


def _region(key: int, watches: Sequence[CameraWatch]) -> Region:
    asking = [watch for watch in watches if id(watch.detector) == key]
    zones = [watch.watch.zone or () for watch in asking]
    return Region(asking[0].detector, zones, matters=lambda finding: any(watch.asks_for(finding) for watch in asking))


def _together(commits: Sequence[Commit]) -> Commit:
    return Commit(
        save=[s for c in commits for s in c.save],
        forget=[i for c in commits for i in c.forget],
        events=[e for c in commits for e in c.events],
        evidence=[e for c in commits for e in c.evidence],
    )
