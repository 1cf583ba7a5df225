"""Answers what the centre asks of a camera: each question by the next look that is taken after it came."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from detectors.base import DetectorError, Finding
from edge.looking.evidence import EvidenceError, EvidenceFolder
from edge.looking.looks import Looked
from edge.looking.studio import Studio
from edge.outbox.box import Commit
from edge.outbox.keeper import Keeper
from edge.processes.asking import Asked, failed, not_here
from edge.reading.camera import Look
from edge.reading.feeds import CameraFeed
from edge.staying.clock import Clock, Moment
from ingest.contract import EvidenceItem, EvidenceRole, SeenFinding
from ingest.edge_messages import CameraState, CameraStatus, RequestResult, RequestType

LOOK_COMES_WITHIN_S = 30.0
TELL_WITHIN_S = 1.0
"""So long before the deadline it is told that no look came: who asked must still hear it."""

MAIN_WITHIN_S = 16.0
"""So long a snapshot waits for the main stream, where its keyframes are rare, before it is made of the substream."""

MOST_FINDINGS = 100


@dataclass(frozen=True, slots=True)
class _Open:
    asked: Asked
    came: Moment
    gives_up_s: float


class GroupRequests:
    """The open questions of one group. One caller at a time."""

    def __init__(
        self, feeds: Mapping[str, CameraFeed], *, evidence: EvidenceFolder, keeper: Keeper, clock: Clock
    ) -> None:
        self._feeds = feeds
        self._evidence = evidence
        self._keeper = keeper
        self._clock = clock
        self._open: list[_Open] = []

    def take(self, asked: Asked) -> list[RequestResult]:
        """Notes a question; returns the answer at once where nobody here looks at the camera just now."""
        if asked.camera not in self._feeds:
            return [not_here(asked)]
        gives_up_s = min(asked.deadline_s - TELL_WITHIN_S, time.monotonic() + LOOK_COMES_WITHIN_S)
        self._open.append(_Open(asked, self._clock.now(), gives_up_s))
        main = self._feeds[asked.camera].main
        if main is not None and asked.type is RequestType.SNAPSHOT:
            main.want(MAIN_WITHIN_S)
        self._feeds[asked.camera].look_next()
        return []

    def let_go(self, camera_id: str) -> list[RequestResult]:
        """Returns the answers to what is open for a camera that is looked at no more."""
        mine = [o for o in self._open if o.asked.camera == camera_id]
        self._open = [o for o in self._open if o not in mine]
        return [failed(o.asked.request_id, _being_changed(camera_id)) for o in mine]

    def waits_for(self, camera_id: str) -> bool:
        """True where a look of this camera is an answer to somebody."""
        return any(waiting.asked.camera == camera_id for waiting in self._open)

    def answered_by(self, camera_id: str, look: Look, looked: Looked) -> list[RequestResult]:
        """Returns the answers that this look gives; a frame taken before the question is none of what is now."""
        due = [o for o in self._open if o.asked.camera == camera_id and look.moment.boot_s >= o.came.boot_s]
        mine = [o for o in due if not self._main_may_come(o, look, looked)]
        if len(mine) < len(due):
            self._feeds[camera_id].look_next()
        self._open = [o for o in self._open if o not in mine]
        return [self._answer(o.asked, looked) for o in mine]

    def _main_may_come(self, waiting: _Open, look: Look, looked: Looked) -> bool:
        """Whether a snapshot waits a little for its picture from the main stream, of which none is there yet."""
        main = self._feeds[waiting.asked.camera].main
        if main is None or waiting.asked.type is not RequestType.SNAPSHOT or look.stream != "substream":
            return False
        there = looked.main is not None and looked.main.taken_at >= waiting.came.utc
        can_come = looked.fault is None and main.fault is None
        return can_come and not there and look.moment.since(waiting.came) < MAIN_WITHIN_S

    def given_up(self) -> list[RequestResult]:
        """Returns the answers to questions for which no look came in time, or can come any more."""
        late = [o for o in self._open if time.monotonic() >= o.gives_up_s or self._status(o).state is CameraState.ENDED]
        self._open = [o for o in self._open if o not in late]
        return [failed(o.asked.request_id, _why_no_look(self._status(o))) for o in late]

    def _status(self, waiting: _Open) -> CameraStatus:
        return self._feeds[waiting.asked.camera].status()

    def _answer(self, asked: Asked, looked: Looked) -> RequestResult:
        if asked.type is RequestType.SNAPSHOT:
            try:
                return RequestResult(
                    request_id=asked.request_id, ok=True, evidence=[self._picture(looked.main or looked.studio)]
                )
            except (DetectorError, EvidenceError) as error:
                return failed(asked.request_id, f"no picture: {error}")
        if looked.fault is not None:
            return failed(asked.request_id, f"the look failed: {looked.fault}")
        findings = seen_all(looked.findings)
        evidence: list[EvidenceItem] = []
        without = None
        try:
            # Of the look itself, because there the findings are.
            evidence.append(self._picture(looked.studio))
        except (DetectorError, EvidenceError) as error:  # what was found is worth telling without it
            without = f"no picture: {error}"[:500]
        return RequestResult(request_id=asked.request_id, ok=True, error=without, findings=findings, evidence=evidence)

    def _picture(self, studio: Studio) -> EvidenceItem:
        item = self._evidence.keep(studio.wide(EvidenceRole.WIDE))
        self._keeper.keep(Commit(evidence=[item]))
        return item


def _seen(finding: Finding) -> SeenFinding:
    return SeenFinding(
        label=finding.label,
        score=finding.score,
        box=finding.box_xyxy,
        polygon=list(finding.polygon) if finding.polygon else None,
    )


def seen_all(findings: Sequence[Finding]) -> list[SeenFinding]:
    return [_seen(finding) for finding in findings[:MOST_FINDINGS]]


def _being_changed(camera_id: str) -> str:
    return f"camera {camera_id!r} is just being changed, ask again"


def _why_no_look(status: CameraStatus) -> str:
    if status.state is CameraState.ENDED:
        return f"camera {status.id!r} has ended: no look comes any more"
    return f"no look came from camera {status.id!r}, which is {status.state.value}" + (
        f": {status.fault}" if status.fault else ""
    )
